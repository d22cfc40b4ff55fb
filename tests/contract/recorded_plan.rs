//! The recorded plan: what replays it has the run's bits, and nothing else is in it.

use std::collections::BTreeSet;

use wfr::diffusion::{Composition, Network, Noise, Outputs, Rule, ScoreModel, Spacing, Tracking};
use wfr::{
    Adaptive, Bandwidth, Component, Config, Density, Flow, Gpu, Initial, Problem, Reaction,
    RecordedPlan, Resampler, Sampler, Schedule, Target,
};

use super::replay::{Replayed, replay};
use super::{common, double_well, new};

/// Few particles and steps, and no multiple of a block or of a workgroup.
fn config(steps: u32, ess_every: u32) -> Config {
    Config {
        particles: 2500,
        seed: 5 + (3 << 32),
        schedule: Schedule::uniform(2.0, steps).unwrap(),
        ess_every,
        ess_threshold: 0.9,
        ..Config::default()
    }
}

fn recorded(gpu: &Gpu, problem: &Problem, config: &Config) -> RecordedPlan {
    Sampler::recorded(gpu, problem, config.clone()).unwrap()
}

/// Asserts that a host which has the JSON alone comes to the bits of a run.
fn repeats(name: &str, problem: &Problem, config: &Config) {
    let Some(gpu) = common::gpu(problem, config) else { return };
    repeats_on(&gpu, name, problem, config);
}

fn repeats_on(gpu: &Gpu, name: &str, problem: &Problem, config: &Config) {
    let plan = recorded(gpu, problem, config);
    let json = plan.to_json();
    println!("{name}: {} bytes, {} of them texts", json.len(), plan.texts.concat().len());
    assert!(RecordedPlan::from_json(&json).unwrap() == plan, "{name}: JSON loses something");
    let names: Vec<_> = plan.buffers.iter().map(|buffer| buffer.name.as_str()).collect();
    assert!(!names.iter().any(|name| name.starts_with("unused")), "{name}: {names:?}");
    let replayed = replay(common::adapter().unwrap(), &json);

    let mut sampler = new(gpu, problem, config);
    common::advance(&mut sampler, u32::MAX);
    let particles = common::particles(&sampler);
    let words = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert!(replayed.positions() == words(particles.positions()), "{name}: positions");
    assert!(replayed.log_weights() == words(particles.log_weights()), "{name}: log-weights");
    assert!(replayed.ancestors() == particles.ancestors(), "{name}: ancestors");
    same_trace(name, &replayed, &mut sampler);
    same_report(name, &replayed, &sampler);
}

fn same_trace(name: &str, replayed: &Replayed, sampler: &mut Sampler) {
    let events = pollster::block_on(sampler.trace()).unwrap().to_vec();
    let written = replayed.record("control", 0)("trace_rows");
    assert_eq!(written as usize, events.len(), "{name}");
    for (k, event) in (0..).zip(&events) {
        let row = replayed.record("trace", k);
        let shown =
            [event.ess, event.max_weight, event.cess.unwrap_or(f32::from_bits(row("cess")))];
        assert_eq!(["ess", "max_weight", "cess"].map(&row), shown.map(f32::to_bits), "{name}");
        assert_eq!(row("step"), event.step, "{name}");
        assert_eq!(row("resampled") != 0, event.resampled, "{name}");
    }
    let estimates = pollster::block_on(sampler.reaction_trace()).unwrap();
    for (k, event) in (0..).zip(estimates) {
        let row = replayed.record("reaction_trace", k);
        assert_eq!(row("step"), event.step, "{name}");
        assert_eq!(row("relative_entropy"), event.relative_entropy.to_bits(), "{name}");
    }
}

/// The row behind the trace, and log Z from it.
fn same_report(name: &str, replayed: &Replayed, sampler: &Sampler) {
    let info = common::info(sampler);
    let words = replayed.record("trace", replayed.rows("trace"));
    assert_eq!(words("ess"), info.ess.to_bits(), "{name}");
    let resamplings = replayed.record("control", 0)("resamplings");
    assert_eq!(resamplings, info.resamplings, "{name}");
    assert!(resamplings > 0, "{name}: no resampling to prove anything");
    assert_eq!(replayed.log_offset().is_none(), info.log_normalizer.is_nan(), "{name}");
}

#[test]
fn the_demo_with_a_test_at_every_step_is_repeated_from_its_plan() {
    repeats("every step", &double_well(Flow::annealed()), &config(40, 1));
}

#[test]
fn fused_steps_and_residual_resampling_are_repeated() {
    let config = Config { resampler: Resampler::Residual, ..config(40, 16) };
    repeats("residual", &double_well(Flow::annealed()), &config);
}

#[test]
fn an_adaptive_schedule_is_repeated() {
    let stages = Adaptive { moves_per_stage: 4, max_stages: 30, dt: 0.05, ..Adaptive::default() };
    let config = Config { schedule: Schedule::adaptive(stages).unwrap(), ..config(1, 1) };
    repeats("adaptive", &double_well(Flow::annealed()), &config);
}

#[test]
fn reactions_are_repeated() {
    let grid = Density::Grid { cells: Some(32), bandwidth: Bandwidth::Silverman };
    let config = Config { ess_threshold: 1.0, ..config(12, 3) };
    for density in [Reaction::default().density, grid] {
        let name = format!("{density:?}");
        let flow = Flow::wasserstein_fisher_rao(Reaction { density, ..Reaction::default() });
        repeats(&name, &double_well(flow), &config);
    }
}

fn noise() -> Noise {
    Noise::variance_preserving(0.1, 20.0)
}

fn mixture(means: [f64; 2]) -> ScoreModel {
    let component = |mean| Component { weight: 1.0, mean: vec![mean, -mean], scale: vec![0.6; 2] };
    ScoreModel::gaussian_mixture(&means.map(component)).unwrap()
}

#[test]
fn a_composition_is_repeated() {
    let models = vec![mixture([-2.0, 1.0]), mixture([-1.0, 2.0])];
    let problem = Composition::new(noise(), models, Rule::product()).problem().unwrap();
    let schedule = noise().schedule(Spacing::Uniform, 0.0, 30).unwrap();
    repeats("composition", &problem, &Config { schedule, ..config(1, 5) });
}

/// Their kernels come between the test and the step, and steps are one by one.
#[test]
fn networks_are_repeated() {
    let network = |name: &str| {
        let path = format!("{}/models/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        ScoreModel::network(Network::from_file(path).unwrap())
    };
    let models = ["left", "right"].map(network).to_vec();
    let composition = Composition::new(noise(), models, Rule::geometric(0.5));
    let problem = composition.with_tracking(Tracking::Ito).problem().unwrap();
    let schedule = noise().schedule(Spacing::Uniform, 1e-3, 8).unwrap();
    repeats("networks", &problem, &Config { schedule, ess_threshold: 1.0, ..config(1, 2) });
}

/// On a device whose bindings are so small that the state has several pages.
#[test]
fn many_dimensions_are_repeated() {
    let start = Initial::normal(&[0.1; 64], &[1.1; 64]).unwrap();
    let target = Target::standard_normal(64).unwrap();
    let problem = Problem::new(target, start, Flow::annealed()).unwrap();
    let Some(adapter) = common::adapter() else { return };
    let limits = wfr::wgpu::Limits { max_storage_buffer_binding_size: 300_000, ..adapter.limits() };
    let gpu = pollster::block_on(Gpu::request(adapter, limits)).unwrap();
    let plan = recorded(&gpu, &problem, &config(10, 5));
    assert_eq!(plan.result.state.len(), 3);
    repeats_on(&gpu, "64 dimensions", &problem, &config(10, 5));
}

#[test]
fn positions_that_are_given_are_in_the_plan() {
    let positions: Vec<f32> = (0..5000).map(|i| ((i * 37) % 101) as f32 / 40.0 - 1.2).collect();
    let start = Initial::from_positions(2, positions).unwrap();
    let problem = Problem::new(Target::double_well(2).unwrap(), start, Flow::langevin()).unwrap();
    let Some(gpu) = common::gpu(&problem, &config(8, 4)) else { return };
    let plan = recorded(&gpu, &problem, &config(8, 4));
    assert!(plan.opening.dispatches.is_empty());
    let replayed = replay(common::adapter().unwrap(), &plan.to_json());
    let mut sampler = new(&gpu, &problem, &config(8, 4));
    common::advance(&mut sampler, u32::MAX);
    let words: Vec<u32> =
        common::particles(&sampler).positions().iter().map(|x| x.to_bits()).collect();
    assert!(replayed.positions() == words);
}

/// The entry points of each block.
fn entries(plan: &RecordedPlan) -> Vec<Vec<&str>> {
    let entry = |dispatch: &u32| {
        let kernel = plan.dispatches[*dispatch as usize].kernel;
        plan.kernels[kernel as usize].entry.as_str()
    };
    plan.order.iter().map(|block| block.dispatches.iter().map(entry).collect()).collect()
}

/// One step dispatch for all steps between two tests, and whoever submits them reads nothing.
#[test]
fn a_block_has_one_step_dispatch_and_reads_nothing_back() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config(400, 1)) else { return };
    for every in [1, 16] {
        let config = config(400, every);
        let plan = recorded(&gpu, &problem, &config);
        assert_eq!(plan.order.len(), 400 / every as usize);
        for (block, entries) in plan.order.iter().zip(entries(&plan)) {
            assert_eq!((block.first % every, block.steps), (0, every));
            assert_eq!(
                entries,
                [
                    "reduce",
                    "decide",
                    "scan",
                    "expand",
                    "losses_count",
                    "losses_first",
                    "gather",
                    "put_back",
                    "step"
                ]
            );
        }
        let firsts: BTreeSet<_> = plan.order.iter().map(|block| block.first).collect();
        assert_eq!(firsts.len(), plan.order.len());
        // Kilobytes beyond the texts, though every step has a test.
        let beyond = plan.to_json().len() - plan.texts.concat().len();
        println!("a test every {every}: {beyond} bytes beyond the texts");
        assert!(beyond < 100_000, "{beyond}");

        let mut sampler = new(&gpu, &problem, &config);
        let before = gpu.read_backs();
        sampler.submit(400).unwrap();
        assert_eq!(gpu.read_backs(), before);
        assert_eq!(sampler.steps_encoded(), 400);
    }
}

#[test]
fn what_is_no_plan_of_this_version_is_refused() {
    let problem = double_well(Flow::annealed());
    let Some(gpu) = common::gpu(&problem, &config(2, 1)) else { return };
    let plan = recorded(&gpu, &problem, &config(2, 1));
    let mut value: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    let said = |value: &serde_json::Value| {
        RecordedPlan::from_json(&value.to_string()).unwrap_err().to_string()
    };
    value["schema"] = 99.into();
    value["wfr"] = "9.1.0".into();
    let newer = said(&value);
    assert!(newer.contains("plan is of schema 99, written by wfr 9.1.0; this is wfr"), "{newer}");
    value["schema"] = wfr::recorded::SCHEMA.into();
    value["order"][0]["dispatches"][0] = 99.into();
    assert!(said(&value).contains("plan has no dispatch 99, only"), "{}", said(&value));
    value.as_object_mut().unwrap().remove("texts");
    assert!(said(&value).contains("missing field `texts`"), "{}", said(&value));
    assert!(RecordedPlan::from_json("plan").is_err());
}

#[test]
fn a_run_that_needs_its_host_has_no_plan() {
    let host = ScoreModel::external("host", 2, Outputs::default()).unwrap();
    let models = vec![mixture([-2.0, 1.0]), host];
    let problem = Composition::new(noise(), models, Rule::product()).problem().unwrap();
    let schedule = noise().schedule(Spacing::Uniform, 0.0, 10).unwrap();
    let config = Config { schedule, integrator: Some(wfr::Integrator::Euler), ..config(1, 5) };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let error = Sampler::recorded(&gpu, &problem, config).unwrap_err().to_string();
    assert!(error.starts_with("models has external models, which the host program"), "{error}");
}
