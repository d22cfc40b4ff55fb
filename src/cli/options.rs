//! The options that say what to sample and how; the commands share them.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use wfr::{Config, Flow, Initial, Resampler, Schedule, Target};

use super::failure::{Done, Failure};
use super::integrator::IntegratorOptions;
use super::{data, law, numbers};

/// The initial law where none is given.
pub(crate) const DEFAULT_INITIAL: &str = "normal(mean=0, sd=2)";

/// What to sample.
#[derive(Debug, Args)]
#[command(next_help_heading = "Problem")]
pub(crate) struct ProblemOptions {
    #[command(flatten)]
    target: TargetOptions,
    /// The law of the particles at time zero: normal(mean=…, sd=…) or uniform(low=…, high=…); a
    /// number counts for every coordinate, a list is written [-1,0].
    #[arg(long, value_name = "LAW", default_value = DEFAULT_INITIAL)]
    initial: String,
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
    /// The components of gaussian-mixture: a text file with a line `weight mean_1 … mean_d scale`,
    /// or a scale per axis, for each.
    #[arg(long, value_name = "FILE")]
    components: Option<PathBuf>,
}

/// How to sample.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunOptions {
    /// How many particles: 100000, 100_000, 1e5 or 2^17.
    #[arg(short = 'n', long, value_name = "N", default_value = "1e5")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: u32,
    /// How many time steps.
    #[arg(long, value_name = "K", default_value = "400")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: u32,
    /// The time at the end; a step takes T / K. Particles diffuse as dx = ∇ log π dt + √2 dW.
    #[arg(long, value_name = "T", default_value = "4", allow_negative_numbers = true)]
    time: f64,
    #[command(flatten)]
    pub(crate) integrator: IntegratorOptions,
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
    /// The seed: same seed and same device, same bits.
    #[arg(long, value_name = "SEED", default_value = "0", allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    pub(crate) device: DeviceOptions,
}

/// Where to sample.
#[derive(Debug, Args)]
pub(crate) struct DeviceOptions {
    /// The GPU: its index or part of its name in `wfr adapters`; by default the most able.
    #[arg(long, value_name = "NAME|INDEX")]
    pub(crate) adapter: Option<String>,
}

/// The equation that particles follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FlowName {
    /// From the initial law to the target along a path of densities, with weights: log Z too.
    Annealed,
    /// Plain Langevin diffusion of the target, without weights.
    Langevin,
}

impl FlowName {
    /// The library's flow.
    pub(crate) fn flow(self) -> Flow {
        match self {
            FlowName::Annealed => Flow::annealed(),
            FlowName::Langevin => Flow::langevin(),
        }
    }
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
}

impl TargetOptions {
    /// The target with its data and its parameters.
    pub(crate) fn read(&self) -> Done<Target> {
        let mut target = data::give(self.bare_target()?, &self.data)?;
        for (name, value) in &self.set {
            target = target.set(name, *value)?;
        }
        Ok(target)
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
        let text = std::fs::read_to_string(name)
            .map_err(|error| Failure::Usage(format!("{name} cannot be read: {error}")))?;
        Ok(Target::from_wgsl(dim, name, text)?)
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
        Ok(self.integrator.apply(Config {
            particles: self.particles,
            seed: self.seed,
            schedule: Schedule::uniform(self.time, self.steps)?,
            ess_threshold: self.ess_threshold,
            ess_every: self.ess_every,
            resampler: self.resampler,
            ..Config::default()
        }))
    }
}

fn setting(text: &str) -> Result<(String, f64), String> {
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
