//! `wfr experiment robustness`: what errors of the scores do to what is composed of them.

use clap::Args;
use serde::Serialize;
use wfr::diffusion::{Composition, Rule, ScoreError, ScoreModel, Tracking};
use wfr::{Estimate, Integrator};

use super::options::{CommonOptions, SizeOptions};
use super::pair::{self, Exact, WORDS};
use crate::cli::console::Console;
use crate::cli::failure::Done;
use crate::cli::numbers::{grouped, with_error};
use crate::cli::run::Device;
use crate::cli::table::Table;
use crate::plot::{self, COLORS, Curve, Heading};

const PICTURE: &str = "wfr-robustness.png";

/// Puts errors on two scores and composes them, beside plain sampling of one model:
/// wfr-robustness.png and a table.
#[derive(Debug, Args)]
#[command(after_help = WORDS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    size: SizeOptions,
    #[command(flatten)]
    common: CommonOptions,
}

/// A way of sampling from the two models with errors.
struct Method {
    name: &'static str,
    rule: fn() -> Rule,
    /// How many of the models take part.
    models: usize,
    tracking: Tracking,
    integrator: Integrator,
    corrected: bool,
}

fn methods() -> [Method; 5] {
    let method = |name, models, rule, tracking, integrator, corrected| Method {
        name,
        rule,
        models,
        tracking,
        integrator,
        corrected,
    };
    let fisher_rao: fn() -> Rule = || Rule::fisher_rao(0.4);
    let (exact, euler) = (Tracking::Exact, Integrator::Euler);
    [
        method("one model", 1, || Rule::annealed(1.0), exact, euler, false),
        method("fisher-rao", 2, fisher_rao, exact, euler, true),
        method("fisher-rao, tracked", 2, fisher_rao, Tracking::Ito, euler, true),
        method("fisher-rao, kernel ratio", 2, fisher_rao, exact, Integrator::KernelRatio, true),
        method("geometric", 2, || Rule::geometric(0.4), exact, euler, true),
    ]
}

/// A kind of error: its name, its levels, and what it puts on the first and the second model.
struct Kind {
    name: &'static str,
    levels: &'static [f32],
    errors: fn(f32) -> [ScoreError; 2],
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "scale 1 + eps, 1 - eps",
        levels: &[0.0, 0.05, 0.1, 0.2],
        errors: |eps| [eps, -eps].map(|scale| ScoreError { scale, ..ScoreError::default() }),
    },
    Kind {
        name: "eps sin 2x, -eps sin 2x",
        levels: &[0.05, 0.1, 0.2],
        errors: |eps| [eps, -eps].map(|wave| ScoreError { wave, ..ScoreError::default() }),
    },
    Kind {
        name: "noise eps",
        levels: &[0.5, 1.0, 2.0],
        errors: |noise| [ScoreError { noise, ..ScoreError::default() }; 2],
    },
];

/// What one method made of one error.
#[derive(Serialize)]
struct Row {
    error: &'static str,
    level: f32,
    method: &'static str,
    /// Of E x0, found minus exact.
    mean_error: f64,
    mean_se: f64,
    /// Half the sum of the absolute errors of the modes' masses.
    mode_error: f64,
    log_normalizer_error: Option<f64>,
    /// Root mean square error of the tracked log densities of the models.
    tracked_rms: Vec<f64>,
    ess: f64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Done {
    let common = &arguments.common;
    let place = common.picture(PICTURE)?;
    let (particles, steps) = arguments.size.or(1 << 15, 200);
    let config = pair::config(particles, steps, common.seed)?;
    let mut device = Device::new(common.device.adapter.as_deref());
    let mut rows = Vec::new();
    let mut measure = |error, level, method: &Method, models: Vec<ScoreModel>| -> Done {
        // The truth is that of the models without their errors, and with all modes.
        let compose = |models: Vec<ScoreModel>| {
            Composition::new(pair::noise(), models[..method.models].to_vec(), (method.rule)())
        };
        let exact = Exact::of(&compose(pair::models(1)?))?;
        let truth = exact.quadrature.truth();
        let composition = compose(models).with_tracking(method.tracking);
        let composition = composition.with_correction(if method.corrected { 1.0 } else { 0.0 });
        let config = wfr::Config { integrator: Some(method.integrator), ..config.clone() };
        let label = (method.name, console);
        let modes = Some(&exact.modes);
        let (outcome, found) = pair::sample(composition, &config, modes, &mut device, label)?;
        rows.push(Row {
            error,
            level,
            method: method.name,
            mean_error: found.mean[0].value - truth.mean[0],
            mean_se: found.mean[0].se,
            mode_error: exact.mode_error(&found),
            log_normalizer_error: method
                .corrected
                .then_some(found.log_normalizer.value - truth.log_normalizer),
            tracked_rms: outcome.tracked.iter().filter_map(|t| Some(t.error?.1)).collect(),
            ess: found.ess,
        });
        Ok(())
    };
    for kind in &KINDS {
        for level in kind.levels {
            for method in methods() {
                let models = pair::models(1)?.into_iter().zip((kind.errors)(*level));
                let models = models.map(|(model, error)| model.with_error(error)).collect();
                measure(kind.name, *level, &method, models)?;
            }
        }
    }
    for method in methods() {
        let mut models = pair::models(1)?;
        models[0] = pair::left_without_mode(1)?;
        measure("a mode is missing", 1.0, &method, models)?;
    }

    let facts = format!("{} particles, {steps} steps", grouped(u64::from(particles)));
    let heading = Heading {
        title: "Scores that are off by the factors 1 + eps and 1 - eps",
        facts: &facts,
        x: "eps",
        y: "error of the modes' masses",
        room: 10.0,
    };
    place.fill(|path| plot::over_time(path, &heading, &curves(&rows)))?;
    let text = format!(
        "Scores with errors on purpose, of two closed-form models on the line: {facts}\n\n{}\n\
         The mode error is half the sum of the absolute errors of the modes' masses; rms is that of \
         tracked log densities.\nThe picture is {}\n",
        table(&rows).text(),
        place.path().display()
    );
    common.print(&rows, &text)
}

fn curves(rows: &[Row]) -> Vec<Curve> {
    let curve = |(method, color): (Method, _)| {
        let here = rows.iter().filter(|r| r.error == KINDS[0].name && r.method == method.name);
        let points = here.map(|r| (f64::from(r.level), r.mode_error)).collect();
        Curve { name: method.name.to_string(), color, points, theory: false }
    };
    methods().into_iter().zip(COLORS).map(curve).collect()
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(1);
    let headings = ["error", "eps", "method", "E x0 off", "mode error", "log Z off", "rms", "ESS"];
    table.row(headings);
    for row in rows {
        let Estimate { value, se } = Estimate { value: row.mean_error, se: row.mean_se };
        let rms: Vec<String> = row.tracked_rms.iter().map(|rms| format!("{rms:.2}")).collect();
        table.row([
            row.error.to_string(),
            format!("{}", row.level),
            row.method.to_string(),
            with_error(value, se),
            format!("{:.4}", row.mode_error),
            row.log_normalizer_error.map_or_else(|| "-".into(), |off| format!("{off:.4}")),
            rms.join(" "),
            grouped(row.ess.round() as u64),
        ]);
    }
    table
}
