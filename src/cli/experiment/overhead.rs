//! `wfr experiment overhead`: what weights, tracking and resampling cost.

use clap::Args;
use serde::Serialize;
use wfr::diffusion::{Composition, Rule, Tracking};
use wfr::{Config, Integrator, Sampler};

use super::options::{CommonOptions, DimOptions, SizeOptions};
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
ones; resampled every 10 steps; and with weights by kernel ratios. The runs take turns, three parts
each, and the fastest part counts: by the clock, or in processor time where a driver computes on the
processor. Bytes are those of a particle's state, kept twice, and its log-weight.";

/// The dimensions.
const DIMS: [usize; 6] = [2, 4, 8, 16, 32, 64];
/// Parts of a run, of which the fastest counts.
const PARTS: u32 = 3;

/// Times composed sampling with and without weights, tracking and resampling, in 2 to 64 dimensions.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    size: SizeOptions,
    #[command(flatten)]
    dims: DimOptions,
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
    /// Nanoseconds of a particle's step: of the clock, or of the processor on a software driver.
    nanoseconds: f64,
    bytes: u64,
    resamplings: u32,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let common = &arguments.common;
    console::warn_debug_build();
    let (particles, steps) = arguments.size.or(1 << 13, 20);
    let mut rows: Vec<Row> = Vec::new();
    let mut adapter = String::new();
    let dims = arguments.dims.or(&DIMS);
    let largest = dims.iter().copied().max().unwrap_or(1);
    for dim in dims {
        // As much work in all dimensions.
        let steps = steps.saturating_mul((largest / dim) as u32);
        // A device of its own: the limits asked for are those of the first run.
        let mut device = Device::new(common.device.adapter.as_deref());
        let made: Done<Vec<Timed>> = ways()
            .into_iter()
            .map(|way| Timed::new(dim, way, (particles, steps, common.seed), &mut device))
            .collect();
        let mut made = made?;
        let bar = console.bar(&format!("{dim} dimensions"), PARTS);
        for _ in 0..PARTS {
            for timed in &mut made {
                timed.advance()?;
            }
            bar.advance();
        }
        for timed in &made {
            rows.push(timed.row()?);
        }
        adapter = device.name();
    }
    let text = format!(
        "Fisher-Rao mixtures of two models: {} particles, best of {PARTS} times {steps} steps in \
         {largest}-d and more below, on {adapter}\n\n\
         {}\nIn parentheses the time relative to no weights.\n",
        grouped(u64::from(particles)),
        table(&rows).text()
    );
    common.print(&rows, &text)
}

/// A run in parts, each timed.
struct Timed {
    dim: usize,
    way: Way,
    sampler: Sampler,
    steps: u32,
    best: f64,
}

impl Timed {
    fn new(
        dim: usize,
        way: Way,
        (particles, steps, seed): (u32, u32, u64),
        device: &mut Device<'_>,
    ) -> Done<Timed> {
        let composition =
            Composition::new(pair::noise(), pair::spread(dim)?, Rule::fisher_rao(0.5))
                .with_tracking(way.tracking)
                .with_correction(if way.corrected { 1.0 } else { 0.0 });
        let problem = composition.problem()?;
        let config = Config {
            integrator: Some(way.integrator),
            ess_threshold: if way.resample_every.is_some() { 1.0 } else { 0.0 },
            ess_every: way.resample_every.unwrap_or(steps),
            ..pair::config(particles, PARTS * steps, seed)?
        };
        let gpu = device.for_run(&problem, &config)?;
        let sampler = Sampler::new(gpu, &problem, config)?;
        run::wait(gpu)?;
        Ok(Timed { dim, way, sampler, steps, best: f64::INFINITY })
    }

    /// Runs one part. On the processor its own time counts, which other programs do not lengthen.
    fn advance(&mut self) -> Done {
        let clock = Clock::start();
        self.sampler.submit(self.steps)?;
        run::wait(self.sampler.gpu())?;
        let spent = clock.spent();
        let own = spent.cpu.filter(|_| self.sampler.gpu().is_software());
        self.best = self.best.min(own.unwrap_or(spent.wall));
        Ok(())
    }

    fn row(&self) -> Done<Row> {
        let steps = f64::from(self.steps) * f64::from(self.sampler.config().particles);
        let rows = self.sampler.buffers().rows;
        Ok(Row {
            dim: self.dim,
            way: self.way.name,
            nanoseconds: 1e9 * self.best / steps,
            bytes: 8 * u64::from(rows) + 4,
            resamplings: wfr::block_on(self.sampler.info())?.resamplings,
        })
    }
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
