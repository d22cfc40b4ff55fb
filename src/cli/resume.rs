//! `wfr resume`: goes on with a run from a checkpoint in its folder of results.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, ValueHint};
use wfr::{CheckpointFault, Config, ErrorKind, Schedule};

use super::checkpoints::{self, Made, every};
use super::console::Console;
use super::failure::{Done, Failure};
use super::keeper::{Keeper, METRICS};
use super::persist::Origin;
use super::results::Results;
use super::run_file::{self, FILE_NAME, Resolved};
use super::{Command, Verbosity, compose, numbers, sample};
use crate::output::{self, Lock, Next};

const EXAMPLES: &str = "\
Examples:
  wfr sample ring --steps 1e6 --out ring --checkpoint-every 5m
  wfr resume ring                                    after it was stopped, by whatever it was
  wfr resume ring --more-steps 1e5                   after it has ended: a longer run
  wfr resume ring --checkpoint ring/checkpoints/step-0000400000.safetensors

The run goes on from the last checkpoint, and its results are those that it would have had without
the interruption, to the byte on the same adapter, driver and version of wfr. On another they are
as good, with other random errors. metrics.jsonl tells times and where the run went on.

What is run is what run.toml and inputs/ in the folder say; the options here are those that change
no result. --retry-device, --checkpoint-every, --plot and --animate count as if run.toml said
them.";

/// Goes on with a run that was stopped or killed, from a checkpoint in its folder of results.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder of results of a run with --checkpoint-every.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
    /// The checkpoint to go on from, in place of the last one; later ones are removed.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    checkpoint: Option<PathBuf>,
    /// Make the run longer by so many steps at the end of its path, also when it has ended. run.toml
    /// then says the longer run, with all its steps in inputs/schedule.txt.
    #[arg(long, value_name = "K", value_parser = numbers::count, allow_negative_numbers = true)]
    more_steps: Option<u32>,
    /// The time that these steps take together [default: the last step's length for each].
    #[arg(long, value_name = "T", requires = "more_steps", allow_negative_numbers = true)]
    more_time: Option<f64>,
    #[command(flatten)]
    again: Again,
}

/// Options of the run that may be others than before.
#[derive(Debug, Args)]
struct Again {
    /// The GPU: its index or part of its name in `wfr adapters`.
    #[arg(long, value_name = "NAME|INDEX")]
    adapter: Option<String>,
    /// From one checkpoint to the next: 30s, 5min, 2h or a number of steps.
    #[arg(long, value_name = "TIME|STEPS", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| every(text).map(|_| text.to_string()))]
    checkpoint_every: Option<String>,
    /// How often a lost device is replaced.
    #[arg(long, value_name = "TIMES", allow_negative_numbers = true)]
    #[arg(value_parser = |text: &str| numbers::count(text).map(|times| times.to_string()))]
    retry_device: Option<String>,
    /// Draw the pictures and report.html.
    #[arg(long)]
    plot: bool,
    /// Draw the density as it evolves too, as an animated PNG.
    #[arg(long)]
    animate: bool,
    /// Print one JSON object with all settings and results.
    #[arg(long)]
    json: bool,
    /// Watch the run in the terminal.
    #[arg(long)]
    live: bool,
}

impl Again {
    /// The options again.
    fn words(&self) -> Vec<OsString> {
        let values = [
            ("adapter", &self.adapter),
            ("checkpoint-every", &self.checkpoint_every),
            ("retry-device", &self.retry_device),
        ];
        let flags = [
            ("--plot", self.plot),
            ("--animate", self.animate),
            ("--json", self.json),
            ("--live", self.live),
        ];
        let value = |(name, value): &(&str, &Option<String>)| {
            value.as_ref().map(|value| format!("--{name}={value}"))
        };
        let flag = |(name, given): (&str, bool)| given.then(|| name.to_string());
        let words = values.iter().filter_map(value).chain(flags.into_iter().filter_map(flag));
        words.map(OsString::from).collect()
    }
}

/// A run that goes on.
pub(crate) struct Resumption {
    folder: PathBuf,
    /// Where in it the run streams to.
    place: PathBuf,
    /// Of the folder, until a keeper has it.
    lock: Option<Lock>,
    /// That of the folder, whatever options are given now.
    run_file: Resolved,
    pub(crate) origin: Origin,
    /// Whether this very checkpoint was asked for.
    is_chosen: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, verbosity: &Verbosity, console: &Console) -> Done {
    go_on(arguments, verbosity, console).map_err(|failure| match failure {
        Failure::Wfr(error)
            if arguments.checkpoint.is_none()
                && matches!(error.kind(), ErrorKind::Checkpoint { .. }) =>
        {
            let way_out = way_out(&arguments.folder, error.kind());
            Failure::Run(error, way_out)
        }
        other => other,
    })
}

fn go_on(arguments: &Arguments, verbosity: &Verbosity, console: &Console) -> Done {
    let folder = &arguments.folder;
    run_file::refuse_links(folder)?;
    output::recover(folder)?;
    let mut place = place(folder);
    let command = run_file::command_of(&place.join(FILE_NAME))?;
    let lock = Some(Lock::take(folder)?);
    if place != *folder {
        let (place, folder) = (place.display(), folder.display());
        log::info!("going on with the run in {place}, which is to replace that in {folder}");
    }
    let mut run_file = resolved(&command)?;
    let mut origin = origin(arguments, &place)?;
    if let Some(steps) = arguments.more_steps {
        let longer = longer(&origin, &run_file, steps, arguments.more_time)?;
        run_file.replace_schedule(&longer);
        if place == *folder {
            (place, origin) = apart(folder, &origin)?;
        }
        run_file.write(&place).map_err(Failure::Output)?;
    }
    let mut options = vec!["--overwrite".into(), OsString::from("--out")];
    options.push(folder.into());
    options.extend(arguments.again.words());
    let file = place.join(FILE_NAME);
    let command = run_file::of_results(&file, &options, verbosity.words())?.command;
    let is_chosen = arguments.checkpoint.is_some();
    let folder = folder.clone();
    let resumption = Resumption { folder, place, lock, run_file, origin, is_chosen };
    match command {
        Command::Sample(arguments) => sample::go(&arguments, Some(resumption), console),
        Command::Compose(arguments) => compose::go(&arguments, Some(resumption), console),
        _ => unreachable!("bug in wfr: a run file names another command"),
    }
}

/// Where in a folder of results the run is that goes on: one that is to replace another comes first.
fn place(folder: &Path) -> PathBuf {
    let next = Next::of(folder).path();
    if next.join(FILE_NAME).is_file() { next } else { folder.to_path_buf() }
}

/// A place for a longer run, with copies of its checkpoint and of what streamed so far: the results of the
/// shorter stay with their run file until all of the longer are there.
fn apart(folder: &Path, origin: &Origin) -> Done<(PathBuf, Origin)> {
    let next = Next::of(folder);
    next.begin()?;
    let place = next.path();
    let failed = |error: io::Error| {
        Failure::Output(format!("{} cannot be filled: {error}", place.display()))
    };
    let checkpoint = checkpoints::path(&place, origin.checkpoint.step());
    fs::create_dir(place.join(checkpoints::FOLDER)).map_err(failed)?;
    fs::copy(&origin.path, &checkpoint).map_err(failed)?;
    if let Err(error) = fs::copy(folder.join(METRICS), place.join(METRICS)) {
        // It is begun again then.
        log::debug!("{METRICS}: {error}");
    }
    Ok((place, Origin::open(&checkpoint)?))
}

/// The run file as it is.
fn resolved(command: &Command) -> Done<Resolved> {
    match command {
        Command::Sample(arguments) => sample::resolved(arguments),
        Command::Compose(arguments) => compose::resolved(arguments),
        _ => unreachable!("bug in wfr: a run file names another command"),
    }
}

/// The checkpoint asked for, or the last one in the run's place.
fn origin(arguments: &Arguments, place: &Path) -> Done<Origin> {
    if let Some(path) = &arguments.checkpoint {
        return Origin::open(path);
    }
    match checkpoints::in_folder(place)?.last() {
        Some(last) => Origin::open(&last.path),
        None => Err(Failure::Usage(format!(
            "{} holds no checkpoint to go on from; {}",
            place.display(),
            anew(&arguments.folder)
        ))),
    }
}

/// What can be done where a checkpoint of the folder is no good: there may be one before it.
fn way_out(folder: &Path, fault: &ErrorKind) -> String {
    let all = checkpoints::in_folder(&place(folder)).unwrap_or_default();
    let is_bad =
        |made: &Made| matches!(fault, ErrorKind::Checkpoint { path, .. } if *path == made.path);
    let before = all.split(is_bad).next().unwrap_or_default();
    match before.iter().rev().find(|made| Origin::open(&made.path).is_ok()) {
        Some(good) => format!(
            "the one before it is good: `wfr resume {} --checkpoint {}`",
            folder.display(),
            good.path.display()
        ),
        None => format!("there is no older one that is good; {}", anew(folder)),
    }
}

/// How to begin again, or to keep what was to be replaced.
fn anew(folder: &Path) -> String {
    let place = place(folder);
    let again = format!(
        "begin again with `wfr run {}/{FILE_NAME} --out {} --overwrite --checkpoint-every 5m`",
        place.display(),
        folder.display()
    );
    match place == *folder {
        true => again,
        false => format!("{again}, or remove {} to keep the run before", place.display()),
    }
}

/// The steps so far and these, where the path has ended.
fn longer(origin: &Origin, run_file: &Resolved, steps: u32, time: Option<f64>) -> Done<Schedule> {
    let refuse = |reason: &str| Err(Failure::Usage(format!("--more-steps: {reason}")));
    if steps == 0 {
        return refuse("0 make no longer run; give 1 or more");
    }
    if run_file.command() == "compose" {
        return refuse(
            "a composition ends at its last level of noise, and there is nothing beyond; for smaller \
             steps run it again with --steps",
        );
    }
    let schedule = &origin.checkpoint.config().schedule;
    if schedule.adaptivity().is_some() {
        return refuse(
            "an adaptive schedule ends where its path does, and has no steps beyond; for more stages \
             raise run.max_stages in run.toml, for longer ones run it again with --stage-moves",
        );
    }
    let last = schedule.steps();
    let length = schedule.time(last) - schedule.time(last - 1);
    if origin.progress.session.tuned.is_some() {
        log::warn!(
            "run.toml will say --tune of the longer run: run again from its start it is tuned anew, \
             and agrees within its errors alone"
        );
    }
    Ok(schedule.clone().extended(steps, time.unwrap_or(f64::from(steps) * length))?)
}

impl Resumption {
    /// What goes on filling the folder, asked for once: it keeps the folder locked.
    pub(crate) fn keeper<'r>(&mut self, results: &'r Results) -> Done<Keeper<'r>> {
        let (path, step) = (self.origin.path.clone(), self.origin.checkpoint.step());
        let lock = self.lock.take().expect("bug in wfr: a run goes on once");
        let from = (self.place.clone(), lock, Made { step, path });
        results.keeper_again(&self.folder, self.run_file.clone(), from)
    }

    /// The checkpoint for the settings of the run file, and the settings with what was tuned; nothing
    /// where nothing is left to do, which it says.
    pub(crate) fn settle(self, config: &Config) -> Done<Option<(Origin, Config)>> {
        let made = self.origin.checkpoint.config();
        let is_tuned = self.origin.progress.session.tuned.is_some();
        // Tuned steps are longer or shorter; more of them are an extension.
        let is_longer = config.schedule.steps() != made.schedule.steps();
        let own = Config {
            schedule: made.schedule.clone(),
            // The run file says what the run found of itself.
            integrator: made.integrator,
            preconditioner: made.preconditioner.clone().filter(|_| is_tuned),
            ..config.clone()
        };
        if own != *made {
            let message = format!(
                "was made with other settings than {} says",
                self.place.join(FILE_NAME).display()
            );
            return Err(self.origin.fault(CheckpointFault::OtherProblem, message));
        }
        let schedule = match is_tuned && !is_longer {
            true => made.schedule.clone(),
            false => config.schedule.clone(),
        };
        let config = Config { schedule, integrator: config.integrator, ..made.clone() };
        let origin = self.origin.with_schedule_of(&config)?;
        // What is to replace other results is done once it has.
        let is_done = || self.place == self.folder && output::is_done(&self.folder.join(METRICS));
        if origin.checkpoint.is_finished() && !self.is_chosen && is_done() {
            let (folder, step) = (self.folder.display(), origin.checkpoint.step());
            log::info!(
                "the run in {folder} is complete with {step} steps; for a longer one add --more-steps K"
            );
            return Ok(None);
        }
        Ok(Some((origin, config)))
    }
}
