//! The tables of the report: distances beside the published ones, and lineages.

use super::Bench;
use super::measure::{Distances, Errors, Lineage, Measured};
use super::setting::{self, Way};
use crate::cli::numbers::{grouped, three_digits, with_error};
use crate::cli::table::Table;

/// Samples made in one way, or exact draws.
pub(super) struct Row {
    pub(super) particles: u32,
    pub(super) way: Option<Way>,
    pub(super) measured: Vec<Measured>,
}

impl Row {
    fn values(&self, of: impl Fn(&Measured) -> Option<f64>) -> Vec<f64> {
        self.measured.iter().filter_map(of).collect()
    }

    /// The mean over the runs that tell it.
    pub(super) fn mean(&self, of: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        let values = self.values(of);
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// Mean and standard deviation over the runs.
    fn cell(&self, of: impl Fn(&Measured) -> Option<f64>) -> String {
        let values = self.values(&of);
        match (self.mean(of), &values[..]) {
            (None, _) => String::new(),
            (Some(value), [_]) => three_digits(value),
            (Some(mean), _) => match deviation(&values, mean) {
                0.0 => three_digits(mean),
                deviation => with_error(mean, deviation),
            },
        }
    }

    /// The same of numbers that are counts.
    fn count(&self, of: impl Fn(&Measured) -> Option<f64>) -> String {
        let values = self.values(&of);
        let whole = |value: f64| grouped(value.round() as u64);
        match (self.mean(of), &values[..]) {
            (None, _) => String::new(),
            (Some(value), [_]) => whole(value),
            (Some(mean), _) => format!("{} ± {}", whole(mean), whole(deviation(&values, mean))),
        }
    }

    fn names(&self) -> [String; 2] {
        match self.way {
            Some(way) => [way.drift.name().into(), way.correction.name().into()],
            None => ["exact draws".into(), String::new()],
        }
    }
}

/// The standard deviation of two values or more.
fn deviation(values: &[f64], mean: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The report; the first `compared` rows have distances.
pub(super) fn text(bench: &Bench<'_>, rows: &[Row], compared: usize) -> String {
    let arguments = bench.arguments;
    format!(
        "40 Gaussians to the power {}: N = {}, {} steps, W1 and W2 on {} points; {} in each way\n\n\
         {}\n\
         Published: arXiv 2503.02819, Table A1, N = 10,000, 1000 steps, W1 and W2 on all points.\n\
         Exact draws are the floor of what a sampler can reach.\n\n{}\n\
         The exact log Z is {:.4}; the error of the masses of the 40 Gaussians, and TV to the \
         density,\nare 0 for infinitely many exact draws.\n",
        setting::POWER,
        grouped(u64::from(arguments.particles)),
        arguments.steps,
        grouped(u64::from(arguments.points.min(arguments.particles))),
        if arguments.seeds == 1 { "one run".into() } else { format!("{} runs", arguments.seeds) },
        distances(&rows[..compared]).text(),
        lineages(rows).text(),
        bench.exact.log_normalizer(),
    )
}

/// Distances to exact draws, with a line below for what is published.
fn distances(rows: &[Row]) -> Table {
    let mut table = Table::new(2);
    table.row(["drift", "correction", "energy W2^2", "MMD", "TV", "W1", "W2"]);
    for row in rows {
        let cell = |of: fn(&Distances) -> f64| row.cell(|m| m.distances.as_ref().map(of));
        let cells =
            [cell(|d| d.energy), cell(|d| d.mmd), cell(|d| d.tv), cell(|d| d.w1), cell(|d| d.w2)];
        table.row(row.names().into_iter().chain(cells));
        if let Some(published) = row.way.and_then(Way::published) {
            let cells = published.map(|(mean, sd)| with_error(mean, sd));
            let names = [String::new(), "published".into(), String::new()];
            table.row(names.into_iter().chain(cells));
        }
    }
    table
}

/// What is left of the ancestors, and what that costs.
fn lineages(rows: &[Row]) -> Table {
    let mut table = Table::new(2);
    let names = ["N", "ESS", "families", "effectively", "log Z error", "masses", "TV", "seconds"];
    table.row(["drift", "correction"].into_iter().chain(names));
    for row in rows {
        let run = |of: fn(&Lineage) -> f64| row.count(|m| m.lineage.as_ref().map(of));
        let error = |of: fn(&Errors) -> f64| row.cell(|m| Some(of(&m.errors)));
        let cells = [
            grouped(u64::from(row.particles)),
            run(|l| l.ess),
            run(|l| l.ancestors as f64),
            run(|l| l.effective_ancestors),
            row.cell(|m| m.lineage?.log_normalizer_error),
            error(|e| e.modes),
            error(|e| e.density),
            row.mean(|m| Some(m.lineage?.seconds)).map_or_else(String::new, three_digits),
        ];
        table.row(row.names().into_iter().chain(cells));
    }
    table
}
