//! Several runs side by side, against the exact values.

use wfr::{Estimate, Truth};

use super::numbers::{grouped, seconds, three_digits, with_error};
use super::run::Outcome;
use super::table::Table;
use crate::output::Estimates;

/// One run under its heading.
pub(crate) struct Column<'a> {
    pub(crate) heading: &'a str,
    pub(crate) outcome: &'a Outcome,
    pub(crate) estimates: &'a Estimates,
}

/// Rows of quantities, a column of exact values, and a column per run.
pub(crate) fn table(truth: Option<&Truth>, columns: &[Column<'_>]) -> Table {
    let mut table = Table::new(1);
    let headings = columns.iter().map(|column| column.heading);
    table.row(["", "exact"].into_iter().chain(headings));

    let mut estimate = |name: &str, exact: &dyn Fn(&Truth) -> f64, of: EstimateOf<'_>| {
        let exact = truth.map_or_else(|| "unknown".into(), |truth| format!("{:.4}", exact(truth)));
        let cells = columns.iter().map(|column| match of(column) {
            Some(estimate) => with_error(estimate.value, estimate.se),
            None => "-".into(),
        });
        table.row([name.to_string(), exact].into_iter().chain(cells));
    };
    estimate("P(x0 > 0)", &|truth| truth.right_mass, &|c| Some(c.estimates.right_mass));
    estimate("E x0", &|truth| truth.mean[0], &|c| Some(c.estimates.mean[0]));
    estimate("E x0^2", &|truth| truth.second_moment[0], &|c| Some(c.estimates.second_moment[0]));
    estimate("log Z", &|truth| truth.log_normalizer, &|c| {
        // Without a path of densities the weights say nothing of Z.
        super::report::tells_log_z(&c.outcome.problem).then_some(c.estimates.log_normalizer)
    });

    let mut fact = |name: &str, of: &dyn Fn(&Column<'_>) -> String| {
        let cells = columns.iter().map(of);
        table.row([name.to_string(), String::new()].into_iter().chain(cells));
    };
    fact("ESS", &|c| grouped(c.estimates.ess.round() as u64));
    fact("resamplings", &|c| c.outcome.info.resamplings.to_string());
    fact("time-zero ancestors left", &|c| grouped(c.estimates.unique_ancestors as u64));
    fact("sampling loop", &|c| seconds(c.outcome.spent.wall));
    fact("processor time", &|c| c.outcome.spent.cpu.map_or_else(|| "unknown".into(), seconds));
    fact("particle-steps/s", &|c| three_digits(c.outcome.particle_steps() / c.outcome.spent.wall));
    table
}

type EstimateOf<'a> = &'a dyn Fn(&Column<'_>) -> Option<Estimate>;
