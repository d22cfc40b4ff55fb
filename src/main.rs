//! The program `wfr`: `wfr --help` says what it does.

#![forbid(unsafe_code)]

mod beta;
mod bounded;
mod cli;
mod excerpt;
mod normals;
mod output;
mod plot;
mod random;
mod shown;

fn main() -> std::process::ExitCode {
    cli::main()
}
