//! A run in words and a table.

use wfr::diffusion::{Composition, ScoreModel};
use wfr::{Density, Estimate, Mode, Problem, Target, Tuned, Warning};

use super::file_name;
use super::numbers::{decimals, grouped, seconds, three_digits, with_error};
use super::run::Outcome;
use super::table::Table;
use crate::output::{
    Estimates, FAILED, LEVELS, LOST_PARTICLES, STOPPED, WarningRecord, log_z_label, parameters,
};

/// Coordinates to show; the rest is in the summary and in the JSON record.
const SHOWN: usize = 4;

/// Modes to show; the rest is in the JSON record.
const MODES_SHOWN: usize = 16;

/// Logs the doubts about a run's numbers.
pub(crate) fn warn(outcome: &Outcome, estimates: &Estimates) {
    for warning in all_warnings(outcome, estimates).iter().filter(|one| one.is_doubt()) {
        log::warn!("{}", warning.sentence());
    }
}

/// Logs the doubts and the notes.
pub(crate) fn warn_and_note(outcome: &Outcome, estimates: &Estimates) {
    warn(outcome, estimates);
    for note in all_warnings(outcome, estimates).iter().filter(|one| !one.is_doubt()) {
        log::info!("{}", note.sentence());
    }
}

/// What has to be known before any number: that the run failed, or lost many of its particles.
fn failed(outcome: &Outcome) -> Option<Warning> {
    if let Some(failure) = outcome.failure.as_ref().filter(|_| outcome.complete) {
        let text =
            format!("the run failed, and these numbers are not those of the target: {failure}");
        return Some(Warning::doubt(FAILED, text));
    }
    let (lost, particles) = (outcome.losses.lost, outcome.config.particles);
    let described = outcome.losses.described(particles).filter(|_| lost.are_many(particles))?;
    let text = format!("many particles were lost, so that all numbers are doubtful: {described}");
    Some(Warning::doubt(LOST_PARTICLES, text))
}

/// Everything that speaks against the numbers, and what is worth knowing about them: what stands
/// before the results first.
pub(crate) fn all_warnings(outcome: &Outcome, estimates: &Estimates) -> Vec<WarningRecord> {
    let failed = failed(outcome);
    let is_known = |one: &&Warning| failed.is_none() || one.kind() != LOST_PARTICLES;
    let others: Vec<Warning> = estimates.warnings.iter().filter(is_known).cloned().collect();
    let mut all: Vec<Warning> = failed.into_iter().chain(stopped(outcome)).collect();
    all.extend(others);
    let n = outcome.config.particles;
    if let Some(Density::Transition { components: Some(some) }) =
        outcome.problem.flow().reaction().map(|reaction| &reaction.density)
        && *some < n
    {
        let text = format!(
            "log Z comes from {some} of {n} transition kernels, which biases it upward; leave out \
             --landmarks for all of them"
        );
        all.push(Warning::doubt("part-of-the-mixture", text));
    }
    if outcome.every > 1 {
        let text = format!(
            "the estimates and their errors are of every {}th particle, because memory would not \
             hold what all need; log Z and the ESS are of all",
            outcome.every
        );
        all.push(Warning::note("part-of-the-particles", text));
    }
    let mut all: Vec<_> = all.iter().map(WarningRecord::from).collect();
    all.sort_by_key(|one| !one.leads());
    all
}

/// That the run has not come to its end, and where it stands.
fn stopped(outcome: &Outcome) -> Option<Warning> {
    if outcome.complete {
        return None;
    }
    let (step, time) = (outcome.info.step, decimals(outcome.info.time, 4));
    let steps = outcome.config.schedule.steps();
    let place = match outcome.beta() {
        Some(beta) => format!(
            "the particles are those of time {time}, and all numbers are of the density there, at \
             β = {}, not of the target's",
            crate::beta::shown(beta)
        ),
        None => format!("the particles are those of time {time}"),
    };
    let text = match &outcome.failure {
        None => format!("stopped by you after step {step} of {steps}: {place}"),
        Some(failure) => format!(
            "the last good state, after step {step} of {steps}: {place}; then the run failed: \
             {failure}"
        ),
    };
    Some(Warning::doubt(STOPPED, text))
}

/// The doubts, the settings in two lines, the results in tables, the notes, and the time that the run
/// took.
pub(crate) fn text(outcome: &Outcome, estimates: &Estimates) -> String {
    report(outcome, estimates, SHOWN) + &cost(outcome)
}

/// The same of all coordinates, and without what differs from run to run.
pub(crate) fn summary(outcome: &Outcome, estimates: &Estimates) -> String {
    report(outcome, estimates, usize::MAX)
}

/// The results between what stands before and after them.
fn report(outcome: &Outcome, estimates: &Estimates, shown: usize) -> String {
    let warnings = all_warnings(outcome, estimates);
    let (before, after): (Vec<_>, Vec<_>) = warnings.iter().partition(|one| one.leads());
    let lines =
        |all: &[&WarningRecord]| all.iter().map(|one| one.line() + "\n").collect::<String>();
    let (mut before, mut after) = (lines(&before), lines(&after));
    if !before.is_empty() {
        before.push('\n');
    }
    if !after.is_empty() {
        after.insert(0, '\n');
    }
    before + &results(outcome, estimates, &warnings, shown) + &after
}

/// What the particles say of all modes and of so many coordinates.
fn results(
    outcome: &Outcome,
    estimates: &Estimates,
    warnings: &[WarningRecord],
    shown: usize,
) -> String {
    let mut table = Table::new(1);
    // What is exact of the target says nothing of a density on the way.
    let truth = outcome.truth.as_ref().filter(|_| outcome.complete);
    let heading = if truth.is_some() { "exact" } else { "" };
    table.row(["", "estimate", heading]);
    let exact = |pick: &dyn Fn(&wfr::Truth) -> f64| {
        truth.map_or_else(String::new, |truth| format!("{:.4}", pick(truth)))
    };
    let mut row = |name: &str, estimate: &Estimate, exact: String| {
        table.row([name.to_string(), with_error(estimate.value, estimate.se), exact]);
    };
    if tells_log_z(&outcome.problem) {
        row(
            &log_z_label(outcome.beta(), warnings),
            &estimates.log_normalizer,
            exact(&|truth| truth.log_normalizer),
        );
    }
    if let Some(pilot) = &outcome.pilot {
        row("log Z, by the pilot", &pilot.log_ratio, String::new());
    }
    row("P(x0 > 0)", &estimates.right_mass, exact(&|truth| truth.right_mass));
    let shown = outcome.particles.dim().min(shown);
    for j in 0..shown {
        row(&format!("E x{j}"), &estimates.mean[j], exact(&|truth| truth.mean[j]));
    }
    for j in 0..shown {
        let name = format!("E x{j}^2");
        row(&name, &estimates.second_moment[j], exact(&|truth| truth.second_moment[j]));
    }
    [
        settings(outcome),
        format!("\n{}", table.text()),
        coordinates(estimates, shown),
        not_shown(outcome.particles.dim(), shown),
        modes(&estimates.modes),
        tracked(outcome),
        weights(outcome, estimates),
        checks(outcome),
    ]
    .concat()
}

/// Mean, standard deviation and quantiles of so many coordinates, a column each.
fn coordinates(estimates: &Estimates, shown: usize) -> String {
    let told = |estimate: Estimate| with_error(estimate.value, estimate.se);
    let columns: Vec<usize> = (0..shown).collect();
    let tables = columns.chunks(SHOWN).map(|columns| {
        let mut table = Table::new(1);
        let mut row = |name: String, of: &dyn Fn(usize) -> String| {
            table.row([name].into_iter().chain(columns.iter().map(|j| of(*j))));
        };
        row(String::new(), &|j| format!("x{j}"));
        row("mean".into(), &|j| told(estimates.mean[j]));
        row("sd".into(), &|j| told(estimates.sd[j]));
        for (k, level) in LEVELS.iter().enumerate() {
            row(format!("{:.0} %", 100.0 * level), &|j| told(estimates.quantiles[j][k]));
        }
        format!("\n{}", table.text())
    });
    tables.collect()
}

/// Which coordinates are left out.
fn not_shown(dim: usize, shown: usize) -> String {
    match dim - shown {
        0 => String::new(),
        1 => format!("x{shown} is not shown; --out and --json have it\n"),
        _ => format!("x{shown} to x{} are not shown; --out and --json have them\n", dim - 1),
    }
}

/// The mass of each mode and the ancestors that it hangs on.
fn modes(modes: &[Mode]) -> String {
    if modes.is_empty() {
        return String::new();
    }
    let mut table = Table::new(1);
    // A column where something is exact.
    let is_known = modes.iter().any(|mode| mode.exact.is_some());
    let exact = |text: String| is_known.then_some(text);
    let head = ["mode", "mass"].map(String::from).into_iter();
    table
        .row(head.chain(exact("exact".into())).chain(["ancestors", "effective"].map(String::from)));
    for mode in modes.iter().take(MODES_SHOWN) {
        let mass = with_error(mode.mass.value, mode.mass.se);
        let known = mode.exact.map_or_else(|| "unknown".into(), |exact| format!("{exact:.4}"));
        let counts =
            [grouped(mode.ancestors as u64), grouped(mode.effective_ancestors.round() as u64)];
        table.row([mode.name.clone(), mass].into_iter().chain(exact(known)).chain(counts));
    }
    let more = match modes.len().saturating_sub(MODES_SHOWN) {
        0 => String::new(),
        more => format!("and {more} more\n"),
    };
    format!("\n{}{more}", table.text())
}

/// How far the log densities that particles carry are off.
fn tracked(outcome: &Outcome) -> String {
    let Some(composition) = outcome.problem.composition().filter(|_| !outcome.tracked.is_empty())
    else {
        return String::new();
    };
    let mut table = Table::new(1);
    table.row(["tracked log density", "off by", "rms"]);
    for one in &outcome.tracked {
        let model = file_name(composition.models()[one.model].name()).to_string();
        let cells = match one.error {
            Some((mean, rms)) => [format!("{mean:.4}"), format!("{rms:.4}")],
            None => ["unknown".to_string(), "unknown".to_string()],
        };
        table.row([model].into_iter().chain(cells));
    }
    format!("\n{}", table.text())
}

/// Whether log Z comes out of the run: from weights along a path of densities or of a composition,
/// or from the transition mixture of a gradient flow.
pub(crate) fn tells_log_z(problem: &Problem) -> bool {
    let flow = problem.flow();
    let transition =
        |reaction: &wfr::Reaction| matches!(reaction.density, Density::Transition { .. });
    flow.has_path()
        || flow.reaction().is_some_and(transition)
        || problem.composition().is_some_and(Composition::is_corrected)
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
    format!("{}{parameters}, {} dimension{plural},", file_name(target.name()), target.dim())
}

/// The target, or the composition: `fisher-rao (0.5, 0.5) of left.txt and right.txt, vp:0.1:20,`.
fn described_law(problem: &Problem) -> String {
    let Some(composition) = problem.composition() else {
        return described(problem.target());
    };
    let names = composition.models().iter().map(ScoreModel::name);
    let names: Vec<_> = names.map(file_name).collect();
    let reward = match composition.has_reward() {
        true => format!(" tilted by {}", file_name(problem.target().name())),
        false => String::new(),
    };
    let weights = if composition.is_corrected() { "" } else { " without weights," };
    format!(
        "{} of {}{reward},{weights} noise {},",
        composition.rule(),
        names.join(" and "),
        composition.noise()
    )
}

/// What was run, and on what.
fn settings(outcome: &Outcome) -> String {
    let (problem, config) = (&outcome.problem, &outcome.config);
    let stages = match config.schedule.adaptivity() {
        Some(_) => format!(" in {} stages", outcome.info.stages),
        None => String::new(),
    };
    format!(
        "{} from {}, {} flow, {}\nN = {}, {} steps to time {}, schedule {}{stages}, seed {}, on {}\n",
        described_law(problem),
        problem.initial().description(),
        problem.flow().name(),
        outcome.integrator,
        grouped(u64::from(config.particles)),
        outcome.info.step,
        decimals(outcome.info.time, 4),
        file_name(&config.schedule.description()),
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

/// How evenly the weight lies on the particles and on their ancestors.
fn weights(outcome: &Outcome, estimates: &Estimates) -> String {
    let cess = outcome.trace.iter().filter_map(|event| event.cess).reduce(f32::min);
    let cess = cess.map_or_else(String::new, |c| format!(", least conditional ESS {c:.3} N"));
    let acceptance = outcome.info.acceptance;
    let acceptance = acceptance.map_or_else(String::new, |a| format!(", acceptance {a:.3}"));
    format!(
        "\nESS {} of {}, {} resamplings, {} time-zero ancestors left, effectively \
         {}{acceptance}{cess}\nlargest share \
         of the weight: {} % in one particle, {} % in one ancestor's descendants\n",
        grouped(estimates.ess.round() as u64),
        grouped(u64::from(outcome.config.particles)),
        outcome.info.resamplings,
        grouped(estimates.unique_ancestors as u64),
        grouped(estimates.effective_ancestors.round() as u64),
        three_digits(100.0 * estimates.largest_particle),
        three_digits(100.0 * estimates.largest_ancestor),
    )
}

/// How well the particles agree with the density.
fn checks(outcome: &Outcome) -> String {
    let Some(found) = &outcome.examination else { return String::new() };
    let mut parts = Vec::new();
    if let Some(one) = found.identities {
        parts.push(format!(
            "identities of the target hold to {:.1} standard errors of {:.1}",
            one.z.abs(),
            one.threshold
        ));
    } else if let Some(reason) = &found.not_checked {
        parts.push(format!("not held against the target: {reason}"));
    }
    if let Some(one) = found.precision {
        let loss = one.loss(tells_log_z(&outcome.problem));
        parts.push(format!("single precision loses {loss:.1e} nats"));
    }
    match parts.is_empty() {
        true => String::new(),
        false => parts.join("; ") + "\n",
    }
}

/// How long it took.
fn cost(outcome: &Outcome) -> String {
    let cpu = match outcome.spent.cpu {
        Some(cpu) => format!(" ({} of processor time)", seconds(cpu)),
        None => String::new(),
    };
    format!(
        "sampled in {}{cpu}, {} particle-steps/s; set up in {}\n",
        seconds(outcome.spent.wall),
        three_digits(outcome.particle_steps() / outcome.spent.wall),
        seconds(outcome.setup_s),
    )
}
