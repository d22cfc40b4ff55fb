//! `wfr experiment stress`: weights in 10 and 64 dimensions.

use clap::Args;
use serde::Serialize;
use wfr::Config;
use wfr::diffusion::{Composition, Divergence, Probe, Rule};
use wfr::distance::Mixture;

use super::options::{CommonOptions, DimOptions, SizeOptions};
use super::pair;
use crate::cli::console::Console;
use crate::cli::failure::{Done, Failure};
use crate::cli::numbers::grouped;
use crate::cli::run::Device;
use crate::cli::table::Table;
use crate::plot::{self, COLORS, Curve, Heading};

const PICTURE: &str = "wfr-stress.png";

const DETAILS: &str = "\
Two models, mixtures of two components each with means drawn from N(0, 1.44) and variance 0.5, are
composed by the Fisher-Rao mixture of equal shares. The drift follows the score of that density, and
weights need no divergence; or it follows the plain mean of both scores, and weights need the
divergences of both: exact, or by Hutchinson's probes as a network's are, fresh at every step or
one kept throughout. All are exact in the limit; what differs is how uneven the weights become.
Nothing is resampled. The truth is by importance sampling from the mixture of both
models, whose weights are between 1/2 and 1.";

/// Draws for the truth.
const DRAWS: usize = 200_000;

/// Composes models in 10 and 64 dimensions by two drifts, and shows how weights become uneven:
/// wfr-stress.png and a table.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    size: SizeOptions,
    #[command(flatten)]
    dims: DimOptions,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Serialize)]
struct Row {
    dim: usize,
    drift: &'static str,
    steps: u32,
    /// Effective sample size over N at the end, without resampling.
    ess: f64,
    /// Variance of the log-weights at the end.
    variance: f64,
    log_normalizer_error: f64,
    log_normalizer_se: f64,
    /// Root of the mean square error of E xᵢ over coordinates, and of its standard error.
    mean_error: f64,
    mean_se: f64,
    /// Time and effective sample size over N at every test.
    trace: Vec<(f64, f64)>,
}

/// What is true of the Fisher-Rao mixture, up to 0.1 %.
struct Truth {
    log_normalizer: f64,
    mean: Vec<f64>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let common = &arguments.common;
    let place = common.picture(PICTURE)?;
    let (particles, steps) = arguments.size.or(1 << 12, 200);
    if steps < 2 {
        return Err(Failure::Usage(format!("--steps = {steps} is below 2, which can be halved")));
    }
    let mut rows = Vec::new();
    for dim in arguments.dims.or(&[10, 64]) {
        let mut device = Device::new(common.device.adapter.as_deref());
        let composition =
            Composition::new(pair::noise(), pair::spread(dim)?, Rule::fisher_rao(0.5));
        let truth = Truth::of(&composition)?;
        let frozen = composition.clone().with_frozen_drift(vec![0.5.into(), 0.5.into()]);
        let probed = |divergence| frozen.clone().with_divergence(divergence);
        let three = vec![steps / 2, steps, 2 * steps];
        for (drift, composition, runs) in [
            ("score of the mixture", composition, three.clone()),
            ("mean score", frozen.clone(), three),
            ("mean score, 1 probe", probed(Divergence::hutchinson(1)), vec![steps]),
            ("mean score, 8 probes", probed(Divergence::hutchinson(8)), vec![steps]),
            (
                "mean score, 1 Gaussian probe",
                probed(Divergence::hutchinson_with(1, Probe::Gaussian, true)),
                vec![steps],
            ),
            (
                "mean score, 1 probe kept",
                probed(Divergence::hutchinson_with(1, Probe::Rademacher, false)),
                vec![steps],
            ),
        ] {
            for steps in runs {
                let config = Config {
                    ess_threshold: 0.0,
                    integrator: Some(wfr::Integrator::Euler),
                    ..pair::config(particles, steps, common.seed)?
                };
                let label = (drift, console);
                let (outcome, found) =
                    pair::sample(composition.clone(), &config, None, &mut device, label)?;
                let n = f64::from(particles);
                let errors = found.mean.iter().zip(&truth.mean);
                let square =
                    errors.map(|(found, exact)| (found.value - exact).powi(2)).sum::<f64>();
                let spread = found.mean.iter().map(|found| found.se.powi(2)).sum::<f64>();
                let ends = [(outcome.info.time, found.ess / n)];
                let tests = outcome.trace.iter().map(|test| (test.time, f64::from(test.ess) / n));
                rows.push(Row {
                    dim,
                    drift,
                    steps,
                    ess: found.ess / n,
                    variance: variance(outcome.particles.log_weights()),
                    log_normalizer_error: found.log_normalizer.value - truth.log_normalizer,
                    log_normalizer_se: found.log_normalizer.se,
                    mean_error: (square / dim as f64).sqrt(),
                    mean_se: (spread / dim as f64).sqrt(),
                    trace: tests.chain(ends).collect(),
                });
            }
        }
    }
    let facts = format!("{} particles, {steps} steps, no resampling", grouped(particles.into()));
    let heading = Heading {
        title: "Weights of a composition in many dimensions",
        facts: &facts,
        x: "time",
        y: "ESS / N",
        room: 60.0,
    };
    place.fill(|path| plot::over_time(path, &heading, &curves(&rows, steps)))?;
    let text = format!(
        "Fisher-Rao mixtures of two models: {} particles, no resampling\n\n{}\nThe picture is {}\n",
        grouped(particles.into()),
        table(&rows).text(),
        place.path().display()
    );
    common.print(&rows, &text)
}

impl Truth {
    /// By draws from (q₁ + q₂)/2, under which ρ = (√q₁ + √q₂)²/4 weighs between 1/2 and 1.
    fn of(composition: &Composition) -> Done<Truth> {
        let models = composition.models();
        let components = models.iter().filter_map(|model| model.components()).flatten().cloned();
        let mixture = Mixture::new(&components.collect::<Vec<_>>())?;
        let (mut total, mut sums) = (0.0, vec![0.0; mixture.dim()]);
        for (x, _) in mixture.sample(DRAWS, 1).iter() {
            let log = composition.log_density(x, 0.0, 1.0).unwrap_or(f64::NEG_INFINITY);
            let weight = (log - mixture.log_density(x)).exp();
            total += weight;
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += weight * x);
        }
        sums.iter_mut().for_each(|sum| *sum /= total);
        Ok(Truth { log_normalizer: (total / DRAWS as f64).ln(), mean: sums })
    }
}

fn variance(log_weights: &[f32]) -> f64 {
    let n = log_weights.len() as f64;
    let mean = log_weights.iter().map(|lw| f64::from(*lw)).sum::<f64>() / n;
    log_weights.iter().map(|lw| (f64::from(*lw) - mean).powi(2)).sum::<f64>() / n
}

fn curves(rows: &[Row], steps: u32) -> Vec<Curve> {
    let shown = rows.iter().filter(|row| row.steps == steps && !row.drift.contains("probe"));
    let curve = |(row, color): (&Row, _)| Curve {
        name: format!("{}-d, {}", row.dim, row.drift),
        color,
        points: row.trace.clone(),
        theory: false,
    };
    shown.zip(COLORS).map(curve).collect()
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(2);
    table.row(["d", "drift", "steps", "ESS / N", "Var log-weight", "log Z off", "E x off (rms)"]);
    for row in rows {
        table.row([
            row.dim.to_string(),
            row.drift.to_string(),
            row.steps.to_string(),
            format!("{:.4}", row.ess),
            format!("{:.4}", row.variance),
            format!("{:.4} ± {:.4}", row.log_normalizer_error, row.log_normalizer_se),
            format!("{:.4} ± {:.4}", row.mean_error, row.mean_se),
        ]);
    }
    table
}
