//! `wfr compose`: several diffusion models run backward as one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wfr::diffusion::{Composition, Divergence, Quadrature, Tracking};
use wfr::{Config, Integrator, Modes};

mod levels;
mod models;
mod reward;
mod rule;

use super::console::Console;
use super::failure::{Done, Failure};
use super::integrator::integrators;
use super::options::{PopulationOptions, RetryOptions};
use super::persist::Course;
use super::results::{Known, Results};
use super::resume::Resumption;
use super::run::Device;
use super::run_file::{Given, Law, Resolved};
use levels::LevelOptions;
pub(crate) use levels::last as last_level;
use models::ModelOptions;
pub(crate) use models::centres;
use reward::RewardOptions;
use rule::RuleOptions;

const EXAMPLES: &str = "\
Examples:
  wfr compose --model left.txt --model right.txt --rule fisher-rao --share 0.5
  wfr compose --model left.txt --model right.txt --rule product --out product --plot
  wfr compose --model left.txt --model right.txt --rule geometric --share 0.1:0.6 --uncorrected
  wfr compose --model left.txt --rule anneal --power 2 --stochasticity 2
  wfr compose --model left.txt --model right.txt --rule guidance --scale 2.5 --out guided
  wfr compose --model left.txt --rule anneal --power 1 \\
      --reward '-(x0 - 1)^2/2' --reward-strength 0:1.5

A model is a network in a .safetensors file, whose metadata say what it predicts and under which
noise, or a text file with the components of a Gaussian mixture, a line
`weight mean_1 … mean_d scale` (or a scale per axis) for each: a diffusion model in closed form.

A CURVE is a number, or numbers joined by colons, linear between: its first value counts at the
largest noise and its last at the end.

The rules, of the models' densities q1, q2, … at each level of noise:
  anneal      (q1 q2 …)^power
  product     q1 q2 …
  geometric   q1^(1-b) q2^b with the share b, or of any number of models with --shares
  guidance    q1^(1-g) q2^g with the scale g, usually above 1: q1 unconditional, q2 conditional
  log-linear  q1^a q2^b … with the exponents a, b, …
  mixture     (1-b) q1 + b q2, or with --shares
  fisher-rao  ((1-b) sqrt q1 + b sqrt q2)^2, or with --shares
  power       (A1 q1^p + A2 q2^p + …)^(1/p) with the power p and the shares A1, A2, …
  arc         the Fisher-Rao arc with its position b and its angle";

/// Composes diffusion models without training them again: product, guidance, mixtures, tilts.
///
/// Particles follow the reverse diffusion of the combined density, and carry weights that make up
/// for what combined scores get wrong.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    models: ModelOptions,
    #[command(flatten)]
    rule: RuleOptions,
    #[command(flatten)]
    reward: RewardOptions,
    #[command(flatten)]
    levels: LevelOptions,
    /// How a step is done: euler, exponential or kernel-ratio. By default kernel-ratio, exact at every
    /// step size, where log densities are evaluated, and euler elsewhere.
    #[arg(long, value_name = "NAME", value_parser = integrators(), help_heading = "Run")]
    integrator: Option<Integrator>,
    /// The noise η of particles: 0 is the probability flow, 1 the reverse diffusion, and more mixes
    /// more. The law does not depend on it.
    #[arg(long, value_name = "ETA", default_value = "1", allow_negative_numbers = true)]
    #[arg(help_heading = "Run")]
    stochasticity: f64,
    /// Where log densities come from, where a rule needs them: evaluated, or followed along the path
    /// of each particle.
    #[arg(long, value_name = "NAME", default_value = "exact", help_heading = "Run")]
    tracking: TrackingName,
    /// How divergences of scores are found, which tracking needs at a stochasticity other than 1:
    /// exact or hutchinson[:PROBES] [default: exact for mixtures and up to 16 dimensions].
    #[arg(long, value_name = "NAME", help_heading = "Run")]
    divergence: Option<Divergence>,
    /// Combine the scores alone, without weights, as is customary: for comparison.
    #[arg(long, help_heading = "Run")]
    uncorrected: bool,
    #[command(flatten)]
    population: PopulationOptions,
    #[command(flatten)]
    retry: RetryOptions,
    /// Tell the masses of modes around the points of a text file, one point a line; the nearest
    /// wins. Without it, those around the means of mixtures, where exact masses are known.
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    mode_centres: Option<PathBuf>,
    #[command(flatten)]
    results: Results,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TrackingName {
    /// By the model where it can, else by the Itô estimator.
    Exact,
    /// By the Itô estimator.
    Ito,
    /// By the ratio of the model's own kernels.
    KernelRatio,
}

impl From<TrackingName> for Tracking {
    fn from(name: TrackingName) -> Tracking {
        match name {
            TrackingName::Exact => Tracking::Exact,
            TrackingName::Ito => Tracking::Ito,
            TrackingName::KernelRatio => Tracking::KernelRatio,
        }
    }
}

/// Runs the command, or goes on with what it began.
pub(crate) fn go(
    arguments: &Arguments,
    mut resumption: Option<Resumption>,
    console: &Console,
) -> Done {
    let Composed { composition, config, exact, modes } = composed(arguments)?;
    let results = &arguments.results;
    let keeper = match &mut resumption {
        Some(resumption) => Some(resumption.keeper(results)?),
        None => results.keeper(|| resolved_with(arguments, &composition))?,
    };
    let (origin, config) = match resumption {
        Some(resumption) => match resumption.settle(&config)? {
            Some((origin, config)) => (Some(origin), config),
            None => return Ok(()),
        },
        None => (None, config),
    };
    let problem = composition.problem()?;
    let mut device = Device::new(arguments.population.device.adapter.as_deref());
    let truth = exact.map(|exact| exact.truth());
    let known = Known { label: "composition", truth, modes, ..Known::default() };
    let (retries, known) = (arguments.retry.retries, &known);
    let course = Course { problem: &problem, config: &config, known, retries };
    results.of_run(keeper, &mut device, &course, origin, console)
}

/// The run file of these arguments.
pub(crate) fn resolved(arguments: &Arguments) -> Done<Resolved> {
    resolved_with(arguments, &composition(arguments)?)
}

fn resolved_with(arguments: &Arguments, composition: &Composition) -> Done<Resolved> {
    let mut run_file = Resolved::new("compose", &arguments.given)?;
    arguments.levels.resolve(composition, &mut run_file);
    arguments.population.resolve(&mut run_file);
    Ok(run_file)
}

/// The law that is sampled, and its modes where some are known.
pub(crate) fn law(arguments: &Arguments) -> Done<(Law, Option<Modes>)> {
    let Composed { composition, config, modes, .. } = composed(arguments)?;
    let last = last_level(composition.noise(), &config);
    Ok((Law::Composition { composition: Box::new(composition), last }, modes))
}

/// What the options ask for, and what is known of it.
struct Composed {
    composition: Composition,
    config: Config,
    /// What the particles should find.
    exact: Option<Quadrature>,
    modes: Option<Modes>,
}

fn composed(arguments: &Arguments) -> Done<Composed> {
    let composition = composition(arguments)?;
    let schedule = arguments.levels.schedule(&composition)?;
    let config = arguments.population.config(schedule);
    let config = Config { integrator: arguments.integrator, ..config };
    let exact = quadrature(&composition, &config);
    let modes = match &arguments.mode_centres {
        Some(path) => Some(Modes::from_file(path, composition.dim())?),
        None if exact.is_some() => centres(&composition)?,
        None => None,
    };
    let modes = modes.map(|modes| with_masses(modes, exact.as_ref()));
    Ok(Composed { composition, config, exact, modes })
}

/// What the particles should find at the last level of noise, where it is known.
fn quadrature(composition: &Composition, config: &Config) -> Option<Quadrature> {
    composition.quadrature(last_level(composition.noise(), config))
}

/// The modes with their exact masses.
pub(crate) fn with_masses(modes: Modes, exact: Option<&Quadrature>) -> Modes {
    match exact.map(|exact| exact.masses(&modes)) {
        Some(masses) => modes.with_exact_masses(masses),
        None => modes,
    }
}

fn composition(arguments: &Arguments) -> Done<Composition> {
    let models = arguments.models.read()?;
    let noise = arguments.levels.noise(&models);
    let last = arguments.levels.last_of(&noise, &models);
    let rule = arguments.rule.rule(&noise, &models, last)?;
    let mut composition = Composition::new(noise, models, rule)
        .with_stochasticity(arguments.stochasticity)
        .with_tracking(arguments.tracking.into());
    if let Some((reward, strength)) = arguments.reward.read(composition.dim())? {
        composition = composition.with_reward(reward, strength);
    }
    if let Some(lambda) = arguments.reward.guidance()? {
        composition = composition.with_reward_guidance(lambda);
    }
    if let Some(divergence) = arguments.divergence {
        composition = composition.with_divergence(divergence);
    }
    Ok(if arguments.uncorrected { composition.without_correction() } else { composition })
}
