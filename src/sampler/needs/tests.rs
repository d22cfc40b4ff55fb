use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::diffusion::{Noise, Rule, ScoreModel, Spacing, Tracking};
use crate::driver::SOFTWARE_LOOP_CAP;
use crate::{
    Adaptive, Bandwidth, Component, Density, Flow, Initial, Integrator, Reaction, Resampler,
    Schedule, Target,
};

fn normal(dim: u32, flow: Flow) -> Problem {
    let (mean, sd) = (vec![0.0; dim as usize], vec![1.0; dim as usize]);
    let target = Target::named("gaussian-mixture", Some(dim)).unwrap();
    Problem::new(target, Initial::normal(&mean, &sd).unwrap(), flow).unwrap()
}

/// Runs of every kind that has buffers or kernels of its own.
fn runs() -> Vec<(Problem, Config)> {
    let reacting =
        |density| Flow::wasserstein_fisher_rao(Reaction { density, ..Reaction::default() });
    let bandwidth = Bandwidth::Fixed(vec![0.3]);
    let plain = Config::default();
    let euler = Config { integrator: Some(Integrator::Euler), ..plain.clone() };
    let adaptive = Schedule::adaptive(Adaptive::default()).unwrap();
    let noise = Noise::variance_preserving(0.1, 20.0);
    let component = Component { weight: 1.0, mean: vec![0.5; 3], scale: vec![2.0; 3] };
    let model = ScoreModel::gaussian_mixture(&[component.clone(), component]).unwrap();
    let external = ScoreModel::external("theirs", 3, crate::diffusion::Outputs::default()).unwrap();
    let composed = |models: Vec<ScoreModel>| {
        let composition = Composition::new(noise, models, Rule::product());
        composition.with_tracking(Tracking::Ito).problem().unwrap()
    };
    let levels = Config {
        schedule: noise.schedule(Spacing::Uniform, 0.01, 200).unwrap(),
        integrator: Some(Integrator::Euler),
        ..plain.clone()
    };
    vec![
        (normal(2, Flow::annealed()), plain.clone()),
        (normal(64, Flow::annealed()), Config { resampler: Resampler::Residual, ..plain.clone() }),
        (
            normal(7, Flow::annealed()),
            Config {
                integrator: Some(Integrator::Baoab),
                resampler: Resampler::Multinomial,
                trace_cess: true,
                ..plain.clone()
            },
        ),
        (
            normal(5, Flow::annealed()),
            Config { integrator: Some(Integrator::Mala), ..plain.clone() },
        ),
        (normal(12, Flow::annealed()), Config { schedule: adaptive, ..plain.clone() }),
        (
            normal(2, reacting(Density::Grid { cells: Some(512), bandwidth: bandwidth.clone() })),
            plain.clone(),
        ),
        (normal(9, reacting(Density::Kernel { landmarks: 1 << 22, bandwidth })), plain),
        (normal(3, reacting(Density::Transition { components: None })), euler),
        (composed(vec![model.clone(), model]), levels.clone()),
        (composed(vec![external.clone(), external]), levels),
    ]
}

/// The number of particles that an error names as the most.
fn named(error: &Error) -> u32 {
    let text = error.to_string();
    let number = text.rsplit("; use at most ").next().and_then(|n| n.parse().ok());
    if number.is_none() {
        assert!(text.contains("no number of particles fits"), "{text}");
    }
    number.unwrap_or(0)
}

/// Whatever the run and whatever runs out, the number that the error names fits, and one more does
/// not.
#[test]
fn the_largest_number_named_fits_and_one_more_does_not() {
    let runs = runs();
    let cases = (
        0..runs.len(),
        (0.0..27.0_f64).prop_map(|log2| log2.exp2() as u32),
        (20_u32..32, 0_u64..1000),
        prop_oneof![Just(8_u32), Just(10), Just(32)],
        proptest::option::of((10_u32..36, 0_u64..1000)),
        proptest::option::of(prop_oneof![Just(SOFTWARE_LOOP_CAP), 500..SOFTWARE_LOOP_CAP]),
    );
    let mut refused = std::collections::BTreeMap::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..2000 {
        let case = cases.new_tree(&mut runner).unwrap().current();
        let (run, particles, (binding, more), bindings, memory, cap) = case;
        let size = |log2: u32, more: u64| (1_u64 << log2) + more * 4099;
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: size(binding, more),
            max_buffer_size: 2 * size(binding, more),
            max_storage_buffers_per_shader_stage: bindings,
            ..wgpu::Limits::default()
        };
        let memory = memory.map(|(log2, more)| size(log2, more));
        let room = Room { memory, loops: cap, ..Room::within(&limits) };
        let (problem, config) = &runs[run];
        let plan = |particles| {
            let config = Config { particles, ..config.clone() };
            Needs::new(problem, &config).unwrap().plan(&room)
        };
        match plan(particles) {
            Ok(plan) => assert!(memory.is_none_or(|memory| plan.bytes() <= memory)),
            Err(error) => {
                let most = named(&error);
                assert!(most < particles, "{run} {room:?}: {error}");
                assert!(most == 0 || plan(most).is_ok(), "{run} {room:?}: {error}");
                assert!(plan(most + 1).is_err(), "{run} {room:?}: {error}");
                *refused.entry(reason(&error)).or_insert(0) += 1;
            }
        }
    }
    // Everything has run out now and then.
    println!("{refused:?}");
    assert!(refused.len() == 4 && refused.values().all(|count| *count > 20), "{refused:?}");
}

fn reason(error: &Error) -> String {
    match error.kind() {
        crate::ErrorKind::LimitExceeded { limit, .. } => limit.clone(),
        crate::ErrorKind::OutOfMemory { .. } => "memory".into(),
        _ => panic!("{error}"),
    }
}

/// What the plan counts is what the device is asked for, but for small change.
#[test]
fn plans_count_what_is_allocated() {
    let Ok(adapter) = crate::block_on(crate::adapter(None)) else { return };
    for (i, (problem, config)) in runs().into_iter().enumerate() {
        let config = Config { particles: 30_000, ..config };
        let plan = requirements(&problem, &config, &adapter.limits()).unwrap();
        // A device of its own: others' buffers go when they are polled.
        let gpu = crate::block_on(Gpu::request(&adapter, plan.limits())).unwrap();
        let report = || gpu.device.generate_allocator_report().map(|r| r.total_allocated_bytes);
        let Some(before) = report() else { return };
        let sampler = crate::Sampler::new(&gpu, &problem, config).unwrap();
        let held = report().unwrap() - before;
        drop(sampler);
        // A read back is not going on; tables and counts of fixed sizes are left out.
        let planned = plan.bytes() - 4 * 30_000;
        assert!(planned.abs_diff(held) < 100_000, "{i}: planned {planned}, held {held}");
    }
}
