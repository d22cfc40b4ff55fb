//! A run in words and a table.

use wfr::{Estimate, Target, Tuned};

use super::numbers::{grouped, seconds, three_digits, with_error};
use super::run::Outcome;
use super::table::Table;
use crate::output::{Estimates, parameters};

/// Coordinates to show; the rest is in the JSON record.
const SHOWN: usize = 4;

/// Says when the numbers of a run should not be trusted.
pub(crate) fn warn(outcome: &Outcome, estimates: &Estimates) {
    let n = outcome.particles.len();
    if outcome.info.non_finite > 0 {
        log::warn!(
            "{} of {n} particles have a position or log-weight that is not a number; they count \
             as weight zero, and smaller steps may keep them",
            outcome.info.non_finite
        );
    }
    // Between two tests weights may collapse; resampling hides it from the genealogy.
    let tests = outcome.trace.iter().map(|event| (event.ess, event.step));
    let all = tests.chain([(outcome.info.ess, outcome.info.step)]);
    let lowest = all.min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((ess, step)) = lowest.filter(|(ess, _)| f64::from(*ess) < 0.01 * n as f64) {
        log::warn!(
            "the effective sample size fell to {ess:.0} of {n} by step {step}, so that standard \
             errors are too small; use more steps, a smaller --ess-every, or an initial law nearer \
             to the target"
        );
    }
    if estimates.unique_ancestors < 100.min(n) {
        log::warn!(
            "only {} time-zero ancestors are left, so that standard errors cannot be trusted; use \
             more particles, more steps, or an initial law that covers the target",
            estimates.unique_ancestors
        );
    }
}

/// The settings in two lines, and the results in a table.
pub(crate) fn text(outcome: &Outcome, estimates: &Estimates) -> String {
    let mut table = Table::new(1);
    table.row(["", "estimate", "exact"]);
    let truth = outcome.problem.target().truth();
    let exact = |pick: &dyn Fn(&wfr::Truth) -> f64| {
        truth.as_ref().map_or_else(|| "unknown".to_string(), |truth| format!("{:.4}", pick(truth)))
    };
    let mut row = |name: &str, estimate: &Estimate, exact: String| {
        table.row([name.to_string(), with_error(estimate.value, estimate.se), exact]);
    };
    if outcome.problem.flow().has_path() {
        row("log Z", &estimates.log_normalizer, exact(&|truth| truth.log_normalizer));
    }
    row("P(x0 > 0)", &estimates.right_mass, exact(&|truth| truth.right_mass));
    let dim = outcome.particles.dim();
    for j in 0..dim.min(SHOWN) {
        row(&format!("E x{j}"), &estimates.mean[j], exact(&|truth| truth.mean[j]));
    }
    for j in 0..dim.min(SHOWN) {
        let name = format!("E x{j}^2");
        row(&name, &estimates.second_moment[j], exact(&|truth| truth.second_moment[j]));
    }
    format!("{}\n{}{}", settings(outcome), table.text(), cost(outcome, estimates))
}

/// The target with its parameters: `ring (radius = 2, width = 0.4), 2 dimensions,`.
pub(crate) fn described(target: &Target) -> String {
    let parameters: Vec<_> =
        parameters(target).iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let parameters = match parameters.join(", ") {
        none if none.is_empty() => none,
        some => format!(" ({some})"),
    };
    let plural = if target.dim() == 1 { "" } else { "s" };
    format!("{}{parameters}, {} dimension{plural},", target.name(), target.dim())
}

/// What was run, and on what.
fn settings(outcome: &Outcome) -> String {
    let (problem, config) = (&outcome.problem, &outcome.config);
    let steps = config.schedule.steps();
    format!(
        "{} from {}, {} flow, {}\nN = {}, {steps} steps to time {}, seed {}, on {}\n",
        described(problem.target()),
        problem.initial().description(),
        problem.flow().name(),
        outcome.integrator,
        grouped(u64::from(config.particles)),
        config.schedule.time(steps),
        config.seed,
        outcome.adapter.name,
    ) + &outcome.tuned.as_ref().map_or_else(String::new, tuning)
}

/// What pilot runs found.
fn tuning(tuned: &Tuned) -> String {
    let config = &tuned.config;
    let mobilities = config.preconditioner.as_deref().unwrap_or_default();
    let scales: Vec<_> =
        mobilities.iter().take(SHOWN).map(|m| three_digits(f64::from(m.sqrt()))).collect();
    let more = if mobilities.len() > SHOWN { ", …" } else { "" };
    let (shortest, longest) = config.schedule.step_lengths();
    format!(
        "tuned to scales {}{more}, steps of {} to {}\n",
        scales.join(", "),
        three_digits(shortest),
        three_digits(longest),
    )
}

fn cost(outcome: &Outcome, estimates: &Estimates) -> String {
    let cpu = match outcome.spent.cpu {
        Some(cpu) => format!(" ({} of processor time)", seconds(cpu)),
        None => String::new(),
    };
    let acceptance = outcome.info.acceptance;
    let acceptance = acceptance.map_or_else(String::new, |a| format!(", acceptance {a:.3}"));
    format!(
        "\nESS {} of {}, {} resamplings, {} time-zero ancestors left{acceptance}\nsampled in {}{cpu}, {} \
         particle-steps/s; set up in {}\n",
        grouped(estimates.ess.round() as u64),
        grouped(outcome.particles.len() as u64),
        outcome.info.resamplings,
        grouped(estimates.unique_ancestors as u64),
        seconds(outcome.spent.wall),
        three_digits(outcome.particle_steps() / outcome.spent.wall),
        seconds(outcome.setup_s),
    )
}
