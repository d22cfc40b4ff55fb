//! What a folder of results was sampled from, read back from its run file.

use std::path::Path;

use wfr::diffusion::Composition;
use wfr::{Modes, Target};

use super::{FILE_NAME, command_of};
use crate::cli::{Command, Done, Failure, compose, sample};

/// The law that particles were to find, for what is known of it exactly.
pub(crate) enum Law {
    Target(Box<Target>),
    /// Models composed, at the last level of noise.
    Composition {
        composition: Box<Composition>,
        last: f64,
    },
}

/// The law of the run that this folder holds the results of, and its modes where some are known.
pub(crate) fn problem_of(folder: &Path) -> Done<(Law, Option<Modes>)> {
    match command_of(&folder.join(FILE_NAME))? {
        Command::Sample(arguments) => sample::law(&arguments),
        Command::Compose(arguments) => compose::law(&arguments),
        _ => Err(Failure::Usage(format!("{} is no run", folder.display()))),
    }
}
