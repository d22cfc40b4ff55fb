//! How a window ends other than well.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use wfr::ErrorKind;

/// Why a window did not open, or ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The sampler's error.
    Wfr(wfr::Error),
    /// What was asked for cannot be done as asked.
    Usage(String),
    /// There is no window to draw in: no display, or no adapter that draws on it.
    Window(String),
    /// The picture could not be written.
    Output(String),
}

impl Failure {
    /// The exit code of a program that ends so, as of `wfr`: 1 the run failed, 2 usage, 3 no
    /// suitable adapter or display, 4 the WGSL or formula is invalid.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Window(_) => 3,
            Failure::Output(_) => 1,
            Failure::Wfr(error) => match error.kind() {
                ErrorKind::InvalidConfig { .. } | ErrorKind::File { .. } => 2,
                ErrorKind::NoAdapter { .. }
                | ErrorKind::RequestDevice { .. }
                | ErrorKind::LimitExceeded { .. }
                | ErrorKind::OutOfMemory { .. } => 3,
                ErrorKind::Shader { .. } | ErrorKind::MissingFunction { .. } => 4,
                _ => 1,
            },
        }
    }
}

impl From<wfr::Error> for Failure {
    fn from(error: wfr::Error) -> Failure {
        Failure::Wfr(error)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Wfr(error) => error.fmt(f),
            Failure::Usage(message) | Failure::Window(message) | Failure::Output(message) => {
                f.write_str(message)
            }
        }
    }
}

/// What failed last, told from inside the window to who opened it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome(Arc<Mutex<Option<Failure>>>);

impl Outcome {
    pub(crate) fn tell(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    pub(crate) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
