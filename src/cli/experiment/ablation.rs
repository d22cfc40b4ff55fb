//! `wfr experiment ablation`: what combined scores get wrong without weights.

use clap::Args;
use serde::Serialize;
use wfr::Estimate;
use wfr::diffusion::{Composition, Rule};

use super::options::{CommonOptions, SizeOptions};
use super::pair::{self, Exact, WORDS};
use crate::cli::console::Console;
use crate::cli::failure::{Done, Failure};
use crate::cli::numbers::{self, grouped, with_error};
use crate::cli::run::Device;
use crate::cli::table::Table;
use crate::plot::{self, COLORS, Curve, Heading};

/// Composes with weights and without over the share b, in one and two dimensions, against
/// quadrature: wfr-ablation-1d.png, wfr-ablation-2d.png and a table.
#[derive(Debug, Args)]
#[command(after_help = WORDS)]
pub(crate) struct Arguments {
    /// How many shares b, from 1/(P + 1) to P/(P + 1).
    #[arg(long, value_name = "P", default_value = "5")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    points: u32,
    #[command(flatten)]
    size: SizeOptions,
    #[command(flatten)]
    common: CommonOptions,
}

/// The rules with a share, by name.
type Family = (&'static str, fn(f64) -> Rule);
const FAMILIES: [Family; 4] = [
    ("geometric", |b| Rule::geometric(b)),
    ("fisher-rao", |b| Rule::fisher_rao(b)),
    ("mixture", |b| Rule::mixture(b)),
    ("power -1", |b| Rule::power_mean(-1.0, vec![(1.0 - b).into(), b.into()])),
];

/// Rules without one, each with the number of models that it takes.
fn others() -> [(&'static str, usize, Rule); 4] {
    [
        ("anneal 2", 1, Rule::annealed(2.0)),
        ("anneal 1/2", 1, Rule::annealed(0.5)),
        ("product", 2, Rule::product()),
        ("guidance 2.5", 2, Rule::guidance(2.5)),
    ]
}

/// What one rule gave, with weights and without.
#[derive(Serialize)]
struct Point {
    dim: usize,
    rule: String,
    share: Option<f64>,
    exact_mean: f64,
    exact_right_mass: f64,
    with: Measured,
    without: Measured,
}

#[derive(Serialize)]
struct Measured {
    mean: f64,
    mean_se: f64,
    right_mass: f64,
    right_mass_se: f64,
    /// Half the sum of the absolute errors of the modes' masses.
    mode_error: f64,
    ess: f64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let common = &arguments.common;
    if !(1..=99).contains(&arguments.points) {
        let message = format!("--points = {} is not between 1 and 99", arguments.points);
        return Err(Failure::Usage(message));
    }
    let places = [1, 2].map(|dim| common.picture(&format!("wfr-ablation-{dim}d.png")));
    let (particles, steps) = arguments.size.or(1 << 15, 400);
    let mut device = Device::new(common.device.adapter.as_deref());
    let mut points = Vec::new();
    let shares: Vec<f64> =
        (1..=arguments.points).map(|k| f64::from(k) / f64::from(arguments.points + 1)).collect();
    for dim in [1, 2] {
        let size = (particles, steps, common.seed);
        for (name, rule) in FAMILIES {
            for share in &shares {
                let case = (name, 2, rule(*share), Some(*share));
                points.push(point(dim, case, size, &mut device, console)?);
            }
        }
        for (name, models, rule) in others() {
            points.push(point(dim, (name, models, rule, None), size, &mut device, console)?);
        }
    }
    let facts = format!(
        "{} particles, {steps} steps; full lines without weights, dashed with",
        grouped(u64::from(particles))
    );
    let mut text = format!("Two diffusion models composed: {facts}\n");
    for (place, dim) in places.into_iter().zip([1, 2]) {
        let place = place?;
        let title = format!("Errors of composed scores in {dim}-d");
        let heading = Heading {
            title: &title,
            facts: &facts,
            x: "share b",
            y: "error of the modes' masses",
            room: 30.0,
        };
        let here: Vec<&Point> = points.iter().filter(|point| point.dim == dim).collect();
        place.fill(|path| plot::over_time(path, &heading, &curves(&here)))?;
        text += &format!("\n{dim}-d\n{}", table(&here).text());
    }
    text += "\nThe mode error is half the sum of the absolute errors of the modes' masses.\n";
    common.print(&points, &text)
}

fn point(
    dim: usize,
    (name, count, rule, share): (&str, usize, Rule, Option<f64>),
    (particles, steps, seed): (u32, u32, u64),
    device: &mut Device<'_>,
    console: &Console,
) -> Done<Point> {
    let models = pair::models(dim)?[..count].to_vec();
    let composition = Composition::new(pair::noise(), models, rule);
    let exact = Exact::of(&composition)?;
    let config = pair::config(particles, steps, seed)?;
    let mut measure = |composition: Composition| -> Done<Measured> {
        let label = (name, console);
        let (_, found) = pair::sample(composition, &config, Some(&exact.modes), device, label)?;
        Ok(Measured {
            mean: found.mean[0].value,
            mean_se: found.mean[0].se,
            right_mass: found.right_mass.value,
            right_mass_se: found.right_mass.se,
            mode_error: exact.mode_error(&found),
            ess: found.ess,
        })
    };
    let with = measure(composition.clone())?;
    let without = measure(composition.without_correction())?;
    let truth = exact.quadrature.truth();
    Ok(Point {
        dim,
        rule: name.to_string(),
        share,
        exact_mean: truth.mean[0],
        exact_right_mass: truth.right_mass,
        with,
        without,
    })
}

fn curves(points: &[&Point]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for ((name, _), color) in FAMILIES.iter().zip(COLORS) {
        for theory in [false, true] {
            let of = |point: &&Point| {
                let measured = if theory { &point.with } else { &point.without };
                (point.rule == *name).then_some((point.share?, measured.mode_error))
            };
            let name = if theory { format!("{name}, weights") } else { (*name).to_string() };
            curves.push(Curve {
                name,
                color,
                points: points.iter().filter_map(of).collect(),
                theory,
            });
        }
    }
    curves
}

fn table(points: &[&Point]) -> Table {
    let mut table = Table::new(1);
    table.row([
        "rule",
        "b",
        "E x0",
        "off without",
        "off with",
        "P(x0 > 0)",
        "off without",
        "off with",
        "mode error without",
        "with",
        "ESS",
    ]);
    let off = |value: f64, se: f64, exact: f64| {
        let Estimate { value, se } = Estimate { value: value - exact, se };
        with_error(value, se)
    };
    for point in points {
        let (with, without) = (&point.with, &point.without);
        table.row([
            point.rule.clone(),
            point.share.map_or_else(String::new, |share| format!("{share:.3}")),
            format!("{:.4}", point.exact_mean),
            off(without.mean, without.mean_se, point.exact_mean),
            off(with.mean, with.mean_se, point.exact_mean),
            format!("{:.4}", point.exact_right_mass),
            off(without.right_mass, without.right_mass_se, point.exact_right_mass),
            off(with.right_mass, with.right_mass_se, point.exact_right_mass),
            format!("{:.4}", without.mode_error),
            format!("{:.4}", with.mode_error),
            grouped(with.ess.round() as u64),
        ]);
    }
    table
}
