//! `wfr experiment transfer`: two diffusion models as one Fisher-Rao mixture.

use clap::Args;
use serde::Serialize;
use wfr::Estimate;
use wfr::diffusion::{Composition, Rule};
use wfr::distance::{Grid, Points, total_variation_to_density};

use super::options::{CommonOptions, SizeOptions};
use super::pair::{self, Exact};
use crate::cli::console::Console;
use crate::cli::failure::Done;
use crate::cli::numbers::{grouped, with_error};
use crate::cli::run::{Device, Outcome};
use crate::cli::table::Table;
use crate::output::Estimates;
use crate::plot::{self, Maps};

const PICTURE: &str = "wfr-transfer.png";

const DETAILS: &str = "\
Two networks, each trained on a mixture in the plane that the other does not know, become
((1-b) sqrt q1 + b sqrt q2)^2 (models/README.md tells how they were trained). The truth is by
quadrature of the mixtures. Total variation is on 64 x 64 cells, beside
what an exact sample of as many particles has.";

/// The box and the cells of total variation and of the picture.
const LOW: [f64; 2] = [-6.0, -4.0];
const HIGH: [f64; 2] = [6.0, 4.0];
const CELLS: usize = 64;

/// Composes two models, with weights and without, against the truth: wfr-transfer.png and a table.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    /// The share b of the second model.
    #[arg(long, value_name = "B", default_value = "0.5", allow_negative_numbers = true)]
    #[arg(value_parser = share)]
    share: f64,
    /// Compose the closed forms that the networks were trained on in their place.
    #[arg(long)]
    closed_form: bool,
    #[command(flatten)]
    size: SizeOptions,
    #[command(flatten)]
    common: CommonOptions,
}

/// A share of one of two models.
fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "is no number".to_string())?;
    match (0.0..=1.0).contains(&value) {
        true => Ok(value),
        false => Err("is not between 0 and 1".into()),
    }
}

/// One way of sampling and what it gave.
struct Way {
    name: &'static str,
    outcome: Outcome,
    estimates: Estimates,
    variation: f64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let common = &arguments.common;
    let place = common.picture(PICTURE)?;
    let usual = if arguments.closed_form { (200_000, 400) } else { (8_192, 200) };
    let (particles, steps) = arguments.size.or(usual.0, usual.1);
    let (models, last, kind) = match arguments.closed_form {
        true => (pair::models(2)?, 0.0, "closed-form models"),
        false => (pair::networks()?, 1e-3, "trained networks"),
    };
    let config = pair::config_to(last, particles, steps, common.seed)?;
    let rule = Rule::fisher_rao(arguments.share);
    let known = Composition::new(pair::noise(), pair::models(2)?, rule.clone());
    let composition = Composition::new(pair::noise(), models, rule);
    let exact = Exact::of(&known)?;
    let truth = exact.quadrature.truth();
    let log_density = |x: &[f64]| {
        let log = known.log_density(x, 0.0, 1.0).unwrap_or(f64::NEG_INFINITY);
        log - truth.log_normalizer
    };
    let grid = Grid::new(LOW, HIGH, CELLS)?;
    let mut device = Device::new(common.device.adapter.as_deref());
    let mut ways = Vec::new();
    for (name, composition) in [
        ("with weights", composition.clone()),
        ("without weights", composition.clone().without_correction()),
    ] {
        let label = (name, console);
        let sampled = pair::sample(composition, &config, Some(&exact.modes), &mut device, label)?;
        let (outcome, estimates) = sampled;
        let points = Points::from_particles(&outcome.particles)?;
        let variation = total_variation_to_density(&points, log_density, &grid)?;
        ways.push(Way { name, outcome, estimates, variation });
    }
    let density = |x: f64, y: f64| log_density(&[x, y]).exp();
    let maps = Maps {
        title: "Two diffusion models as one Fisher-Rao mixture".into(),
        facts: format!("{} particles, {steps} steps", grouped(u64::from(particles))),
        x: LOW[0]..HIGH[0],
        y: LOW[1]..HIGH[1],
        exact: &density,
        samples: ways.iter().map(|way| (way.name, &*way.outcome.particles)).collect(),
    };
    place.fill(|path| plot::maps(path, &maps))?;

    let floor = floor(particles, density);
    let rows = rows(&exact, &ways);
    let text = format!(
        "{} of two {kind}: {} particles, {steps} steps, on {}\n\n{}\n\
         The total variation of an exact sample is {floor:.4}.\nThe picture is {}\n",
        composition.rule(),
        grouped(u64::from(particles)),
        ways[0].outcome.adapter.name,
        table(&rows, &ways).text(),
        place.path().display(),
    );
    common.print(&Record { particles, steps, share: arguments.share, floor, rows }, &text)
}

/// A quantity, exact and as each way of sampling has it.
#[derive(Serialize)]
struct Row {
    name: String,
    exact: Option<f64>,
    found: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    value: Option<f64>,
    se: Option<f64>,
}

#[derive(Serialize)]
struct Record {
    particles: u32,
    steps: u32,
    share: f64,
    /// The total variation of an exact sample.
    floor: f64,
    rows: Vec<Row>,
}

impl From<Estimate> for Found {
    fn from(estimate: Estimate) -> Found {
        Found { value: Some(estimate.value), se: Some(estimate.se) }
    }
}

/// What chance alone makes of the total variation of N exact draws: half the sum over the cells of
/// the mean absolute deviation of a Poisson number, 2 e^{−μ} μ^{m+1} / m! with m = ⌊μ⌋, over N.
fn floor(particles: u32, density: impl Fn(f64, f64) -> f64) -> f64 {
    let side = |axis: usize| (HIGH[axis] - LOW[axis]) / CELLS as f64;
    let middle = |axis: usize, i: usize| LOW[axis] + (i as f64 + 0.5) * side(axis);
    let n = f64::from(particles);
    let cells = (0..CELLS * CELLS).map(|cell| {
        let (x, y) = (middle(0, cell % CELLS), middle(1, cell / CELLS));
        deviation(n * density(x, y) * side(0) * side(1))
    });
    0.5 * cells.sum::<f64>() / n
}

/// E |K − μ| of a Poisson number K.
fn deviation(mean: f64) -> f64 {
    // Stirling's formula is within 1 % from here on.
    if mean > 100.0 {
        return (2.0 * mean / std::f64::consts::PI).sqrt();
    }
    let whole = mean.floor() as u32;
    let factors = (1..=whole).map(|k| (mean / f64::from(k)).ln());
    2.0 * mean * (factors.sum::<f64>() - mean).exp()
}

fn rows(exact: &Exact, ways: &[Way]) -> Vec<Row> {
    let truth = exact.quadrature.truth();
    let row = |name: String, exact: Option<f64>, of: &dyn Fn(&Way) -> Found| Row {
        name,
        exact,
        found: ways.iter().map(of).collect(),
    };
    let mut rows = Vec::new();
    for j in 0..2 {
        rows.push(row(format!("E x{j}"), Some(truth.mean[j]), &|w| w.estimates.mean[j].into()));
    }
    for j in 0..2 {
        let exact = Some(truth.second_moment[j]);
        rows.push(row(format!("E x{j}^2"), exact, &|w| w.estimates.second_moment[j].into()));
    }
    let masses = exact.modes.exact_masses().unwrap_or_default();
    for (k, name) in exact.modes.names().iter().enumerate() {
        let exact = masses.get(k).copied();
        rows.push(row(format!("mode {name}"), exact, &|w| w.estimates.modes[k].mass.into()));
    }
    rows.push(row("log Z".into(), Some(truth.log_normalizer), &|w| {
        let tells = crate::cli::tells_log_z(&w.outcome.problem);
        let log_z = w.estimates.log_normalizer;
        if tells { log_z.into() } else { Found { value: None, se: None } }
    }));
    let variation = |w: &Way| Found { value: Some(w.variation), se: None };
    rows.push(row("total variation".into(), Some(0.0), &variation));
    rows.push(row("ESS".into(), None, &|w| Found {
        value: Some(w.estimates.ess.round()),
        se: None,
    }));
    rows
}

fn table(rows: &[Row], ways: &[Way]) -> Table {
    let mut table = Table::new(1);
    table.row(["", "exact"].into_iter().chain(ways.iter().map(|way| way.name)));
    for row in rows {
        let exact = row.exact.map_or_else(String::new, |exact| format!("{exact:.4}"));
        let found = row.found.iter().map(|found| match (found.value, found.se) {
            (Some(value), Some(se)) => with_error(value, se),
            (Some(value), None) if value >= 1.0 => grouped(value as u64),
            (Some(value), None) => format!("{value:.4}"),
            (None, _) => "-".to_string(),
        });
        table.row([row.name.clone(), exact].into_iter().chain(found));
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn deviations_of_counts_are_those_of_their_sum() {
        for mean in [0.01_f64, 0.5, 1.0, 3.7, 60.0, 120.0] {
            let mut share = (-mean).exp();
            let mut sum = share * mean;
            for k in 1..400 {
                share *= mean / f64::from(k);
                sum += share * (f64::from(k) - mean).abs();
            }
            let found = super::deviation(mean);
            assert!((found / sum - 1.0).abs() < if mean > 100.0 { 0.01 } else { 1e-9 }, "{mean}");
        }
    }
}
