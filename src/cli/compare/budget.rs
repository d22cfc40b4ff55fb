//! How many particles a flow can have for the same cost as another.

use wfr::{Config, Gpu, Problem, Sampler, Schedule};

use crate::cli::clock::Clock;
use crate::cli::failure::Done;
use crate::cli::run::wait;

/// Steps of one part of a trial.
const STEPS: u32 = 16;
/// Parts that count.
const TRIALS: u32 = 3;
/// The fewest particles that are tried.
const FEWEST: u32 = 512;

/// The number of particles with which the run takes about `seconds`, at most `most`.
///
/// Two trials: the first at few particles, the second near the answer; the cost between them, as a
/// power of N, gives the rest of the way.
pub(super) fn particles(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    seconds: f64,
    most: u32,
) -> Done<u32> {
    let per_step = seconds / f64::from(config.schedule.steps());
    let first = FEWEST.min(most);
    let few = trial(gpu, problem, config, first)?;
    if first == most || few >= per_step {
        return Ok(first);
    }
    // A cost linear in N would allow this many; a quadratic one is seen at a part of it.
    let linear = f64::from(first) * per_step / few;
    let second = ((f64::from(first) * linear).sqrt() as u32).clamp(2 * first, most.max(2 * first));
    let many = trial(gpu, problem, config, second.min(most))?;
    let power = ((many / few).ln() / (f64::from(second) / f64::from(first)).ln()).clamp(0.3, 2.0);
    let wanted = f64::from(second) * (per_step / many).powf(1.0 / power.max(1.0));
    Ok(rounded(wanted.clamp(f64::from(first), f64::from(most))))
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
    fn numbers_of_particles_are_round() {
        for (value, expected) in [(7.0, 7), (512.0, 510), (98_765.0, 98_000), (1.0e6, 1_000_000)] {
            assert_eq!(super::rounded(value), expected);
        }
    }
}
