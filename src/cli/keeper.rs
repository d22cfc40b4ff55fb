//! What fills a folder of results, from the start of a run to its end.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use wfr::{Info, Modes, Problem, Sampler};

use super::checkpoints::{self, Checkpoints, Made};
use super::clock::Spent;
use super::failure::{Done, Failure};
use super::file_name;
use super::frames::Frames;
use super::path::PilotRecord;
use super::progress::{Progress, SessionRecord, TunedState};
use super::result_files;
use super::results::{Known, Results};
use super::run::{self, End, Outcome, Watcher};
use super::run_file::{self, FILE_NAME, Resolved};
use crate::output::{self, Estimates, Folder, Lock, Metrics, Next, Resumed, Stage, Start};

/// What other programs read along.
pub(crate) const METRICS: &str = "metrics.jsonl";

/// Takes what a run gives while it goes on, and keeps it at the end.
pub(crate) struct Keeper<'a> {
    options: &'a Results,
    folder: Folder,
    /// Where the run file and all that streams go: the folder, or within it what is to replace the
    /// results of an earlier run.
    place: PathBuf,
    run_file: Resolved,
    /// Of the folder, from the start on.
    lock: Option<Lock>,
    streams: Option<Streams>,
    /// The folder that was to have the results, where it went away.
    gone: Option<PathBuf>,
    /// The checkpoint that a run goes on from which another command began, and those made since.
    made: Vec<Made>,
}

/// What grows while the run goes on.
struct Streams {
    start: Start,
    metrics: Metrics,
    frames: Frames,
    checkpoints: Option<Checkpoints>,
    /// What a checkpoint takes along that does not change.
    pilot: Option<PilotRecord>,
    tuned: Option<TunedState>,
}

impl<'a> Keeper<'a> {
    /// Of a run that begins.
    pub(crate) fn new(options: &'a Results, folder: Folder, run_file: Resolved) -> Keeper<'a> {
        let place = folder.path().to_path_buf();
        let (lock, streams, gone, made) = (None, None, None, Vec::new());
        Keeper { options, folder, place, run_file, lock, streams, gone, made }
    }

    /// Of a run that goes on from this checkpoint, in this place in a folder that is locked.
    pub(crate) fn again(
        options: &'a Results,
        folder: Folder,
        run_file: Resolved,
        (place, lock, from): (PathBuf, Lock, Made),
    ) -> Keeper<'a> {
        let mut new = Keeper::new(options, folder, run_file);
        (new.place, new.lock, new.made) = (place, Some(lock), vec![from]);
        new
    }

    /// The folder of the results.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder that was to have them, where it was removed or renamed while the run went on.
    pub(crate) fn gone(&self) -> Option<&Path> {
        self.gone.as_deref()
    }

    /// The checkpoints of this run that are there, oldest first.
    pub(crate) fn made(&self) -> &[Made] {
        let checkpoints = self.streams.as_ref().and_then(|streams| streams.checkpoints.as_ref());
        checkpoints.map_or(&self.made, Checkpoints::made)
    }

    /// Makes the folder with the run file, locked, and opens what streams; after `progress`, where the
    /// run goes on.
    pub(crate) fn start(
        &mut self,
        sampler: &Sampler,
        problem: &Problem,
        known: &Known<'_>,
        progress: Option<&Progress>,
    ) -> Done {
        let config = sampler.config();
        let adapter = sampler.gpu().adapter_info().name.clone();
        let (version, steps) = (env!("CARGO_PKG_VERSION"), sampler.steps());
        let start = Start {
            version,
            target: file_name(problem.target().name()).to_string(),
            adapter: adapter.clone(),
            seed: config.seed,
            particles: config.particles,
            steps,
        };
        if progress.is_none() {
            self.begin()?;
        }
        for folder in [self.folder.path(), &self.place] {
            output::sweep(folder, result_files::names().chain([FILE_NAME.to_string()]));
        }
        let path = self.place.join(METRICS);
        let (dim, wanted) = (problem.target().dim(), self.options.frames);
        let step = sampler.steps_encoded();
        let (metrics, frames, made) = match progress {
            None => {
                self.run_file.learn("run.integrator", sampler.integrator());
                self.run_file.learn("results.posterior", self.options.draws(config.particles));
                self.run_file.write(&self.place).map_err(Failure::Output)?;
                let frames = Frames::start(sampler, dim, wanted)?;
                (Metrics::start(&path, &start)?, frames, Vec::new())
            }
            Some(Progress { session, frames }) => {
                let elapsed_s = session.elapsed_s;
                let resumed = Resumed { step, elapsed_s, version, adapter, steps };
                let metrics = Metrics::resume(&path, session.metrics, &start, &resumed)?;
                let frames = Frames::resume(dim, wanted, session.stride, frames.clone())?;
                let here = |made: &&Made| made.step <= step;
                (metrics, frames, self.made().iter().filter(here).cloned().collect())
            }
        };
        let checkpoints = self.checkpoints(sampler, made);
        let pilot = known.pilot.as_ref().map(PilotRecord::from);
        let tuned = known.tuned.as_ref().map(TunedState::from);
        self.streams = Some(Streams { start, metrics, frames, checkpoints, pilot, tuned });
        Ok(())
    }

    /// Makes and locks the folder, and finds the place in it: beside the results of an earlier run
    /// nothing of this one may lie before all of it is there.
    fn begin(&mut self) -> Done {
        let folder = self.folder.path();
        if self.lock.is_none() {
            self.folder.make()?;
            self.lock = Some(Lock::take(folder)?);
            output::settle(folder)?;
        }
        let next = Next::of(folder);
        if result_files::are_in(folder)? {
            run_file::refuse_linked_inputs(folder).map_err(Failure::Output)?;
            next.begin()?;
            self.place = next.path();
            let (folder, next) = (folder.display(), self.place.display());
            log::info!("the results in {folder} stay until the end; follow {next}/{METRICS}");
        } else {
            next.discard()?;
            // A checkpoint that was being written when a program ended.
            checkpoints::clear(folder)?;
        }
        Ok(())
    }

    fn checkpoints(&self, sampler: &Sampler, made: Vec<Made>) -> Option<Checkpoints> {
        let (block, step) = (sampler.config().test_every(), sampler.steps_encoded());
        let every = self.options.checkpoint_every;
        every.map(|every| Checkpoints::new(&self.place, every, block, step, made))
    }

    /// Goes on in a folder beside the one that was to have the results, where that was removed or
    /// renamed.
    fn stay_together(&mut self, sampler: &Sampler) -> Done {
        let old = self.folder.path();
        if !self.lock.as_ref().is_some_and(|lock| lock.is_gone(old)) {
            return Ok(());
        }
        let name = old.file_name().unwrap_or_default().to_string_lossy();
        let named = |k: u32| old.with_file_name(format!("{name}-{k}"));
        let free = (2..).map(named).find(|path| path.symlink_metadata().is_err());
        let path = free.unwrap_or_else(|| unreachable!("bug in wfr: there are always more names"));
        log::warn!(
            "{} was removed or renamed; the run goes on in {}",
            old.display(),
            path.display()
        );
        self.gone.get_or_insert_with(|| old.to_path_buf());
        self.folder = Folder::check(&path, false)?;
        self.folder.make()?;
        self.lock = Some(Lock::take(&path)?);
        self.place.clone_from(&path);
        self.run_file.write(&path).map_err(Failure::Output)?;
        let checkpoints = self.checkpoints(sampler, Vec::new());
        if let Some(streams) = &mut self.streams {
            streams.metrics = Metrics::start(&path.join(METRICS), &streams.start)?;
            streams.checkpoints = checkpoints;
        }
        Ok(())
    }

    /// Writes what the run gave, after a last checkpoint: where there is no room for the results, it
    /// has them.
    pub(crate) fn finish(
        &mut self,
        sampler: &mut Sampler,
        outcome: &Outcome,
        estimates: &Estimates,
    ) -> Done {
        self.stay_together(sampler)?;
        let Some(streams) = &mut self.streams else {
            unreachable!("bug in wfr: a run ends that did not start");
        };
        let (folder, wall) = (self.folder.path(), outcome.spent.wall);
        streams.metrics.tests(&outcome.trace, wall);
        streams.checkpoint(sampler, outcome.info.step, outcome.spent)?;
        let frames = streams.frames.finish(sampler)?;
        let next = Next::of(folder);
        let replaces = self.place == next.path();
        // What an earlier attempt left half-written must not be taken.
        match replaces {
            true => next.clear(result_files::names())?,
            false => next.begin()?,
        }
        let kept = (self.options, &self.run_file);
        let written = result_files::write(&next, kept, sampler, outcome, estimates, frames)
            .and_then(|all| result_files::draw(&next, kept, sampler, outcome, &all));
        if let Err(failure) = written {
            // Room is for what stays; why there is none is the error.
            let _ = if replaces { next.clear(result_files::names()) } else { next.discard() };
            return Err(failure);
        }
        let mut before: Vec<String> = result_files::names().collect();
        let mut done = || {
            streams.metrics.losses(outcome.info.step, outcome.losses.lost, wall);
            streams.metrics.done(&Stage::from(&outcome.info), outcome.complete, wall)
        };
        // A run is done when its results count.
        if replaces {
            done()?;
            before.extend(run_file::inputs_of(folder));
            before.extend(checkpoints::names_in(folder)?);
            next.take(before.into_iter())?;
        } else {
            next.take(before.into_iter())?;
            done()?;
        }
        log::info!("the results are in {}", folder.display());
        Ok(())
    }

    /// Writes the particles of now, and what they tell, into a folder in that of the results.
    pub(crate) fn snapshots<'s>(
        &self,
        problem: &'s Problem,
        modes: Option<&'s Modes>,
    ) -> impl FnMut(&mut Sampler) -> Done<PathBuf> + use<'a, 's> {
        let (options, parent) = (self.options, self.folder.path().to_path_buf());
        let run_file = self.run_file.clone();
        move |sampler| {
            let info = wfr::block_on(sampler.info())?;
            let folder = Folder::check(&parent.join(format!("step-{}", info.step)), true)?;
            folder.make()?;
            let next = Next::of(folder.path());
            next.begin()?;
            run_file.write(&next.path()).map_err(Failure::Output)?;
            let end = End { info, complete: sampler.is_finished() };
            let outcome = run::outcome(sampler, problem, end)?;
            let estimates = Estimates::of(&outcome, modes);
            let kept = (options, &run_file);
            result_files::write(&next, kept, sampler, &outcome, &estimates, Vec::new())?;
            next.take(std::iter::empty())?;
            Ok(folder.path().to_path_buf())
        }
    }
}

impl Streams {
    /// Makes a checkpoint of now, if any are wanted and there is none of this step.
    fn checkpoint(&mut self, sampler: &mut Sampler, step: u32, spent: Spent) -> Done {
        let Some(checkpoints) = &mut self.checkpoints else { return Ok(()) };
        if checkpoints.made().last().is_some_and(|last| last.step == step) {
            return Ok(());
        }
        let (frames, stride) = self.frames.so_far();
        let progress = Progress {
            session: SessionRecord {
                version: env!("CARGO_PKG_VERSION").to_string(),
                elapsed_s: spent.wall,
                cpu_s: spent.cpu,
                metrics: self.metrics.sync(),
                stride,
                pilot: self.pilot.clone(),
                tuned: self.tuned,
            },
            frames: frames.to_vec(),
        };
        checkpoints.make(sampler, step, &progress)
    }
}

impl Watcher for Keeper<'_> {
    fn look(&mut self, sampler: &mut Sampler, info: &Info, spent: Spent) -> Done<ControlFlow<()>> {
        self.stay_together(sampler)?;
        let Some(streams) = &mut self.streams else { return Ok(ControlFlow::Continue(())) };
        streams.metrics.tests(wfr::block_on(sampler.trace())?, spent.wall);
        streams.metrics.losses(info.step, info.lost, spent.wall);
        let goes_on = streams.frames.look(sampler, info, spent)?;
        let step = sampler.steps_encoded();
        let due = streams.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.is_due(step));
        // At its end a run makes one anyway.
        if due && !sampler.is_finished() {
            streams.checkpoint(sampler, step, spent)?;
        }
        Ok(goes_on)
    }

    fn next_step(&self, step: u32) -> u32 {
        let Some(streams) = &self.streams else { return u32::MAX };
        let checkpoint = streams.checkpoints.as_ref().map(|made| made.next_step(step));
        streams.frames.next_step(step).min(checkpoint.unwrap_or(u32::MAX))
    }
}

/// What was to replace other results, and cannot be gone on with, is of no use.
impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        let next = Next::of(self.folder.path());
        if self.place == next.path() && self.made().is_empty() {
            // It is hidden, and the next run removes it.
            let _ = next.discard();
        }
    }
}
