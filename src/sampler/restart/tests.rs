use crate::diffusion::{Composition, Noise, Rule, ScoreModel, Spacing};
use crate::{
    Adaptive, Component, Config, Flow, Gpu, Initial, Integrator, Path, Problem, Reaction,
    Resampler, Sampler, Schedule, Splitting, Target, testing,
};

/// What a run tells at its end, and its particles as bits.
fn end(sampler: &mut Sampler) -> (String, Vec<u32>) {
    let info = sampler.run().unwrap();
    let tests = pollster::block_on(sampler.trace()).unwrap().to_vec();
    let estimates = pollster::block_on(sampler.reaction_trace()).unwrap().to_vec();
    assert!(!tests.is_empty());
    (format!("{info:?} {tests:?} {estimates:?}"), bits(sampler))
}

/// Positions, log-weights and ancestors.
fn bits(sampler: &Sampler) -> Vec<u32> {
    let particles = pollster::block_on(sampler.particles()).unwrap();
    let numbers = particles.positions().iter().chain(particles.log_weights());
    numbers.map(|x| x.to_bits()).chain(particles.ancestors().iter().copied()).collect()
}

fn wells(depth: f64) -> Target {
    Target::double_well(2).unwrap().set("a", depth).unwrap()
}

fn problem(flow: &Flow, depth: f64, sd: f64) -> Problem {
    let start = Initial::normal(&[0.0; 2], &[sd; 2]).unwrap();
    Problem::new(wells(depth), start, flow.clone()).unwrap()
}

/// Runs of all kinds, that keep all that a run may keep.
fn runs() -> Vec<(Flow, Config)> {
    let config = Config {
        particles: 3000,
        schedule: Schedule::uniform(0.5, 20).unwrap(),
        ess_every: 4,
        ..Config::default()
    };
    let adaptive = Schedule::adaptive(Adaptive::default()).unwrap();
    let reaction = Reaction::default();
    vec![
        (Flow::annealed(), Config { trace_cess: true, ..config.clone() }),
        (Flow::annealed(), Config { schedule: adaptive, ..config.clone() }),
        (
            Flow::langevin(),
            Config {
                integrator: Some(Integrator::Mala),
                resampler: Resampler::Residual,
                ..config.clone()
            },
        ),
        (Flow::path(Path::FisherRao), config.clone()),
        (Flow::wasserstein_fisher_rao(reaction), config),
    ]
}

/// A sampler that began anew has the bits of a new one, and nothing was compiled for either.
#[test]
fn beginning_anew_is_being_new() {
    let Some(gpu) = testing::gpu() else { return };
    for (flow, config) in runs() {
        let gpu = Gpu::from_parts(gpu.device.clone(), gpu.queue.clone());
        let first = problem(&flow, 8.0, 1.0);
        let mut sampler = Sampler::new(&gpu, &first, config.clone()).unwrap();
        let before = end(&mut sampler);
        let compiled = gpu.kernels_compiled();
        for (seed, depth, sd) in [(7, 8.0, 1.0), (0, 5.0, 1.5), (0, 8.0, 1.0)] {
            let other = problem(&flow, depth, sd);
            sampler.restart(&other, seed).unwrap();
            let again = end(&mut sampler);
            let config = Config { seed, ..config.clone() };
            let anew = end(&mut Sampler::new(&gpu, &other, config).unwrap());
            assert_eq!(again, anew, "{}, seed {seed}", flow.name());
            assert_eq!(again == before, seed == 0 && depth == 8.0, "{}", flow.name());
        }
        assert_eq!(gpu.kernels_compiled(), compiled, "{}", flow.name());
    }
}

/// Numbers of particles, thresholds and lengths of steps are data too.
#[test]
fn settings_compile_nothing() {
    let Some(gpu) = testing::gpu() else { return };
    let gpu = Gpu::from_parts(gpu.device.clone(), gpu.queue.clone());
    let config = Config { particles: 3000, ..Config::default() };
    let problem = problem(&Flow::annealed(), 8.0, 1.0);
    Sampler::new(&gpu, &problem, config.clone()).unwrap();
    let compiled = gpu.kernels_compiled();
    let schedule = Schedule::uniform(0.7, 30).unwrap();
    let other = Config {
        particles: 5000,
        ess_threshold: 0.9,
        schedule,
        trace_rows: 77,
        friction: 2.0,
        ..config
    };
    Sampler::new(&gpu, &problem, other).unwrap();
    assert_eq!(gpu.kernels_compiled(), compiled);
}

/// And what a composition says by a number: temperature, noise, guidance, the heights of a reward.
#[test]
fn numbers_of_a_composition_compile_nothing() {
    let Some(gpu) = testing::gpu() else { return };
    let gpu = Gpu::from_parts(gpu.device.clone(), gpu.queue.clone());
    let noise = Noise::variance_preserving(0.1, 20.0);
    let schedule = noise.schedule(Spacing::Uniform, 0.01, 20).unwrap();
    let of = |height: f64, eta: f64, correction: f64, guidance: f64| {
        let at = |mean: f64| Component { weight: 1.0, mean: vec![mean; 2], scale: vec![0.5; 2] };
        let model = ScoreModel::gaussian_mixture(&[at(-height), at(height)]).unwrap();
        let reward = Target::from_formula(2, "-c*x0^2").unwrap().set("c", height).unwrap();
        let composition = Composition::new(noise, vec![model.clone(), model], Rule::product());
        let composition = composition.with_stochasticity(eta).with_correction(correction);
        let composition = composition.with_reward(reward, height).with_reward_guidance(guidance);
        composition.problem().unwrap()
    };
    let config = Config {
        particles: 1000,
        schedule,
        integrator: Some(Integrator::Euler),
        ..Config::default()
    };
    Sampler::new(&gpu, &of(1.0, 1.0, 1.0, 1.0), config.clone()).unwrap();
    let compiled = gpu.kernels_compiled();
    for problem in [of(0.5, 1.0, 1.0, 1.0), of(1.25, 1.5, 0.5, 0.25)] {
        Sampler::new(&gpu, &problem, config.clone()).unwrap().run().unwrap();
    }
    assert_eq!(gpu.kernels_compiled(), compiled);
}

#[test]
fn another_problem_is_refused_and_the_run_goes_on() {
    let Some(gpu) = testing::gpu() else { return };
    let problem = problem(&Flow::annealed(), 8.0, 1.0);
    let config = Config { particles: 1000, ..Config::default() };
    let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
    sampler.advance(10).unwrap();
    let start = Initial::uniform(&[-1.0; 2], &[1.0; 2]).unwrap();
    let other = Problem::new(wells(8.0), start, Flow::annealed()).unwrap();
    let error = sampler.restart(&other, 1).unwrap_err().to_string();
    assert!(error.ends_with("than that of this sampler; make a new one"), "{error}");
    assert!(sampler.steps_encoded() >= 1);
    sampler.run().unwrap();
}

/// The kernels of another reaction are others, though the step is the same.
#[test]
fn another_reaction_is_refused() {
    let Some(gpu) = testing::gpu() else { return };
    let of = |reaction: Reaction| problem(&Flow::wasserstein_fisher_rao(reaction), 8.0, 1.0);
    let config = Config { particles: 1000, ..Config::default() };
    let mut sampler = Sampler::new(&gpu, &of(Reaction::default()), config).unwrap();
    sampler.restart(&of(Reaction { rate: 0.5, ..Reaction::default() }), 1).unwrap();
    let splitting = Splitting::ReactionFirst;
    let other = of(Reaction { splitting, ..Reaction::default() });
    let error = sampler.restart(&other, 1).unwrap_err().to_string();
    assert!(error.contains("has another reaction"), "{error}");
}

/// A rate of nothing does not suit Metropolis moves, at a restart as at a start.
#[test]
fn numbers_that_do_not_fit_are_refused() {
    let Some(gpu) = testing::gpu() else { return };
    let of = |rate: f32| problem(&Flow::langevin().with_transport(rate), 8.0, 1.0);
    let integrator = Some(Integrator::Mala);
    let config = Config { particles: 1000, integrator, ..Config::default() };
    let mut sampler = Sampler::new(&gpu, &of(1.0), config).unwrap();
    let error = sampler.restart(&of(0.0), 1).unwrap_err().to_string();
    assert!(error.contains("transport = 0 leaves none"), "{error}");
    sampler.restart(&of(0.5), 1).unwrap();
}

/// A whole number shapes loops, so that it is compiled: the error says which.
#[test]
fn a_whole_number_is_compiled() {
    let Some(gpu) = testing::gpu() else { return };
    let problem = |count: f64| {
        let text = "override count: u32 = 1; override scale: f32 = 1.0;
            fn log_density(x: Point) -> f32 { return -scale * f32(count) * dot(x, x); }";
        let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap().set("count", count).unwrap();
        let start = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
        Problem::new(target.set("scale", count).unwrap(), start, Flow::annealed()).unwrap()
    };
    let config = Config { particles: 1000, ..Config::default() };
    let mut sampler = Sampler::new(&gpu, &problem(1.0), config).unwrap();
    let error = sampler.restart(&problem(2.0), 0).unwrap_err().to_string();
    let words =
        "problem has another count, which is compiled, than that of this sampler; make a new one";
    assert_eq!(error, words);
    sampler.restart(&problem(1.0), 3).unwrap();
}
