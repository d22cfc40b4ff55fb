//! The cost of the sampling loop.

use wfr::{Config, Gpu, Problem, Sampler};

use super::{Row, repeated};
use crate::cli::clock::{Clock, Spent};
use crate::cli::console::Console;
use crate::cli::failure::Done;
use crate::cli::run::wait;

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
    let run = |seed: u32| -> Done<Spent> {
        let config = Config { seed: u64::from(seed), ..config.clone() };
        let mut sampler = Sampler::new(gpu, problem, config)?;
        wait(gpu)?;
        let clock = Clock::start();
        sampler.run()?;
        Ok(clock.spent())
    };
    let label = format!("{name}, N = {}, ESS every {}", config.particles, config.ess_every);
    let bar = console.bar(&label, repeats);
    let (spent, runs) = repeated(repeats, run, || bar.advance())?;
    let work = f64::from(config.particles) * f64::from(steps) * f64::from(runs);
    let row = Row::new(name, config.particles, &spent, work);
    Ok(Row { ess_every: Some(config.ess_every), ..row })
}
