//! The checkpoints of a run in its folder of results: when they are made, and which stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wfr::{ErrorKind, Sampler};

use super::failure::{Done, Failure};
use super::numbers::{self, seconds};
use super::progress::Progress;

/// Where they lie, below the folder of the results.
pub(crate) const FOLDER: &str = "checkpoints";

/// How many stay: should the last one be broken, there is one before it.
const KEPT: usize = 2;

/// From one checkpoint to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Every {
    /// Time on the wall.
    Time(Duration),
    /// Steps, rounded up to whole blocks between tests of the ESS.
    Steps(u32),
}

/// A length of time as everywhere, or a number of steps.
pub(crate) fn every(text: &str) -> Result<Every, String> {
    match numbers::count(text) {
        Ok(0) => Err("makes none; leave --checkpoint-every out for that".into()),
        Ok(steps) => Ok(Every::Steps(steps)),
        // What ends in a digit has no unit.
        Err(reason) if text.trim().ends_with(|c: char| c.is_ascii_digit()) => Err(reason),
        Err(_) => match numbers::duration(text) {
            Ok(time) => Ok(Every::Time(time)),
            Err(reason) => Err(format!("{reason}, or a number of steps")),
        },
    }
}

/// A checkpoint in a folder of results.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Made {
    pub(crate) step: u32,
    pub(crate) path: PathBuf,
}

/// The checkpoint of a step in a folder of results.
pub(crate) fn path(results: &Path, step: u32) -> PathBuf {
    results.join(FOLDER).join(file_name(step))
}

fn file_name(step: u32) -> String {
    format!("step-{step:010}.safetensors")
}

/// The checkpoints in a folder of results, oldest first.
pub(crate) fn in_folder(results: &Path) -> Done<Vec<Made>> {
    let folder = results.join(FOLDER);
    let made = |name: String| {
        let step = name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()?;
        Some(Made { step, path: folder.join(name) })
    };
    let names = names(&folder)
        .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", folder.display())))?;
    let mut all: Vec<Made> = names.into_iter().filter_map(made).collect();
    all.sort();
    Ok(all)
}

/// All checkpoints of a folder of results, and what was being written when a program ended, by their
/// names below it.
pub(crate) fn names_in(results: &Path) -> Done<Vec<String>> {
    let folder = results.join(FOLDER);
    let names = names(&folder).map_err(|error| {
        Failure::Output(format!("{} cannot be read: {error}", folder.display()))
    })?;
    let ours = names.into_iter().filter(|name| is_ours(name));
    Ok(ours.map(|name| format!("{FOLDER}/{name}")).collect())
}

/// Removes all these, for another run.
pub(crate) fn clear(results: &Path) -> Done {
    names_in(results)?.into_iter().map(|name| results.join(name)).try_for_each(|path| {
        fs::remove_file(&path).map_err(|error| {
            Failure::Output(format!("{} cannot be removed: {error}", path.display()))
        })
    })
}

/// The names of the files in a folder; none where there is no folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Whether a name is that of a checkpoint, or of one that was being written when the program ended.
pub(crate) fn is_ours(name: &str) -> bool {
    name.ends_with(".safetensors") && (name.starts_with("step-") || name.starts_with('.'))
}

/// Makes the checkpoints of a run.
pub(crate) struct Checkpoints {
    folder: PathBuf,
    every: Every,
    /// Steps from one test of the ESS to the next. Checkpoints lie between blocks, so that a run with
    /// them does what it does without.
    block: u32,
    /// Those of this run, oldest first.
    made: Vec<Made>,
    /// The step at which, or the time since which, the next is due.
    next: u32,
    last: Instant,
    /// Whether the last one could not be written, which is said once.
    failed: bool,
}

impl Checkpoints {
    /// From the step of now, after these have been made.
    pub(crate) fn new(
        results: &Path,
        every: Every,
        block: u32,
        step: u32,
        made: Vec<Made>,
    ) -> Checkpoints {
        let folder = results.join(FOLDER);
        let last = Instant::now();
        let mut new = Checkpoints { folder, every, block, made, next: 0, last, failed: false };
        new.wait(step);
        new
    }

    /// Those of this run, oldest first.
    pub(crate) fn made(&self) -> &[Made] {
        &self.made
    }

    /// The step at which the run should stop for one, at the latest.
    pub(crate) fn next_step(&self, step: u32) -> u32 {
        match self.every {
            Every::Steps(_) => self.next,
            Every::Time(time) if self.last.elapsed() >= time => {
                (step / self.block + 1).saturating_mul(self.block)
            }
            Every::Time(_) => u32::MAX,
        }
    }

    /// Whether one is to be made at this step.
    pub(crate) fn is_due(&self, step: u32) -> bool {
        let due = match self.every {
            Every::Steps(_) => step >= self.next,
            Every::Time(time) => self.last.elapsed() >= time,
        };
        due && step.is_multiple_of(self.block)
    }

    /// Makes one of now, and removes those that it makes needless. A run goes on without it where there
    /// is no room: it says so, once until one is made again.
    pub(crate) fn make(&mut self, sampler: &mut Sampler, step: u32, progress: &Progress) -> Done {
        let path = self.folder.join(file_name(step));
        let began = Instant::now();
        // Where there is no folder of results any more, none is made.
        let made = match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(ErrorKind::File {
                path: self.folder.clone(),
                message: format!("cannot be made: {error}"),
            }
            .into()),
            _ => sampler.save(&path, &progress.attached()?),
        };
        self.wait(step);
        match made {
            Ok(()) => {
                log::debug!(
                    "checkpoint at step {step} in {}",
                    seconds(began.elapsed().as_secs_f64())
                );
                self.failed = false;
                self.made.retain(|made| made.step < step);
                self.made.push(Made { step, path });
                self.prune();
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::File { .. }) => {
                if !self.failed {
                    let stands = match self.made.last() {
                        Some(last) => format!("that of step {} stands", last.step),
                        None => "there is none before it".to_string(),
                    };
                    log::warn!(
                        "no checkpoint at step {step}: {error}; {stands}, and the run goes on"
                    );
                }
                self.failed = true;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes all but the last ones. What cannot be removed stays, and does no harm.
    fn prune(&mut self) {
        let first = self.made.len().saturating_sub(KEPT);
        self.made.drain(..first);
        // One that was given by name may be written in another way.
        let same = |one: &Path, other: &Path| {
            one == other
                || fs::canonicalize(one).is_ok_and(|one| Some(one) == fs::canonicalize(other).ok())
        };
        for name in names(&self.folder).unwrap_or_default() {
            let path = self.folder.join(&name);
            if is_ours(&name) && !self.made.iter().any(|made| same(&made.path, &path)) {
                let _ = fs::remove_file(path);
            }
        }
    }

    fn wait(&mut self, step: u32) {
        self.last = Instant::now();
        if let Every::Steps(steps) = self.every {
            let steps = steps.div_ceil(self.block).saturating_mul(self.block);
            self.next = (step / steps + 1).saturating_mul(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_steps_are_read_as_people_write_them() {
        let time = |seconds| Ok(Every::Time(Duration::from_secs_f64(seconds)));
        for (text, expected) in [
            ("30s", time(30.0)),
            ("0.5s", time(0.5)),
            ("5m", time(300.0)),
            ("5min", time(300.0)),
            ("1.5h", time(5400.0)),
            ("1000", Ok(Every::Steps(1000))),
            ("1e4", Ok(Every::Steps(10_000))),
        ] {
            assert_eq!(every(text), expected, "{text}");
        }
        for (text, reason) in
            [("1.5", "is not a whole number"), ("0", "makes none; leave --checkpoint-every out")]
        {
            let error = every(text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
        for text in ["often", "5d", "0s", "-3m", "1e9h", "nans", "xm", ""] {
            let error = every(text).unwrap_err();
            assert!(
                error.starts_with("is not a length of time above 0 and up to a year"),
                "{error}"
            );
            assert!(error.ends_with("5m, 2min or 1h, or a number of steps"), "{error}");
        }
    }

    #[test]
    fn steps_are_those_between_blocks() {
        let folder = Path::new("/nowhere");
        let by_steps =
            |every, step| Checkpoints::new(folder, Every::Steps(every), 16, step, vec![]);
        assert_eq!(by_steps(1, 0).next_step(0), 16);
        assert_eq!(by_steps(100, 0).next_step(0), 112);
        assert_eq!(by_steps(100, 112).next_step(112), 224);
        // One made elsewhere, when a run was stopped, changes no step after it.
        assert_eq!(by_steps(100, 150).next_step(150), 224);
        assert!(!by_steps(100, 0).is_due(96) && by_steps(100, 0).is_due(112));
        let no_time = Every::Time(Duration::ZERO);
        let at_once = Checkpoints::new(folder, no_time, 16, 0, vec![]);
        assert_eq!((at_once.next_step(16), at_once.next_step(20)), (32, 32));
        assert!(at_once.is_due(16) && !at_once.is_due(20));
    }

    #[test]
    fn only_checkpoints_are_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_folder(folder.path()).unwrap(), []);
        let below = folder.path().join(FOLDER);
        fs::create_dir(&below).unwrap();
        let all =
            ["step-0000000200.safetensors", "step-0000000080.safetensors", "mine.safetensors"];
        for name in all.iter().chain(&[".7-step-0000000300.safetensors", "step-x.safetensors"]) {
            fs::write(below.join(name), "").unwrap();
        }
        let steps: Vec<u32> = in_folder(folder.path()).unwrap().iter().map(|m| m.step).collect();
        assert_eq!(steps, [80, 200]);
        clear(folder.path()).unwrap();
        assert_eq!(names(&below).unwrap(), ["mine.safetensors"]);
    }
}
