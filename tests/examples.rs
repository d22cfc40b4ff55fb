//! The examples that bring a reference of their own: posterior means and log evidence within four
//! standard errors of it.

mod common;

#[path = "../examples/eight_schools/main.rs"]
#[allow(dead_code, reason = "its `main` is the example's")]
mod eight_schools;
#[path = "../examples/logistic_regression/main.rs"]
#[allow(dead_code, reason = "its `main` is the example's")]
mod logistic_regression;

use common::{Law, assert_hold, assert_rejected};
use wfr::{Config, Diagnostics, Estimate, Info, Problem};

type Answers = fn(&Info, &Diagnostics<'_>) -> Vec<(String, Estimate, f64)>;

/// Runs the problem, as it is and with the sign of its weights turned round; the means have
/// standard errors below `bluntest`, and the references errors below `allowance`.
fn check(problem: &Problem, config: &Config, answers: Answers, bluntest: f64, allowance: f64) {
    let Some(gpu) = common::gpu(problem, config) else { return };
    let laws = |problem: &Problem, config: &Config, seeds: u64| -> wfr::Result<Vec<Law>> {
        let mut known = Vec::new();
        let measured = common::averaged(&gpu, problem, config, 0..seeds, |info, diagnostics| {
            known = answers(info, diagnostics);
            known.iter().map(|(_, estimate, _)| *estimate).collect()
        })?;
        let law = |((name, _, exact), measured)| Law::new(name, measured, exact, allowance);
        Ok(known.into_iter().zip(measured).map(law).collect())
    };
    let held = laws(problem, config, 2).unwrap();
    assert_hold(&held);
    let dim = problem.target().dim() as usize;
    assert!(held.len() > dim && held.iter().all(|law| law.measured.se < bluntest), "too blunt");

    let flipped = common::annealed_with_flipped_sign();
    let (target, initial) = (problem.target().clone(), problem.initial().clone());
    let flipped = Problem::new(target, initial, flipped).unwrap();
    assert_rejected(laws(&flipped, &Config { particles: 512, ..config.clone() }, 1));
}

/// 944 answers, 6 coefficients. The reference has errors up to 1.5e-4, and the sum of as many terms
/// in single precision some 1e-4.
#[test]
fn logistic_regression_agrees_with_importance_sampling() {
    use logistic_regression::{answers, config, problem};
    check(&problem().unwrap(), &config(2000, 150).unwrap(), answers, 0.1, 1e-3);
}

/// Ten dimensions, exact answers.
#[test]
fn eight_schools_agree_with_quadrature() {
    use eight_schools::{answers, config, problem};
    check(&problem().unwrap(), &config(1 << 14, 150).unwrap(), answers, 0.1, 0.0);
}
