//! `wfr gap`: how fast flows approach their target, beside the spectral gap.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wfr::{Config, Density, Flow, Generator, Initial, Integrator, Problem, Reaction, Target};

mod decay;
mod domain;

use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::numbers::{grouped, three_digits, with_error};
use super::options::{ProblemOptions, RunOptions};
use super::reaction::ReactionOptions;
use super::report;
use super::run::{self, Device};
use super::table::Table;
use crate::output::Place;
use crate::plot::{self, Curve, Heading};
use decay::{Bins, Look, Rate};

const DETAILS: &str = "\
Near the target a population p = π (1 + f) changes by d f/dt = L f under Langevin diffusion, L its
generator, and by d f/dt = (L - λ) f under the Wasserstein-Fisher-Rao flow with the reaction rate
λ. So KL(p|π) decays at last at the rate 2 gap without the reaction and 2 (gap + λ) with it, where
gap is the spectral gap of L. The command measures both rates on populations, and the gap on a
grid. What chance alone makes of a divergence is taken off; looks that do not stand clear of it
are left out of the fit, and so is the level at which a curve flattens: the bias of steps and of
the density's estimate, which smaller steps, more particles and a smaller --bandwidth lower.

Examples:
  wfr gap double-well --dim 1 --initial 'normal(mean=-1, sd=0.2)' --time 6 --plot gap.png
  wfr gap --density '-(x0^4/4 - x0^2/2)*8' --dim 1 --json";

/// Measures how fast Langevin diffusion and the WFR flow approach a target in one or two
/// dimensions, beside the spectral gap.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    problem: ProblemOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    reaction: ReactionOptions,
    /// The box that holds the target's mass, as LOW,HIGH for every axis; by default it is found.
    #[arg(long = "box", value_name = "LOW,HIGH", allow_hyphen_values = true)]
    #[arg(value_parser = interval, help_heading = "Grid")]
    range: Option<(f64, f64)>,
    /// How often to look at the population.
    #[arg(long, value_name = "L", default_value = "40", help_heading = "Grid")]
    #[arg(value_parser = super::numbers::count, allow_negative_numbers = true)]
    looks: u32,
    /// Write a picture of the divergences over time.
    #[arg(long, value_name = "FILE.png", help_heading = "Results")]
    plot: Option<PathBuf>,
    /// Replace the file of --plot where it exists.
    #[arg(long, help_heading = "Results")]
    overwrite: bool,
    /// Print one JSON object with the gap, the rates and all looks.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// One flow: what was measured, and the rate that theory gives for late times.
struct Measured {
    name: &'static str,
    looks: Vec<Look>,
    rate: Option<Rate>,
    theory: f64,
}

/// Bins per axis, and cells of the generator's grid per bin.
fn resolution(dim: u32) -> (usize, usize) {
    if dim == 1 { (48, 24) } else { (24, 7) }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let place = |path| Place::check(path, "png", arguments.overwrite);
    let picture = arguments.plot.as_deref().map(place).transpose()?;
    let target = arguments.problem.target()?;
    let dim = target.dim();
    if dim > 2 {
        return Err(Failure::Usage(format!(
            "wfr gap needs a grid, and the target {} has {dim} dimensions; use --dim 1 or --dim 2",
            target.name()
        )));
    }
    let initial = arguments.problem.initial(dim)?;
    let config = arguments.reaction.adapt(arguments.run.config()?);
    let Grid { generator, bins, width } = grid(&target, arguments.range)?;
    let gap = generator.spectral_gap();

    // What a bin does not tell apart the estimate of the density need not either.
    let reaction = arguments.reaction.or_bandwidth(width.iter().map(|w| 0.5 * w).collect());
    let Some((_, reaction)) = reaction.all(dim)?.into_iter().next() else {
        return Err(Failure::Usage("no gradient flow is left to measure".into()));
    };
    let rate = reaction.reaction().map_or(0.0, |reaction| f64::from(reaction.rate));
    let mut device = Device::new(arguments.run.population.device.adapter.as_deref());
    let flows = [("Langevin", Flow::langevin(), gap), ("WFR", reaction, gap + rate)];
    let mut all = Vec::new();
    for (name, flow, slowest) in flows {
        let config = Config { integrator: integrator(&flow, config.integrator), ..config.clone() };
        let problem = Problem::new(target.clone(), initial.clone(), flow)?;
        let gpu = device.for_run(&problem, &config)?;
        let mut looks = Vec::new();
        let label = (problem.flow().name(), console);
        run::watch(gpu, &problem, &config, label, arguments.looks, |particles, info, _| {
            looks.push(bins.look(&particles, info.time));
        })?;
        let rate = decay::rate(&looks);
        all.push(Measured { name, looks, rate, theory: 2.0 * slowest });
    }

    let facts = facts(&target, &initial, &config);
    if let Some(place) = &picture {
        place.fill(|path| {
            let title = format!("{}: spectral gap {}", target.name(), three_digits(gap));
            let heading =
                Heading { title: &title, facts: &facts, x: "time", y: "KL(p|π)", room: 1.5 };
            plot::over_time(path, &heading, &curves(&all))
        })?;
        log::info!("the picture is in {}", place.path().display());
    }
    if arguments.json {
        return console::print_json(&Record::new(gap, &all));
    }
    console::print(&format!("{facts}\n\n{}", table(gap, &all).text()))
}

/// MALA where none is asked for: its moves keep the target, so that the divergence goes to zero. The
/// transition mixture knows Euler steps alone.
fn integrator(flow: &Flow, wanted: Option<Integrator>) -> Option<Integrator> {
    let transition = |reaction: &Reaction| matches!(reaction.density, Density::Transition { .. });
    if flow.reaction().is_some_and(transition) { wanted } else { wanted.or(Some(Integrator::Mala)) }
}

/// The generator on a fine grid, the bins in which populations are counted, and their widths.
struct Grid {
    generator: Generator,
    bins: Bins,
    width: Vec<f32>,
}

fn grid(target: &Target, range: Option<(f64, f64)>) -> Done<Grid> {
    let dim = target.dim() as usize;
    let evaluator = target.evaluator()?;
    let (low, high) = match range {
        Some((low, high)) => (vec![low; dim], vec![high; dim]),
        None => domain::find(&evaluator, dim)?,
    };
    let (per_axis, cells) = resolution(target.dim());
    let density = |x: &[f64]| domain::log_density(&evaluator, x);
    let generator = Generator::new(&low, &high, per_axis * cells, density)?;
    let bins = Bins::new(&generator, (&low, &high), per_axis);
    let width = low.iter().zip(&high).map(|(low, high)| ((high - low) / per_axis as f64) as f32);
    Ok(Grid { generator, bins, width: width.collect() })
}

fn facts(target: &Target, initial: &Initial, config: &Config) -> String {
    let steps = config.schedule.steps();
    format!(
        "{} from {}; N = {}, {steps} steps",
        report::described(target).trim_end_matches(','),
        initial.description(),
        grouped(u64::from(config.particles)),
    )
}

fn table(gap: f64, all: &[Measured]) -> Table {
    let mut table = Table::new(1);
    table.row(["".into(), "rate of KL".into(), "late, by theory".into(), "between".to_string()]);
    for Measured { name, rate, theory, .. } in all {
        let (rate, between) = match rate {
            Some(rate) => (
                with_error(rate.value, rate.se),
                format!("t = {} and {}", three_digits(rate.from), three_digits(rate.to)),
            ),
            None => ("lost in chance".into(), "use more particles or --looks".into()),
        };
        table.row([name.to_string(), rate, format!("{theory:.4}"), between]);
    }
    table.row(["spectral gap".into(), String::new(), format!("{gap:.4}")]);
    table
}

fn curves(all: &[Measured]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (measured, color) in all.iter().zip(plot::COLORS) {
        let clear = measured.looks.iter().filter(|look| look.divergence > look.floor);
        let points: Vec<_> = clear.map(|look| (look.time, look.divergence)).collect();
        if let (Some(rate), Some(anchor)) = (&measured.rate, points.last()) {
            let line = points.iter().filter(|point| point.0 >= rate.from);
            let theory = measured.theory;
            let points = line.map(|(t, _)| (*t, anchor.1 * (theory * (anchor.0 - t)).exp()));
            curves.push(Curve {
                name: format!("rate {theory:.3}"),
                color,
                points: points.collect(),
                theory: true,
            });
        }
        curves.push(Curve { name: measured.name.into(), color, points, theory: false });
    }
    curves
}

fn interval(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once(',').and_then(|(low, high)| {
        Some((low.trim().parse::<f64>().ok()?, high.trim().parse::<f64>().ok()?))
    });
    match ends {
        Some((low, high)) if low < high => Ok((low, high)),
        _ => Err("is not two rising numbers; write for instance --box=-3,3".into()),
    }
}

#[derive(Serialize)]
struct Record {
    spectral_gap: f64,
    flows: Vec<FlowRecord>,
}

#[derive(Serialize)]
struct FlowRecord {
    flow: &'static str,
    rate: Option<f64>,
    rate_se: Option<f64>,
    fitted_from: Option<f64>,
    fitted_to: Option<f64>,
    theory: f64,
    time: Vec<f64>,
    kl: Vec<f64>,
    kl_floor: Vec<f64>,
}

impl Record {
    fn new(gap: f64, all: &[Measured]) -> Record {
        let flow = |measured: &Measured| FlowRecord {
            flow: measured.name,
            rate: measured.rate.map(|rate| rate.value),
            rate_se: measured.rate.map(|rate| rate.se),
            fitted_from: measured.rate.map(|rate| rate.from),
            fitted_to: measured.rate.map(|rate| rate.to),
            theory: measured.theory,
            time: measured.looks.iter().map(|look| look.time).collect(),
            kl: measured.looks.iter().map(|look| look.divergence).collect(),
            kl_floor: measured.looks.iter().map(|look| look.floor).collect(),
        };
        Record { spectral_gap: gap, flows: all.iter().map(flow).collect() }
    }
}
