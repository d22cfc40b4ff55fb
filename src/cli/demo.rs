//! `wfr demo`: a barrier that plain Langevin does not cross, and weights that do.

use std::path::PathBuf;

use clap::Args;
use wfr::{Config, Flow, Initial, Modes, Problem, Schedule, Target};

use super::comparison::{self, Column};
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::numbers::{self, grouped};
use super::options::DeviceOptions;
use super::report;
use super::run::{self, Device};
use crate::output::{Estimates, Place};
use crate::plot::{self, Panel};

const PICTURE: &str = "wfr-demo.png";

const DETAILS: &str = "\
The target is a double well in two dimensions with a = 20 and c = 0.1: a barrier of 5 (in units of
the temperature) between wells at x0 = -1 and x0 = 1, of which the right one holds 45 % of the
mass. Plain Langevin and the weighted annealed flow take the same steps from the same start, a law
around the left well, N((-1, 0), I), of which 16 % is on the right already. Plain Langevin nearly
keeps the masses that it starts with; the annealed flow moves mass by weights. Exact values are by
quadrature.";

/// Shows the weighted flow at work beside plain Langevin: a table, and a picture wfr-demo.png.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    /// Number of particles in each of the two runs.
    #[arg(short = 'n', long, value_name = "N", default_value = "1e6")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    particles: u32,
    /// How many time steps to time 4.
    #[arg(long, value_name = "K", default_value = "800")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: u32,
    /// The folder for the picture; an older wfr-demo.png in it is replaced.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The seed.
    #[arg(long, value_name = "SEED", default_value = "0", allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    device: DeviceOptions,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    std::fs::create_dir_all(&arguments.out).map_err(|error| {
        Failure::Usage(format!("{} cannot be made: {error}", arguments.out.display()))
    })?;
    let place = Place::check(&arguments.out.join(PICTURE), "png", true)?;
    console::warn_debug_build();

    let target = Target::named("double-well", Some(2))?.set("a", 20.0)?.set("c", 0.1)?;
    let config = Config {
        particles: arguments.particles,
        schedule: Schedule::uniform(4.0, arguments.steps)?,
        seed: arguments.seed,
        ..Config::default()
    };
    let initial = Initial::normal(&[-1.0, 0.0], &[1.0, 1.0])?;
    let runs = [("Langevin", Flow::langevin()), ("weighted flow", Flow::annealed())];
    let modes = Modes::of(&target);
    let mut device = Device::new(arguments.device.adapter.as_deref());
    let mut outcomes = Vec::new();
    for (heading, flow) in runs {
        let problem = Problem::new(target.clone(), initial.clone(), flow)?;
        let gpu = device.for_run(&problem, &config)?;
        let outcome = run::run(gpu, &problem, &config, heading, console)?;
        let estimates = Estimates::of(&outcome, modes.as_ref());
        report::warn(&outcome, &estimates);
        outcomes.push((heading, outcome, estimates));
    }
    let [(_, langevin, langevin_estimates), (_, annealed, annealed_estimates)] = &outcomes[..]
    else {
        unreachable!("bug in wfr: two runs have two outcomes");
    };
    let panel = |outcome, estimates| Panel { outcome, estimates };
    place.fill(|path| {
        let langevin = panel(langevin, langevin_estimates);
        plot::demo(path, &langevin, &panel(annealed, annealed_estimates))
    })?;

    let columns: Vec<_> = outcomes
        .iter()
        .map(|(heading, outcome, estimates)| Column { heading, outcome, estimates })
        .collect();
    let table = comparison::table(target.truth().as_ref(), &columns).text();
    console::print(&format!(
        "{} particles in a double well with a barrier of 5, {} steps to time 4, on {}.\nBoth runs \
         start around the left well, N((-1, 0), I), of which 16 % is on the right already.\n\n\
         {table}\nP(x0 > 0) is the mass of the right well; exact values are by quadrature.\nThe \
         picture is {}\n",
        grouped(u64::from(arguments.particles)),
        arguments.steps,
        annealed.adapter.name,
        place.path().display(),
    ))
}
