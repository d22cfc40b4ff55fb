//! `wfr experiment`: pictures and tables of what theory describes.

use clap::{Args, Subcommand};

mod ablation;
mod fkc;
mod geodesics;
mod options;
mod overhead;
mod pair;
mod robustness;
mod stress;
mod transfer;

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
    Fkc(fkc::Arguments),
    Geodesics(geodesics::Arguments),
    Transfer(transfer::Arguments),
    Ablation(ablation::Arguments),
    Robustness(robustness::Arguments),
    Overhead(overhead::Arguments),
    Stress(stress::Arguments),
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    match &arguments.experiment {
        Experiment::Fkc(arguments) => fkc::run(arguments, console),
        Experiment::Geodesics(arguments) => geodesics::run(arguments, console),
        Experiment::Transfer(arguments) => transfer::run(arguments, console),
        Experiment::Ablation(arguments) => ablation::run(arguments, console),
        Experiment::Robustness(arguments) => robustness::run(arguments, console),
        Experiment::Overhead(arguments) => overhead::run(arguments, console),
        Experiment::Stress(arguments) => stress::run(arguments, console),
    }
}
