//! Other noising processes, other noise of the sampler, more dimensions.

use wfr::diffusion::Tracking;

use super::*;

/// The pair on another noise.
fn on(noise: Noise, spacing: Spacing, steps: u32, integrator: Integrator) -> Case {
    let rule = Rule::fisher_rao(0.4);
    let composition = Composition::new(noise, vec![model(&LEFT), model(&RIGHT)], rule);
    let schedule = noise.schedule(spacing, noise.begin(), steps).unwrap();
    Case::new(composition, Config { schedule, ..config(steps, integrator) })
}

#[test]
fn variance_exploding_and_sub_variance_preserving() {
    let exploding = Noise::variance_exploding(0.02, 20.0);
    on(exploding, Spacing::Karras(7.0), 60, Integrator::KernelRatio).check();
    on(exploding, Spacing::Geometric, 60, Integrator::Exponential).check();
    let sub = Noise::sub_variance_preserving(0.1, 20.0);
    on(sub, Spacing::Uniform, 200, Integrator::KernelRatio).check();
}

/// The law does not depend on η.
#[test]
fn any_noise_gives_the_same_law() {
    for eta in [0.6, 1.4] {
        let rule = Rule::geometric(0.4);
        let composition = pair(rule).with_stochasticity(eta);
        Case::new(composition, config(200, Integrator::KernelRatio)).check();
    }
    // The probability flow: weights by their rate with a bias of order h, 0.007 of log Z here; no
    // resampling, whose copies would never part.
    let flow = pair(Rule::fisher_rao(0.4)).with_stochasticity(0.0);
    let never = Config { ess_threshold: 0.0, ..config(200, Integrator::Euler) };
    Case { allowances: [0.01, 0.01, 0.0, 0.01], ..Case::new(flow, never) }.check();
}

/// The two mixtures in the plane.
#[test]
fn two_dimensions() {
    let model = |parts: &Parts, second: [f64; 2]| {
        let component = |i: usize| {
            let (weight, mean, variance) = parts[i];
            Component { weight, mean: vec![mean, second[i]], scale: vec![variance.sqrt(); 2] }
        };
        let components = [0, 1].map(component);
        ScoreModel::gaussian_mixture(&components).unwrap()
    };
    for rule in [Rule::fisher_rao(0.4), Rule::geometric(0.4)] {
        let models = vec![model(&LEFT, [1.0, -0.5]), model(&RIGHT, [0.3, 1.0])];
        let composition = Composition::new(noise(), models, rule);
        Case::new(composition, config(200, Integrator::KernelRatio)).check();
    }
    let models = vec![model(&LEFT, [1.0, -0.5]), model(&RIGHT, [0.3, 1.0])];
    let composition = Composition::new(noise(), models, Rule::fisher_rao(0.4));
    let tracked = composition.with_tracking(Tracking::Ito);
    let case = Case::new(tracked, config(200, Integrator::Euler));
    Case { allowances: [0.0, 0.0, 0.0, 0.01], ..case }.check();
}
