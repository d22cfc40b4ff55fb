//! Errors put on scores, against the same chain of densities on a grid.

use wfr::diffusion::{Composition, Noise, Rule, ScoreError, ScoreModel, Spacing};
use wfr::{Component, Config, Integrator};

use crate::common::{self, Law, assert_hold, assert_rejected};

const STEPS: u32 = 64;

fn model() -> ScoreModel {
    let component =
        |weight, mean, scale| Component { weight, mean: vec![mean], scale: vec![scale] };
    ScoreModel::gaussian_mixture(&[component(0.3, -1.5, 0.5), component(0.7, 1.0, 0.7)]).unwrap()
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

/// E x, E x² and P(x > 0) of Euler's chain x′ = (1 + F) x + G s̃(x) + √G ξ with F = log α′/α and
/// G = 2F, its density pushed from node to node on a grid; the error's noise adds G² noise² to the
/// variance.
fn chain(error: ScoreError) -> [f64; 3] {
    let (model, noise) = (model(), noise());
    let (scale, wave, rough) =
        (f64::from(error.scale), f64::from(error.wave), f64::from(error.noise));
    // A quarter of the deviation of the last and narrowest kernel.
    let width = 0.015;
    let grid: Vec<f64> = (-333..=333).map(|i| f64::from(i) * width).collect();
    let mut density: Vec<f64> = grid.iter().map(|x| (-0.5 * x * x).exp()).collect();
    for k in 0..STEPS {
        let level = |k: u32| 1.0 - f64::from(k) / f64::from(STEPS);
        let grown = (noise.alpha(level(k + 1)) / noise.alpha(level(k))).ln();
        let variance = 2.0 * grown + (2.0 * grown * rough).powi(2);
        let mut next = vec![0.0; grid.len()];
        for (x, mass) in grid.iter().zip(&density).filter(|(_, mass)| **mass > 1e-12) {
            let score = model.exact(&noise, level(k), &[*x]).unwrap().score[0];
            let score = (1.0 + scale) * score + wave * (2.0 * x).sin();
            let mean = (1.0 + grown) * x + 2.0 * grown * score;
            let kernel = |y: &f64| (-0.5 * (y - mean).powi(2) / variance).exp();
            let total: f64 = grid.iter().map(kernel).sum();
            next.iter_mut().zip(&grid).for_each(|(sum, y)| *sum += mass * kernel(y) / total);
        }
        density = next;
    }
    let total: f64 = density.iter().sum();
    let expect = |f: &dyn Fn(f64) -> f64| {
        grid.iter().zip(&density).map(|(x, mass)| mass * f(*x)).sum::<f64>() / total
    };
    [expect(&|x| x), expect(&|x| x * x), expect(&|x| 0.5 * (1.0 + x.signum()))]
}

/// Without their errors the chains are others: E x² by 0.26, 0.24 and 0.64, where 4 standard errors
/// are 0.02 to 0.035.
#[test]
fn wrong_scores_have_the_laws_of_their_chains() {
    let errors = [
        ScoreError { scale: 0.2, ..ScoreError::default() },
        ScoreError { wave: 0.4, ..ScoreError::default() },
        ScoreError { noise: 3.0, ..ScoreError::default() },
    ];
    let config = Config {
        particles: 1 << 16,
        schedule: noise().schedule(Spacing::Uniform, 0.0, STEPS).unwrap(),
        integrator: Some(Integrator::Euler),
        ess_threshold: 0.0,
        ..Config::default()
    };
    for error in errors {
        let models = vec![model().with_error(error)];
        let composition = Composition::new(noise(), models, Rule::annealed(1.0));
        let problem = composition.without_correction().problem().unwrap();
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let measured = common::averaged(&gpu, &problem, &config, 0..1, |_, d| {
            vec![d.means()[0], d.second_moments()[0], d.mass(|x| x[0] > 0.0)]
        })
        .unwrap();
        let laws = |truth: [f64; 3]| -> Vec<Law> {
            let names = ["E x", "E x²", "P(x > 0)"];
            let law =
                |i: usize| Law::new(format!("{error:?}: {}", names[i]), measured[i], truth[i], 0.0);
            (0..3).map(law).collect()
        };
        assert_hold(&laws(chain(error)));
        assert_rejected(Ok(laws(chain(ScoreError::default()))));
    }
}
