//! Networks in safetensors files.

#![no_main]

#[path = "../../tests/hostile/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(init: wfr_fuzz::let_naga_panic(), |bytes: &[u8]| entries::network(bytes));
