//! What fills a folder of results, from the start of a run to its end.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use wfr::{Info, Modes, Problem, Sampler};

use super::compose::last_level;
use super::failure::{Done, Failure};
use super::file_name;
use super::frames::Frames;
use super::plot::{self, Drawing};
use super::report;
use super::results::Results;
use super::run::{self, End, Outcome, Watcher};
use super::run_file::Resolved;
use crate::output::{
    self, Contents, Estimates, Folder, Frame, Kept, Metrics, OnDevice, Record, Stage, Start,
};
use crate::plot::Exact;

/// The population at moments of the run.
const FRAMES: &str = "frames.npz";

/// Takes what a run gives while it goes on, and keeps it at the end.
pub(crate) struct Keeper<'a> {
    options: &'a Results,
    folder: Folder,
    run_file: Resolved,
    streams: Option<Streams>,
}

/// What grows while the run goes on.
struct Streams {
    metrics: Metrics,
    frames: Frames,
}

impl<'a> Keeper<'a> {
    pub(crate) fn new(options: &'a Results, folder: Folder, run_file: Resolved) -> Keeper<'a> {
        Keeper { options, folder, run_file, streams: None }
    }

    /// Makes the folder with the run file, and opens what streams.
    pub(crate) fn start(&mut self, sampler: &Sampler, problem: &Problem) -> Done {
        let config = sampler.config();
        self.run_file.learn("run.integrator", sampler.integrator());
        self.run_file.learn("results.posterior", self.options.draws(config.particles));
        begin(&self.folder, &self.run_file)?;
        let start = Start {
            version: env!("CARGO_PKG_VERSION"),
            target: file_name(problem.target().name()).to_string(),
            adapter: sampler.gpu().adapter_info().name.clone(),
            seed: config.seed,
            particles: config.particles,
            steps: sampler.steps(),
        };
        self.streams = Some(Streams {
            metrics: Metrics::start(&self.folder.path().join("metrics.jsonl"), &start)?,
            frames: Frames::start(sampler, problem.target().dim(), self.options.frames)?,
        });
        Ok(())
    }

    /// Writes what the run gave.
    pub(crate) fn finish(
        self,
        sampler: &Sampler,
        outcome: &Outcome,
        estimates: &Estimates,
    ) -> Done {
        let Some(Streams { mut metrics, frames }) = self.streams else {
            unreachable!("bug in wfr: a run ends that did not start");
        };
        let folder = &self.folder;
        let frames = frames.finish(sampler)?;
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
                self.options.overwrite,
            )?;
        }
        made.extend(self.options.format.iter().map(|format| format.file_name().to_string()));
        if !kept.frames.is_empty() {
            made.push(FRAMES.into());
        }
        folder.clear(all_files().filter(|name| !made.contains(name)))?;
        metrics.losses(outcome.info.step, outcome.losses.lost, outcome.spent.wall)?;
        metrics.done(&Stage::from(&outcome.info), outcome.complete, outcome.spent.wall)?;
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
            begin(&folder, &run_file)?;
            let end = End { info, complete: sampler.is_finished() };
            let outcome = run::outcome(sampler, problem, end)?;
            let estimates = Estimates::of(&outcome, modes);
            fill(&folder, (options, &run_file), sampler, &outcome, &estimates, Vec::new())?;
            Ok(folder.path().to_path_buf())
        }
    }
}

/// All files that a run may leave, or not: those of one that was here before must not stay beside it.
fn all_files() -> impl Iterator<Item = String> {
    let particles = ["particles.npz", "particles.safetensors", "particles.nc", FRAMES];
    particles.map(String::from).into_iter().chain(plot::all_files())
}

/// Makes a folder of results with its run file.
fn begin(folder: &Folder, run_file: &Resolved) -> Done {
    folder.make()?;
    run_file.write(folder.path()).map_err(Failure::Output)
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
    for format in &options.format {
        let place = folder.place(format.file_name())?;
        place.fill(|path| contents.write(*format, path).map_err(words))?;
    }
    if !kept.frames.is_empty() {
        let place = folder.place(FRAMES)?;
        place.fill(|path| output::write_frames(path, &kept.frames).map_err(words))?;
    }
    let record = serde_json::to_string_pretty(&kept.record);
    let record = record.map_err(|error| Failure::Output(error.to_string()))?;
    folder.write("summary.json", &(record + "\n"))?;
    folder.write("summary.txt", &report::summary(outcome, estimates))?;
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
    fn look(
        &mut self,
        sampler: &mut Sampler,
        info: &Info,
        elapsed_s: f64,
    ) -> Done<ControlFlow<()>> {
        let Some(streams) = &mut self.streams else { return Ok(ControlFlow::Continue(())) };
        streams.metrics.tests(pollster::block_on(sampler.trace())?, elapsed_s)?;
        streams.metrics.losses(info.step, info.lost, elapsed_s)?;
        streams.frames.look(sampler, info, elapsed_s)
    }

    fn next_step(&self) -> u32 {
        self.streams.as_ref().map_or(u32::MAX, |streams| streams.frames.next_step())
    }
}
