//! The command line: one file per command, and what the commands share.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

mod adapters;
mod bench;
mod center;
mod check;
mod checkpoints;
mod clock;
mod color;
mod compare;
mod comparison;
mod completions;
mod compose;
mod console;
mod data;
mod demo;
mod derive;
mod experiment;
mod failure;
mod frames;
mod gap;
#[cfg(any(test, fuzzing))]
pub(crate) mod hostile;
mod init;
mod integrator;
mod interrupt;
mod keeper;
mod law;
mod live;
mod man;
mod numbers;
mod options;
mod path;
mod persist;
mod plot;
mod progress;
mod reaction;
mod report;
mod result_files;
mod results;
mod resume;
mod run;
mod run_file;
mod sample;
mod schedule;
mod selftest;
mod table;
mod targets;
mod version;
mod window_system;

use console::Console;
pub(crate) use failure::{Done, Failure};
pub(crate) use numbers::{grouped, with_error};
pub(crate) use path::PilotRecord;
pub(crate) use report::{all_warnings, tells_log_z};
pub(crate) use result_files::is_ours;
pub(crate) use run::Outcome;

const EXIT_CODES: &str = "\
Exit codes:
  0  done, also when the reader of the output went away
  1  the run failed: all weights zero, the device lost, a result that could not be written, its
     folder removed; or the self-test did
  2  wrong usage: an unknown option or name, a value out of range, a file that cannot be read, no
     checkpoint to resume from or a broken one
  3  no suitable GPU: no adapter, an unknown one, or more asked for than it allows
  4  your WGSL or formula is invalid, and the error says file:line:column; or wfr check found an
     error in it
  130  stopped by Ctrl-C, SIGTERM or a key of the live view; sample, compose and resume hand over
     what they have, and another one more than two seconds later ends them

Environment:
  NO_COLOR      no colours, unless --color always
  RUST_LOG      log filter in place of -q and -v, for instance wgpu=info
  WGPU_BACKEND  back ends to look at: vulkan, metal, dx12";

/// Samples multimodal densities with millions of weighted particles on any GPU.
///
/// Particles follow a diffusion and carry weights; the weights, not rare crossings of barriers,
/// move mass between modes, and they yield the normalising constant on the way.
#[derive(Parser)]
#[command(name = "wfr", version, long_version = version::text(), max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    verbosity: Verbosity,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Verbosity {
    /// Say nothing on standard error but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on standard error; twice for all details.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Colours: on a terminal, always or never.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    Sample(sample::Arguments),
    Compose(compose::Arguments),
    Plot(plot::Arguments),
    Run(run_file::Arguments),
    Resume(resume::Arguments),
    Init(init::Arguments),
    Check(check::Arguments),
    Compare(compare::Arguments),
    Adapters(adapters::Arguments),
    Selftest(selftest::Arguments),
    Targets(targets::Arguments),
    Bench(bench::Arguments),
    Derive(derive::Arguments),
    Gap(gap::Arguments),
    Experiment(experiment::Arguments),
    Demo(demo::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// What results call a target or a model that came from a file: the file without its folder, so that
/// they are the same wherever it lies.
pub(crate) fn file_name(name: &str) -> &str {
    Path::new(name).file_name().and_then(OsStr::to_str).unwrap_or(name)
}

impl Verbosity {
    /// The options again.
    fn words(&self) -> Vec<String> {
        let quiet = self.quiet.then(|| "--quiet".to_string());
        let verbose = (0..self.verbose).map(|_| "--verbose".to_string());
        let color = format!("--color={}", self.color);
        quiet.into_iter().chain(verbose).chain([color]).collect()
    }
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    window_system::leave_out();
    interrupt::outlive_limits();
    let words: Vec<OsString> = env::args_os().collect();
    let done = Cli::read(&words).map_err(|error| Failure::Line(Box::new(error))).and_then(run);
    match done {
        Ok(()) if interrupt::asked() => ExitCode::from(interrupt::EXIT_CODE),
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

impl Cli {
    /// The command line, in the colours that it asks for.
    fn read(words: &[OsString]) -> Result<Cli, clap::Error> {
        let choice = color::asked(words);
        color::choose(choice);
        let mut command = Cli::command().color(choice);
        let mut matches = command.try_get_matches_from_mut(words)?;
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

fn run(cli: Cli) -> Done {
    let cli = match &cli.command {
        Command::Run(arguments) => match run_file::expand(arguments, &cli.verbosity)? {
            Some(cli) => cli,
            None => return Ok(()),
        },
        _ => cli,
    };
    let console = Console::start(cli.verbosity.quiet, cli.verbosity.verbose);
    match cli.command {
        Command::Sample(arguments) => sample::go(&arguments, None, &console),
        Command::Compose(arguments) => compose::go(&arguments, None, &console),
        Command::Run(_) => unreachable!("bug in wfr: a run file names another command"),
        Command::Resume(arguments) => resume::run(&arguments, &cli.verbosity, &console),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments, &console),
        Command::Adapters(arguments) => adapters::run(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Targets(arguments) => targets::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments, &console),
        Command::Derive(arguments) => derive::run(&arguments),
        Command::Gap(arguments) => gap::run(&arguments, &console),
        Command::Experiment(arguments) => experiment::run(&arguments, &console),
        Command::Demo(arguments) => demo::run(&arguments, &console),
        Command::Init(arguments) => init::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }

    /// A longer line would be broken once more where help is shown.
    #[test]
    fn texts_below_the_options_fit_the_width_of_help() {
        fn look(command: &clap::Command) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(look);
        }
        look(&super::Cli::command());
    }
}
