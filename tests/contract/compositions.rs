//! What runs of compositions promise: the same bits again, however they are cut.

use wfr::Component;
use wfr::diffusion::{Composition, Curve, Noise, Rule, ScoreModel, Spacing, Tracking};

use super::*;

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn composition(dim: usize, rule: Rule) -> Composition {
    let model = |means: [f64; 2], sd: f64| {
        let component = |mean: f64| Component {
            weight: 1.0,
            mean: (0..dim).map(|j| mean - 0.5 * j as f64).collect(),
            scale: vec![sd; dim],
        };
        ScoreModel::gaussian_mixture(&means.map(component)).unwrap()
    };
    Composition::new(noise(), vec![model([-2.0, 1.0], 0.6), model([-1.0, 2.0], 0.5)], rule)
}

/// No multiple of a block or of a workgroup.
fn settings(integrator: Integrator) -> Config {
    Config {
        schedule: noise().schedule(Spacing::Uniform, 0.0, 60).unwrap(),
        particles: 1500,
        integrator: Some(integrator),
        ess_every: 5,
        ..config()
    }
}

/// A sharp rule that resamples and tracks along the path, and one that evaluates; a reward.
fn runs() -> Vec<(Problem, Config)> {
    let guidance = Rule::guidance(Curve::linear(1.5, 2.5));
    let reward = Target::from_formula(2, "-(x0 - 1)^2").unwrap();
    let compositions = [
        (composition(1, guidance.clone()).with_tracking(Tracking::Ito), Integrator::Euler),
        (composition(2, guidance), Integrator::KernelRatio),
        (composition(2, Rule::fisher_rao(0.4)).with_reward(reward, 4.0), Integrator::Exponential),
        (composition(5, Rule::product()), Integrator::KernelRatio),
    ];
    let run = |(composition, integrator): (Composition, _)| {
        (composition.problem().unwrap(), settings(integrator))
    };
    compositions.into_iter().map(run).collect()
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    for (problem, config) in runs() {
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let name = problem.composition().unwrap().rule().to_string();
        let first = whole(&gpu, &problem, &config);
        assert!(first.info[6] > 0, "{name}: no resampling to prove anything");
        assert!(first == whole(&gpu, &problem, &config), "{name}");
        let other = common::gpu(&problem, &config).unwrap();
        assert!(first == whole(&other, &problem, &config), "{name} on another device object");
        let others = whole(&gpu, &problem, &Config { seed: 12, ..config });
        let same = first.positions.iter().zip(&others.positions).filter(|(a, b)| a == b).count();
        assert!(same < 10, "{name}: {same} coordinates are those of another seed");
    }
}

#[test]
fn cutting_a_run_changes_no_bit() {
    for (problem, config) in runs() {
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let name = problem.composition().unwrap().rule().to_string();
        let expected = whole(&gpu, &problem, &config);
        // Four recordings in one submission, and pieces that are no multiple of a test.
        let mut sampler = new(&gpu, &problem, &config);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        (0..4).for_each(|_| sampler.encode(&mut encoder, 15));
        gpu.queue.submit([encoder.finish()]);
        assert!(bits(&sampler) == expected, "{name}: four recordings");
        let mut sampler = new(&gpu, &problem, &config);
        for piece in [3, 20, 1, 36] {
            advance(&mut sampler, piece);
        }
        assert!(bits(&sampler) == expected, "{name}: four submissions");
    }
}

#[test]
fn workgroup_sizes_change_no_bit_of_a_composition() {
    for (problem, config) in runs() {
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let expected = whole(&gpu, &problem, &config);
        for workgroup_size in [1, 256] {
            let config = Config { workgroup_size, ..config.clone() };
            assert!(whole(&gpu, &problem, &config) == expected, "{workgroup_size}");
        }
    }
}

/// Without resampling, how many steps a dispatch fuses changes no position and no log density that
/// is tracked. The log-weights are shifted at each test, so that they are rounded elsewhere.
#[test]
fn fusing_steps_changes_no_path() {
    for (problem, config) in runs() {
        let Some(gpu) = common::gpu(&problem, &config) else { return };
        let run = |ess_every: u32| {
            let config = Config { ess_every, ess_threshold: 0.0, ..config.clone() };
            let mut sampler = new(&gpu, &problem, &config);
            advance(&mut sampler, u32::MAX);
            let log_z = info(&sampler).log_normalizer;
            (particles(&sampler), log_z)
        };
        let ((each, log_z), (fused, fused_log_z)) = (run(1), run(16));
        let name = problem.composition().unwrap().rule().to_string();
        assert!(each.positions() == fused.positions(), "{name}");
        assert_eq!(each.ancestors(), fused.ancestors(), "{name}");
        assert!((log_z - fused_log_z).abs() < 1e-4, "{name}: {log_z} {fused_log_z}");
        // Up to the constant of the last shift; sixty roundings of log-weights, each by 2^-20 of them.
        let constant = each.log_weights()[0] - fused.log_weights()[0];
        for (a, b) in each.log_weights().iter().zip(fused.log_weights()) {
            assert!((a - b - constant).abs() < 6e-5 * (1.0 + a.abs()), "{name}: {a} {b}");
        }
    }
}
