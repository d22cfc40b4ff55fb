//! How a command ends other than well, and the exit code that tells so.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use wfr::ErrorKind;

use super::color;
use crate::shown;

/// What a command returns.
pub(crate) type Done<T = ()> = Result<T, Failure>;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library's error.
    Wfr(wfr::Error),
    /// An error that ended a run, and what can be done after it.
    Run(wfr::Error, String),
    /// What the user asked for cannot be done as asked.
    Usage(String),
    /// The command line, as a whole or as a run file spells it, is not what clap takes.
    Line(Box<clap::Error>),
    /// A result could not be written.
    Output(String),
    /// The check of a target found errors, and its report tells them.
    Found,
    /// An adapter failed its self-test, and a report tells how.
    SelfTest(String),
    /// The reader of standard output went away: nothing is wrong.
    NoReader,
}

impl Failure {
    /// Says what went wrong on standard error, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self {
            Failure::Wfr(error) | Failure::Run(error, _) => code_of(error.kind()),
            Failure::Usage(_) => 2,
            Failure::Line(error) => return refuse(error),
            Failure::Output(_) | Failure::SelfTest(_) => 1,
            Failure::Found => return ExitCode::from(4),
            Failure::NoReader => return ExitCode::SUCCESS,
        };
        // Standard error may be closed too; then there is nobody to tell.
        let text = self.to_string();
        let _ = writeln!(io::stderr(), "{} {}", color::word("error"), shown::message(&text));
        ExitCode::from(code)
    }

    /// From a failure to make or open a result: wrong usage, unless what ran out is of the machine.
    pub(crate) fn of_place(error: &io::Error, message: String) -> Failure {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let is_room = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        // EMFILE and ENFILE, which have no kind.
        let is_handles = cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24));
        if is_room || is_handles { Failure::Output(message) } else { Failure::Usage(message) }
    }

    /// From a failure to write standard output.
    pub(crate) fn of_stdout(error: &io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure::NoReader;
        }
        Failure::Output(format!("standard output cannot be written: {error}"))
    }
}

/// Says what clap found, with its colours and its exit code.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let readable = shown::message(&text);
    // Help is asked for, and of any length.
    if readable == text || !error.use_stderr() {
        error.exit();
    }
    let _ = writeln!(io::stderr(), "{readable}");
    // 0 or 2.
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn code_of(kind: &ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidConfig { .. } | ErrorKind::File { .. } | ErrorKind::Checkpoint { .. } => {
            2
        }
        ErrorKind::NoAdapter { .. }
        | ErrorKind::RequestDevice { .. }
        | ErrorKind::LimitExceeded { .. }
        | ErrorKind::OutOfMemory { .. } => 3,
        ErrorKind::Shader { .. } | ErrorKind::MissingFunction { .. } => 4,
        _ => 1,
    }
}

impl From<wfr::Error> for Failure {
    fn from(error: wfr::Error) -> Failure {
        Failure::Wfr(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Wfr(error) => error.fmt(f),
            Failure::Run(error, way_out) => write!(f, "{error}; {way_out}"),
            Failure::Usage(message) | Failure::Output(message) | Failure::SelfTest(message) => {
                f.write_str(message)
            }
            Failure::Line(error) => error.fmt(f),
            Failure::Found => f.write_str("the check found errors"),
            Failure::NoReader => f.write_str("the reader of the output went away"),
        }
    }
}
