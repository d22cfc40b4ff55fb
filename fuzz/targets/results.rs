//! The files of a folder of results.

#![no_main]
#![allow(dead_code, unexpected_cfgs, unused_imports, reason = "the program's modules as they are")]

#[path = "../../src/bounded.rs"]
mod bounded;
#[path = "../../src/cli/mod.rs"]
mod cli;
#[path = "../../src/output/mod.rs"]
mod output;
#[path = "../../src/plot/mod.rs"]
mod plot;

libfuzzer_sys::fuzz_target!(init: wfr_fuzz::let_naga_panic(), |bytes: &[u8]| cli::hostile::results(bytes));
