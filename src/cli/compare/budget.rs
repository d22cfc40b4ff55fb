//! How many particles a flow can have for the same cost as another.

use wfr::{Config, Gpu, Problem, Sampler, Schedule};

use crate::cli::clock::Clock;
use crate::cli::failure::{Done, Failure};
use crate::cli::run::wait;

/// Steps of one part of a trial.
const STEPS: u32 = 16;
/// Parts that count.
const TRIALS: u32 = 3;
/// The fewest particles that are tried.
const FEWEST: u32 = 512;

/// The number of particles with which the run takes about `seconds`, at most `most`.
///
/// Trials at more and more particles, until one is near the answer: a cost affine in N, or a power
/// of it where it grows faster, gives the rest of the way.
pub(super) fn particles(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    seconds: f64,
    most: u32,
) -> Done<u32> {
    let budget = seconds / f64::from(config.schedule.steps());
    let cost = |n: u32| Ok::<_, Failure>((f64::from(n), trial(gpu, problem, config, n)?));
    let mut last = cost(FEWEST.min(most))?;
    let mut wanted = last.0 * budget / last.1;
    // Compiling costs more than a trial runs, hence few of them.
    for _ in 0..4 {
        if wanted <= 2.0 * last.0 {
            break;
        }
        let next = cost((0.5 * wanted).min(16.0 * last.0) as u32)?;
        wanted = extrapolated(last, next, budget).min(f64::from(most));
        last = next;
    }
    Ok(rounded(wanted.clamp(f64::from(FEWEST.min(most)), f64::from(most))))
}

/// The number that costs `budget`, by the costs of two numbers.
fn extrapolated(few: (f64, f64), many: (f64, f64), budget: f64) -> f64 {
    let power = (many.1 / few.1).ln() / (many.0 / few.0).ln();
    let slope = (many.1 - few.1) / (many.0 - few.0);
    if power > 1.0 {
        many.0 * (budget / many.1).powf(1.0 / power)
    } else if slope > 0.0 {
        many.0 + (budget - many.1) / slope
    } else {
        many.0 * budget / many.1
    }
}

/// Seconds per step.
fn trial(gpu: &Gpu, problem: &Problem, config: &Config, particles: u32) -> Done<f64> {
    let dt = config.schedule.time(1) - config.schedule.time(0);
    let schedule = Schedule::uniform(f64::from(STEPS * (1 + TRIALS)) * dt, STEPS * (1 + TRIALS))?;
    let config = Config { particles, schedule, ..config.clone() };
    let mut sampler = Sampler::new(gpu, problem, config)?;
    let mut least = f64::INFINITY;
    // The first part warms up; of the others the least disturbed counts.
    for part in 0..=TRIALS {
        let clock = Clock::start();
        sampler.submit(STEPS)?;
        wait(gpu)?;
        if part > 0 {
            least = least.min(clock.spent().wall);
        }
    }
    Ok(least / f64::from(STEPS))
}

/// Two significant digits.
fn rounded(value: f64) -> u32 {
    let unit = 10_f64.powf(value.max(1.0).log10().floor() - 1.0).max(1.0);
    ((value / unit).floor() * unit) as u32
}

#[cfg(test)]
mod tests {
    #[test]
    fn costs_are_extrapolated() {
        let close = |found: f64, exact: f64| assert!((found / exact - 1.0).abs() < 1e-9, "{found}");
        let affine = |n: f64| (n, 3.0 + 0.01 * n);
        close(super::extrapolated(affine(500.0), affine(4000.0), 103.0), 10_000.0);
        let quadratic = |n: f64| (n, 1e-6 * n * n);
        close(super::extrapolated(quadratic(500.0), quadratic(1000.0), 25.0), 5000.0);
        // Noise may make more particles cheaper.
        close(super::extrapolated((500.0, 2.0), (1000.0, 1.0), 10.0), 10_000.0);
    }

    #[test]
    fn numbers_of_particles_are_round() {
        for (value, expected) in [(7.0, 7), (512.0, 510), (98_765.0, 98_000), (1.0e6, 1_000_000)] {
            assert_eq!(super::rounded(value), expected);
        }
    }
}
