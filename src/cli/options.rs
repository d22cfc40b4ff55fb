//! The options that say what to sample and how; the commands share them.

use std::path::{Path, PathBuf};

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use wfr::{Config, Initial, Modes, OnLoss, Resampler, Schedule, Target};

use super::failure::{Done, Failure};
use super::integrator::IntegratorOptions;
use super::run_file::Resolved;
use super::schedule::AdaptiveOptions;
use super::{center, data, law, numbers};
use crate::bounded;

/// The initial law where none is given.
pub(crate) const DEFAULT_INITIAL: &str = "normal(mean=0, sd=2)";

/// The time at the end, and the steps to it, where neither an option nor a file tells them.
const DEFAULT_TIME: f64 = 4.0;
const DEFAULT_STEPS: u32 = 400;

/// What to sample.
#[derive(Debug, Args)]
#[command(next_help_heading = "Problem")]
pub(crate) struct ProblemOptions {
    #[command(flatten)]
    target: TargetOptions,
    /// The law of the particles at time zero: normal(mean=…, sd=…) or uniform(low=…, high=…), where
    /// a number counts for every coordinate and a list is written [-1,0]; normal(file=FILE), a table
    /// with the columns mean and sd and a row per coordinate; or mixture(FILE), with lines as in
    /// --components.
    #[arg(long, value_name = "LAW", default_value = DEFAULT_INITIAL)]
    initial: String,
    /// Tell the masses of modes around the points of a text file, one point a line; the nearest
    /// wins. Without it, those of the built-in targets that have several.
    #[arg(long, value_name = "FILE")]
    mode_centres: Option<PathBuf>,
}

/// The density, its parameters and its data.
#[derive(Debug, Args)]
#[command(next_help_heading = "Problem")]
pub(crate) struct TargetOptions {
    /// The density: a name from `wfr targets`, or a file ending in .wgsl that defines log_density
    /// of a Point; the score is derived unless the file defines it.
    #[arg(help_heading = None::<&str>)]
    target: Option<String>,
    /// The log density as a formula in place of TARGET, with --dim; for instance
    /// '-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2', where --param c=0.3 sets c.
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    density: Option<String>,
    /// The number of dimensions; needed for a .wgsl file and a formula, and customary for the
    /// built-in targets.
    #[arg(long, value_name = "D", value_parser = numbers::count, allow_negative_numbers = true)]
    dim: Option<u32>,
    /// Sets a parameter of the target; repeat it for more.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting, visible_alias = "param")]
    set: Vec<(String, f64)>,
    /// Data for the arrays of a .wgsl target, from a .npy, .npz or .csv file: NAME=FILE, with
    /// :KEY for another array or column of it, or FILE for all that the target declares; repeat
    /// it for more.
    #[arg(long, value_name = "[NAME=]FILE[:KEY]", value_parser = data::source)]
    data: Vec<data::Source>,
    /// Count coordinates far from zero from a point near the law: 'x0=2460000.5', several joined by
    /// commas, or a number for each coordinate. The device keeps the differences, in single
    /// precision, and a .wgsl target sees them in x; results are in the coordinates themselves. A
    /// formula takes the middle of the start by itself.
    #[arg(long, value_name = "POINT", allow_hyphen_values = true)]
    center: Option<String>,
    /// The components of gaussian-mixture: a text file with a line `weight mean_1 … mean_d scale`,
    /// or a scale per axis, for each.
    #[arg(long, value_name = "FILE")]
    components: Option<PathBuf>,
}

/// How to sample.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunOptions {
    #[command(flatten)]
    schedule: ScheduleOptions,
    #[command(flatten)]
    integrator: IntegratorOptions,
    #[command(flatten)]
    pub(crate) population: PopulationOptions,
}

/// How many particles, and when they are resampled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct PopulationOptions {
    /// How many particles: 100000, 100_000, 1e5 or 2^17.
    #[arg(short = 'n', long, value_name = "N", default_value = "1e5")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: u32,
    /// Resample when the effective sample size falls below this fraction of N: 0 never, 1
    /// whenever weights differ.
    #[arg(long, value_name = "FRACTION", default_value = "0.5", allow_negative_numbers = true)]
    ess_threshold: f32,
    /// Test the effective sample size every so many steps; the steps between run fused.
    #[arg(long, value_name = "STEPS", default_value = "16")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    ess_every: u32,
    /// How ancestors are drawn.
    #[arg(long, value_name = "NAME", default_value = "systematic", value_parser = resamplers())]
    resampler: Resampler,
    /// When a particle is lost, because its position, score or weight is not finite: drop it and go
    /// on with a warning, or stop.
    #[arg(long, value_name = "POLICY", default_value = "drop", value_parser = policies())]
    on_non_finite: OnLoss,
    /// Trace the conditional effective sample size too, in the stages of --out and its least in the
    /// report.
    #[arg(long)]
    trace_cess: bool,
    /// How long the device may be kept busy at a time, so that a screen on it does not stand still and
    /// no watchdog resets it: 50ms, 0.5s or 2min. It changes speed, never results.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = numbers::duration)]
    submission_limit: Duration,
    /// The seed: same seed and same device, same bits. `random` draws one, which the report and the run
    /// file name.
    #[arg(long, value_name = "SEED|random", default_value = "0", allow_negative_numbers = true)]
    #[arg(value_parser = numbers::seed)]
    seed: u64,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
}

/// When the steps are, and how far along the path.
#[derive(Debug, Args)]
struct ScheduleOptions {
    /// How many time steps [default: 400].
    #[arg(long, value_name = "K")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: Option<u32>,
    /// The time at the end; a step takes T / K. Particles diffuse as dx = ∇ log π dt + √2 dW
    /// [default: 4].
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    time: Option<f64>,
    /// The first step's length; the steps after it grow by one factor. By default all are equal.
    #[arg(long, value_name = "H", allow_negative_numbers = true)]
    first_step: Option<f64>,
    /// How the path parameter β goes from 0 to 1: linear, power:K (β = s^K of the fraction s of the
    /// time), sigmoid:K (steepness K), or a text file with a time and a β a line, which tells the
    /// steps too. Or adaptive: steps of T / K in stages, as many as are needed, each going as far
    /// along the path as keeps the conditional effective sample size at 0.95 of N; adaptive:0.9
    /// for another fraction. It tests the effective sample size once a stage.
    #[arg(long, value_name = "NAME|FILE", default_value = "linear")]
    schedule: String,
    #[command(flatten)]
    adaptive: AdaptiveOptions,
}

/// Where to sample.
#[derive(Debug, Args)]
pub(crate) struct DeviceOptions {
    /// The GPU: its index or part of its name in `wfr adapters`; by default the most able.
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) adapter: Option<String>,
}

/// What becomes of a run whose device is lost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RetryOptions {
    /// When the device is lost, go on with another one from the last checkpoint, or from the start,
    /// at most so many times.
    #[arg(long = "retry-device", value_name = "TIMES", default_value = "0")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    pub(crate) retries: u32,
}

/// The equation that particles follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowName {
    /// From the initial law to the target along a path of densities, with weights: log Z too.
    Annealed,
    /// Plain Langevin diffusion of the target, without weights.
    Langevin,
    /// From the initial law to the target along the path of --path.
    Path,
    /// The Wasserstein–Fisher–Rao gradient flow of KL: Langevin transport, and mass that teleports.
    Wfr,
}

impl ProblemOptions {
    /// The target with its data and its parameters.
    pub(crate) fn target(&self) -> Done<Target> {
        self.target.read()
    }

    /// The initial law.
    pub(crate) fn initial(&self, dim: u32) -> Done<Initial> {
        law::parse(&self.initial, dim)
    }

    /// The modes to tell of, where there are any.
    pub(crate) fn modes(&self, target: &Target) -> Done<Option<Modes>> {
        match &self.mode_centres {
            Some(path) => Ok(Some(Modes::from_file(path, target.dim())?)),
            None => Ok(Modes::of(target)),
        }
    }
}

impl TargetOptions {
    /// The target with its data and its parameters.
    pub(crate) fn read(&self) -> Done<Target> {
        let mut target = data::give(self.bare_target()?, &self.data)?;
        for (name, value) in &self.set {
            target = target.set(name, *value)?;
        }
        match &self.center {
            Some(point) => {
                let point = center::parse(point, target.dim())?;
                Ok(target.with_center(&point)?)
            }
            None => Ok(target),
        }
    }

    fn bare_target(&self) -> Done<Target> {
        let name = match (&self.target, &self.density) {
            (Some(name), None) => name.as_str(),
            (None, Some(formula)) => return self.formula(formula),
            (None, None) => {
                return Err(Failure::Usage(
                    "no target is given; name one of `wfr targets` or a .wgsl file, or write \
                     --density FORMULA"
                        .into(),
                ));
            }
            (Some(name), Some(_)) => {
                return Err(Failure::Usage(format!(
                    "--density is a target of its own, and {name} is one too; leave one out"
                )));
            }
        };
        if let Some(components) = &self.components {
            if name != "gaussian-mixture" {
                return Err(Failure::Usage(format!(
                    "--components is for gaussian-mixture, and the target is {name}; leave it out"
                )));
            }
            return Ok(Target::gaussian_mixture_from_file(components, self.dim)?);
        }
        if !Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("wgsl")) {
            return Ok(Target::named(name, self.dim)?);
        }
        let Some(dim) = self.dim else {
            return Err(Failure::Usage(format!(
                "{name} does not tell its number of dimensions; add for instance --dim 2"
            )));
        };
        Ok(Target::from_wgsl(dim, name, read_wgsl(name)?)?)
    }

    fn formula(&self, formula: &str) -> Done<Target> {
        if self.components.is_some() {
            let message = "--components is for gaussian-mixture, and the target is a formula";
            return Err(Failure::Usage(format!("{message}; leave it out")));
        }
        let Some(dim) = self.dim else {
            let message = "--density does not tell the number of dimensions";
            return Err(Failure::Usage(format!("{message}; add for instance --dim 2")));
        };
        Ok(Target::from_formula(dim, formula)?)
    }
}

impl RunOptions {
    /// The settings of the run.
    pub(crate) fn config(&self) -> Done<Config> {
        Ok(self.integrator.apply(self.population.config(self.schedule.read()?)))
    }

    /// Says in a run file what is used where nothing is given.
    pub(crate) fn resolve(&self, run_file: &mut Resolved) {
        self.schedule.resolve(run_file);
        self.population.resolve(run_file);
    }
}

impl PopulationOptions {
    /// Names the seed that was drawn.
    pub(crate) fn resolve(&self, run_file: &mut Resolved) {
        run_file.settle("run.seed", self.seed);
    }

    /// The settings of a run by this schedule.
    pub(crate) fn config(&self, schedule: Schedule) -> Config {
        Config {
            particles: self.particles,
            seed: self.seed,
            schedule,
            ess_threshold: self.ess_threshold,
            ess_every: self.ess_every,
            resampler: self.resampler,
            trace_cess: self.trace_cess,
            submission_limit: self.submission_limit,
            on_loss: self.on_non_finite,
            ..Config::default()
        }
    }
}

impl ScheduleOptions {
    fn resolve(&self, run_file: &mut Resolved) {
        if !is_file(&self.schedule) {
            run_file.learn("run.steps", DEFAULT_STEPS);
            run_file.learn("run.time", DEFAULT_TIME);
        }
    }

    fn read(&self) -> Done<Schedule> {
        let text = self.schedule.as_str();
        if is_file(text) {
            return self.read_file(text);
        }
        let time = self.time.unwrap_or(DEFAULT_TIME);
        let steps = self.steps.unwrap_or(DEFAULT_STEPS);
        if let Some(adaptive) = self.adaptive.read(text, time / f64::from(steps))? {
            if self.first_step.is_some() {
                let message = "--first-step makes growing steps, and those of an adaptive schedule";
                return Err(Failure::Usage(format!("{message} are equal; leave it out")));
            }
            return Ok(adaptive);
        }
        let grid = match self.first_step {
            Some(first) => Schedule::geometric(first, time, steps)?,
            None => Schedule::uniform(time, steps)?,
        };
        Ok(grid.annealed(text.parse()?)?)
    }

    fn read_file(&self, path: &str) -> Done<Schedule> {
        let given = [
            ("--steps", self.steps.is_some()),
            ("--time", self.time.is_some()),
            ("--first-step", self.first_step.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            return Err(Failure::Usage(format!(
                "{option} is told by the schedule file {path} already; leave it out"
            )));
        }
        Ok(Schedule::from_file(path)?)
    }
}

/// The text of a .wgsl file; of no other, since errors show lines of it.
pub(crate) fn read_wgsl(path: &str) -> Done<String> {
    let ending = Path::new(path).extension().unwrap_or_default();
    if !ending.eq_ignore_ascii_case("wgsl") {
        return Err(Failure::Usage(format!("{path} does not end in .wgsl; name it so")));
    }
    bounded::text(Path::new(path), bounded::TEXT)
        .map_err(|reason| Failure::Usage(format!("{path} {reason}")))
}

/// Whether a schedule is a file: it is there, or it is written as one.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    path.is_file() || path.extension().is_some() && !text.contains(':') || text.contains('/')
}

/// `NAME=VALUE`.
pub(crate) fn setting(text: &str) -> Result<(String, f64), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("has no equals sign; write for instance --set a=20".into());
    };
    let value = value.trim().parse().map_err(|_| {
        format!("'{}' is not a number; write for instance --set a=20", value.trim())
    })?;
    Ok((name.trim().to_string(), value))
}

fn resamplers() -> impl TypedValueParser<Value = Resampler> {
    PossibleValuesParser::new(Resampler::ALL.map(Resampler::name))
        .try_map(|name| name.parse::<Resampler>())
}

fn policies() -> impl TypedValueParser<Value = OnLoss> {
    PossibleValuesParser::new(OnLoss::ALL.map(OnLoss::name)).try_map(|name| name.parse::<OnLoss>())
}
