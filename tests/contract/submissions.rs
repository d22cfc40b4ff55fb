//! Submissions keep to their limit, whatever a step takes, and the limit changes no bit.

use std::time::Duration;

use wfr::{
    Bandwidth, Config, Density, Flow, Initial, Problem, Reaction, Sampler, Schedule, Target,
};

use super::{Bits, bits, common};

/// A normal law whose every evaluation takes so many iterations of nothing much.
fn slow(iterations: u32) -> Target {
    let text = format!(
        "fn log_density(x: Point) -> f32 {{
            var z = x.x;
            for (var i = 0u; i < {iterations}u; i++) {{ z = sin(z) + 1e-3 * cos(z * 3.0); }}
            return -0.5 * dot(x, x) + 1e-9 * z;
        }}
        fn score(x: Point) -> Point {{
            var z = x.x;
            for (var i = 0u; i < {iterations}u; i++) {{ z = cos(z) + 1e-3 * sin(z * 3.0); }}
            return -x + 1e-9 * z;
        }}"
    );
    Target::from_wgsl(2, "slow.wgsl", text).unwrap()
}

fn problem(target: Target, flow: Flow) -> Problem {
    Problem::new(target, Initial::normal(&[0.5, 0.0], &[1.5, 1.0]).unwrap(), flow).unwrap()
}

/// The bits of a run, its longest submission and the steps that submissions stopped at.
fn run(problem: &Problem, config: &Config) -> Option<(Bits, Duration, u32)> {
    let mut sampler =
        Sampler::new(&common::gpu(problem, config)?, problem, config.clone()).unwrap();
    let mut looks = 0;
    while !sampler.is_finished() {
        sampler.advance(u32::MAX).unwrap();
        looks += 1;
    }
    Some((bits(&sampler), sampler.longest_submission(), looks))
}

/// A step of all particles takes a second or so: it is cut into slices that do not.
#[test]
fn a_target_that_is_slow_per_evaluation_keeps_submissions_short() {
    let problem = problem(slow(4000), Flow::annealed());
    let config = Config {
        particles: 30_000,
        schedule: Schedule::uniform(0.5, 3).unwrap(),
        ess_every: 2,
        ess_threshold: 1.0,
        submission_limit: Duration::from_millis(100),
        ..Config::default()
    };
    let Some((cut, longest, _)) = run(&problem, &config) else { return };
    let whole = Config { submission_limit: Duration::from_secs(3600), ..config };
    let (expected, unlimited, _) = run(&problem, &whole).unwrap();
    println!("longest submission {longest:?}, without a limit {unlimited:?}");
    assert!(cut == expected, "slices change bits");
    // A machine that does much else beside is forgiven a factor.
    assert!(longest < Duration::from_millis(100) * 8, "{longest:?}");
    assert!(unlimited > 3 * longest, "a step takes {unlimited:?}, cut into {longest:?}");
}

/// Whatever the limit: a step at a time, in slices, whole blocks, with all kinds of parts.
#[test]
fn the_limit_changes_no_bit() {
    let kernel = Density::Kernel { landmarks: 3000, bandwidth: Bandwidth::Fixed(vec![0.5]) };
    let reacting =
        Flow::wasserstein_fisher_rao(Reaction { density: kernel, ..Reaction::default() });
    let adaptive = wfr::Adaptive { moves_per_stage: 2, cess: 0.7, ..wfr::Adaptive::default() };
    let uniform = Schedule::uniform(1.0, 40).unwrap();
    for (name, flow, schedule) in [
        ("annealed", Flow::annealed(), uniform.clone()),
        ("reacting", reacting, uniform),
        ("adaptive", Flow::annealed(), Schedule::adaptive(adaptive).unwrap()),
    ] {
        let problem = problem(Target::standard_normal(2).unwrap(), flow);
        let config = Config {
            particles: 20_000,
            schedule,
            ess_every: 7,
            ess_threshold: 0.9,
            ..Config::default()
        };
        let with = |limit| run(&problem, &Config { submission_limit: limit, ..config.clone() });
        let Some((short, _, many)) = with(Duration::from_millis(1)) else { return };
        let (long, _, few) = with(Duration::from_secs(60)).unwrap();
        assert!(short == long, "{name}");
        assert!(many >= few && (many > few || name == "adaptive"), "{name}: {many} {few}");
    }
}
