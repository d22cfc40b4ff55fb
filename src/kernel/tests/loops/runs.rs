//! Whole runs, of every kind that has kernels of its own.

use super::{burden, stopping};
use crate::diffusion::{
    Composition, Curve, Divergence, Network, Noise, Probe, Rule, ScoreModel, Spacing, Tracking,
};
use crate::gpu::Gpu;
use crate::kernel::loops::Loops;
use crate::kernel::tests::network;
use crate::sampler::loops_of_run;
use crate::{
    Adaptive, Axis, Bandwidth, Component, Config, Density, Flow, Initial, Integrator, Problem,
    Reaction, Realisation, Resampler, Sampler, Schedule, Splitting, Target,
};

const PARTICLES: u32 = 120;

/// The numbers of everything that a run and looks at it give.
fn numbers(gpu: &Gpu, problem: &Problem, config: &Config) -> Vec<f64> {
    let mut sampler = Sampler::new(gpu, problem, config.clone()).unwrap();
    // A block and the begin of another, or of a second stage.
    sampler.submit(config.test_every() + 1).unwrap();
    let info = crate::block_on(sampler.info()).unwrap();
    let particles = crate::block_on(sampler.particles()).unwrap();
    let last = problem.target().dim() - 1;
    let axes = [Axis::new(0, 40), Axis::new(last, 30)];
    let histogram = crate::block_on(sampler.histogram(&axes)).unwrap();
    let survivors = crate::block_on(sampler.survivors()).unwrap();
    let reaction = crate::block_on(sampler.reaction_trace()).unwrap().to_vec();
    let trace = crate::block_on(sampler.trace()).unwrap();
    let positions = particles.positions().iter().chain(particles.log_weights()).copied();
    let tests = trace.iter().flat_map(|row| [row.ess, row.cess.unwrap_or(0.0), row.max_weight]);
    let estimates =
        reaction.iter().flat_map(|row| [row.log_normalizer as f32, row.relative_entropy]);
    let integers = particles.ancestors().iter().copied();
    let integers = integers.chain([survivors, info.resamplings, info.step]);
    let floats = positions.chain(tests).chain(estimates).map(f64::from);
    floats.chain(integers.map(f64::from)).chain(histogram.masses()).collect()
}

/// The same run, to the bit, with kernels that have as many iterations more as the table leaves them.
fn check(name: &str, problem: &Problem, config: &Config) {
    let Some(gpu) = stopping() else { return };
    let jumps = problem.flow.reaction().is_some_and(|r| r.realisation == Realisation::Jumps);
    let ess_threshold = if jumps { 1.0 } else { 0.9 };
    let config = Config { particles: PARTICLES, ess_threshold, ..config.clone() };
    let table = loops_of_run(problem, &config, gpu.loop_cap().unwrap()).unwrap();
    let expected = numbers(&gpu, problem, &config);
    let differs = |table: &[Loops]| {
        let found = burden(table, 0, || numbers(&gpu, problem, &config));
        assert_eq!(found.len(), expected.len(), "{name}");
        let pairs = expected.iter().zip(&found).enumerate();
        let wrong = pairs.filter(|(_, (a, b))| a.to_bits() != b.to_bits());
        wrong.map(|(i, _)| i).collect::<Vec<_>>()
    };
    let wrong = differs(&table);
    if !wrong.is_empty() {
        // Which of them it is.
        let each = table.iter().map(|loops| (loops, differs(&[*loops])));
        let guilty: Vec<_> = each.filter(|(_, wrong)| !wrong.is_empty()).collect();
        panic!("{name}: {wrong:?} of {} differ; {guilty:?}", expected.len());
    }
}

/// A target of eight components in so many dimensions, from a law of three.
fn mixtures(dim: u32, flow: Flow) -> Problem {
    let component = |k: usize| Component {
        weight: 1.0 + k as f64,
        mean: (0..dim).map(|j| ((k + j as usize) % 4) as f64 - 1.5).collect(),
        scale: (0..dim).map(|j| 0.5 + 0.25 * ((k + 2 * j as usize) % 3) as f64).collect(),
    };
    let law = |count| (0..count).map(component).collect::<Vec<_>>();
    let target = Target::gaussian_mixture(&law(8)).unwrap();
    Problem::new(target, Initial::gaussian_mixture(&law(3)).unwrap(), flow).unwrap()
}

fn uniform(steps: u32) -> Schedule {
    Schedule::uniform(0.3, steps).unwrap()
}

#[test]
fn integrators_take_no_more_loops_than_the_table_says() {
    let resamplers = [Resampler::Systematic, Resampler::Residual, Resampler::Multinomial];
    for (i, integrator) in Integrator::ALL.into_iter().enumerate() {
        let dim = [20, 2, 1][i % 3];
        let config = Config {
            integrator: Some(integrator),
            schedule: uniform(12),
            ess_every: 3,
            resampler: resamplers[i % 3],
            trace_cess: dim == 2,
            ..Config::default()
        };
        check(&format!("{integrator} in {dim}"), &mixtures(dim, Flow::annealed()), &config);
    }
}

#[test]
fn flows_take_no_more_loops_than_the_table_says() {
    let velocity = "fn velocity(x: Point, beta: f32) -> Point {
            var u: Point;
            for (var i = 0u; i < 300u; i++) { u[i % DIM] += 1e-5 * x[0]; }
            return u;
        }
        fn velocity_divergence(x: Point, beta: f32) -> f32 { return 1e-3; }";
    let drawn = "fn initial_sample(slot: u32) -> Point {
            var x: Point;
            for (var i = 0u; i < 5000u; i++) {
                // Sums without rounding, whatever a compiler makes of them.
                let word = threefry(slot, i, 7u, STREAM_INITIAL).x >> 28u;
                x[i % DIM] += (f32(word) - 7.5) * 0.0078125;
            }
            return x;
        }
        fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
            // Not the target's score: of a factor that two terms share a driver makes one product or
            // two, as it likes.
            for (var j = 0u; j < DIM; j++) { (*out)[j] = -0.5 * (*x)[j]; }
            return 0.0;
        }";
    let config = Config { schedule: uniform(10), ess_every: 3, ..Config::default() };
    check("langevin", &mixtures(12, Flow::langevin()), &config);
    let moved = mixtures(5, Flow::annealed().with_velocity("u.wgsl", velocity));
    assert!(moved.evaluation_loops().most > 300);
    for integrator in [Integrator::Strang, Integrator::KernelRatio] {
        let config = Config { integrator: Some(integrator), ..config.clone() };
        check(&format!("a velocity, {integrator}"), &moved, &config);
    }
    let initial = Initial::from_wgsl(12, "mine.wgsl", drawn);
    let target = Target::standard_normal(12).unwrap();
    let own = Problem::new(target, initial, Flow::annealed()).unwrap();
    assert!((5001..5100).contains(&own.sampling_loops().most), "{:?}", own.sampling_loops());
    check("a law of one's own", &own, &config);
    let tracks = mixtures(3, Flow::displacement());
    let config = Config { ess_threshold: 0.0, ..config };
    check("displacement", &tracks, &config);
}

#[test]
fn adaptive_schedules_take_no_more_loops_than_the_table_says() {
    let adaptive = Adaptive { moves_per_stage: 3, cess: 0.6, ..Adaptive::default() };
    let config = Config { schedule: Schedule::adaptive(adaptive).unwrap(), ..Config::default() };
    check("adaptive", &mixtures(12, Flow::annealed()), &config);
}

#[test]
fn reactions_take_no_more_loops_than_the_table_says() {
    let bandwidth = Bandwidth::Fixed(vec![0.4]);
    let grid = |cells| Density::Grid { cells: Some(cells), bandwidth: bandwidth.clone() };
    let kernel = |landmarks| Density::Kernel { landmarks, bandwidth: bandwidth.clone() };
    for (dim, density, splitting) in [
        (3, grid(16), Splitting::ReactionFirst),
        (2, kernel(100), Splitting::TransportFirst),
        (12, kernel(90), Splitting::Strang),
        (7, Density::Transition { components: Some(90) }, Splitting::ReactionFirst),
    ] {
        let name = format!("{} in {dim}", density.name());
        let reaction = Reaction { density, splitting, ..Reaction::default() };
        let problem = mixtures(dim, Flow::wasserstein_fisher_rao(reaction));
        let config = Config {
            schedule: uniform(6),
            ess_every: 2,
            integrator: Some(Integrator::Euler),
            ..Config::default()
        };
        check(&name, &problem, &config);
    }
}

#[test]
fn compositions_take_no_more_loops_than_the_table_says() {
    let noise = Noise::variance_preserving(0.1, 20.0);
    let model = |dim: u32, k: usize| {
        let component = |i: usize| Component {
            weight: 1.0 + i as f64,
            mean: (0..dim).map(|j| ((k + i + j as usize) % 3) as f64 - 1.0).collect(),
            scale: (0..dim).map(|j| 0.5 + 0.2 * ((i + j as usize) % 2) as f64).collect(),
        };
        ScoreModel::gaussian_mixture(&(0..4).map(component).collect::<Vec<_>>()).unwrap()
    };
    let probes = Divergence::Hutchinson { probes: 3, probe: Probe::Rademacher, fresh: true };
    let dim = 8;
    let models: Vec<_> = (0..3).map(|k| model(dim, k)).collect();
    let reward = Target::from_formula(dim, "-sum(i, (x[i] - 1)^2)/4").unwrap();
    let shares = || vec![Curve::linear(0.5, 0.2), 0.3.into(), 0.2.into()];
    let plain = Composition::new(noise, models, Rule::product());
    for (name, composition, integrator) in [
        ("exact", plain.clone(), Integrator::KernelRatio),
        (
            "tracked",
            plain.clone().with_tracking(Tracking::Ito).with_stochasticity(0.6),
            Integrator::Euler,
        ),
        (
            "probed and frozen",
            plain.clone().with_frozen_drift(shares()).with_divergence(probes),
            Integrator::Euler,
        ),
        ("rewarded", plain.with_reward(reward, 1.0).with_reward_guidance(0.2), Integrator::Euler),
    ] {
        let config = Config {
            schedule: noise.schedule(Spacing::Uniform, 1e-3, 9).unwrap(),
            integrator: Some(integrator),
            ess_every: 3,
            ..Config::default()
        };
        check(&format!("{name} in {dim}"), &composition.problem().unwrap(), &config);
    }
}

#[test]
fn networks_take_no_more_loops_than_the_table_says() {
    let network: Network = network::random(&network::config(9, 40), 3);
    let noise = network.noise();
    let models = vec![ScoreModel::network(network)];
    let composition = Composition::new(noise, models, Rule::annealed(1.5))
        .with_tracking(Tracking::Ito)
        .with_stochasticity(0.5)
        .with_divergence(Divergence::Exact);
    let config = Config {
        schedule: noise.schedule(Spacing::Uniform, 0.05, 4).unwrap(),
        integrator: Some(Integrator::Euler),
        ..Config::default()
    };
    check("a network", &composition.problem().unwrap(), &config);
}
