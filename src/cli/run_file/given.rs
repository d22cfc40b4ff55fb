//! What a command was given, option by option, defaults included.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// The command line as clap read it.
///
/// The first field of a command's arguments: the fields after it take their values out.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(super) matches: ArgMatches,
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Given, Error> {
        Ok(Given { matches: matches.clone() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.matches = matches.clone();
        Ok(())
    }
}

/// It has no options of its own.
impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
