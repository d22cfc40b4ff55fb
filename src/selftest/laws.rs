//! Laws in closed form and by quadrature, each within its Monte Carlo error.

use std::f64::consts::{FRAC_2_PI, TAU};

use super::finding::{Finding, Law};
use crate::diffusion::{Composition, Noise, Rule, ScoreModel, Spacing};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::{
    Adaptive, Bandwidth, Component, Config, Density, Diagnostics, Estimate, Flow, Info, Initial,
    Integrator, Particles, Problem, Reaction, Sampler, Schedule, Target,
};

/// A run to its end.
fn run(gpu: &Gpu, problem: &Problem, config: Config) -> Result<(Info, Particles)> {
    let mut sampler = Sampler::new(gpu, problem, config)?;
    let info = sampler.run()?;
    Ok((info, crate::block_on(sampler.particles())?))
}

/// log Z with its standard error from the genealogy.
fn log_z(info: &Info, diagnostics: &Diagnostics<'_>) -> Estimate {
    Estimate { value: info.log_normalizer, se: diagnostics.log_normalizer_se() }
}

fn findings<const K: usize>(laws: [(&str, Estimate, f64); K]) -> Vec<Finding> {
    let finding = |(name, measured, truth)| Finding::law(Law::new(name, measured, truth, 0.0));
    laws.into_iter().map(finding).collect()
}

/// exp(−2 (x₀ − 1)² − (x₁ + 1)²/8), as a formula: log Z = log 2π.
fn bell() -> Result<Problem> {
    let target = Target::from_formula(2, "-2*(x0 - 1)^2 - (x1 + 1)^2/8")?;
    Problem::new(target, Initial::normal(&[0.0; 2], &[1.5; 2])?, Flow::annealed())
}

/// Log Z and moments of a Gaussian, along a fixed path by the kernel ratio, whose weights are exact.
pub(super) fn gaussian(gpu: &Gpu) -> Result<Vec<Finding>> {
    let config = Config {
        particles: 1 << 15,
        schedule: Schedule::uniform(4.0, 200)?,
        seed: 1,
        ..Config::default()
    };
    let (info, particles) = run(gpu, &bell()?, config)?;
    let d = Diagnostics::new(&particles);
    let (means, variances) = (d.means(), d.variances());
    Ok(findings([
        ("annealed Gaussian: log Z", log_z(&info, &d), TAU.ln()),
        ("annealed Gaussian: E x0", means[0], 1.0),
        ("annealed Gaussian: Var x0", variances[0], 0.25),
        ("annealed Gaussian: E x1", means[1], -1.0),
        ("annealed Gaussian: Var x1", variances[1], 4.0),
    ]))
}

/// The same in stages that the device chooses, by moves that may be rejected.
pub(super) fn adaptive(gpu: &Gpu) -> Result<Vec<Finding>> {
    let stages = Adaptive { dt: 0.2, moves_per_stage: 4, max_stages: 200, ..Adaptive::default() };
    let config = Config {
        particles: 1 << 14,
        schedule: Schedule::adaptive(stages)?,
        integrator: Some(Integrator::Mala),
        ..Config::default()
    };
    let (info, particles) = run(gpu, &bell()?, config)?;
    let d = Diagnostics::new(&particles);
    Ok(findings([
        ("Gaussian in adaptive stages: log Z", log_z(&info, &d), TAU.ln()),
        ("Gaussian in adaptive stages: E x0", d.means()[0], 1.0),
    ]))
}

/// The masses of two wells behind a barrier of 5, where everybody starts on one side.
pub(super) fn double_well(gpu: &Gpu) -> Result<Vec<Finding>> {
    let target = Target::named("double-well", Some(2))?.set("a", 20.0)?.set("c", 0.1)?;
    let Some(truth) = target.truth() else { return Ok(Vec::new()) };
    let start = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0])?;
    let config =
        Config { particles: 1 << 15, schedule: Schedule::uniform(4.0, 400)?, ..Config::default() };
    let (info, particles) = run(gpu, &Problem::new(target, start, Flow::annealed())?, config)?;
    let d = Diagnostics::new(&particles);
    Ok(findings([
        ("double well: mass of the right well", d.mass(|x| x[0] > 0.0), truth.right_mass),
        ("double well: log Z", log_z(&info, &d), truth.log_normalizer),
    ]))
}

/// The share of Metropolis moves accepted at stationarity. From x ~ N(0, 1) the proposal
/// x' = (1 − h) x + √(2h) z is accepted with probability min(1, exp(−h (x'² − x²)/4)), whose mean is
/// 2 P(|x'| < |x|) by reversibility, and z/x has Cauchy's law.
pub(super) fn acceptance(gpu: &Gpu) -> Result<Vec<Finding>> {
    const STEP: f64 = 0.8;
    const STEPS: u32 = 20;
    let start = Initial::normal(&[0.0], &[1.0])?;
    let problem = Problem::new(Target::standard_normal(1)?, start, Flow::langevin())?;
    let config = Config {
        particles: 1 << 15,
        schedule: Schedule::uniform(STEP * f64::from(STEPS), STEPS)?,
        integrator: Some(Integrator::Mala),
        taming: false,
        ..Config::default()
    };
    let (n, (info, particles)) = (f64::from(config.particles), run(gpu, &problem, config)?);
    let root = (2.0 * STEP).sqrt();
    let exact = FRAC_2_PI * ((STEP / root).atan() + ((2.0 - STEP) / root).atan());
    // As if the steps of one particle were one: at worst that many errors are alike.
    let se = (exact * (1.0 - exact) / n).sqrt();
    let value = f64::from(info.acceptance.unwrap_or(f32::NAN));
    let d = Diagnostics::new(&particles);
    Ok(findings([
        ("Metropolis moves: share accepted", Estimate { value, se }, exact),
        ("Metropolis moves: variance kept", d.variances()[0], 1.0),
    ]))
}

/// The gradient flow of KL between Gaussians: μ' = −(1 + Σ)(μ − m)/C and Σ' = (2 + Σ)(1 − Σ/C) from
/// N(−1, 2) to N(2, 1/2) at the time 0.8.
///
/// Errors are the textbook's doubled, because particles interact; 0.02 is allowed for the splitting
/// and for the width of the kernel.
pub(super) fn gradient_flow(gpu: &Gpu) -> Result<Vec<Finding>> {
    const TIME: f64 = 0.8;
    let (mut mean, mut variance) = (-1.0, 2.0);
    let steps = 100_000;
    for _ in 0..steps {
        // The midpoint rule, whose error is far below the allowance.
        let rate = |m: f64, v: f64| (-2.0 * (1.0 + v) * (m - 2.0), (2.0 + v) * (1.0 - 2.0 * v));
        let h = TIME / f64::from(steps);
        let (a, b) = rate(mean, variance);
        let (a, b) = rate(mean + 0.5 * h * a, variance + 0.5 * h * b);
        (mean, variance) = (mean + h * a, variance + h * b);
    }
    let density = Density::Grid { cells: None, bandwidth: Bandwidth::Fixed(vec![0.1]) };
    let reaction = Reaction { density, ..Reaction::default() };
    let start = Initial::normal(&[-1.0], &[2.0_f32.sqrt()])?;
    let target = Target::from_formula(1, "-(x0 - 2)^2")?;
    let problem = Problem::new(target, start, Flow::wasserstein_fisher_rao(reaction))?;
    let config = Config {
        particles: 1 << 15,
        schedule: Schedule::uniform(TIME, 80)?,
        ess_every: 2,
        taming: false,
        ..Config::default()
    };
    let n = f64::from(config.particles);
    let (_, particles) = run(gpu, &problem, config)?;
    let d = Diagnostics::new(&particles);
    let of = |name: &str, estimate: Estimate, se: f64, truth: f64| {
        let measured = Estimate { se, ..estimate };
        Finding::law(Law::new(format!("gradient flow of KL: {name}"), measured, truth, 0.02))
    };
    let se = [2.0 * (variance / n).sqrt(), 2.0 * variance * (2.0 / n).sqrt()];
    Ok(vec![of("E x", d.means()[0], se[0], mean), of("Var x", d.variances()[0], se[1], variance)])
}

/// The geometric average of two Gaussian diffusion models, N(1/2, 1) and N(1, 1/4), by the exact weights
/// of the kernel ratio: N(0.9, 0.4), and log Z = log(0.8)/2 − 1/20, Bhattacharyya's coefficient.
pub(super) fn composition(gpu: &Gpu) -> Result<Vec<Finding>> {
    let model = |mean: f64, scale: f64| {
        ScoreModel::gaussian_mixture(&[Component {
            weight: 1.0,
            mean: vec![mean],
            scale: vec![scale],
        }])
    };
    let noise = Noise::variance_preserving(0.1, 20.0);
    let models = vec![model(0.5, 1.0)?, model(1.0, 0.5)?];
    let average = Composition::new(noise, models, Rule::geometric(0.5));
    let config = Config {
        particles: 1 << 14,
        schedule: noise.schedule(Spacing::Uniform, 0.0, 100)?,
        integrator: Some(Integrator::KernelRatio),
        ..Config::default()
    };
    let (info, particles) = run(gpu, &average.problem()?, config)?;
    let d = Diagnostics::new(&particles);
    let exact = 0.5 * 0.8_f64.ln() - 0.05;
    Ok(findings([
        ("average of two models: log Z", log_z(&info, &d), exact),
        ("average of two models: E x", d.means()[0], 0.9),
        ("average of two models: Var x", d.variances()[0], 0.4),
    ]))
}
