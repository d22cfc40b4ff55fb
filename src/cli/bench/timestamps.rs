//! What each kernel takes, by the device's own clock.

use serde::Serialize;
use wfr::{Config, Gpu, Problem, Sampler};

use super::{STEPS, peers_config};
use crate::cli::console::{self, Console};
use crate::cli::failure::Done;
use crate::cli::numbers::{grouped, three_digits};
use crate::cli::table::Table;

/// One kernel of a run.
#[derive(Debug, Serialize)]
struct Row {
    kernel: String,
    particles: u32,
    ess_every: u32,
    dispatches: u32,
    /// Microseconds of a dispatch.
    dispatch_us: f64,
    /// Nanoseconds per particle and step of the run.
    ns: f64,
    /// Of the time of all kernels.
    share: f64,
}

/// Runs the command.
pub(super) fn run(
    gpu: &Gpu,
    problem: &Problem,
    sizes: &[u32],
    json: bool,
    console: &Console,
) -> Done {
    let bar = console.bar("kernels", 2 * sizes.len() as u32);
    let mut rows = Vec::new();
    for &particles in sizes {
        for ess_every in [1, 16] {
            rows.extend(measure(gpu, problem, particles, ess_every)?);
            bar.advance();
        }
    }
    if json {
        return console::print_json(&rows);
    }
    let mut table = Table::new(1);
    let heads = ["kernel", "N", "ESS every", "dispatches", "µs each", "ns", "share"];
    table.row(heads);
    for row in &rows {
        table.row([
            row.kernel.clone(),
            grouped(u64::from(row.particles)),
            row.ess_every.to_string(),
            row.dispatches.to_string(),
            three_digits(row.dispatch_us),
            three_digits(row.ns),
            format!("{:.0} %", 1e2 * row.share),
        ]);
    }
    let of = "ns is per particle and step of the run, over all dispatches of the kernel, also those \
              that a test of the ESS skips.";
    console::print(&format!("{}\n{of}\n", table.text()))
}

/// The kernels of a run, after one that is not counted.
fn measure(gpu: &Gpu, problem: &Problem, particles: u32, ess_every: u32) -> Done<Vec<Row>> {
    let config = Config { ess_every, ..peers_config(particles)? };
    let mut sampler = Sampler::new(gpu, problem, config)?;
    wfr::block_on(sampler.timed(u32::MAX))?;
    sampler.restart(problem, 1)?;
    let times = wfr::block_on(sampler.timed(u32::MAX))?;
    let all: f64 = times.iter().map(|time| time.seconds).sum();
    let row = |time: wfr::KernelTime| Row {
        particles,
        ess_every,
        dispatches: time.dispatches,
        dispatch_us: 1e6 * time.seconds / f64::from(time.dispatches),
        ns: 1e9 * time.seconds / (f64::from(particles) * f64::from(STEPS)),
        share: time.seconds / all,
        kernel: time.kernel,
    };
    Ok(times.into_iter().map(row).collect())
}
