//! The composition of a run as part of its record.

use serde::{Deserialize, Serialize};
use wfr::diffusion::ScoreModel;
use wfr::{Problem, Tracked};

use crate::cli::file_name;

/// The models, their rule, and how well what particles carry of them holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CompositionRecord {
    models: Vec<String>,
    rule: String,
    noise: String,
    stochasticity: f64,
    tracking: String,
    pub(super) corrected: bool,
    /// The formula or file; `null` without one.
    reward: Option<String>,
    tracked: Vec<TrackedRecord>,
}

/// Tracked minus exact log density; `null` where the model does not know its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TrackedRecord {
    model: String,
    mean: Option<f64>,
    rms: Option<f64>,
}

impl CompositionRecord {
    pub(crate) fn of(problem: &Problem, tracked: &[Tracked]) -> Option<CompositionRecord> {
        let composition = problem.composition()?;
        let record = |tracked: &Tracked| TrackedRecord {
            model: file_name(composition.models()[tracked.model].name()).to_string(),
            mean: tracked.error.map(|(mean, _)| mean),
            rms: tracked.error.map(|(_, rms)| rms),
        };
        let name = |model: &ScoreModel| file_name(model.name()).to_string();
        Some(CompositionRecord {
            models: composition.models().iter().map(name).collect(),
            rule: composition.rule().to_string(),
            noise: composition.noise().to_string(),
            stochasticity: composition.stochasticity(),
            tracking: composition.tracking().name().to_string(),
            corrected: composition.is_corrected(),
            reward: composition
                .has_reward()
                .then(|| file_name(problem.target().name()).to_string()),
            tracked: tracked.iter().map(record).collect(),
        })
    }
}
