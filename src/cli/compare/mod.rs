//! `wfr compare`: the flows beside each other, at equal cost.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use wfr::{Config, Flow, Initial, Integrator, Problem, Reaction, Realisation, Target};

mod budget;
mod contest;

use super::console::{self, Console};
use super::failure::Done;
use super::numbers::{self, grouped, seconds, three_digits, with_error};
use super::options::{ProblemOptions, RunOptions};
use super::reaction::ReactionOptions;
use super::report;
use super::run::Device;
use super::table::Table;
use crate::output::{Place, Record};
use crate::plot::{self, Curve, Heading};
use contest::{ARRIVED, Entry, Look, Masses};

const DETAILS: &str = "\
The annealed flow runs first, with the particles that --particles asks for. Every other flow gets as
many particles as make it take equally long, by two short trials; so the numbers of particles differ
from machine to machine, and --equal particles gives everybody the same instead.

The mode error is half the sum of the absolute errors of the modes' masses (total variation), or the
error of P(x0 > 0) where a target's modes are not told apart. A flow has arrived when it stays below
5 % from then on. An annealed flow follows its path and arrives at the end, by design. Looking at
the particles does not count as time.

Examples:
  wfr compare double-well --initial 'normal(mean=[-1,0], sd=[0.2,1])' --particles 2e4
  wfr compare gaussian-mixture --plot compare.png --json";

/// Runs Langevin, annealed and WFR flows and birth-death jumps on one target, at equal cost.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    problem: ProblemOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    reaction: ReactionOptions,
    /// What is the same for all flows.
    #[arg(long, value_name = "WHAT", default_value = "cost", help_heading = "Comparison")]
    equal: Equal,
    /// How often to look at the particles.
    #[arg(long, value_name = "L", default_value = "20", help_heading = "Comparison")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    looks: u32,
    /// Write a picture of the mode errors over the time spent.
    #[arg(long, value_name = "FILE.png", help_heading = "Results")]
    plot: Option<PathBuf>,
    /// Replace the file of --plot where it exists.
    #[arg(long, help_heading = "Results")]
    overwrite: bool,
    /// Print one JSON object with a record per flow.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Equal {
    /// The time that sampling takes.
    Cost,
    /// The number of particles.
    Particles,
}

/// The most particles a flow is given for being cheap: all are looked at on the host.
const MOST: u32 = 4_000_000;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let place = |path| Place::check(path, "png", arguments.overwrite);
    let picture = arguments.plot.as_deref().map(place).transpose()?;
    let target = arguments.problem.target()?;
    let initial = arguments.problem.initial(target.dim())?;
    let config = arguments.run.config()?;
    console::warn_debug_build();
    let entries = contest(arguments, &target, &initial, &config, console)?;
    for entry in &entries {
        report::warn(&entry.outcome, &entry.estimates);
    }

    if let Some(place) = &picture {
        let title = format!("{}: errors of the modes' masses", target.name());
        let facts = format!("from {}; arrived below 5 %", initial.description());
        let heading = Heading {
            title: &title,
            facts: &facts,
            x: "seconds of sampling",
            y: "mode error",
            room: 1.5,
        };
        place.fill(|path| plot::over_time(path, &heading, &curves(&entries)))?;
        log::info!("the picture is in {}", place.path().display());
    }
    if arguments.json {
        let records = Records { runs: entries.iter().map(EntryRecord::new).collect() };
        return console::print_json(&records);
    }
    let steps = config.schedule.steps();
    let adapter = entries.first().map_or("", |entry| &entry.outcome.adapter.name);
    console::print(&format!(
        "{} from {}\n{steps} steps to time {}, seed {}, on {adapter}\n\n{}",
        report::described(&target),
        initial.description(),
        config.schedule.time(steps),
        config.seed,
        table(&target, &entries).text(),
    ))
}

/// The flows that suit the target, the annealed one first: it sets the cost.
fn flows(reaction: &ReactionOptions, target: &Target) -> Done<Vec<(&'static str, Flow)>> {
    let mut flows = vec![("annealed", Flow::annealed()), ("Langevin", Flow::langevin())];
    flows.extend(reaction.all(target.dim())?);
    Ok(flows)
}

fn contest(
    arguments: &Arguments,
    target: &Target,
    initial: &Initial,
    config: &Config,
    console: &Console,
) -> Done<Vec<Entry>> {
    let masses = Masses::of(target);
    let mut device = Device::new(arguments.run.population.device.adapter.as_deref());
    let mut entries: Vec<Entry> = Vec::new();
    for (heading, flow) in flows(&arguments.reaction, target)? {
        let mut config = config.clone();
        if !flow.has_path() && config.integrator == Some(Integrator::KernelRatio) {
            config.integrator = None;
        }
        let jumps = |reaction: &Reaction| reaction.realisation == Realisation::Jumps;
        if flow.reaction().is_some_and(jumps) {
            config.ess_threshold = 1.0;
        }
        let problem = Problem::new(target.clone(), initial.clone(), flow)?;
        let gpu = device.for_run(&problem, &config)?;
        if let (Equal::Cost, Some(first)) = (arguments.equal, entries.first()) {
            let seconds = first.outcome.spent.wall;
            config.particles = budget::particles(gpu, &problem, &config, seconds, MOST)?;
        }
        let on = (gpu, console);
        entries.push(Entry::run(heading, on, &problem, &config, &masses, arguments.looks)?);
    }
    Ok(entries)
}

fn table(target: &Target, entries: &[Entry]) -> Table {
    let mut table = Table::new(1);
    let headings = ["", "N", "sampling", "mode error", "arrived", "log Z", "log Z error", "ESS"];
    table.row(headings);
    let truth = target.truth();
    let unknown = || "unknown".to_string();
    for entry in entries {
        let tells = report::tells_log_z(&entry.outcome.problem);
        let log_z = tells.then_some(entry.estimates.log_normalizer);
        let exact = truth.as_ref().map(|truth| truth.log_normalizer);
        table.row([
            entry.heading.clone(),
            grouped(u64::from(entry.outcome.config.particles)),
            seconds(entry.outcome.spent.wall),
            entry.mode_error().map_or_else(unknown, |error| format!("{:.2} %", 100.0 * error)),
            match (entry.mode_error(), entry.seconds_to_arrive()) {
                (None, _) => unknown(),
                (_, None) => "never".into(),
                (_, Some(after)) => seconds(after),
            },
            log_z.map_or_else(|| "-".into(), |log_z| with_error(log_z.value, log_z.se)),
            match (log_z, exact) {
                (None, _) => "-".into(),
                (_, None) => unknown(),
                (Some(log_z), Some(exact)) => format!("{:+.4}", log_z.value - exact),
            },
            grouped(entry.estimates.ess.round() as u64),
        ]);
    }
    if let Some(truth) = truth {
        let exact = format!("{:.4}", truth.log_normalizer);
        table.row(["exact".into(), "".into(), "".into(), "".into(), "".to_string(), exact]);
    }
    table
}

fn curves(entries: &[Entry]) -> Vec<Curve> {
    let curve = |(entry, color): (&Entry, _)| {
        let point = |look: &Look| look.mode_error.map(|error| (look.seconds, error));
        let points = entry.looks.iter().filter_map(point).collect();
        let name = format!("{}, N = {}", entry.heading, three_digits(particles(entry)));
        Curve { name, color, points, theory: false }
    };
    let mut curves: Vec<_> = entries.iter().zip(plot::COLORS).map(curve).collect();
    let last = curves.iter().flat_map(|curve| &curve.points).map(|point| point.0);
    let last = last.fold(0.0, f64::max);
    curves.push(Curve {
        name: "5 %".into(),
        color: plot::GREY,
        points: vec![(0.0, ARRIVED), (last, ARRIVED)],
        theory: true,
    });
    curves
}

fn particles(entry: &Entry) -> f64 {
    f64::from(entry.outcome.config.particles)
}

#[derive(Serialize)]
struct Records<'a> {
    runs: Vec<EntryRecord<'a>>,
}

/// A run, and how it stands in the comparison.
#[derive(Serialize)]
struct EntryRecord<'a> {
    heading: &'a str,
    mode_error: Option<f64>,
    seconds_to_5_percent: Option<f64>,
    looks: &'a [Look],
    #[serde(flatten)]
    record: Record,
}

impl EntryRecord<'_> {
    fn new(entry: &Entry) -> EntryRecord<'_> {
        EntryRecord {
            heading: &entry.heading,
            mode_error: entry.mode_error(),
            seconds_to_5_percent: entry.seconds_to_arrive(),
            looks: &entry.looks,
            record: Record::new(&entry.outcome, &entry.estimates).with_cost(&entry.outcome),
        }
    }
}
