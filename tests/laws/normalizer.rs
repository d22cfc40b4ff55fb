//! The log-normaliser over very many steps and resamplings loses nothing.

use wfr::{Config, Flow, Initial, Integrator, Problem, Schedule, Target};

use crate::common;

/// An Ornstein–Uhlenbeck process whose weights grow at a steady rate, and a little by position.
const STEADY: &str = "
struct Local { x: Point }
fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) { (*local).x = *x; }
fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point { return -(*local).x; }
fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    return RATE + SLOPE * (*local).x.x;
}
";

fn problem(rate: &str, slope: &str) -> Problem {
    let text = STEADY.replace("RATE", rate).replace("SLOPE", slope);
    let start = Initial::normal(&[0.0, 0.0], &[1.0, 1.0]).unwrap();
    let flow = Flow::from_wgsl("steady.wgsl", text, false);
    Problem::new(Target::standard_normal(2).unwrap(), start, flow).unwrap()
}

/// A million steps at ψ = c give c·T, to one part in a million, and −c gives −c·T.
#[test]
fn a_constant_rate_adds_up_over_a_million_steps() {
    let (time, steps) = (1000.0, 1_000_000);
    let config = Config {
        particles: 256,
        schedule: Schedule::uniform(time, steps).unwrap(),
        integrator: Some(Integrator::Euler),
        ess_every: 32,
        ..Config::default()
    };
    for (rate, value) in [("0.37", 0.37), ("-0.37", -0.37)] {
        let problem = problem(rate, "0.0");
        let Some(mut sampler) = common::sampler(&problem, &config) else { return };
        let info = sampler.run().unwrap();
        let relative = info.log_normalizer / (value * time) - 1.0;
        println!("rate {rate}: log Z {}, relative error {relative:.1e}", info.log_normalizer);
        assert_eq!((info.step, info.resamplings), (steps, 0));
        assert!(relative.abs() < 1e-6, "log Z {} for {}", info.log_normalizer, value * time);
    }
}

/// Thousands of resamplings: the device's sum against a sum on the host in double precision over
/// the log-weights that each step left.
///
/// A flipped sign would give −log Z: the comparison is with the weights themselves, so that the
/// sign of the sum is fixed by the asserted rate of growth.
#[test]
fn thousands_of_resamplings_add_up_as_on_the_host() {
    let steps = 3000;
    let config = Config {
        particles: 256,
        schedule: Schedule::uniform(30.0, steps).unwrap(),
        integrator: Some(Integrator::Euler),
        ess_every: 1,
        ess_threshold: 1.0,
        ..Config::default()
    };
    let Some(mut sampler) = common::sampler(&problem("2.0", "5.0"), &config) else { return };
    let mut sum = 0.0;
    for _ in 0..steps {
        sampler.submit(1).unwrap();
        let particles = common::particles(&sampler);
        let log_weights = particles.log_weights();
        let mean: f64 = log_weights.iter().map(|lw| f64::from(*lw).exp()).sum::<f64>();
        sum += (mean / log_weights.len() as f64).ln();
    }
    let info = common::info(&sampler);
    // Each test resampled, so that every step began with equal weights.
    assert_eq!(info.resamplings, steps - 1);
    let relative = info.log_normalizer / sum - 1.0;
    println!("log Z {}, on the host {sum}, relative {relative:.1e}", info.log_normalizer);
    assert!(relative.abs() < 1e-6, "{} against {sum}", info.log_normalizer);
    assert!(sum > 60.0, "{sum}");
}
