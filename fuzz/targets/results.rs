//! The files of a folder of results.

#![no_main]
#![allow(dead_code, unexpected_cfgs, unused_imports, reason = "the program's modules as they are")]

#[path = "../../src/beta.rs"]
mod beta;
#[path = "../../src/bounded.rs"]
mod bounded;
#[path = "../../src/cli/mod.rs"]
mod cli;
#[path = "../../src/excerpt.rs"]
mod excerpt;
#[path = "../../src/output/mod.rs"]
mod output;
#[path = "../../src/plot/mod.rs"]
mod plot;
#[path = "../../src/shown.rs"]
mod shown;

libfuzzer_sys::fuzz_target!(init: wfr_fuzz::let_naga_panic(), |bytes: &[u8]| cli::hostile::results(bytes));
