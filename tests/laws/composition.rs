//! Compositions of closed-form diffusion models against quadrature of the density that each rule
//! asks for.

use std::f64::consts::TAU;

use wfr::diffusion::{Composition, Curve, Noise, Rule, ScoreModel, Spacing};
use wfr::{Component, Config, Diagnostics, Estimate, Gpu, Info, Integrator};

use crate::common::{self, Law, assert_hold, assert_rejected};

/// Weights, means and variances of the two mixtures that all rules combine.
const LEFT: [(f64, f32, f32); 2] = [(0.3, -3.0, 0.25), (0.7, 1.0, 0.5)];
const RIGHT: [(f64, f32, f32); 2] = [(0.6, -1.0, 0.4), (0.4, 2.5, 0.3)];

fn model(components: &[(f64, f32, f32)]) -> ScoreModel {
    let component = |&(weight, mean, variance): &(f64, f32, f32)| Component {
        weight,
        mean: vec![mean],
        scale: vec![variance.sqrt()],
    };
    let components: Vec<_> = components.iter().map(component).collect();
    ScoreModel::gaussian_mixture(&components).unwrap()
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn pair(rule: Rule) -> Composition {
    Composition::new(noise(), vec![model(&LEFT), model(&RIGHT)], rule)
}

fn config(steps: u32, integrator: Integrator) -> Config {
    Config {
        particles: 1 << 14,
        schedule: noise().schedule(Spacing::Uniform, 0.0, steps).unwrap(),
        integrator: Some(integrator),
        ..Config::default()
    }
}

/// E x, E x², P(x > 0) and log Z of the density at the end, by the trapezoid rule.
fn truth(composition: &Composition, reward: impl Fn(f64) -> f64) -> [f64; 4] {
    let (low, high, count) = (-9.0, 9.0, 6000);
    let width = (high - low) / f64::from(count);
    let mut sums = [0.0; 4];
    for i in 0..=count {
        let x = low + width * f64::from(i);
        let density = (composition.log_density(&[x], 0.0, 1.0).unwrap() + reward(x)).exp();
        let right = if x > 0.0 { 1.0 } else { 0.0 };
        for (sum, value) in sums.iter_mut().zip([x, x * x, right, 1.0]) {
            *sum += width * density * value;
        }
    }
    let [mean, square, right, total] = sums;
    [mean / total, square / total, right / total, total.ln()]
}

const NAMES: [&str; 4] = ["E x", "E x²", "P(x > 0)", "log Z"];

fn moments(info: &Info, d: &Diagnostics<'_>) -> Vec<Estimate> {
    vec![
        d.mean(|x| x[0].into()),
        d.mean(|x| f64::from(x[0]).powi(2)),
        d.mean(|x| if x[0] > 0.0 { 1.0 } else { 0.0 }),
        common::log_z(info, d),
    ]
}

/// The laws of a composition, with the bias of its steps allowed.
fn laws(
    gpu: &Gpu,
    composition: Composition,
    truth: [f64; 4],
    config: &Config,
    seeds: u64,
    allowances: [f64; 4],
) -> wfr::Result<Vec<Law>> {
    let name = composition.rule().to_string();
    let problem = composition.problem()?;
    let measured = common::averaged(gpu, &problem, config, 0..seeds, moments)?;
    let law =
        |i: usize| Law::new(format!("{name}: {}", NAMES[i]), measured[i], truth[i], allowances[i]);
    Ok((0..4).map(law).collect())
}

#[test]
fn rules_have_the_laws_of_their_densities() {
    let rules = [
        (Rule::annealed(2.0), 1),
        (Rule::annealed(0.5), 1),
        (Rule::product(), 2),
        (Rule::geometric(0.4), 2),
        (Rule::geometric(Curve::linear(0.1, 0.6)), 2),
        (Rule::guidance(2.5), 2),
        (Rule::mixture(0.4), 2),
        (Rule::mixture(Curve::linear(0.1, 0.6)), 2),
        (Rule::fisher_rao(0.4), 2),
        (Rule::fisher_rao(Curve::linear(0.1, 0.6)), 2),
        (Rule::power_mean(0.25, vec![0.6.into(), 0.4.into()]), 2),
        (Rule::power_mean(-1.0, vec![0.6.into(), 0.4.into()]), 2),
    ];
    for (rule, models) in rules {
        for integrator in [Integrator::Euler, Integrator::KernelRatio, Integrator::Exponential] {
            let all = [model(&LEFT), model(&RIGHT)];
            let composition = Composition::new(noise(), all[..models].to_vec(), rule.clone());
            let config = config(400, integrator);
            let truth = truth(&composition, |_| 0.0);
            let gpu = common::gpu(&composition.clone().problem().unwrap(), &config).unwrap();
            println!("{integrator}");
            for law in laws(&gpu, composition, truth, &config, 1, [0.0; 4]).unwrap() {
                println!("{law}");
            }
        }
    }
    let _ = (assert_hold, assert_rejected, TAU);
}
