//! What compositions of diffusion models are refused for: golden texts, a sentence a line.

use wfr::Component;
use wfr::diffusion::{Composition, Curve, Noise, Outputs, Rule, ScoreModel, Spacing, Tracking};

use super::*;

fn mixture(dim: usize) -> ScoreModel {
    let one = Component { weight: 1.0, mean: vec![0.0; dim], scale: vec![1.0; dim] };
    ScoreModel::gaussian_mixture(&[one]).unwrap()
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn pair(rule: Rule) -> Composition {
    Composition::new(noise(), vec![mixture(2), mixture(2)], rule)
}

fn refused<T>(result: wfr::Result<T>) -> String {
    result.err().expect("it is refused").to_string()
}

#[test]
fn rules() {
    let line = Curve::linear;
    let shares = |shares: &[f64]| shares.iter().map(|share| (*share).into()).collect::<Vec<_>>();
    let texts = [
        Rule::log_linear(shares(&[1.0; 3])),
        Rule::power_mean(0.5, shares(&[1.0])),
        Rule::annealed(40.0),
        Rule::guidance(f64::NAN),
        Rule::mixture(line(0.5, 1.5)),
        Rule::power_mean(0.5, shares(&[0.5, -0.1])),
        Rule::power_mean(0.5, shares(&[0.0, 0.0])),
        Rule::power_mean(line(-0.5, 0.5), shares(&[0.5, 0.5])),
        Rule::power_mean(0.001, shares(&[0.5, 0.5])),
        Rule::annealed(-1.0),
        Rule::log_linear(vec![line(-1.0, 1.0), 1.0.into()]),
        Rule::arc(1.5, 1.0),
        Rule::arc(0.5, 2.0),
        Rule::arc(0.5, 0.0),
    ];
    let texts = texts.map(|rule| refused(pair(rule).problem()));
    golden("composition_rules", &texts.join("\n"));
}

#[test]
fn noises_and_their_levels() {
    let of = |noise: Noise| {
        refused(Composition::new(noise, vec![mixture(2)], Rule::product()).problem())
    };
    let levels = |spacing, last, steps| refused(noise().schedule(spacing, last, steps));
    let texts = [
        of(Noise::variance_preserving(-0.1, 20.0)),
        of(Noise::sub_variance_preserving(0.1, f64::INFINITY)),
        of(Noise::variance_preserving(0.1, 200.0)),
        of(Noise::variance_exploding(2.0, 1.0)),
        of(Noise::variance_exploding(0.01, 1e7)),
        refused(Noise::variance_exploding(-1.0, 1.0).schedule(Spacing::Uniform, 0.0, 10)),
        levels(Spacing::Uniform, 1.0, 10),
        levels(Spacing::Uniform, -0.5, 10),
        levels(Spacing::Geometric, 0.0, 10),
        levels(Spacing::Karras(0.5), 0.0, 10),
        levels(Spacing::Uniform, 0.0, 0),
        refused(Curve::through(&[])),
        refused("0.1:many".parse::<Curve>()),
        refused("inf".parse::<Curve>()),
    ];
    golden("composition_noises", &texts.join("\n"));
}

#[test]
fn compositions() {
    let of = |models: Vec<ScoreModel>| {
        refused(Composition::new(noise(), models, Rule::product()).problem())
    };
    let plain = || pair(Rule::mixture(0.5));
    let reward = |dim: u32| Target::standard_normal(dim).unwrap();
    let outputs = Outputs::default();
    let texts = [
        of(Vec::new()),
        of(vec![mixture(1); 17]),
        of(vec![mixture(2), ScoreModel::external("net", 3, outputs).unwrap()]),
        refused(ScoreModel::external("net", 0, outputs)),
        refused(ScoreModel::gaussian_mixture(&[])),
        refused(plain().with_stochasticity(-1.0).problem()),
        refused(plain().with_stochasticity(f64::NAN).problem()),
        refused(plain().with_correction(f64::INFINITY).problem()),
        refused(plain().with_frozen_drift(vec![0.5.into()]).problem()),
        refused(plain().with_frozen_drift(vec![0.5.into(), f64::NAN.into()]).problem()),
        refused(plain().with_reward(reward(3), 1.0).problem()),
        refused(plain().with_reward(reward(2), f64::NAN).problem()),
        refused(plain().with_reward(reward(2), 1.0).with_reward_guidance(f64::NAN).problem()),
    ];
    golden("compositions", &texts.join("\n"));
}

/// What a sampler refuses before anything runs.
#[test]
fn settings_of_compositions() {
    let settings = |integrator: Integrator| Config {
        particles: 1000,
        schedule: noise().schedule(Spacing::Uniform, 0.0, 10).unwrap(),
        integrator: Some(integrator),
        ..Config::default()
    };
    let external = |outputs: Outputs| {
        let models = vec![mixture(2), ScoreModel::external("net", 2, outputs).unwrap()];
        Composition::new(noise(), models, Rule::mixture(0.5))
    };
    let plain = || pair(Rule::mixture(0.5));
    let walled = |outside: &str| {
        let reward = Target::from_formula(2, &format!("where(x0 > 0.5, 0, {outside})")).unwrap();
        plain().with_reward(reward, 1.0)
    };
    let all = Outputs { divergence: true, log_density: true };
    let (euler, ratio) = (Integrator::Euler, Integrator::KernelRatio);
    let preconditioned = Config { preconditioner: Some(vec![1.0, 2.0]), ..settings(euler) };
    let long = Config { schedule: Schedule::uniform(2.0, 10).unwrap(), ..settings(euler) };
    let cases = [
        (plain(), settings(Integrator::Strang)),
        (plain(), settings(Integrator::Mala)),
        (plain(), settings(Integrator::Baoab)),
        (plain().with_stochasticity(0.0), settings(ratio)),
        (external(all).with_stochasticity(0.5), settings(ratio)),
        (external(all).with_frozen_drift(vec![0.5.into(); 2]), settings(ratio)),
        (plain(), preconditioned),
        (plain().with_tracking(Tracking::KernelRatio).with_stochasticity(0.5), settings(euler)),
        (external(Outputs::default()).with_stochasticity(0.5), settings(euler)),
        (external(Outputs::default()).with_frozen_drift(vec![0.5.into(); 2]), settings(euler)),
        (plain(), long),
        (walled("-inf"), settings(euler)),
        (walled("-1e4"), settings(euler)),
    ];
    let start = plain().problem().unwrap();
    let Some(gpu) = common::gpu(&start, &settings(euler)) else { return };
    let texts = cases.map(|(composition, config)| {
        refused(Sampler::new(&gpu, &composition.problem().unwrap(), config))
    });
    golden("composition_settings", &texts.join("\n"));
}
