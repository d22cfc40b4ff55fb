//! Every rule with exact weights, and some with weights by their rate.

use super::*;

fn shares(shares: &[f64]) -> Vec<Curve> {
    shares.iter().map(|share| (*share).into()).collect()
}

/// A run by the kernel ratio.
fn exact(composition: Composition) -> Case {
    Case::new(composition, config(200, Integrator::KernelRatio))
}

#[test]
fn powers_of_one_model() {
    exact(composed(Rule::annealed(0.5), 1)).check();
    // Few of the particles decide between the modes: noise larger than the process's own mixes.
    let sharp = composed(Rule::annealed(2.0), 1).with_stochasticity(2.0);
    exact(sharp).check();
    exact(composed(Rule::annealed(Curve::linear(1.0, 1.5)), 1)).check();
}

#[test]
fn products_and_geometric_averages() {
    exact(pair(Rule::product())).check();
    exact(pair(Rule::geometric(0.4))).check();
    exact(pair(Rule::geometric(Curve::linear(0.1, 0.6)))).check();
    exact(composed(Rule::log_linear(shares(&[0.7, 0.5, -0.2])), 3)).check();
}

#[test]
fn guidance() {
    // More noise than the process has: the scale rewards where models differ, which few reach.
    let case = exact(pair(Rule::guidance(2.5)).with_stochasticity(1.6));
    Case { config: Config { particles: 1 << 14, ..case.config }, ..case }.check();
    exact(pair(Rule::guidance(Curve::linear(1.0, 2.0)))).check();
}

/// A mixture of constant shares has ψ = 0: there is nothing to flip. Its flow is the weighting of the
/// scores, and a share that moves needs weights.
#[test]
fn mixtures() {
    exact(pair(Rule::mixture(0.4))).check_unweighted();
    exact(pair(Rule::mixture(Curve::linear(0.1, 0.6)))).check();
    exact(composed(Rule::power_mean(1.0, shares(&[0.2, 0.3, 0.5])), 3)).check_unweighted();
}

#[test]
fn fisher_rao_mixtures() {
    exact(pair(Rule::fisher_rao(0.4))).check();
    exact(pair(Rule::fisher_rao(Curve::linear(0.1, 0.6)))).check();
    // cos Ω = ∫√(q₁q₂) = 0.530043, so that Z = 1 along the arc.
    let arc = pair(Rule::arc(Curve::linear(0.1, 0.6), 0.530043_f64.acos()));
    let case = exact(arc);
    assert!(case.truth[3].abs() < 1e-5, "{}", case.truth[3]);
    case.check();
}

#[test]
fn power_means() {
    exact(pair(Rule::power_mean(0.25, shares(&[0.6, 0.4])))).check();
    exact(pair(Rule::power_mean(-1.0, shares(&[0.6, 0.4])))).check();
    let turning = Rule::power_mean(Curve::linear(1.0, 0.2), shares(&[0.2, 0.3, 0.5]));
    exact(composed(turning, 3)).check();
    exact(composed(Rule::power_mean(0.0, shares(&[0.2, 0.3, 0.5])), 3)).check();
}

/// The exact linear step, also exact in its weights, at a quarter of the steps.
#[test]
fn exponential_steps() {
    let case = |rule| Case::new(pair(rule), config(50, Integrator::Exponential));
    case(Rule::fisher_rao(0.4)).check();
    case(Rule::geometric(0.4)).check();
}

/// Weights by ψ at the left point of each step: a bias of order h, 0.016 of log Z for the geometric
/// average at 200 steps. For guidance another program found −0.12 of E x and 0.18 of log Z at 200
/// steps, −0.04 and 0.05 at 800.
#[test]
fn weights_by_their_rate() {
    let case = |rule, allowances| Case {
        allowances,
        ..Case::new(pair(rule), config(200, Integrator::Euler))
    };
    case(Rule::fisher_rao(Curve::linear(0.1, 0.6)), [0.01, 0.02, 0.0, 0.01]).check();
    case(Rule::geometric(0.4), [0.02, 0.04, 0.0, 0.02]).check();
    case(Rule::guidance(2.5), [0.13, 0.1, 0.03, 0.2]).check();
}
