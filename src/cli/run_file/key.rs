//! The keys of a run file: clap's description of a command, read as tables of TOML.

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::Cli;

/// The commands that run files can name; the first is the default.
pub(super) const COMMANDS: [&str; 2] = ["sample", "compose"];

/// An option of a command as a key of a run file.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The help heading in lower case.
    pub(super) table: String,
    /// The long name with `_` for `-`.
    pub(super) name: String,
    pub(super) arg: Arg,
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `true` or `false`.
    Flag,
    /// A value, or an array that stands for a list with commas.
    One,
    /// A value, or an array of them.
    Many,
    /// A table of names and values, or what [`Shape::Many`] takes.
    Pairs,
}

/// The command's own description.
pub(super) fn command(name: &str) -> Command {
    let all = Cli::command();
    all.find_subcommand(name).cloned().expect("bug in wfr: run files name commands that there are")
}

/// A command that takes each of its options alone.
pub(super) fn loose(command: Command) -> Command {
    command.mut_args(|arg| arg.required(false))
}

/// The keys of a command in the order of its help.
pub(super) fn keys(command: &Command) -> Vec<Key> {
    let args: Vec<&Arg> = command.get_arguments().collect();
    let heading = |arg: &Arg| arg.get_help_heading().map(table);
    // What stands on the command line without an option's name has no heading of its own.
    let first = args.iter().find_map(|arg| heading(arg)).unwrap_or_default();
    let key = |arg: &&Arg| Key {
        table: heading(arg).unwrap_or_else(|| first.clone()),
        name: arg.get_long().unwrap_or(arg.get_id().as_str()).replace('-', "_"),
        arg: (*arg).clone(),
    };
    args.iter().map(key).collect()
}

/// The tables of these keys in order, each once.
pub(super) fn tables(keys: &[Key]) -> Vec<&str> {
    let mut tables: Vec<&str> = Vec::new();
    for key in keys {
        if !tables.contains(&key.table.as_str()) {
            tables.push(&key.table);
        }
    }
    tables
}

/// `Gradient flow (--flow wfr)` as the name of a table: `gradient_flow`.
fn table(heading: &str) -> String {
    let words = heading.split('(').next().unwrap_or_default();
    words.trim().to_lowercase().replace([' ', '-'], "_")
}

impl Key {
    /// `run.particles`.
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.table, self.name)
    }

    pub(super) fn shape(&self) -> Shape {
        let names = self.arg.get_value_names().unwrap_or_default();
        match self.arg.get_action() {
            ArgAction::SetTrue => Shape::Flag,
            ArgAction::Append if names.iter().any(|name| name.contains('=')) => Shape::Pairs,
            // A list with commas is one option, given once.
            ArgAction::Append if self.arg.get_value_delimiter().is_none() => Shape::Many,
            _ => Shape::One,
        }
    }

    /// The word of the command line that gives this value.
    pub(super) fn word(&self, value: &str) -> String {
        match self.arg.get_long() {
            Some(long) => format!("--{long}={value}"),
            None => value.to_string(),
        }
    }

    /// The word of the command line that raises this flag.
    pub(super) fn flag(&self) -> String {
        format!("--{}", self.arg.get_long().unwrap_or_default())
    }

    /// Whether its value is a place where results go.
    pub(super) fn is_output(&self) -> bool {
        let is_path = matches!(
            self.arg.get_value_hint(),
            ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
        );
        self.table == "results" && is_path
    }

    /// The names by which somebody may look for it.
    pub(super) fn also(&self) -> Vec<String> {
        let aliases = self.arg.get_all_aliases().unwrap_or_default();
        aliases.into_iter().map(|alias| alias.replace('-', "_")).collect()
    }

    /// The help in one line.
    pub(super) fn help(&self) -> String {
        let help = self.arg.get_help().map(ToString::to_string).unwrap_or_default();
        help.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_a_key_of_its_own() {
        for name in COMMANDS {
            let command = command(name);
            let keys = keys(&command);
            assert_eq!(keys.len(), command.get_arguments().count());
            let mut paths: Vec<_> = keys.iter().map(Key::path).collect();
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len(), keys.len(), "{name}");
            assert!(keys.iter().all(|key| !key.table.is_empty()), "{name}");
            // A table of TOML is written once.
            let mut headings: Vec<_> = keys.iter().map(|key| key.table.as_str()).collect();
            headings.dedup();
            assert_eq!(headings, tables(&keys), "{name}");
        }
    }

    #[test]
    fn keys_are_the_long_names_under_their_headings() {
        let keys = keys(&command("sample"));
        let shape = |path: &str| keys.iter().find(|key| key.path() == path).map(Key::shape);
        assert_eq!(shape("problem.target"), Some(Shape::One));
        assert_eq!(shape("problem.set"), Some(Shape::Pairs));
        assert_eq!(shape("run.ess_every"), Some(Shape::One));
        assert_eq!(shape("run.trace_cess"), Some(Shape::Flag));
        assert_eq!(shape("gradient_flow.bandwidth"), Some(Shape::One));
        let keys = super::keys(&command("compose"));
        let shape = |path: &str| keys.iter().find(|key| key.path() == path).map(Key::shape);
        assert_eq!(shape("models.model"), Some(Shape::Many));
        assert_eq!(shape("rule.shares"), Some(Shape::One));
    }
}
