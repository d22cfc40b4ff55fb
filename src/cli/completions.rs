//! `wfr completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Done, console};

const EXAMPLES: &str = "\
Examples:
  wfr completions bash > ~/.local/share/bash-completion/completions/wfr
  wfr completions zsh > \"${fpath[1]}/_wfr\"
  wfr completions fish > ~/.config/fish/completions/wfr.fish";

/// Prints the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "wfr", &mut script);
    console::print(&String::from_utf8_lossy(&script))
}
