//! Runs kept in a file between two steps, to go on with later or elsewhere.
//!
//! Random numbers are counted, not drawn from a state, so that a run is all in its buffers:
//! [`Sampler::save`](crate::Sampler::save) writes them and
//! [`Sampler::resume`](crate::Sampler::resume) goes on from them. On the same adapter and driver,
//! by the same version of wfr, every later bit is that of the run that was not cut; elsewhere
//! rounding differs, and the law is the same.
//!
//! ```
//! # fn main() -> wfr::Result<()> {
//! # let Ok(_) = wfr::block_on(wfr::adapter(None)) else { return Ok(()) };
//! use std::collections::BTreeMap;
//! use wfr::{Checkpoint, Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};
//!
//! let start = Initial::normal(&[0.0, 0.0], &[2.0, 2.0])?;
//! let problem = Problem::new(Target::double_well(2)?, start, Flow::annealed())?;
//! let schedule = Schedule::uniform(1.0, 100)?;
//! let config = Config { particles: 1000, schedule, ..Config::default() };
//! let gpu = wfr::block_on(Gpu::for_problem(&problem, &config, None))?;
//!
//! let mut sampler = Sampler::new(&gpu, &problem, config)?;
//! sampler.submit(40)?;
//! let path = std::env::temp_dir().join(format!("wfr-{}.safetensors", std::process::id()));
//! sampler.save(&path, &BTreeMap::new())?;
//! let whole = sampler.run()?;
//!
//! let checkpoint = Checkpoint::open(&path)?;
//! assert!(checkpoint.step() == 40 && checkpoint.repeats_bits_on(&gpu));
//! let mut resumed = Sampler::resume(&gpu, &problem, &checkpoint)?;
//! assert_eq!(resumed.run()?, whole);
//! # std::fs::remove_file(&path).unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # Longer runs
//!
//! [`Checkpoint::with_schedule`] gives the steps to come another schedule, for instance
//! [`Schedule::extended`]'s, also of a run that has ended.
//!
//! # The file
//!
//! A safetensors file: eight bytes with the header's
//! length, a header of JSON, then the numbers, little-endian. `safetensors.numpy.load_file` reads
//! it. The header's `__metadata__` comes first and has two texts: `format`, which is `wfr
//! checkpoint`, and `wfr`, which is JSON with the keys
//!
//! - `version`: of the format, 1;
//! - `wfr`: the version of the crate that wrote it;
//! - `adapter`: name, driver and back end of the adapter;
//! - `step`: steps done;
//! - `stopped`: whether an adaptive schedule has reached β = 1;
//! - `config`: every field of [`Config`] by its name, durations in nanoseconds. Its `schedule` has
//!   `beta` and `grid`, what it is called, and `adaptive`, the fields of
//!   [`Adaptive`](crate::Adaptive) or null.
//!
//! The tensors, of which some runs have not all:
//!
//! - `schedule`, F64 (steps + 1, 2): times and path parameters;
//! - `trace`, F64 (tests, 9): the fields of every [`TraceEvent`](crate::TraceEvent) so far in their
//!   order, NaN where there is no conditional ESS;
//! - `reaction_trace`, F64 (estimates, 5): the same of every
//!   [`ReactionEvent`](crate::ReactionEvent);
//! - `positions`, F32 (dim, N);
//! - `carried`, U32 (rows, N): what the integrator or the composition carries with each particle,
//!   as the bits of floats;
//! - `ancestors`, U32 (1, N): time-zero ancestors;
//! - `log_weights`, F32 (N): up to a common constant;
//! - `device.NAME`, U32: buffers of the engine, as words. `control` is the clock, the
//!   log-normaliser and counts; `trace` the last tests; `moves` the moves that MALA kept or the others refused;
//!   `losses` what was lost in every step; `rows` and `stage` what an adaptive schedule has chosen;
//!   `log_weights_before` those at the last test, where the conditional ESS is traced; `reaction` and
//!   `ratios` a reaction's;
//! - `checksums`, U32: CRC-32 (IEEE 802.3) of all bytes before the numbers, then of every other
//!   tensor in the order of the file;
//! - `problem`, U8: JSON, from names to texts, by which the problem is recognised: names,
//!   parameters, WGSL that is not the engine's own, and how many numbers of what checksum each
//!   array of data has;
//! - `attached.NAME`, U8: the caller's own bytes.
//!
//! Later versions keep the begin of the header, `version` and the place of the checksums, so that a
//! file of theirs is told from a damaged one.
//!
//! What is guarded against are disks, cables and interrupted copies, not forgers: a CRC-32 notices
//! every error of one bit, every burst of up to 32 bits, and lets one in 2³² others pass. Yet no
//! bytes at all make [`Checkpoint::open`] panic or allocate more than some times the file's length.

mod format;
mod identity;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::config::Config;
use crate::error::{CheckpointFault, Error, ErrorKind, Result};
use crate::gpu::Gpu;
use crate::schedule::Schedule;

pub(crate) use format::{Content, Element, Segment, Tensor, write};
use format::{Place, Reading, Stream, checksum};
pub(crate) use identity::Identity;
pub(crate) use settings::Settings;

/// A run as it was between two steps, in a file that is checked through and through.
///
/// See [the module](crate::checkpoint) for how to use it and for the format of the file.
pub struct Checkpoint {
    name: PathBuf,
    stream: Mutex<Box<dyn Stream>>,
    tensors: BTreeMap<String, Place>,
    settings: Settings,
    identity: Identity,
    attached: BTreeMap<String, Vec<u8>>,
}

/// The prefix of the caller's own tensors.
const ATTACHED: &str = "attached.";

impl Checkpoint {
    /// Opens a file and checks all of it: what it is, its version, its structure and every
    /// checksum. It is read by windows; the particles stay in it until
    /// [`Sampler::resume`](crate::Sampler::resume).
    ///
    /// # Errors
    /// [`ErrorKind::Checkpoint`] with the fault, and [`ErrorKind::File`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Checkpoint> {
        let unreadable = |error| Error::file(path, format!("cannot be read: {error}"));
        // What is no file may block whoever opens it.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            let reason = "is no file; name a checkpoint";
            return Err(fault(path, CheckpointFault::NotACheckpoint, reason));
        }
        Checkpoint::read(path, Box::new(File::open(path).map_err(unreadable)?))
    }

    /// The same of bytes in memory, which errors call `name`.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`].
    pub fn from_bytes(name: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Checkpoint> {
        Checkpoint::read(&name.into(), Box::new(Cursor::new(bytes)))
    }

    fn read(name: &Path, mut stream: Box<dyn Stream>) -> Result<Checkpoint> {
        let (text, tensors) = format::read(name, &mut stream)?;
        let corrupt = |reason: &str| fault(name, CheckpointFault::Corrupt, reason);
        let mut whole = |tensor: &str, place: &Place| {
            // No more than the file has: its length was checked.
            let mut bytes = Vec::with_capacity(place.bytes as usize);
            place.each_window(name, tensor, &mut stream, |window| {
                bytes.extend_from_slice(window);
                Ok(())
            })?;
            Ok::<_, Error>(bytes)
        };
        let mut named = |tensor: &str| {
            let place = tensors.get(tensor);
            whole(tensor, place.ok_or_else(|| corrupt(&format!("has no tensor `{tensor}`")))?)
        };
        let points = format::numbers(&named("schedule")?);
        let identity = Identity::parse(&named("problem")?).map_err(|reason| corrupt(&reason))?;
        let settings = Settings::parse(&text, &points).map_err(|reason| corrupt(&reason))?;
        let mut attached = BTreeMap::new();
        for (tensor, place) in &tensors {
            if let Some(own) = tensor.strip_prefix(ATTACHED) {
                attached.insert(own.to_string(), whole(tensor, place)?);
            }
        }
        let (name, stream) = (name.to_path_buf(), Mutex::new(stream));
        Ok(Checkpoint { name, stream, tensors, settings, identity, attached })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.name
    }

    /// The settings of the run, with which it goes on.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// Steps done.
    pub fn step(&self) -> u32 {
        self.settings.step
    }

    /// Whether all steps of the schedule are done, or an adaptive schedule has reached its end.
    pub fn is_finished(&self) -> bool {
        self.settings.stopped || self.step() >= self.config().schedule.steps()
    }

    /// The name, the driver and the back end of the adapter it was made on.
    pub fn adapter(&self) -> &str {
        &self.settings.adapter
    }

    /// Whether a run that goes on here has the same bits as one that was not cut: the adapter, its
    /// driver and the version of wfr are the same.
    pub fn repeats_bits_on(&self, gpu: &Gpu) -> bool {
        self.settings.adapter == adapter(gpu) && self.settings.wfr == VERSION
    }

    /// The caller's own bytes, as given to [`Sampler::save`](crate::Sampler::save).
    pub fn attached(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.attached
    }

    /// The same with another schedule, whose steps so far must be those done: a longer one, also of
    /// a run that has ended, a shorter one, or another way on.
    ///
    /// The run goes on with the bits that it would have had with this schedule from the start, with
    /// two exceptions that keep the law: where one of the schedules has steps of one length and the
    /// other has not, the kernel is another text; and a flow with a reaction reacts at the end of
    /// its schedule too, which has to be where an ESS test is due.
    ///
    /// Of an adaptive schedule `max_stages` alone can be raised, while it has not reached β = 1.
    ///
    /// ```
    /// # fn f(checkpoint: wfr::Checkpoint) -> wfr::Result<wfr::Checkpoint> {
    /// let longer = checkpoint.config().schedule.clone().extended(1000, 5.0)?;
    /// let checkpoint = checkpoint.with_schedule(longer)?;
    /// # Ok(checkpoint) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] with the first row that differs.
    pub fn with_schedule(mut self, schedule: Schedule) -> Result<Checkpoint> {
        self.settings.extend(schedule)?;
        Ok(self)
    }

    /// Whether it is of this problem, or what differs.
    pub(crate) fn check_problem(&self, identity: &Identity) -> Result<()> {
        let same_version = self.settings.wfr == VERSION;
        match self.identity.difference(identity, same_version) {
            None => Ok(()),
            Some(difference) => Err(self.fault(CheckpointFault::OtherProblem, &difference)),
        }
    }

    /// The version of wfr that wrote it.
    pub(crate) fn version(&self) -> &str {
        &self.settings.wfr
    }

    /// The steps of the schedule that it was made with.
    pub(crate) fn saved_steps(&self) -> u32 {
        self.settings.saved_steps
    }

    /// A tensor of so many bytes, which is read window by window and checked again.
    pub(crate) fn windows<'c>(&'c self, tensor: &'c str, bytes: u64) -> Result<Windows<'c>> {
        let Some(place) = self.tensors.get(tensor) else {
            return Err(self.corrupt(&format!("has no tensor `{tensor}`")));
        };
        if place.bytes != bytes {
            let found = place.bytes;
            let reason = format!("has {found} bytes of `{tensor}`, and the run needs {bytes}");
            return Err(self.corrupt(&reason));
        }
        Ok(Windows { checkpoint: self, tensor, reading: Reading::new(*place) })
    }

    /// All of a tensor.
    fn whole(&self, tensor: &str) -> Result<Vec<u8>> {
        let bytes = self.tensors.get(tensor).map_or(0, |place| place.bytes);
        let mut all = Vec::with_capacity(bytes as usize);
        let mut windows = self.windows(tensor, bytes)?;
        let mut window = Vec::new();
        while windows.next(&mut window)? {
            all.extend_from_slice(&window);
        }
        Ok(all)
    }

    /// A matrix as a whole.
    pub(crate) fn rows<const COLUMNS: usize>(&self, tensor: &str) -> Result<Vec<[f64; COLUMNS]>> {
        let numbers = format::numbers(&self.whole(tensor)?);
        Ok(numbers.as_chunks().0.to_vec())
    }

    /// The words of the device as what they are there.
    pub(crate) fn words<T: bytemuck::AnyBitPattern>(&self, tensor: &str) -> Result<Vec<T>> {
        let bytes = self.whole(tensor)?;
        Ok(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect())
    }

    /// The one structure of a small tensor.
    pub(crate) fn plain<T: bytemuck::AnyBitPattern>(&self, tensor: &str) -> Result<T> {
        let all = self.words(tensor)?;
        match all[..] {
            [one] => Ok(one),
            _ => Err(self.corrupt(&format!("has {} structures in `{tensor}`", all.len()))),
        }
    }

    /// An error that says that the file is not as it was written.
    pub(crate) fn corrupt(&self, reason: &str) -> Error {
        self.fault(CheckpointFault::Corrupt, reason)
    }

    fn fault(&self, kind: CheckpointFault, reason: &str) -> Error {
        fault(&self.name, kind, reason)
    }
}

/// The windows of a tensor, one after the other.
pub(crate) struct Windows<'c> {
    checkpoint: &'c Checkpoint,
    tensor: &'c str,
    reading: Reading,
}

impl Windows<'_> {
    /// Reads the next window; false after the last.
    pub(crate) fn next(&mut self, window: &mut Vec<u8>) -> Result<bool> {
        let Windows { checkpoint, tensor, reading } = self;
        let stream = checkpoint.stream.lock();
        let mut stream = stream.unwrap_or_else(|poisoned| poisoned.into_inner());
        reading.next(&checkpoint.name, tensor, &mut *stream, window)
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Checkpoint");
        all.field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The version of this crate.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the bits of a run depend on beside its settings.
pub(crate) fn adapter(gpu: &Gpu) -> String {
    let info = gpu.adapter_info();
    let driver = format!("{} {}", info.driver, info.driver_info);
    format!("{}, {}, {}", info.name, driver.trim(), info.backend)
}

fn fault(path: &Path, fault: CheckpointFault, reason: &str) -> Error {
    ErrorKind::Checkpoint { path: path.into(), fault, message: reason.into() }.into()
}
