//! Without weights: combined scores alone give another law. How far off it is was computed by
//! another program, with 80000 particles and 400 steps.

use wfr::Target;

use super::*;

/// Of those numbers: half a last digit and four standard errors of at most 0.01; and the bias of
/// steps twice as long.
const ALLOWANCE: f64 = 0.05;

/// Asserts what runs without weights miss the truth by.
fn assert_misses(case: Case, expected: &[(usize, f64)]) {
    let Some(gpu) = case.gpu() else { return };
    let laws = case.laws(&gpu, 0.0).unwrap();
    let miss = |(i, miss): &(usize, f64)| {
        let Law { name, measured, truth, .. } = &laws[*i];
        Law::new(format!("{name} without weights"), *measured, truth + miss, ALLOWANCE)
    };
    assert_hold(&expected.iter().map(miss).collect::<Vec<_>>());
    assert!(laws.iter().any(|law| !law.holds()), "the law holds without weights");
}

fn plain(composition: Composition) -> Case {
    Case::new(composition, Config { particles: 1 << 14, ..config(200, Integrator::Euler) })
}

#[test]
fn scores_alone_miss_the_law_of_products() {
    assert_misses(plain(pair(Rule::geometric(0.4))), &[(0, -0.360)]);
    assert_misses(plain(pair(Rule::product())), &[(0, -0.534)]);
    assert_misses(plain(pair(Rule::guidance(2.5))), &[(0, 1.546)]);
    assert_misses(plain(composed(Rule::annealed(2.0), 1)), &[(0, 0.186)]);
}

#[test]
fn scores_alone_miss_the_law_of_fisher_rao_mixtures() {
    let rule = || pair(Rule::fisher_rao(0.4));
    assert_misses(plain(rule()), &[(0, -0.103)]);
    let frozen = rule().with_frozen_drift(vec![0.6.into(), 0.4.into()]);
    assert_misses(plain(frozen), &[(0, -0.070), (1, -0.294)]);
}

#[test]
fn scores_alone_miss_the_law_of_a_reward() {
    let target = Target::from_formula(1, reward::FORMULA).unwrap();
    let composition =
        composed(Rule::annealed(1.0), 1).with_reward(target, Curve::linear(0.0, reward::STRENGTH));
    let case = plain(composition);
    let truth = truth(&case.composition, reward::tilt);
    assert_misses(Case { truth, ..case }, &[(0, -0.018), (1, 0.305)]);
}
