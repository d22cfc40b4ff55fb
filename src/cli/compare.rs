//! `wfr compare`: the annealed flow beside plain Langevin.

use clap::Args;
use serde::Serialize;
use wfr::{Integrator, Problem};

use super::comparison::{self, Column};
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::numbers::grouped;
use super::options::{FlowName, ProblemOptions, RunOptions};
use super::report;
use super::run::{self, Device};
use crate::output::{Estimates, Record};

const EXAMPLES: &str = "\
Examples:
  wfr compare double-well --initial 'normal(mean=[-1,0], sd=[0.2,1])' --particles 1e6
  wfr compare gaussian-mixture --json";

/// Runs plain Langevin and the annealed flow with the same options, against exact values.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    problem: ProblemOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Print one JSON object with a record per flow.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let target = arguments.problem.target()?;
    let initial = arguments.problem.initial(target.dim())?;
    let config = arguments.run.config()?;
    let mut device = Device::new(arguments.run.device.adapter.as_deref());
    let mut outcomes = Vec::new();
    for name in [FlowName::Langevin, FlowName::Annealed] {
        let flow = name.flow();
        let mut config = config.clone();
        if !flow.has_path() && config.integrator == Some(Integrator::KernelRatio) {
            config.integrator = None;
        }
        let problem = Problem::new(target.clone(), initial.clone(), flow)?;
        let gpu = device.for_run(&problem, &config)?;
        let (options, label) = (&arguments.run.integrator, problem.flow().name());
        let outcome = run::run_tuned(gpu, &problem, &config, options, label, console)?;
        let estimates = Estimates::of(&outcome);
        report::warn(&outcome, &estimates);
        outcomes.push((outcome, estimates));
    }

    if arguments.json {
        let runs = outcomes.iter().map(|(outcome, estimates)| Record::new(outcome, estimates));
        let records = Records { runs: runs.collect() };
        let text = serde_json::to_string(&records);
        let text = text.map_err(|error| Failure::Output(error.to_string()))?;
        return console::print(&format!("{text}\n"));
    }
    let columns: Vec<_> = outcomes
        .iter()
        .map(|(outcome, estimates)| Column {
            heading: outcome.problem.flow().name(),
            outcome,
            estimates,
        })
        .collect();
    let [(first, _), ..] = &outcomes[..] else { return Ok(()) };
    let table = comparison::table(target.truth().as_ref(), &columns).text();
    console::print(&format!(
        "{} from {}\nN = {}, {} steps to time {}, seed {}, on {}\n\n{table}",
        report::described(&target),
        initial.description(),
        grouped(u64::from(config.particles)),
        config.schedule.steps(),
        config.schedule.time(config.schedule.steps()),
        config.seed,
        first.adapter.name,
    ))
}

#[derive(Serialize)]
struct Records {
    runs: Vec<Record>,
}
