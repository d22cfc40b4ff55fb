//! The cost of the sampling loop.

use wfr::{Config, Gpu, Problem, Sampler};

use super::Row;
use crate::cli::clock::{Clock, Spent};
use crate::cli::console::Console;
use crate::cli::failure::Done;
use crate::cli::run::wait;

/// Particle-steps that one repeat should have, for the processor clock's steps of 10 ms.
const ENOUGH: f64 = 1e8;

/// Times whole runs, after one that is not counted.
pub(super) fn measure(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    repeats: u32,
    console: &Console,
) -> Done<Row> {
    let name = config.integrator.map_or("", |integrator| integrator.name());
    let steps = config.schedule.steps();
    let run = f64::from(config.particles) * f64::from(steps);
    let runs = (ENOUGH / run.max(1.0)).ceil().clamp(1.0, 20.0) as u32;
    let label = format!("{name}, N = {}, ESS every {}", config.particles, config.ess_every);
    let bar = console.bar(&label, repeats + 1);
    let mut spent = Vec::new();
    for repeat in 0..=repeats {
        let mut total = Spent { wall: 0.0, cpu: Some(0.0) };
        for _ in 0..runs {
            let config = Config { seed: u64::from(repeat), ..config.clone() };
            let mut sampler = Sampler::new(gpu, problem, config)?;
            wait(gpu)?;
            let clock = Clock::start();
            sampler.run()?;
            total = total.plus(clock.spent());
        }
        bar.advance();
        if repeat > 0 {
            spent.push(total);
        }
    }
    let row = Row::new(name, config.particles, &spent, run * f64::from(runs));
    Ok(Row { ess_every: Some(config.ess_every), ..row })
}
