//! A run from its start to its results, over what breaks on the way.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use wfr::{Checkpoint, CheckpointFault, Config, ErrorKind, Problem};

use super::checkpoints::Made;
use super::failure::{Done, Failure};
use super::keeper::Keeper;
use super::progress::Progress;
use super::results::Known;
use super::run::{Device, Session};

/// Between the loss of a device and the next one: a driver that starts anew takes a moment.
const PAUSE: Duration = Duration::from_secs(1);

/// A checkpoint that a run goes on from.
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) progress: Progress,
}

impl Origin {
    /// Reads it.
    pub(crate) fn open(path: &Path) -> Done<Origin> {
        let checkpoint = Checkpoint::open(path)?;
        let progress = Progress::of(&checkpoint, path)?;
        Ok(Origin { path: path.to_path_buf(), checkpoint, progress })
    }

    /// An error that names it.
    pub(crate) fn fault(&self, fault: CheckpointFault, message: String) -> Failure {
        let path = self.path.clone();
        wfr::Error::from(ErrorKind::Checkpoint { path, fault, message }).into()
    }

    /// The same with the steps of these settings, where they are more than it was made with.
    pub(crate) fn with_schedule_of(self, config: &Config) -> Done<Origin> {
        if self.checkpoint.config().schedule == config.schedule {
            return Ok(self);
        }
        let checkpoint = self.checkpoint.with_schedule(config.schedule.clone())?;
        Ok(Origin { checkpoint, ..self })
    }
}

/// What is run.
pub(crate) struct Course<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) config: &'a Config,
    pub(crate) known: &'a Known<'a>,
    /// How often a lost device is replaced.
    pub(crate) retries: u32,
}

/// How far an attempt should go.
#[derive(Debug, Clone)]
pub(crate) enum Goal {
    End,
    /// The last state before a failure, and what failed.
    LastGood {
        step: u32,
        failure: String,
    },
}

impl Goal {
    /// The step at which it is reached.
    pub(crate) fn step(&self) -> u32 {
        match self {
            Goal::End => u32::MAX,
            Goal::LastGood { step, .. } => *step,
        }
    }

    /// Why the run ends before its end.
    pub(crate) fn failure(&self) -> Option<&str> {
        match self {
            Goal::End => None,
            Goal::LastGood { failure, .. } => Some(failure),
        }
    }
}

/// Attempts the course until it is done, or nothing is left to try.
///
/// Random numbers are counted, never stored: whatever was lost is done again from the last checkpoint, or
/// from the start, to the same bits. So a lost device is replaced as often as asked, and a run whose
/// weights vanish goes back to the last good state, for the keeper to keep.
///
/// `attempt` goes to the goal in a session and hands what was found to the keeper.
pub(crate) fn persist<'k, T>(
    course: &Course<'_>,
    device: &mut Device<'_>,
    origin: Option<Origin>,
    mut keeper: Option<&mut Keeper<'k>>,
    mut attempt: impl FnMut(&mut Session, Option<&mut Keeper<'k>>, &Goal) -> Done<T>,
) -> Done<T> {
    let to_end = |session: &mut Session, keeper: Option<&mut Keeper<'k>>| {
        attempt(session, keeper, &Goal::End)
    };
    let error = match replacing(course, device, origin, keeper.as_deref_mut(), to_end) {
        Err(Failure::Wfr(error)) => error,
        done => return done,
    };
    let last_good = last_good(error.kind(), course.config.test_every());
    let (Some(step), Some(keeper)) = (last_good, keeper) else { return Err(error.into()) };
    log::info!("{error}; going back to the last good state, that of step {step}, to keep it");
    let goal = Goal::LastGood { step, failure: error.to_string() };
    let before = keeper.made().iter().rev().find(|made| made.step <= step).cloned();
    let kept = reopen(before.as_ref(), course.config).and_then(|origin| {
        let there = |session: &mut Session, keeper: Option<&mut Keeper<'k>>| {
            attempt(session, keeper, &goal)
        };
        replacing(course, device, origin, Some(keeper), there)
    });
    let folder = keeper.folder().display();
    Err(Failure::Run(
        error,
        match kept {
            Ok(_) => format!("the last good state, that of step {step}, is in {folder}"),
            Err(failure) => format!("the last good state could not be kept in {folder}: {failure}"),
        },
    ))
}

/// Attempts it on one device after the other.
fn replacing<'k, T>(
    course: &Course<'_>,
    device: &mut Device<'_>,
    mut origin: Option<Origin>,
    mut keeper: Option<&mut Keeper<'k>>,
    mut attempt: impl FnMut(&mut Session, Option<&mut Keeper<'k>>) -> Done<T>,
) -> Done<T> {
    let mut left = course.retries;
    loop {
        let (failure, is_lost) = match open(course, device, origin.take(), keeper.as_deref_mut()) {
            Ok(mut session) => match attempt(&mut session, keeper.as_deref_mut()) {
                Ok(found) => return Ok(found),
                Err(failure) => (failure, session.is_lost()),
            },
            Err(failure) => {
                let is_lost = is_of_device(&failure, left < course.retries);
                (failure, is_lost)
            }
        };
        if !is_lost {
            return Err(failure);
        }
        let last = keeper.as_ref().and_then(|keeper| keeper.made().last().cloned());
        if left == 0 {
            return Err(lost(failure, keeper.as_deref(), last.as_ref()));
        }
        left -= 1;
        let from = match &last {
            Some(last) => format!("goes on from the checkpoint of step {}", last.step),
            None => "begins again".to_string(),
        };
        log::warn!("{failure}; the run {from} on another device, and {left} more may be lost");
        device.renew();
        thread::sleep(PAUSE);
        origin = reopen(last.as_ref(), course.config)?;
    }
}

/// A session at the checkpoint, or at the start, and a keeper that has come as far.
fn open(
    course: &Course<'_>,
    device: &mut Device<'_>,
    origin: Option<Origin>,
    keeper: Option<&mut Keeper<'_>>,
) -> Done<Session> {
    let Course { problem, config, known, .. } = course;
    let gpu = device.for_run(problem, config)?;
    let session = match &origin {
        Some(origin) => {
            let Origin { checkpoint, progress, .. } = origin;
            let spent = progress.session.spent();
            let session = Session::resume(gpu, problem, checkpoint, spent)?;
            let (own, said) = (session.sampler.integrator(), config.integrator);
            if let Some(other) = said.filter(|said| *said != own) {
                let message = format!("was made with integrator = {own}, and this is {other}");
                return Err(origin.fault(CheckpointFault::OtherProblem, message));
            }
            session
        }
        None => Session::start(gpu, problem, config)?,
    };
    if let Some(keeper) = keeper {
        keeper.start(&session.sampler, problem, known, origin.as_ref().map(|o| &o.progress))?;
    }
    Ok(session)
}

/// The checkpoint that was made last, read again.
fn reopen(made: Option<&Made>, config: &Config) -> Done<Option<Origin>> {
    let origin = made.map(|made| Origin::open(&made.path)?.with_schedule_of(config));
    origin.transpose()
}

/// Whether a device is the reason why none could be set up: it was lost, or is not yet there again.
fn is_of_device(failure: &Failure, again: bool) -> bool {
    let Failure::Wfr(error) = failure else { return false };
    match error.kind() {
        ErrorKind::DeviceLost { .. } => true,
        ErrorKind::NoAdapter { .. } | ErrorKind::RequestDevice { .. } => again,
        _ => false,
    }
}

/// What can be done after a device was lost.
fn lost(failure: Failure, keeper: Option<&Keeper<'_>>, last: Option<&Made>) -> Failure {
    let way_out = match (keeper, last) {
        (Some(keeper), Some(last)) => format!(
            "the last checkpoint is {}: go on with `wfr resume {}`, or let --retry-device 3 do so",
            last.path.display(),
            keeper.folder().display()
        ),
        _ => "there is no checkpoint to go on from; run it again with --checkpoint-every 5m, and \
              with --retry-device 3 to go on by itself"
            .to_string(),
    };
    match failure {
        Failure::Wfr(error) => Failure::Run(error, way_out),
        other => Failure::Output(format!("{other}; {way_out}")),
    }
}

/// The step of the last test of the ESS before what failed; none where that was the first.
fn last_good(kind: &ErrorKind, every: u32) -> Option<u32> {
    match kind {
        ErrorKind::AllWeightsZero { step, .. } | ErrorKind::NonFinite { step, .. } => {
            test_before(*step, every)
        }
        _ => None,
    }
}

/// The step of the last test before this one, but not the first: it is of the initial law.
fn test_before(step: u32, every: u32) -> Option<u32> {
    let before = step.checked_sub(1)? / every * every;
    (before > 0).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_test_is_that_before_the_one_that_failed() {
        // The report at the end of a run comes between tests too.
        for step in [33, 47, 48] {
            assert_eq!(test_before(step, 16), Some(32), "{step}");
        }
        assert_eq!((test_before(32, 16), test_before(5, 1)), (Some(16), Some(4)));
        assert_eq!((test_before(16, 16), test_before(0, 16)), (None, None));
        let lost = ErrorKind::DeviceLost { message: String::new() };
        assert_eq!(last_good(&lost, 16), None);
    }
}
