//! What fills a folder of results, from the start of a run to its end.

use std::ops::ControlFlow;

use wfr::{Info, Problem, Sampler};

use super::compose::last_level;
use super::failure::{Done, Failure};
use super::file_name;
use super::frames::Frames;
use super::plot::Drawing;
use super::report;
use super::results::Results;
use super::run::{Outcome, Watcher};
use super::run_file::Resolved;
use crate::output::{
    self, Contents, Estimates, Folder, Kept, Metrics, OnDevice, Record, Stage, Start,
};
use crate::plot::Exact;

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
        self.folder.make()?;
        self.run_file.write(self.folder.path()).map_err(Failure::Output)?;
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
        let particles = OnDevice::new(sampler, outcome.particles.dim());
        let draws = self.options.draws(outcome.config.particles) as usize;
        let end = Stage::from(&outcome.info);
        let kept = Kept {
            record: Record::new(outcome, estimates),
            particles: outcome.particles.clone(),
            posterior: output::posterior(&particles, draws, outcome.config.seed)?,
            stages: outcome.trace.iter().map(Stage::from).chain([end]).collect(),
            frames: frames.finish(sampler)?,
        };
        let folder = &self.folder;
        let contents = Contents {
            record: &kept.record,
            config: &self.run_file.text(),
            particles: &particles,
            every: self.options.thin as usize,
            posterior: &kept.posterior,
            stages: &kept.stages,
        };
        let words = |error: std::io::Error| error.to_string();
        for format in &self.options.format {
            let place = folder.place(format.file_name())?;
            place.fill(|path| contents.write(*format, path).map_err(words))?;
        }
        if !kept.frames.is_empty() {
            let place = folder.place("frames.npz")?;
            place.fill(|path| output::write_frames(path, &kept.frames).map_err(words))?;
        }
        let record = serde_json::to_string_pretty(&kept.record);
        let record = record.map_err(|error| Failure::Output(error.to_string()))?;
        folder.write("summary.json", &(record + "\n"))?;
        folder.write("summary.txt", &report::summary(outcome, estimates))?;
        if self.options.plot || self.options.animate {
            // A run that was stopped is somewhere on its way.
            let law = outcome.complete.then(|| match outcome.problem.composition() {
                Some(composition) => {
                    let last = last_level(composition.noise(), &outcome.config);
                    Exact::of_composition(composition, last)
                }
                None => Exact::of_target(outcome.problem.target()),
            });
            let exact = law.flatten();
            let drawing = Drawing::usual(self.options.animate);
            drawing.draw(folder.path(), &kept, exact.as_ref(), self.options.overwrite)?;
        }
        metrics.done(&end, outcome.complete, outcome.spent.wall)?;
        log::info!("the results are in {}", folder.path().display());
        Ok(())
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
        streams.frames.look(sampler, info, elapsed_s)
    }

    fn next_step(&self) -> u32 {
        self.streams.as_ref().map_or(u32::MAX, |streams| streams.frames.next_step())
    }
}
