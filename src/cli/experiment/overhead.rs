//! `wfr experiment overhead`: what weights, tracking and resampling cost.

use clap::Args;
use serde::Serialize;
use wfr::diffusion::{Composition, Rule, Tracking};
use wfr::{Config, Integrator, Sampler};

use super::options::{CommonOptions, SizeOptions};
use super::pair;
use crate::cli::clock::Clock;
use crate::cli::console::{self, Console};
use crate::cli::failure::Done;
use crate::cli::numbers::{grouped, three_digits};
use crate::cli::run::{self, Device};
use crate::cli::table::Table;

const DETAILS: &str = "\
Two models, mixtures of two components each, are composed by the Fisher-Rao mixture in 2 to 64
dimensions: without weights; with weights by rates; with log densities tracked in place of evaluated
ones; resampled every 10 steps; and with weights by kernel ratios. Each is run several times in turn,
and the fastest counts. Bytes are those of a particle's state, kept twice, and its log-weight.";

/// Runs counted.
const TURNS: usize = 3;

/// Times composed sampling with and without weights, tracking and resampling, in 2 to 64 dimensions.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    size: SizeOptions,
    #[command(flatten)]
    common: CommonOptions,
}

/// A way of sampling: its name, how log densities come, the integrator, how often it resamples.
struct Way {
    name: &'static str,
    tracking: Tracking,
    integrator: Integrator,
    corrected: bool,
    resample_every: Option<u32>,
}

fn ways() -> [Way; 5] {
    let plain = |name| Way {
        name,
        tracking: Tracking::Exact,
        integrator: Integrator::Euler,
        corrected: true,
        resample_every: None,
    };
    [
        Way { corrected: false, ..plain("no weights") },
        plain("weights"),
        Way { tracking: Tracking::Ito, ..plain("weights, tracked") },
        Way { resample_every: Some(10), ..plain("weights, resampled") },
        Way { integrator: Integrator::KernelRatio, ..plain("kernel ratio") },
    ]
}

#[derive(Serialize)]
struct Row {
    dim: usize,
    way: &'static str,
    /// Nanoseconds of a particle's step.
    nanoseconds: f64,
    bytes: u64,
    resamplings: u32,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let common = &arguments.common;
    console::warn_debug_build();
    let (particles, steps) = arguments.size.or(1 << 14, 100);
    let mut rows: Vec<Row> = Vec::new();
    let mut adapter = String::new();
    for dim in [2, 4, 8, 16, 32, 64] {
        // A device of its own: the limits asked for are those of the first run.
        let mut device = Device::new(common.device.adapter.as_deref());
        let mut here: Vec<Row> = Vec::new();
        let bar = console.bar(&format!("{dim} dimensions"), TURNS as u32 * ways().len() as u32);
        for _ in 0..TURNS {
            for (k, way) in ways().into_iter().enumerate() {
                let row = measure(dim, &way, (particles, steps, common.seed), &mut device)?;
                bar.advance();
                match here.get_mut(k) {
                    None => here.push(row),
                    Some(best) if row.nanoseconds < best.nanoseconds => *best = row,
                    Some(_) => {}
                }
            }
        }
        adapter = device.name();
        rows.extend(here);
    }
    let text = format!(
        "Fisher-Rao mixtures of two models: {} particles, {steps} steps, best of {TURNS}, on {adapter}\n\n\
         {}\nIn parentheses the time relative to no weights.\n",
        grouped(u64::from(particles)),
        table(&rows).text()
    );
    common.print(&rows, &text)
}

fn measure(
    dim: usize,
    way: &Way,
    (particles, steps, seed): (u32, u32, u64),
    device: &mut Device<'_>,
) -> Done<Row> {
    let composition = Composition::new(pair::noise(), pair::spread(dim)?, Rule::fisher_rao(0.5))
        .with_tracking(way.tracking)
        .with_correction(if way.corrected { 1.0 } else { 0.0 });
    let problem = composition.problem()?;
    let config = Config {
        integrator: Some(way.integrator),
        ess_threshold: if way.resample_every.is_some() { 1.0 } else { 0.0 },
        ess_every: way.resample_every.unwrap_or(steps),
        ..pair::config(particles, steps, seed)?
    };
    let gpu = device.for_run(&problem, &config)?;
    let mut sampler = Sampler::new(gpu, &problem, config)?;
    run::wait(gpu)?;
    let clock = Clock::start();
    sampler.submit(steps)?;
    run::wait(gpu)?;
    let wall = clock.spent().wall;
    let info = pollster::block_on(sampler.info())?;
    let buffers = sampler.buffers();
    Ok(Row {
        dim,
        way: way.name,
        nanoseconds: 1e9 * wall / (f64::from(particles) * f64::from(steps)),
        bytes: 8 * u64::from(buffers.rows) + 4,
        resamplings: info.resamplings,
    })
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(1);
    let names = ways().map(|way| way.name);
    table.row(["ns per particle and step"].into_iter().chain(names));
    for dim_rows in rows.chunks(names.len()) {
        let plain = dim_rows[0].nanoseconds;
        let cells = dim_rows.iter().map(|row| {
            let ratio = row.nanoseconds / plain;
            format!("{} ({ratio:.2})", three_digits(row.nanoseconds))
        });
        table.row([format!("d = {}", dim_rows[0].dim)].into_iter().chain(cells));
    }
    table.row(["bytes per particle"]);
    for dim_rows in rows.chunks(names.len()) {
        let cells = dim_rows.iter().map(|row| row.bytes.to_string());
        table.row([format!("d = {}", dim_rows[0].dim)].into_iter().chain(cells));
    }
    table
}
