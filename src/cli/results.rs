//! What becomes of a run: a folder of files and pictures, a report or a record.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use wfr::{ErrorKind, Info, Modes, Pilot, Problem, Sampler, Truth, Tuned};

use super::checkpoints::{Every, Made, every};
use super::clock::Spent;
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::interrupt;
use super::keeper::Keeper;
use super::live::{self, Live};
use super::numbers;
use super::persist::{Course, Goal, Origin, persist};
use super::report;
use super::run::{Device, End, Outcome, Session, Watcher};
use super::run_file::Resolved;
use crate::output::{Estimates, Folder, Format, Lock, Record};

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct Results {
    /// Keep the results in this folder, which is made: particles, posterior draws of equal weight, a
    /// summary, and metrics.jsonl, which can be followed while the run goes on.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// The formats of the particles in --out, joined by commas: npz, safetensors, netcdf (for ArviZ;
    /// in builds with the feature arviz).
    #[arg(long, value_name = "NAMES", default_value = "npz", value_delimiter = ',')]
    #[arg(value_parser = format)]
    pub(super) format: Vec<Format>,
    /// Keep every K-th of the weighted particles only; they are still a weighted sample.
    #[arg(long, value_name = "K", default_value = "1")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    pub(super) thin: u32,
    /// How many draws of equal weight to keep beside the weighted particles [default: as many as
    /// there are particles, at most 100,000].
    #[arg(long, value_name = "M", value_parser = numbers::count, allow_negative_numbers = true)]
    posterior: Option<u32>,
    /// At about how many moments of the run to keep the population's density and its surviving
    /// ancestors, for animations and genealogies; 0 for none.
    #[arg(long, value_name = "F", default_value = "60")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    pub(super) frames: u32,
    /// Draw the pictures and report.html into --out; `wfr plot` does so later, with choices.
    #[arg(long)]
    pub(super) plot: bool,
    /// Draw the density as it evolves too, as an animated PNG.
    #[arg(long)]
    pub(super) animate: bool,
    /// Keep the state of the run in --out every so often, 30s, 5min, 2h or a number of steps, and at
    /// its end, for `wfr resume`; the last two are kept.
    #[arg(long, value_name = "TIME|STEPS", value_parser = every, allow_negative_numbers = true)]
    pub(super) checkpoint_every: Option<Every>,
    /// Replace the results in --out, at the end of the run, by all of the new ones or none.
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Print one JSON object with all settings and results.
    #[arg(long)]
    json: bool,
    /// Watch the density, the ESS and log Z in the terminal as the run goes on; ? tells the keys.
    #[arg(long)]
    live: bool,
    /// Run nothing and keep nothing: print as one JSON object what the device would be given, which is
    /// every shader, every buffer with what it holds at first, and every dispatch in order.
    #[arg(long, conflicts_with_all = ["json", "live"])]
    print_plan: bool,
}

/// The most draws of equal weight to keep where nobody says.
const DRAWS: u32 = 100_000;

/// The most there can be: they lie in memory.
const MOST_DRAWS: u32 = 10_000_000;

/// The most frames: they lie in memory too.
const MOST_FRAMES: u32 = 10_000;

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

impl Results {
    /// What will fill the folder asked for, which is checked before the run.
    pub(crate) fn keeper(
        &self,
        run_file: impl FnOnce() -> Done<Resolved>,
    ) -> Done<Option<Keeper<'_>>> {
        self.check()?;
        let Some(path) = self.out.as_ref().filter(|_| !self.print_plan) else { return Ok(None) };
        let folder = Folder::check(path, self.overwrite)?;
        Ok(Some(Keeper::new(self, folder, run_file()?)))
    }

    /// What goes on filling a locked folder, in this place in it, from a checkpoint.
    pub(crate) fn keeper_again(
        &self,
        folder: &Path,
        run_file: Resolved,
        from: (PathBuf, Lock, Made),
    ) -> Done<Keeper<'_>> {
        self.check()?;
        Ok(Keeper::again(self, Folder::check(folder, true)?, run_file, from))
    }

    fn check(&self) -> Done {
        let refuse = |message: String| Err(Failure::Usage(message));
        if self.live {
            live::check()?;
        }
        if self.thin == 0 {
            return refuse("--thin 0 keeps no particle; write 1 to keep all".into());
        }
        if let Some(draws) = self.posterior.filter(|draws| *draws > MOST_DRAWS) {
            return refuse(format!(
                "--posterior {draws} is more than {MOST_DRAWS}, the most that are drawn; all \
                 weighted particles are kept beside them"
            ));
        }
        if self.frames > MOST_FRAMES {
            return refuse(format!(
                "--frames {} is more than {MOST_FRAMES}, the most that are kept; use fewer",
                self.frames
            ));
        }
        let given = [
            ("--thin", self.thin != 1),
            ("--posterior", self.posterior.is_some()),
            ("--plot", self.plot),
            ("--animate", self.animate),
            ("--format", self.format != [Format::Npz]),
            ("--checkpoint-every", self.checkpoint_every.is_some()),
        ];
        if self.animate && self.frames == 0 {
            return refuse("--animate draws the frames, and --frames 0 keeps none; use 60".into());
        }
        match given.iter().find(|(_, given)| *given && self.out.is_none()) {
            Some((option, _)) => refuse(format!(
                "{option} is for what --out keeps, and there is none; add --out DIR"
            )),
            None => Ok(()),
        }
    }

    /// How many draws of equal weight are kept of so many particles.
    pub(super) fn draws(&self, particles: u32) -> u32 {
        self.posterior.unwrap_or(particles.min(DRAWS))
    }

    /// Runs, from a checkpoint where there is one, warns, fills the folder and prints.
    pub(crate) fn of_run(
        &self,
        mut keeper: Option<Keeper<'_>>,
        device: &mut Device<'_>,
        course: &Course<'_>,
        origin: Option<Origin>,
        console: &Console,
    ) -> Done {
        if self.print_plan {
            let Course { problem, config, .. } = *course;
            let gpu = device.for_run(problem, config)?;
            return console::print_json(&Sampler::recorded(gpu, problem, config.clone())?);
        }
        let attempt = |session: &mut Session, keeper: Option<&mut Keeper<'_>>, goal: &Goal| {
            self.attempt(session, keeper, goal, course, console)
        };
        let (outcome, estimates) = persist(course, device, origin, keeper.as_mut(), attempt)?;
        match self.json {
            true => console::print_json(&Record::new(&outcome, &estimates).with_cost(&outcome))?,
            false => console::print(&report::text(&outcome, &estimates))?,
        }
        match keeper.as_ref().and_then(|keeper| Some((keeper.gone()?, keeper.folder()))) {
            Some((gone, folder)) => Err(Failure::Output(format!(
                "{} was removed or renamed while the run filled it; the results are in {}",
                gone.display(),
                folder.display()
            ))),
            None => Ok(()),
        }
    }

    /// Runs to the goal, warns and fills the folder.
    fn attempt(
        &self,
        session: &mut Session,
        mut keeper: Option<&mut Keeper<'_>>,
        goal: &Goal,
        Course { problem, known, .. }: &Course<'_>,
        console: &Console,
    ) -> Done<(Outcome, Estimates)> {
        let ended = self.session(session, keeper.as_deref_mut(), goal, problem, known, console);
        let (end, failed) = match ended {
            // Particles that are not at the path's end are where they are.
            Err(Failure::Wfr(error)) if is_exhausted(&error) && keeper.is_some() => {
                (session.end()?, Some(error))
            }
            // All steps were done, and few particles are left.
            Err(Failure::Wfr(error)) if is_most_lost(&error) && keeper.is_some() => {
                (End { complete: true, ..session.end()? }, Some(error))
            }
            ended => (ended?, None),
        };
        let mut outcome = session.examined(end)?;
        (outcome.pilot, outcome.tuned) = (known.pilot, known.tuned.clone());
        outcome.truth = known.truth.clone().or(outcome.truth);
        let failure = failed.as_ref().map(ToString::to_string);
        outcome.failure = failure.or(goal.failure().map(String::from));
        let estimates = Estimates::of(&outcome, known.modes.as_ref());
        if outcome.failure.is_none() && self.json {
            report::warn_and_note(&outcome, &estimates);
        } else if outcome.failure.is_none() && !io::stdout().is_terminal() {
            // On a terminal the report, which begins with them, follows at once.
            report::warn(&outcome, &estimates);
        }
        if let Some(keeper) = keeper {
            keeper.finish(&mut session.sampler, &outcome, &estimates)?;
            if let Some(error) = failed {
                let folder = keeper.folder().display();
                let way_out = match is_most_lost(&error) {
                    true => format!("what is left is in {folder}, marked as failed"),
                    false => format!("the particles that came so far are in {folder}"),
                };
                return Err(Failure::Run(error, way_out));
            }
        }
        Ok((outcome, estimates))
    }

    /// Runs under the eyes of those who were asked to look on.
    fn session<'s, 'k: 's>(
        &self,
        session: &mut Session,
        keeper: Option<&mut Keeper<'k>>,
        goal: &Goal,
        problem: &'s Problem,
        known: &'s Known<'_>,
        console: &Console,
    ) -> Done<End> {
        if session.sampler.steps_encoded() >= goal.step() {
            return session.end();
        }
        interrupt::heed();
        let label = known.label;
        let snapshots = keeper.as_ref().map(|keeper| {
            let snapshots = keeper.snapshots(problem, known.modes.as_ref());
            Box::new(snapshots) as live::Save<'s>
        });
        let mut until = Until(goal.step());
        let mut watchers: Vec<&mut dyn Watcher> = vec![&mut until];
        if let Some(keeper) = keeper {
            watchers.push(keeper);
        }
        if !self.live {
            return session.run(label, console, &mut watchers);
        }
        let mut live = Live::open(&mut session.sampler, problem, label, snapshots)?;
        watchers.push(&mut live);
        session.run(label, &Console::without_bars(), &mut watchers)
    }
}

/// Whether an adaptive schedule had too few stages.
fn is_exhausted(error: &wfr::Error) -> bool {
    matches!(error.kind(), ErrorKind::StagesExhausted { .. })
}

/// Whether a run lost so many particles that it has no result.
fn is_most_lost(error: &wfr::Error) -> bool {
    matches!(error.kind(), ErrorKind::MostLost { .. })
}

/// Stops a run at a step.
struct Until(u32);

impl Watcher for Until {
    fn look(&mut self, sampler: &mut Sampler, _: &Info, _: Spent) -> Done<ControlFlow<()>> {
        Ok(match sampler.steps_encoded() < self.0 {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    }

    fn next_step(&self, _: u32) -> u32 {
        self.0
    }
}

fn format(name: &str) -> Result<Format, String> {
    if let Some(format) = Format::ALL.iter().find(|format| format.name() == name) {
        return Ok(*format);
    }
    Err(match name {
        "netcdf" => "is not in this build; build wfr with cargo's --features arviz".into(),
        _ => "is no format; use npz, safetensors, netcdf, or several joined by commas".into(),
    })
}
