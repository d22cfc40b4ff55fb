//! What comes before the first step: checking, compiling, allocating, drawing.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};
use wfr::{Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target};

use crate::cli::clock::{Clock, Spent};
use crate::cli::console::{self, Console};
use crate::cli::failure::{Done, Failure};
use crate::cli::run::{Device, wait};
use crate::cli::table::Table;

/// Seeds and problems of which one is too short to be timed.
const MANY: u32 = 200;

/// Folders where drivers keep what they compiled, by the variables that name them.
const CACHES: [&str; 2] = ["MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH"];

/// One row: seconds for one sampler.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    what: String,
    wall_s: f64,
    cpu_s: Option<f64>,
    /// Kernels compiled meanwhile.
    kernels: u64,
}

impl Row {
    fn new(what: &str, spent: Spent, count: u32, kernels: u64) -> Row {
        let each = |seconds: f64| seconds / f64::from(count);
        Row { what: what.into(), wall_s: each(spent.wall), cpu_s: spent.cpu.map(each), kernels }
    }
}

/// The double well of `wfr bench` at this height.
fn wells(a: f64) -> Done<Problem> {
    let target = Target::double_well(2)?.set("a", a)?.set("c", 0.25)?;
    let start = Initial::normal(&[0.0; 2], &[5.0; 2])?;
    Ok(Problem::new(target, start, Flow::annealed())?)
}

/// A chain of 64 wells, each bound to its neighbours.
fn lattice() -> Done<Problem> {
    const DIM: u32 = 64;
    let formula = "-sum(i, (x[i]^2 - 1)^2) - sum(i, 0, dim-2, (x[i+1] - x[i])^2)";
    let target = Target::from_formula(DIM, formula)?;
    let start = Initial::normal(&[0.0; DIM as usize], &[1.0; DIM as usize])?;
    Ok(Problem::new(target, start, Flow::annealed())?)
}

fn config(seed: u64) -> Done<Config> {
    Ok(Config { particles: 1000, seed, schedule: Schedule::uniform(1.0, 20)?, ..Config::default() })
}

/// What making samplers costs, one after the other, `count` of them.
fn timed(gpu: &Gpu, what: &str, count: u32, mut make: impl FnMut(u32) -> Done<()>) -> Done<Row> {
    let (clock, before) = (Clock::start(), gpu.kernels_compiled());
    (0..count).try_for_each(|k| {
        make(k)?;
        wait(gpu)
    })?;
    Ok(Row::new(what, clock.spent(), count, gpu.kernels_compiled() - before))
}

/// The first sampler of a process.
pub(super) fn first(gpu: &Gpu, seed: u64, a: f64) -> Done<Row> {
    timed(gpu, "the first", 1, |_| {
        Sampler::new(gpu, &wells(a)?, config(seed)?)?;
        Ok(())
    })
}

/// Runs the command.
pub(super) fn run(adapter: Option<&str>, json: bool, console: &Console) -> Done {
    let bar = console.bar("set-up", 6);
    let mut rows = in_new_processes(adapter)?;
    bar.advance();
    let mut device = Device::new(adapter);
    let gpu = &device.for_run(&lattice()?, &config(0)?)?.clone();
    first(gpu, 0, 1.0)?;
    bar.advance();
    rows.push(timed(gpu, "another seed", MANY, |k| {
        Sampler::new(gpu, &wells(1.0)?, config(u64::from(k))?)?;
        Ok(())
    })?);
    bar.advance();
    rows.push(timed(gpu, "another problem, with its run", MANY, |k| {
        let problem = wells(1.0 + 0.01 * f64::from(k))?;
        Sampler::new(gpu, &problem, config(0)?)?.run()?;
        Ok(())
    })?);
    bar.advance();
    let problem = wells(1.0)?;
    let mut sampler = Sampler::new(gpu, &problem, config(0)?)?;
    rows.push(timed(gpu, "another seed, by restart", MANY, |k| {
        Ok(sampler.restart(&problem, u64::from(k))?)
    })?);
    bar.advance();
    rows.push(timed(gpu, "the first of a lattice in 64 dimensions", 1, |_| {
        Sampler::new(gpu, &lattice()?, config(0)?)?;
        Ok(())
    })?);
    bar.advance();
    if json {
        return console::print_json(&rows);
    }
    let mut table = Table::new(1);
    table.row(["set-up", "wall ms", "CPU ms", "kernels compiled"]);
    let milliseconds = |seconds: f64| format!("{:.1}", 1e3 * seconds);
    for row in &rows {
        let cpu = row.cpu_s.map_or_else(|| "unknown".into(), milliseconds);
        let wall = milliseconds(row.wall_s);
        table.row([row.what.clone(), wall, cpu, row.kernels.to_string()]);
    }
    console::print(&format!("{}\n", table.text()))
}

/// The first sampler of a process, where the driver has kept nothing, and of a second process with
/// another seed and another parameter.
fn in_new_processes(adapter: Option<&str>) -> Done<Vec<Row>> {
    let failed =
        |reason: String| Failure::Output(format!("cannot measure in another process: {reason}"));
    let folder = Folder::new().map_err(|error| failed(error.to_string()))?;
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let row = |what: &str, seed: u64| -> Done<Row> {
        let mut command = Command::new(&program);
        command.args(["bench", "--json", "--first-setup", &seed.to_string()]);
        command.args(adapter.iter().flat_map(|adapter| ["--adapter", adapter]));
        command.envs(CACHES.map(|name| (name, &folder.0)));
        command.env_remove("MESA_SHADER_CACHE_DISABLE");
        let done = command.output().map_err(|error| failed(error.to_string()))?;
        let row: Row = serde_json::from_slice(&done.stdout)
            .map_err(|_| failed(String::from_utf8_lossy(&done.stderr).trim().to_string()))?;
        Ok(Row { what: what.into(), ..row })
    };
    Ok(vec![
        row("the first where nothing was compiled before", 0)?,
        row("the first of a new process, other seed and parameters", 1)?,
    ])
}

/// A new folder, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("wfr-setup-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a folder of temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
