//! `wfr bench`: what a particle-step and a resampling cost here.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use wfr::{Config, Flow, Gpu, Initial, Integrator, Problem, Resampler, Schedule, Target};

mod dimensions;
mod resampling;
mod setup;
mod stepping;
mod timestamps;

use super::clock::Spent;
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::numbers::{self, grouped, three_digits};
use super::options::DeviceOptions;
use super::run::Device;
use super::table::Table;

const DETAILS: &str = "\
Stepping: the double well a = 1, c = 0.25 in two dimensions, annealed from N(0, 5^2 I) in 200
steps to time 4, with weights and resampling at ESS < N/2. Timed is the loop from the drawn
particles to the final weights, without compiling. Resampling alone: log-weights N(0, 1) to
gathered positions in two dimensions, every time anew. Times are medians over the repeats;
processor time is that of all threads of the process, in steps of 10 ms, and on a GPU what the
driver takes. Set-up: from the texts of the double well to 1000 drawn particles, for one sampler,
the mean of 200 where one is short; the first and the second process have a folder of their own in
which the driver keeps what it compiled. Time stamps: the same stepping, every dispatch in a pass
of its own, and the second of two runs. Dimensions: the double well, and a double well along every
axis as a formula and as WGSL whose score is derived, kernel-ratio weights, a test of the ESS every
16 of 64 steps.";

/// Measures nanoseconds per particle and step, and per particle and resampling.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    /// Also 10 million particles: takes minutes without a GPU.
    #[arg(long)]
    full: bool,
    /// Measure what comes before the first step instead: compiling, another seed, other parameters.
    #[arg(long, conflicts_with_all = ["full", "particles", "repeats"])]
    setup: bool,
    /// Measure each kernel instead, by the time stamps of the device.
    #[arg(long, conflicts_with_all = ["full", "setup", "repeats"])]
    timestamps: bool,
    /// Measure steps and set-up in 1 to 128 dimensions instead.
    #[arg(long, conflicts_with_all = ["full", "setup", "timestamps", "particles"])]
    dimensions: bool,
    /// The first set-up of this process alone, with this seed.
    #[arg(long, value_name = "SEED", hide = true)]
    first_setup: Option<u64>,
    /// How often to repeat each measurement.
    #[arg(long, value_name = "R", default_value = "5")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    repeats: u32,
    /// How many particles, in place of 1e5 and 1e6; repeat it for more.
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "full")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: Vec<u32>,
    #[command(flatten)]
    device: DeviceOptions,
    /// Print JSON in place of the tables.
    #[arg(long)]
    json: bool,
}

/// One row of a table: medians over the repeats.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    particles: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ess_every: Option<u32>,
    wall_ns: f64,
    cpu_ns: Option<f64>,
    per_s: f64,
}

impl Row {
    /// From the time that each repeat took for so many particle-steps or particles.
    fn new(what: &'static str, particles: u32, repeats: &[Spent], work: f64) -> Row {
        let wall = median(repeats.iter().map(|spent| spent.wall));
        let cpu: Option<Vec<_>> = repeats.iter().map(|spent| spent.cpu).collect();
        Row {
            what,
            particles,
            ess_every: None,
            wall_ns: wall * 1e9 / work,
            cpu_ns: cpu.map(|cpu| median(cpu.into_iter()) * 1e9 / work),
            per_s: work / wall,
        }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    adapter: String,
    driver: String,
    debug_build: bool,
    repeats: u32,
    steps: u32,
    stepping: Vec<Row>,
    resampling: Vec<Row>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    if arguments.repeats == 0 {
        return Err(Failure::Usage("--repeats is 0; give 1 or more".into()));
    }
    console::warn_debug_build();
    let adapter = arguments.device.adapter.as_deref();
    if let Some(seed) = arguments.first_setup {
        let mut device = Device::new(adapter);
        let gpu = device.for_run(&peers_problem()?, &peers_config(1000)?)?;
        return console::print_json(&setup::first(gpu, seed, 1.0 + seed as f64)?);
    }
    if arguments.setup {
        return setup::run(adapter, arguments.json, console);
    }
    if arguments.dimensions {
        return dimensions::run(adapter, arguments.repeats, arguments.json, console);
    }
    let sizes = match &arguments.particles[..] {
        [] if arguments.full => &[100_000, 1_000_000, 10_000_000],
        [] => &[100_000, 1_000_000][..],
        given => given,
    };
    let problem = peers_problem()?;
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let mut device = Device::new(adapter);
    let gpu = device.for_run(&problem, &peers_config(largest)?)?;
    if arguments.timestamps {
        return timestamps::run(gpu, &problem, sizes, arguments.json, console);
    }

    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        adapter: gpu.adapter_info().name.clone(),
        driver: driver(gpu),
        debug_build: cfg!(debug_assertions),
        repeats: arguments.repeats,
        steps: STEPS,
        stepping: Vec::new(),
        resampling: Vec::new(),
    };
    for &particles in sizes {
        for ess_every in [1, 16] {
            for integrator in [Integrator::KernelRatio, Integrator::Euler] {
                let config =
                    Config { ess_every, integrator: Some(integrator), ..peers_config(particles)? };
                let row = stepping::measure(gpu, &problem, &config, arguments.repeats, console)?;
                report.stepping.push(row);
            }
        }
    }
    for &particles in sizes {
        for resampler in Resampler::ALL {
            let row = resampling::measure(gpu, particles, resampler, arguments.repeats, console)?;
            report.resampling.push(row);
        }
    }
    if arguments.json {
        return console::print_json(&report);
    }
    console::print(&text(&report))
}

/// Steps of one run.
const STEPS: u32 = 200;

/// The job that other programs can be timed at: see benches/peers.
fn peers_problem() -> Done<Problem> {
    let target = Target::double_well(2)?.set("a", 1.0)?.set("c", 0.25)?;
    let initial = Initial::normal(&[0.0; 2], &[5.0; 2])?;
    Ok(Problem::new(target, initial, Flow::annealed())?)
}

fn peers_config(particles: u32) -> Done<Config> {
    Ok(Config { particles, schedule: Schedule::uniform(4.0, STEPS)?, ..Config::default() })
}

fn driver(gpu: &Gpu) -> String {
    let info = gpu.adapter_info();
    format!("{} {}", info.driver, info.driver_info).trim().to_string()
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "wfr {} on {}, driver {}\nnanoseconds, medians of {}\n\n",
        report.version, report.adapter, report.driver, report.repeats
    );
    let cells = |row: &Row| {
        let cpu = row.cpu_ns.map_or_else(|| "unknown".into(), three_digits);
        [three_digits(row.wall_ns), cpu, three_digits(row.per_s)]
    };
    let mut stepping = Table::new(1);
    stepping.row(["stepping", "N", "ESS every", "wall ns", "CPU ns", "particle-steps/s"]);
    for row in &report.stepping {
        let every = row.ess_every.map_or_else(String::new, |every| every.to_string());
        let first = [row.what.to_string(), grouped(u64::from(row.particles)), every];
        stepping.row(first.into_iter().chain(cells(row)));
    }
    let mut resampling = Table::new(1);
    resampling.row(["resampling", "N", "wall ns", "CPU ns", "particles/s"]);
    for row in &report.resampling {
        let first = [row.what.to_string(), grouped(u64::from(row.particles))];
        resampling.row(first.into_iter().chain(cells(row)));
    }
    let _ = writeln!(
        text,
        "{}\n{}\nStepping is per particle and step, resampling per particle from log-weights to \
         gathered positions.",
        stepping.text(),
        resampling.text()
    );
    if report.debug_build {
        text.push_str("This is a debug build: the host's share of these times means nothing.\n");
    }
    text
}

/// The time of each repeat, which is so many runs each that the processor's clock counts them.
fn repeated(
    repeats: u32,
    mut run: impl FnMut(u32) -> Done<Spent>,
    mut done: impl FnMut(),
) -> Done<(Vec<Spent>, u32)> {
    let runs = enough(run(0)?);
    let mut spent = Vec::new();
    for repeat in 1..=repeats {
        let mut total = run(repeat)?;
        for _ in 1..runs {
            total = total.plus(run(repeat)?);
        }
        spent.push(total);
        done();
    }
    Ok((spent, runs))
}

/// How often to do what took this long, for a processor clock that counts in steps of 10 ms.
fn enough(once: Spent) -> u32 {
    let seconds = once.cpu.filter(|cpu| *cpu > 0.05).unwrap_or(once.wall);
    (0.5 / seconds.max(1e-3)).ceil().clamp(1.0, 500.0) as u32
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { 0.5 * (values[(n - 1) / 2] + values[n / 2]) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(super::median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(super::median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}
