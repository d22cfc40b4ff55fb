//! What a step and the set-up cost as the dimension grows.

use serde::Serialize;
use wfr::{Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

use super::{driver, repeated};
use crate::cli::clock::{Clock, Spent};
use crate::cli::console::{self, Console};
use crate::cli::failure::Done;
use crate::cli::numbers::three_digits;
use crate::cli::run::{Device, wait};
use crate::cli::table::Table;

const DIMENSIONS: [u32; 9] = [1, 2, 4, 8, 16, 32, 33, 64, 128];
/// Coordinates of all particles together.
const COORDINATES: u32 = 1 << 19;
/// Steps of one run, a test of the ESS every 16.
const STEPS: u32 = 64;

/// The ways in which a density is written.
const WAYS: [&str; 3] = ["built in", "formula", "WGSL"];

/// One density in one dimension.
#[derive(Debug, Serialize)]
struct Row {
    density: &'static str,
    dim: u32,
    particles: u32,
    /// Processor seconds from the texts to the drawn particles and the first steps.
    setup_cpu_s: Option<f64>,
    /// Nanoseconds per particle and step.
    wall_ns: f64,
    cpu_ns: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    adapter: String,
    driver: String,
    repeats: u32,
    rows: Vec<Row>,
}

/// Runs the command.
pub(super) fn run(adapter: Option<&str>, repeats: u32, json: bool, console: &Console) -> Done {
    let mut device = Device::new(adapter);
    let largest = DIMENSIONS.map(|dim| COORDINATES / dim).into_iter().max().unwrap_or(0);
    let gpu = device.for_run(&problem("WGSL", 1)?, &config(largest)?)?;
    let bar = console.bar("dimensions", (WAYS.len() * DIMENSIONS.len()) as u32);
    let mut rows = Vec::new();
    for way in WAYS {
        for dim in DIMENSIONS {
            rows.push(measure(gpu, way, dim, repeats)?);
            bar.advance();
        }
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        adapter: gpu.adapter_info().name.clone(),
        driver: driver(gpu),
        repeats,
        rows,
    };
    if json {
        return console::print_json(&report);
    }
    console::print(&text(&report))
}

/// A double well along the first axis, or along every axis.
fn problem(way: &'static str, dim: u32) -> Done<Problem> {
    let target = match way {
        "built in" => Target::double_well(dim)?.set("a", 1.0)?.set("c", 0.25)?,
        "formula" => Target::from_formula(dim, "-sum(i, x[i]^4 / 4 - x[i]^2 / 2 + x[i] / 4)")?,
        _ => Target::from_wgsl(
            dim,
            "wells.wgsl",
            "fn log_density(x: ptr<function, Point>) -> f32 {
                var sum = 0.0;
                for (var i = 0u; i < DIM; i++) {
                    let square = (*x)[i] * (*x)[i];
                    sum += square * (0.25 * square - 0.5) + 0.25 * (*x)[i];
                }
                return -sum;
            }",
        )?,
    };
    let initial = Initial::normal(&vec![0.0; dim as usize], &vec![2.0; dim as usize])?;
    Ok(Problem::new(target, initial, Flow::annealed())?)
}

fn config(particles: u32) -> Done<Config> {
    let schedule = Schedule::uniform(f64::from(STEPS) * 0.02, STEPS)?;
    Ok(Config { particles, schedule, ess_every: 16, ..Config::default() })
}

/// The set-up once, since no second one in this process compiles anything, then whole runs.
fn measure(gpu: &Gpu, density: &'static str, dim: u32, repeats: u32) -> Done<Row> {
    let (problem, config) = (problem(density, dim)?, config(COORDINATES / dim)?);
    let clock = Clock::start();
    let mut sampler = Sampler::new(gpu, &problem, config.clone())?;
    wait(gpu)?;
    let setup = clock.spent();
    let run = |seed: u32| -> Done<Spent> {
        sampler.restart(&problem, seed.into())?;
        wait(gpu)?;
        let clock = Clock::start();
        sampler.run()?;
        Ok(clock.spent())
    };
    let (spent, runs) = repeated(repeats, run, || ())?;
    let work = f64::from(config.particles) * f64::from(STEPS) * f64::from(runs);
    let super::Row { wall_ns, cpu_ns, .. } =
        super::Row::new(density, config.particles, &spent, work);
    let particles = config.particles;
    Ok(Row { density, dim, particles, setup_cpu_s: setup.cpu, wall_ns, cpu_ns })
}

fn text(report: &Report) -> String {
    let digits = |value: Option<f64>| value.map_or_else(|| "unknown".into(), three_digits);
    let mut table = Table::new(1);
    table.row(["density", "d", "N", "set-up CPU s", "wall ns", "CPU ns", "CPU ns / d"]);
    for row in &report.rows {
        table.row([
            row.density.to_string(),
            row.dim.to_string(),
            row.particles.to_string(),
            digits(row.setup_cpu_s),
            three_digits(row.wall_ns),
            digits(row.cpu_ns),
            digits(row.cpu_ns.map(|ns| ns / f64::from(row.dim))),
        ]);
    }
    format!(
        "wfr {} on {}, driver {}\nmedians of {}\n\n{}\nNanoseconds are per particle and step, and per \
         coordinate too in the last column. The set-up compiles.\n",
        report.version,
        report.adapter,
        report.driver,
        report.repeats,
        table.text()
    )
}
