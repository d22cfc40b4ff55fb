//! Run files: a command line as a TOML file, made from the command line's own description.
//!
//! Every option is a key by construction, and every value is read by the option's own parser.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::ValueHint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory};

mod comment;
mod ending;
mod file;
mod given;
mod key;
mod law;
mod output;
mod read;
mod resolved;
mod schema;
mod source;
#[cfg(test)]
mod tests;

use super::failure::{Done, Failure};
use super::{Cli, Command, Verbosity, color, console};
pub(crate) use given::Given;
pub(crate) use law::{Law, problem_of};
pub(super) use output::refuse_links;
use read::{Reach, RunFile};
pub(crate) use resolved::{INPUTS, Resolved, inputs_of, refuse_linked_inputs};

/// The name of the run file in a folder of results.
pub(crate) const FILE_NAME: &str = "run.toml";

const EXAMPLES: &str = "\
Examples:
  wfr init flower                            a starter: flower/run.toml and its target
  wfr run flower/run.toml                    results go into the folder flower/run
  wfr run flower/run.toml --seed 7 --json    options given here win over the file's
  wfr run --schema > wfr.schema.json         every key with its meaning, for editors

A run file says `command = \"sample\"`, the default, or `\"compose\"`. Its keys are the long options
with _ for -, in tables named after the headings of the command's help in lower case; TARGET is
problem.target:

  [problem]
  target = \"double-well\"
  set = { a = 40 }
  [run]
  particles = 1e6

Flags are true or false, options that may be repeated are arrays, NAME=VALUE options are tables.
Files and the folder of the results are relative to the run file's folder; a run file writes
nowhere else, and replaces nothing, unless the command line says so with --out and --overwrite.
Every run into a folder leaves its run file there.";

/// Runs what a run file says: `wfr sample` or `wfr compose` with the options in it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The run file.
    #[arg(value_name = "FILE.toml", required_unless_present = "schema")]
    file: Option<PathBuf>,
    /// Options of the command, which win over the file's.
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
    /// Print a JSON Schema of run files: every key with its meaning, type and default.
    #[arg(long, conflicts_with = "file")]
    schema: bool,
}

/// The command line that `wfr run` stands for; nothing where it printed the schema.
pub(crate) fn expand(arguments: &Arguments, verbosity: &Verbosity) -> Done<Option<Cli>> {
    match &arguments.file {
        Some(file) => {
            // It may be that of a folder of results.
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            crate::output::recover(folder.unwrap_or(Path::new(".")))?;
            let before = verbosity.words();
            command_line(file, Reach::Anywhere, &arguments.options, before).map(Some)
        }
        None => console::print(&schema::text()?).map(|()| None),
    }
}

/// The run file with these options.
fn command_line(file: &Path, reach: Reach, options: &[OsString], before: Vec<String>) -> Done<Cli> {
    let run_file = RunFile::read(file, reach)?;
    let name = run_file.name;
    let given = given_options(name, options)?;
    let command = key::command(name);
    let wins = |id: &clap::Id| {
        let is_given = |arg: &clap::Arg| {
            given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        };
        let decides =
            |arg: &&clap::Arg| arg.get_id() == id || read::conflict(&command, arg.get_id(), id);
        command.get_arguments().filter(decides).any(is_given)
    };
    let mut words: Vec<OsString> = vec!["wfr".into()];
    words.extend(before.into_iter().map(OsString::from));
    words.push(name.into());
    for entry in run_file.entries.iter().filter(|entry| !wins(&entry.id)) {
        entry.check(&run_file.source)?;
        words.extend(entry.words().map(OsString::from));
    }
    let says_where = |arg: &clap::Arg| {
        wins(arg.get_id()) || run_file.entries.iter().any(|entry| entry.id == *arg.get_id())
    };
    // Results go into a folder of the file's name beside it.
    let out = command.get_arguments().find(|arg| arg.get_value_hint() == ValueHint::DirPath);
    if let Some(long) = out.filter(|out| !says_where(out)).and_then(clap::Arg::get_long) {
        let stem = file.file_stem().unwrap_or_default();
        let folder = file.parent().unwrap_or(Path::new(""));
        if let Some(reason) = output::refused(folder, &stem.to_string_lossy()) {
            let stem = stem.display();
            return Err(Failure::Usage(format!("the folder of the results, {stem}, {reason}")));
        }
        let mut word = OsString::from(format!("--{long}="));
        word.push(folder.join(stem));
        words.push(word);
    }
    words.extend(options.iter().cloned());
    Cli::read(&words).map_err(|error| match missing(&error, name) {
        Some(keys) => run_file.source.lacks(keys),
        None => Failure::Line(Box::new(error)),
    })
}

/// What options after the file give; a wrong one is refused as any command line is.
fn given_options(name: &'static str, options: &[OsString]) -> Done<ArgMatches> {
    let words = ["wfr".into(), name.into()].into_iter().chain(options.iter().cloned());
    let cli = Cli::command().color(color::choice()).mut_subcommand(name, key::loose);
    let matches = cli.try_get_matches_from(words);
    let mut matches = matches.map_err(|error| Failure::Line(Box::new(error)))?;
    Ok(matches.remove_subcommand().map(|(_, matches)| matches).unwrap_or_default())
}

/// The required keys that are nowhere given.
fn missing(error: &clap::Error, name: &str) -> Option<String> {
    let Some(ContextValue::Strings(options)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let keys = key::keys(&key::command(name));
    // clap names an option with its value: `--rule <NAME>`.
    let is_lacking = |key: &&key::Key| {
        options.iter().any(|option| option.split(' ').next() == Some(&*key.flag()))
    };
    let paths: Vec<_> = keys.iter().filter(is_lacking).map(key::Key::path).collect();
    (error.kind() == ErrorKind::MissingRequiredArgument).then(|| paths.join(", "))
}

/// The command of the run file with no options beside it, which names files of its own folder alone.
pub(super) fn command_of(file: &Path) -> Done<Command> {
    Ok(of_results(file, &[], Vec::new())?.command)
}

/// The run file of a folder of results with these options: it names files of its own folder alone.
pub(super) fn of_results(file: &Path, options: &[OsString], before: Vec<String>) -> Done<Cli> {
    command_line(file, Reach::Folder, options, before)
}
