//! The program `wfr`: `wfr --help` says what it does.

#![forbid(unsafe_code)]

mod beta;
mod bounded;
mod cli;
mod output;
mod plot;

fn main() -> std::process::ExitCode {
    cli::main()
}
