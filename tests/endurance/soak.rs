//! Many steps: the log-normaliser against an exact sum on the host, the time, and the memory.

use wfr::{Config, Flow, Initial, Integrator, Problem, Schedule, Target};

use super::common;
use super::memory::{Samples, alone};

/// An Ornstein–Uhlenbeck process whose log-weights grow with its position: some particles gain and
/// others lose in every block of steps.
const FLOW: &str = "
struct Local { x: Point }
fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) { (*local).x = *x; }
fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point { return -(*local).x; }
fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 { return 0.1 + (*local).x.x; }
";

fn problem() -> Problem {
    let start = Initial::normal(&[0.0, 0.0], &[1.0, 1.0]).unwrap();
    let flow = Flow::from_wgsl("growing.wgsl", FLOW, false);
    Problem::new(Target::standard_normal(2).unwrap(), start, flow).unwrap()
}

/// Every test resamples, so that what the log-weights are before it is what they gained since the
/// one before: the host adds the logs of their means in double precision.
fn soak(steps: u32) {
    let every = 50;
    let time = f64::from(steps) / 1000.0;
    let config = Config {
        particles: 500,
        seed: 3,
        schedule: Schedule::uniform(time, steps).unwrap(),
        integrator: Some(Integrator::Euler),
        ess_every: every,
        ess_threshold: 1.0,
        // The ring comes round many times.
        trace_rows: 64,
        ..Config::default()
    };
    let Some(mut sampler) = common::sampler(&problem(), &config) else { return };
    let (mut sum, mut memory) = (0.0, Samples::default());
    let mut worst: f64 = 0.0;
    while !sampler.is_finished() {
        // A submission takes as many steps as it has time for; the sum is that of a whole block.
        let info = sampler.advance(every - sampler.steps_encoded() % every).unwrap();
        if !sampler.steps_encoded().is_multiple_of(every) {
            continue;
        }
        let log_weights = pollster::block_on(sampler.log_weights(0..config.particles)).unwrap();
        let total: f64 = log_weights.iter().map(|lw| f64::from(*lw).exp()).sum();
        // `advance` tells of the test before these steps, when this sum was that of the steps done
        // until then.
        worst = worst.max((info.log_normalizer - sum).abs());
        // Every time is worked out by itself: a sum of a million steps would be off by far more.
        let exact = time * f64::from(info.step) / f64::from(steps);
        assert!((info.time - exact).abs() <= f64::EPSILON * time, "{} is not {exact}", info.time);
        sum += (total / f64::from(config.particles)).ln();
        if sampler.steps_encoded().is_multiple_of(steps / 50) {
            memory.take();
        }
    }
    let info = sampler.finish().unwrap();
    let tests = pollster::block_on(sampler.trace()).unwrap();
    assert_eq!((info.step, info.resamplings), (steps, steps / every - 1));
    assert_eq!(tests.len() as u32, steps / every);
    assert!(tests.iter().zip(0..).all(|(test, k)| test.step == k * every));
    println!(
        "{steps} steps, {} resamplings: log Z {:.9}, on the host {sum:.9}, worst difference on the \
         way {worst:.1e}",
        info.resamplings, info.log_normalizer
    );
    // A mean of 500 weights rounded to 2^-27 errs by 2^-31 or so, either way, and so does its log in
    // fixed point. Roundings of one sign would show: truncated weights erred by 2^-26.7 at every
    // resampling, ten times this bound.
    let bound = f64::from(info.resamplings) * 2.0_f64.powi(-30);
    assert!((info.log_normalizer - sum).abs() < bound && worst < bound, "{worst} against {bound}");
    memory.assert_flat("a soak", 2 << 20);
}

#[test]
fn many_steps_add_up_as_on_the_host() {
    alone("soak::many_steps_add_up_as_on_the_host", || soak(50_000));
}

#[test]
#[ignore = "minutes; scripts/endurance runs it"]
fn a_million_steps_add_up_as_on_the_host() {
    alone("soak::a_million_steps_add_up_as_on_the_host", || soak(1_000_000));
}
