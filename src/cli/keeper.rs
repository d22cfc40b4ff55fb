//! What fills a folder of results, from the start of a run to its end.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wfr::{Info, Modes, Problem, Sampler};

use super::checkpoints::{self, Checkpoints, Made};
use super::clock::Spent;
use super::compose::last_level;
use super::failure::{Done, Failure};
use super::file_name;
use super::frames::Frames;
use super::path::PilotRecord;
use super::plot::{self, Drawing};
use super::progress::{Progress, SessionRecord, TunedState};
use super::report;
use super::results::{Known, Results};
use super::run::{self, End, Outcome, Watcher};
use super::run_file::{FILE_NAME, Resolved};
use crate::output::{
    self, Contents, Estimates, Folder, Frame, Kept, Lock, Metrics, OnDevice, Record, Resumed,
    Stage, Start,
};
use crate::plot::Exact;
use crate::shown::printable;

/// The population at moments of the run.
const FRAMES: &str = "frames.npz";

/// What other programs read along.
pub(crate) const METRICS: &str = "metrics.jsonl";

/// Takes what a run gives while it goes on, and keeps it at the end.
pub(crate) struct Keeper<'a> {
    options: &'a Results,
    folder: Folder,
    run_file: Resolved,
    /// Of a run that begins; one that goes on has locked its folder already.
    lock: Option<Lock>,
    streams: Option<Streams>,
    /// The checkpoint that a run goes on from which another command began, and those made since.
    made: Vec<Made>,
}

/// What grows while the run goes on.
struct Streams {
    metrics: Metrics,
    frames: Frames,
    checkpoints: Option<Checkpoints>,
    /// What a checkpoint takes along that does not change.
    pilot: Option<PilotRecord>,
    tuned: Option<TunedState>,
}

impl<'a> Keeper<'a> {
    /// Of a run that begins, or goes on from this checkpoint in the folder.
    pub(crate) fn new(
        options: &'a Results,
        folder: Folder,
        run_file: Resolved,
        from: Option<Made>,
    ) -> Keeper<'a> {
        let made = from.into_iter().collect();
        Keeper { options, folder, run_file, lock: None, streams: None, made }
    }

    /// The folder of the results.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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
        if progress.is_none() && self.lock.is_none() {
            self.folder.make()?;
            self.lock = Some(Lock::take(self.folder.path())?);
        }
        let always = [FILE_NAME, "summary.json", "summary.txt"].map(String::from);
        self.folder.sweep(all_files().chain(always));
        let path = self.folder.path().join(METRICS);
        let (dim, wanted) = (problem.target().dim(), self.options.frames);
        let step = sampler.steps_encoded();
        let (metrics, frames, made) = match progress {
            None => {
                // A checkpoint of another run must never lie beside this one's run file.
                checkpoints::clear(self.folder.path())?;
                self.run_file.learn("run.integrator", sampler.integrator());
                self.run_file.learn("results.posterior", self.options.draws(config.particles));
                self.run_file.write(self.folder.path()).map_err(Failure::Output)?;
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
        let checkpoints = self.options.checkpoint_every.map(|every| {
            Checkpoints::new(self.folder.path(), every, config.test_every(), step, made)
        });
        let pilot = known.pilot.as_ref().map(PilotRecord::from);
        let tuned = known.tuned.as_ref().map(TunedState::from);
        self.streams = Some(Streams { metrics, frames, checkpoints, pilot, tuned });
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
        let Some(streams) = &mut self.streams else {
            unreachable!("bug in wfr: a run ends that did not start");
        };
        let folder = &self.folder;
        streams.metrics.tests(&outcome.trace, outcome.spent.wall);
        streams.checkpoint(sampler, outcome.info.step, outcome.spent)?;
        let frames = streams.frames.finish(sampler)?;
        let kept =
            fill(folder, (self.options, &self.run_file), sampler, outcome, estimates, frames)?;
        let mut made = Vec::new();
        if self.options.plot || self.options.animate {
            // A run that was stopped is somewhere on its way.
            let exact = outcome.complete.then(|| exact(outcome)).flatten();
            let drawing = Drawing::usual(self.options.animate);
            made = drawing.draw(
                sampler.gpu(),
                folder.path(),
                &kept,
                exact.as_ref(),
                folder.replaces(),
            )?;
        }
        made.extend(self.options.format.iter().map(|format| format.file_name().to_string()));
        if !kept.frames.is_empty() {
            made.push(FRAMES.into());
        }
        folder.clear(all_files().filter(|name| !made.contains(name)))?;
        let (end, wall) = (Stage::from(&outcome.info), outcome.spent.wall);
        streams.metrics.losses(outcome.info.step, outcome.losses.lost, wall);
        streams.metrics.done(&end, outcome.complete, wall)?;
        log::info!("the results are in {}", folder.path().display());
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
            let info = pollster::block_on(sampler.info())?;
            let folder = Folder::check(&parent.join(format!("step-{}", info.step)), true)?;
            folder.make()?;
            run_file.write(folder.path()).map_err(Failure::Output)?;
            let end = End { info, complete: sampler.is_finished() };
            let outcome = run::outcome(sampler, problem, end)?;
            let estimates = Estimates::of(&outcome, modes);
            fill(&folder, (options, &run_file), sampler, &outcome, &estimates, Vec::new())?;
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

/// All files that a run may leave, or not: those of one that was here before must not stay beside it.
fn all_files() -> impl Iterator<Item = String> {
    let particles = ["particles.npz", "particles.safetensors", "particles.nc", FRAMES];
    particles.map(String::from).into_iter().chain(plot::all_files())
}

/// Writes the particles and what they tell.
fn fill(
    folder: &Folder,
    (options, run_file): (&Results, &Resolved),
    sampler: &Sampler,
    outcome: &Outcome,
    estimates: &Estimates,
    frames: Vec<Frame>,
) -> Done<Kept> {
    let particles = OnDevice::new(sampler, outcome.particles.dim());
    let draws = options.draws(outcome.config.particles) as usize;
    let end = Stage::from(&outcome.info);
    let kept = Kept {
        record: Record::new(outcome, estimates),
        particles: Arc::clone(&outcome.particles),
        posterior: output::posterior(&particles, draws, outcome.config.seed)?,
        stages: outcome.trace.iter().map(Stage::from).chain([end]).collect(),
        frames,
    };
    let contents = Contents {
        record: &kept.record,
        config: &run_file.text(),
        particles: &particles,
        every: options.thin as usize,
        posterior: &kept.posterior,
        stages: &kept.stages,
    };
    let words = |error: io::Error| error.to_string();
    let mut staged = folder.stage();
    for format in &options.format {
        staged.put(format.file_name(), |path| contents.write(*format, path).map_err(words))?;
    }
    if !kept.frames.is_empty() {
        staged.put(FRAMES, |path| output::write_frames(path, &kept.frames).map_err(words))?;
    }
    let record = serde_json::to_string_pretty(&kept.record);
    let record = record.map_err(|error| Failure::Output(error.to_string()))?;
    staged.put_text("summary.json", &(record + "\n"))?;
    staged.put_text("summary.txt", &printable(&report::summary(outcome, estimates)))?;
    staged.take()?;
    Ok(kept)
}

/// What is known exactly of the law that was sampled.
fn exact(outcome: &Outcome) -> Option<Exact> {
    match outcome.problem.composition() {
        Some(composition) => {
            let last = last_level(composition.noise(), &outcome.config);
            Exact::of_composition(composition, last)
        }
        None => Exact::of_target(outcome.problem.target()),
    }
}

impl Watcher for Keeper<'_> {
    fn look(&mut self, sampler: &mut Sampler, info: &Info, spent: Spent) -> Done<ControlFlow<()>> {
        let Some(streams) = &mut self.streams else { return Ok(ControlFlow::Continue(())) };
        streams.metrics.tests(pollster::block_on(sampler.trace())?, spent.wall);
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
