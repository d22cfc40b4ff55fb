//! What becomes of a run: a folder of files and pictures, a report or a record.

use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use clap::Args;
use wfr::{Config, Gpu, Info, Modes, Pilot, Problem, Sampler, Truth, Tuned};

use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::frames::Frames;
use super::numbers;
use super::report;
use super::run::{Outcome, Session, Watcher};
use super::run_file::Resolved;
use crate::output::{self, Estimates, Folder, Metrics, Record, Stage, Start};

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct Results {
    /// Keep the results in this folder, which is made: particles, posterior draws of equal weight, a
    /// summary, and metrics.jsonl, which can be followed while the run goes on.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep every K-th of the weighted particles only; they are still a weighted sample.
    #[arg(long, value_name = "K", default_value = "1")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    thin: u32,
    /// How many draws of equal weight to keep beside the weighted particles [default: as many as
    /// there are particles, at most 100,000].
    #[arg(long, value_name = "M", value_parser = numbers::count, allow_negative_numbers = true)]
    posterior: Option<u32>,
    /// At about how many moments of the run to keep the population's density and its surviving
    /// ancestors, for animations and genealogies; 0 for none.
    #[arg(long, value_name = "F", default_value = "60")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    frames: u32,
    /// Replace the files in --out where they exist.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object with all settings and results.
    #[arg(long)]
    json: bool,
}

/// The most draws of equal weight to keep where nobody says.
const DRAWS: u32 = 100_000;

/// The most there can be: they lie in memory.
const MOST_DRAWS: u32 = 10_000_000;

/// Takes what a run gives, from its start to its end.
pub(crate) struct Keeper {
    folder: Folder,
    run_file: Resolved,
    metrics: Option<Metrics>,
    frames: Option<Frames>,
}

impl Results {
    /// The folder asked for, checked before the run.
    pub(crate) fn keeper(&self, run_file: impl FnOnce() -> Done<Resolved>) -> Done<Option<Keeper>> {
        if self.thin == 0 {
            let message = "--thin 0 keeps no particle; write 1 to keep all";
            return Err(Failure::Usage(message.into()));
        }
        if let Some(draws) = self.posterior.filter(|draws| *draws > MOST_DRAWS) {
            return Err(Failure::Usage(format!(
                "--posterior {draws} is more than {MOST_DRAWS}, the most that are drawn; all \
                 weighted particles are kept beside them"
            )));
        }
        let Some(path) = &self.out else {
            let given = [("--thin", self.thin != 1), ("--posterior", self.posterior.is_some())];
            return match given.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(Failure::Usage(format!(
                    "{option} is for what --out keeps, and there is none; add --out DIR"
                ))),
                None => Ok(None),
            };
        };
        let folder = Folder::check(path, self.overwrite)?;
        Ok(Some(Keeper { folder, run_file: run_file()?, metrics: None, frames: None }))
    }

    /// Runs, warns, fills the folder and prints.
    pub(crate) fn of_run(
        &self,
        mut keeper: Option<Keeper>,
        gpu: &Gpu,
        problem: &Problem,
        config: &Config,
        known: Known,
        console: &Console,
    ) -> Done {
        let mut session = Session::start(gpu, problem, config)?;
        let end = match &mut keeper {
            Some(keeper) => {
                keeper.start(&session.sampler, problem, self.frames)?;
                session.run(known.label, console, &mut [keeper])?
            }
            None => session.run(known.label, console, &mut [])?,
        };
        let mut outcome = session.outcome(end)?;
        (outcome.pilot, outcome.tuned) = (known.pilot, known.tuned);
        outcome.truth = known.truth.or(outcome.truth);
        let estimates = Estimates::of(&outcome, known.modes.as_ref());
        report::warn(&outcome, &estimates);
        if let Some(keeper) = keeper {
            self.keep(keeper, &session.sampler, &outcome, &estimates)?;
        }
        if self.json {
            return console::print_json(&Record::new(&outcome, &estimates).with_cost(&outcome));
        }
        console::print(&report::text(&outcome, &estimates))
    }

    fn keep(
        &self,
        mut keeper: Keeper,
        sampler: &Sampler,
        outcome: &Outcome,
        estimates: &Estimates,
    ) -> Done {
        let folder = &keeper.folder;
        let record = Record::new(outcome, estimates);
        let n = outcome.config.particles;
        let draws = self.posterior.unwrap_or(n.min(DRAWS)) as usize;
        let window = |range: Range<usize>| {
            Ok(pollster::block_on(sampler.window(range.start as u32..range.end as u32))?)
        };
        let posterior = output::posterior(n as usize, window, draws, outcome.config.seed)?;
        let text = serde_json::to_string_pretty(&record);
        let text = text.map_err(|error| Failure::Output(error.to_string()))?;
        folder.write("summary.json", &(text + "\n"))?;
        folder.write("summary.txt", &report::kept(outcome, estimates))?;
        if let Some(metrics) = &mut keeper.metrics {
            metrics.done(&Stage::from(&outcome.info), outcome.complete, outcome.spent.wall)?;
        }
        log::info!("the results are in {}", folder.path().display());
        Ok(())
    }
}

/// What is known of a run beside its problem and its settings.
#[derive(Default)]
pub(crate) struct Known<'a> {
    /// What the progress bar calls it.
    pub(crate) label: &'a str,
    pub(crate) pilot: Option<Pilot>,
    pub(crate) tuned: Option<Tuned>,
    /// In place of what the target tells.
    pub(crate) truth: Option<Truth>,
    pub(crate) modes: Option<Modes>,
}

impl Keeper {
    /// Makes the folder, and opens what streams.
    fn start(&mut self, sampler: &Sampler, problem: &Problem, frames: u32) -> Done {
        self.folder.make()?;
        self.run_file.write(self.folder.path()).map_err(Failure::Output)?;
        let config = sampler.config();
        let start = Start {
            version: env!("CARGO_PKG_VERSION"),
            target: problem.target().name().to_string(),
            adapter: sampler.gpu().adapter_info().name.clone(),
            seed: config.seed,
            particles: config.particles,
            steps: sampler.steps(),
        };
        self.metrics = Some(Metrics::start(&self.folder.path().join("metrics.jsonl"), &start)?);
        self.frames = Some(Frames::start(sampler, problem.target().dim(), frames)?);
        Ok(())
    }
}

impl Watcher for Keeper {
    fn look(
        &mut self,
        sampler: &mut Sampler,
        info: &Info,
        elapsed_s: f64,
    ) -> Done<ControlFlow<()>> {
        let tests = pollster::block_on(sampler.trace())?;
        if let Some(metrics) = &mut self.metrics {
            metrics.tests(tests, elapsed_s)?;
        }
        match &mut self.frames {
            Some(frames) => frames.look(sampler, info, elapsed_s),
            None => Ok(ControlFlow::Continue(())),
        }
    }

    fn next_step(&self) -> u32 {
        self.frames.as_ref().map_or(u32::MAX, Frames::next_step)
    }
}
