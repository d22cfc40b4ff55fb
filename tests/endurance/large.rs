//! The largest population that the device takes.

use wfr::{Config, ErrorKind, Flow, Initial, Integrator, Problem, Schedule, Target};

use super::common;
use super::memory::{Samples, alone};

/// One dimension: a coordinate and an ancestor per particle, the least there is.
fn problem() -> Problem {
    let text = "fn log_density(x: Point) -> f32 { return -2.0 * (x[0] - 0.5) * (x[0] - 0.5); }";
    let target = Target::from_wgsl(1, "narrow.wgsl", text).unwrap();
    Problem::new(target, Initial::normal(&[0.0], &[1.0]).unwrap(), Flow::annealed()).unwrap()
}

fn config(particles: u32) -> Config {
    Config {
        particles,
        schedule: Schedule::uniform(1.0, 8).unwrap(),
        integrator: Some(Integrator::KernelRatio),
        ess_every: 4,
        ess_threshold: 1.0,
        ..Config::default()
    }
}

/// The largest number of particles that the adapter's limits allow; one more is refused, with that
/// number in the sentence.
fn largest(problem: &Problem, limits: &wgpu::Limits) -> u32 {
    let (mut low, mut high) = (1, u32::MAX);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let fits = wfr::requirements(problem, &config(middle), limits).is_ok();
        if fits { low = middle } else { high = middle }
    }
    low
}

/// A run of as many particles as there can be, on the host's own terms: flat memory while it goes
/// on, and a log-normaliser that errs by no more than so many particles should.
#[test]
#[ignore = "gigabytes; scripts/endurance runs it"]
fn the_largest_population_is_sampled() {
    alone("large::the_largest_population_is_sampled", largest_population);
}

fn largest_population() {
    let problem = problem();
    let Some(adapter) = common::adapter() else { return };
    let limits = adapter.limits();
    let most = largest(&problem, &limits);
    let error = wfr::requirements(&problem, &config(most + 1), &limits).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::LimitExceeded { .. } | ErrorKind::InvalidConfig { .. }
    ));
    assert!(error.to_string().contains(&most.to_string()), "{error}");

    let Some(mut sampler) = common::sampler(&problem, &config(most)) else { return };
    let mut memory = Samples::default();
    while !sampler.is_finished() {
        sampler.advance(1).unwrap();
        memory.take();
    }
    let info = sampler.finish().unwrap();
    // Every resampling of a population is one draw of it: the error of log Z is at most that of
    // independent draws at each, whose weights vary by less than their mean.
    let truth = (std::f64::consts::PI / 2.0).sqrt().ln();
    let error = (f64::from(info.resamplings + 1) / f64::from(most)).sqrt();
    println!(
        "{most} particles: log Z {:.6}, in closed form {truth:.6}; standard error at most {error:.1e}",
        info.log_normalizer
    );
    assert_eq!((info.step, info.resamplings, info.non_finite), (8, 1, 0));
    // Eight steps of 1/8 are exact in the limit alone, but the kernel ratio has no bias in log Z.
    assert!((info.log_normalizer - truth).abs() < 4.0 * error, "{}", info.log_normalizer);
    memory.assert_flat("the largest population", 4 << 20);
}
