//! `wfr-view`: a window on a run.

mod options;

use std::process::ExitCode;

use clap::Parser as _;
use options::Arguments;
use wfr_view::Failure;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let problem = arguments.problem()?;
    let options = arguments.window(problem.target().dim());
    wfr_view::show(problem, arguments.config()?, options)
}
