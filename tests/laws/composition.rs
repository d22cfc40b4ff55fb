//! Compositions of closed-form diffusion models against quadrature of the density that each rule
//! asks for.
//!
//! Kernel ratios (also of the exponential integrator) are exact at every step size, so nothing is
//! allowed on top of the Monte Carlo error; weights by ψ have a bias of the order of the step, which
//! each test states. `Composition::with_correction(-1)` turns the sign of all weights round.

mod ablation;
mod processes;
mod reward;
mod rules;
mod tracking;

use wfr::diffusion::{Composition, Curve, Noise, Rule, ScoreModel, Spacing};
use wfr::{Component, Config, Diagnostics, Estimate, Gpu, Info, Integrator};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// Weights, means and variances of the mixtures that rules combine.
type Parts = [(f64, f64, f64); 2];
const LEFT: Parts = [(0.3, -3.0, 0.25), (0.7, 1.0, 0.5)];
const RIGHT: Parts = [(0.6, -1.0, 0.4), (0.4, 2.5, 0.3)];
const WIDE: Parts = [(0.5, -1.5, 1.0), (0.5, 2.0, 0.6)];

fn model(parts: &Parts) -> ScoreModel {
    let component = |&(weight, mean, variance): &(f64, f64, f64)| Component {
        weight,
        mean: vec![mean],
        scale: vec![variance.sqrt()],
    };
    ScoreModel::gaussian_mixture(&parts.each_ref().map(component)).unwrap()
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

/// As many of the three models as the rule takes.
fn composed(rule: Rule, models: usize) -> Composition {
    let all = [model(&LEFT), model(&RIGHT), model(&WIDE)];
    Composition::new(noise(), all[..models].to_vec(), rule)
}

fn pair(rule: Rule) -> Composition {
    composed(rule, 2)
}

fn config(steps: u32, integrator: Integrator) -> Config {
    Config {
        particles: 1 << 13,
        seed: 1,
        schedule: noise().schedule(Spacing::Uniform, 0.0, steps).unwrap(),
        integrator: Some(integrator),
        ..Config::default()
    }
}

const NAMES: [&str; 4] = ["E x", "E x²", "P(x > 0)", "log Z"];

/// x, x² and the side that x is on.
fn statistics(x: f64) -> [f64; 3] {
    let side = if x == 0.0 { 0.5 } else { f64::from(x > 0.0) };
    [x, x * x, side]
}

/// E x, E x², P(x > 0) and log Z of the density at the end, by the trapezoid rule; x is the first
/// coordinate.
fn truth(composition: &Composition, reward: impl Fn(f64) -> f64) -> [f64; 4] {
    let tau = composition.noise().begin();
    let dim = composition.models()[0].dim();
    let (reach, width) = if dim == 1 { (9.0, 0.003) } else { (9.0, 0.05) };
    let count = (2.0 * reach / width) as i32;
    let at = |i: i32| reach * f64::from(2 * i - count) / f64::from(count);
    let mut sums = [0.0; 4];
    let mut add = |x: &[f64]| {
        let density = (composition.log_density(x, tau, 1.0).unwrap() + reward(x[0])).exp();
        let [mean, square, side] = statistics(x[0]);
        for (sum, value) in sums.iter_mut().zip([mean, square, side, 1.0]) {
            *sum += width.powi(dim as i32) * density * value;
        }
    };
    for i in 0..=count {
        match dim {
            1 => add(&[at(i)]),
            _ => (0..=count).for_each(|j| add(&[at(i), at(j)])),
        }
    }
    let [mean, square, right, total] = sums;
    [mean / total, square / total, right / total, total.ln()]
}

fn moments(info: &Info, d: &Diagnostics<'_>) -> Vec<Estimate> {
    let mut estimates: Vec<_> = (0..3).map(|i| d.mean(|x| statistics(x[0].into())[i])).collect();
    estimates.push(common::log_z(info, d));
    estimates
}

/// A composition, what it must give, and how it is run.
struct Case {
    composition: Composition,
    config: Config,
    truth: [f64; 4],
    /// The bias of the method that is allowed, of each of [`NAMES`].
    allowances: [f64; 4],
    seeds: u64,
}

impl Case {
    /// One run whose weights are exact.
    fn new(composition: Composition, config: Config) -> Case {
        let truth = truth(&composition, |_| 0.0);
        Case { composition, config, truth, allowances: [0.0; 4], seeds: 1 }
    }

    fn laws(&self, gpu: &Gpu, correction: f64) -> wfr::Result<Vec<Law>> {
        let composition = self.composition.clone().with_correction(correction);
        let name = composition.rule().to_string();
        let problem = composition.problem()?;
        let seed = self.config.seed;
        let seeds = seed..seed + self.seeds;
        let measured = common::averaged(gpu, &problem, &self.config, seeds, moments)?;
        let law = |i: usize| {
            Law::new(
                format!("{name}, {}", NAMES[i]),
                measured[i],
                self.truth[i],
                self.allowances[i],
            )
        };
        Ok((0..4).map(law).collect())
    }

    fn gpu(&self) -> Option<Gpu> {
        common::gpu(&self.composition.clone().problem().unwrap(), &self.config)
    }

    /// Asserts the laws, and that they fail with the sign of the weights turned round.
    fn check(&self) {
        let Some(gpu) = self.gpu() else { return };
        assert_hold(&self.laws(&gpu, 1.0).unwrap());
        assert_rejected(self.laws(&gpu, -1.0));
    }

    /// Asserts the laws of a composition that has no weights whose sign could be wrong.
    fn check_unweighted(&self) {
        let Some(gpu) = self.gpu() else { return };
        assert_hold(&self.laws(&gpu, 1.0).unwrap());
    }
}
