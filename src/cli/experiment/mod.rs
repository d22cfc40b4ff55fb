//! `wfr experiment`: pictures and tables of what theory describes.

use clap::{Args, Subcommand};

mod geodesics;

use super::console::Console;
use super::failure::Done;

/// Runs an experiment and draws it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    experiment: Experiment,
}

#[derive(Debug, Subcommand)]
enum Experiment {
    Geodesics(geodesics::Arguments),
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    match &arguments.experiment {
        Experiment::Geodesics(arguments) => geodesics::run(arguments, console),
    }
}
