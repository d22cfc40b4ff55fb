//! What a checkpoint takes along of the program's own: all that the sampler does not know.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wfr::{Checkpoint, CheckpointFault, Config, ErrorKind, Pilot, Tuned};

use super::clock::Spent;
use super::failure::{Done, Failure};
use super::path::PilotRecord;
use crate::output::{self, Frame, Written};

/// The names under which it is attached.
const SESSION: &str = "session";
const FRAMES: &str = "frames";

/// How far a run has come beside its particles.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub(crate) session: SessionRecord,
    /// The population at moments so far.
    pub(crate) frames: Vec<Frame>,
}

/// The small part, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    /// That of the program.
    pub(crate) version: String,
    /// The time of sampling so far.
    pub(crate) elapsed_s: f64,
    pub(crate) cpu_s: Option<f64>,
    /// Of metrics.jsonl.
    pub(crate) metrics: Written,
    /// Steps from frame to frame.
    pub(crate) stride: u32,
    pub(crate) pilot: Option<PilotRecord>,
    pub(crate) tuned: Option<TunedState>,
}

/// What pilot runs found beside the settings, which the sampler knows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct TunedState {
    acceptance: Option<f64>,
}

impl From<&Tuned> for TunedState {
    fn from(tuned: &Tuned) -> TunedState {
        TunedState { acceptance: tuned.acceptance.map(f64::from) }
    }
}

impl Progress {
    /// What is attached to the checkpoint at this place.
    pub(crate) fn of(checkpoint: &Checkpoint, path: &Path) -> Done<Progress> {
        let fault = |fault, message: String| {
            Failure::Wfr(ErrorKind::Checkpoint { path: path.to_path_buf(), fault, message }.into())
        };
        let foreign = || {
            let message = "was made by another program than wfr, which alone can go on with it";
            fault(CheckpointFault::OtherProblem, message.to_string())
        };
        let corrupt = |message: String| fault(CheckpointFault::Corrupt, message);
        let bytes = |name: &str| checkpoint.attached().get(name).ok_or_else(foreign);
        let session: SessionRecord = serde_json::from_slice(bytes(SESSION)?)
            .map_err(|error| corrupt(format!("has no session of this version of wfr: {error}")))?;
        let frames = output::read_frames(path, bytes(FRAMES)?.clone())
            .map_err(|failure| corrupt(failure.to_string()))?;
        if let Some(later) = frames.iter().find(|frame| frame.step > checkpoint.step()) {
            let (step, now) = (later.step, checkpoint.step());
            return Err(corrupt(format!("has a frame of step {step} at step {now}")));
        }
        Ok(Progress { session, frames })
    }

    /// What a checkpoint takes along.
    pub(crate) fn attached(&self) -> Done<BTreeMap<String, Vec<u8>>> {
        let failed = |error: String| Failure::Output(error);
        let session =
            serde_json::to_vec(&self.session).map_err(|error| failed(error.to_string()))?;
        let frames =
            output::frames_to_bytes(&self.frames).map_err(|error| failed(error.to_string()))?;
        Ok(BTreeMap::from([(SESSION.to_string(), session), (FRAMES.to_string(), frames)]))
    }
}

impl SessionRecord {
    /// The time of sampling so far.
    pub(crate) fn spent(&self) -> Spent {
        Spent { wall: self.elapsed_s, cpu: self.cpu_s }
    }

    /// What a pilot found.
    pub(crate) fn pilot(&self) -> Option<Pilot> {
        self.pilot.as_ref().map(Pilot::from)
    }

    /// What pilot runs found, with the settings that the run has of them.
    pub(crate) fn tuned(&self, config: &Config) -> Option<Tuned> {
        self.tuned.map(|tuned| Tuned::new(config.clone(), tuned.acceptance.map(|a| a as f32)))
    }
}
