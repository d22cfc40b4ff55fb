//! What can go wrong, in one clear sentence each.

use std::fmt;
use std::path::PathBuf;

use crate::loss::{Cause, Loss, Lost};
use crate::shown;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate.
///
/// Its text is one sentence that names the thing, the value, the bound and the way out; match on
/// [`Error::kind`] to act on it, and ask [`Error::location`] where in your WGSL it happened.
pub struct Error(Box<ErrorKind>);

/// What went wrong.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No Vulkan, Metal or DX12 adapter was found, or none matches the name asked for. Check that a
    /// graphics driver is installed; on machines without a GPU install Mesa's software driver.
    NoAdapter {
        /// What was looked for and what there is.
        message: String,
    },
    /// The adapter refused to give a device. Check the driver's version and what else holds it.
    RequestDevice {
        /// The adapter's own words.
        message: String,
    },
    /// The problem needs more than the device allows. The text names the largest size that fits.
    LimitExceeded {
        /// What is limited, for instance `max_storage_buffer_binding_size`.
        limit: String,
        /// What the problem needs.
        needed: u64,
        /// What the device allows.
        available: u64,
        /// The way out.
        hint: String,
    },
    /// Memory does not suffice. On software adapters, whose memory is the machine's, computed before
    /// anything is allocated; elsewhere what the device says when it has no more. The text names the
    /// need per buffer.
    OutOfMemory {
        /// Bytes needed, where they are known.
        needed: Option<u64>,
        /// Bytes available; of a device that does not tell, those that it held when it had no more.
        available: Option<u64>,
        /// What takes how much, and the way out.
        hint: String,
    },
    /// A setting is out of its range. The text names the field, its value and its bounds.
    InvalidConfig {
        /// The field, as it is spelled in [`crate::Config`], [`crate::Target`] or on the command line.
        field: String,
        /// The value, the bound and the way out.
        reason: String,
    },
    /// WGSL text does not parse or validate.
    Shader {
        /// Where in the user's own text.
        location: Option<Location>,
        /// What the validator says.
        message: String,
        /// The lines around the place, with the place marked.
        excerpt: String,
    },
    /// WGSL text lacks a function that its role must define, or defines it with another signature.
    MissingFunction {
        /// The role: `target`, `initial` or `flow`.
        role: &'static str,
        /// The signature asked for.
        signature: String,
        /// The name of the text that was searched.
        source: String,
        /// What was found instead.
        found: String,
    },
    /// Every particle has weight zero: the target is −∞ or not a number wherever a particle is. From
    /// then on nothing moves on the device: the particles are those of the step.
    AllWeightsZero {
        /// The step at which it was seen.
        step: u32,
        /// How many particles were lost then (the log-weights of the others were −∞).
        non_finite: u32,
        /// The particles lost since time zero.
        lost: Lost,
        /// The first of them.
        first: Option<Loss>,
        /// Where none was lost, the highest log density among some particles, on the host: −∞ where
        /// the target has no density, a number where it is too low for single precision; none where
        /// the host cannot tell.
        log_density: Option<f64>,
    },
    /// Particles were lost, and [`Config::on_loss`](crate::Config::on_loss) is
    /// [`OnLoss::Stop`](crate::OnLoss::Stop). The sampler's particles are valid: those lost have
    /// weight zero.
    NonFinite {
        /// How many, by cause.
        lost: Lost,
        /// Steps done with the one that lost the first of them.
        step: u32,
        /// Its slot.
        slot: u32,
        /// Why it was lost.
        cause: Cause,
        /// Where, see [`Loss::position`].
        position: Vec<f32>,
    },
    /// There were more losses than half of the population, so that what is left is no sample of the
    /// target. All steps were done, and the particles can be read: those lost have weight zero.
    MostLost {
        /// How many, by cause.
        lost: Lost,
        /// The population.
        particles: u32,
        /// The first of them.
        first: Option<Loss>,
    },
    /// Steps that [`Sampler::encode`](crate::Sampler::encode) recorded are not those that the device has
    /// executed.
    Recording {
        /// What happened, as far as it can be known.
        fault: RecordingFault,
        /// The steps done before those that it is about.
        first: u32,
        /// The steps done after them.
        end: u32,
        /// Steps recorded in all.
        recorded: u32,
        /// Steps that the device has done.
        executed: u32,
    },
    /// An adaptive schedule has used up its stages before the path's end. The particles are those of
    /// the path parameter reached.
    StagesExhausted {
        /// The path parameter β reached, below 1.
        beta: f64,
        /// The stages done.
        stages: u32,
    },
    /// The device was lost: a driver reset, an unplugged GPU, or `destroy()` by the host.
    DeviceLost {
        /// The driver's own words.
        message: String,
    },
    /// The device reported an error that is neither the user's text nor a limit.
    Device {
        /// The device's own words.
        message: String,
    },
    /// A shader of wfr's own does not compile, and no text of yours is known to be the cause: a fault
    /// of wfr.
    Internal {
        /// The place in the shader and what the compiler says.
        message: String,
    },
    /// A file is not a checkpoint that this run can go on from.
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: CheckpointFault,
        /// The same in words, and the way out.
        message: String,
    },
    /// A file could not be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What failed and the way out.
        message: String,
    },
}

/// What is wrong with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// It is something else: another file, or empty.
    NotACheckpoint,
    /// Its end is missing, as of a copy that was interrupted.
    Truncated,
    /// Its bytes are not those that were written.
    Corrupt,
    /// A later version of wfr wrote it.
    NewerVersion,
    /// It is of another problem; the text says what differs.
    OtherProblem,
}

/// How an encoder with steps in it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordingFault {
    /// It was not submitted: not yet, or it was dropped.
    Missing,
    /// It was executed before steps that were recorded earlier, or after later ones.
    OutOfOrder,
    /// It was executed more than once.
    Repeated,
}

/// A place in a text: 1-based line and column, as editors count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The name the text was given, usually its file name.
    pub source: String,
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub column: u32,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// Where in the user's WGSL it went wrong, if it did there.
    pub fn location(&self) -> Option<&Location> {
        match &*self.0 {
            ErrorKind::Shader { location, .. } => location.as_ref(),
            _ => None,
        }
    }

    /// An [`ErrorKind::InvalidConfig`].
    pub(crate) fn config(field: impl Into<String>, reason: impl Into<String>) -> Error {
        ErrorKind::InvalidConfig { field: field.into(), reason: reason.into() }.into()
    }

    /// An [`ErrorKind::File`].
    pub(crate) fn file(path: impl Into<PathBuf>, message: impl fmt::Display) -> Error {
        ErrorKind::File { path: path.into(), message: message.to_string() }.into()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error(Box::new(kind))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// What it says comes in part from files, and is printable and of bounded length whatever they hold.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown::message(&Sentence(&self.0).to_string()))
    }
}

struct Sentence<'a>(&'a ErrorKind);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ErrorKind::NoAdapter { message } => f.write_str(message),
            ErrorKind::RequestDevice { message } => {
                write!(f, "the adapter gave no device: {message}")
            }
            ErrorKind::LimitExceeded { hint, .. } | ErrorKind::OutOfMemory { hint, .. } => {
                f.write_str(hint)
            }
            ErrorKind::InvalidConfig { field, reason } => write!(f, "{field} {reason}"),
            ErrorKind::Shader { location, message, excerpt } => {
                if let Some(location) = location {
                    write!(f, "{location}: ")?;
                }
                f.write_str(message)?;
                if !excerpt.is_empty() {
                    write!(f, "\n{excerpt}")?;
                }
                Ok(())
            }
            ErrorKind::MissingFunction { role, signature, source, found } => {
                let role = if *role == "initial" { "an initial law" } else { &format!("a {role}") };
                write!(f, "{source}: {role} must define `{signature}`; {found}")
            }
            ErrorKind::AllWeightsZero { step, lost, first, log_density, .. } => {
                write!(f, "all weights are zero at step {step}: ")?;
                match (first, log_density) {
                    (Some(first), _) => {
                        let step = first.step;
                        write!(f, "particles are lost, {lost}, the first in step {step}: {first}")
                    }
                    (None, Some(f64::NEG_INFINITY)) => f.write_str(
                        "the log density is −∞ at every particle; start the particles where it is \
                         finite, and see wfr check",
                    ),
                    (None, Some(highest)) => write!(
                        f,
                        "the log density is too low for single precision at every particle, {highest:.3e} \
                         at best; start the particles where it is higher, or subtract a constant from it"
                    ),
                    (None, None) => f.write_str(
                        "the log density is −∞ at every particle, or too large a number for single \
                         precision; start the particles where it is finite, and see wfr check",
                    ),
                }
            }
            ErrorKind::NonFinite { lost, step, slot, cause, position } => {
                let (step, slot, cause) = (*step, *slot, *cause);
                let first = Loss { step, slot, cause, position: position.clone() };
                write!(
                    f,
                    "particles are lost: {lost}, the first in step {step}, slot {slot}: {first}; or \
                     go on without such particles by on-non-finite = drop"
                )
            }
            ErrorKind::MostLost { lost, particles, first } => write!(
                f,
                "more than half of the particles are lost: {}",
                crate::loss::described(lost, *particles, first.as_ref())
            ),
            ErrorKind::Recording { fault, first, end, recorded, executed } => {
                let counts = format!("{recorded} steps are recorded and {executed} done");
                match fault {
                    RecordingFault::Missing => write!(
                        f,
                        "steps {first} to {end} were recorded and not executed ({counts}); submit \
                         their encoder before anything is read or submitted after it, and if it was \
                         dropped go back with Sampler::rewind"
                    ),
                    RecordingFault::OutOfOrder => write!(
                        f,
                        "steps {first} to {end} were executed in another order than they were \
                         recorded ({counts}), and the particles are not valid; make the sampler \
                         anew, and submit encoders in the order of recording"
                    ),
                    RecordingFault::Repeated => write!(
                        f,
                        "steps were executed more often than they were recorded ({counts}), and the \
                         particles are not valid; make the sampler anew, and submit each encoder once"
                    ),
                }
            }
            ErrorKind::StagesExhausted { beta, stages } => write!(
                f,
                "the adaptive schedule has used up its max_stages = {stages} at β = {} of 1; allow \
                 more stages, lower its cess, or start from an initial law nearer to the target",
                crate::beta::shown(*beta)
            ),
            ErrorKind::DeviceLost { message } => write!(f, "the device was lost: {message}"),
            ErrorKind::Device { message } => write!(f, "the device reported: {message}"),
            ErrorKind::Internal { message } => write!(
                f,
                "a shader of wfr's own does not compile ({message}); this is a fault of wfr, please \
                 report it with what you gave it"
            ),
            ErrorKind::Checkpoint { path, message, .. } | ErrorKind::File { path, message } => {
                write!(f, "{}: {message}", path.display())
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `unwrap()` in a user's program prints this: the sentence is what helps there.
        write!(f, "{self}")
    }
}

impl std::error::Error for Error {}
