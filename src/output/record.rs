//! A run as one JSON object.

use std::collections::BTreeMap;

use serde::Serialize;
use wfr::{Diagnostics, Estimate, Target, Truth, Tuned, catalogue};

use crate::cli::Outcome;

/// What the weighted particles say, worked out once.
pub(crate) struct Estimates {
    pub(crate) log_normalizer: Estimate,
    pub(crate) ess: f64,
    pub(crate) unique_ancestors: usize,
    pub(crate) mean: Vec<Estimate>,
    pub(crate) second_moment: Vec<Estimate>,
    pub(crate) right_mass: Estimate,
}

impl Estimates {
    /// From the particles of a run.
    pub(crate) fn of(outcome: &Outcome) -> Estimates {
        let diagnostics = Diagnostics::new(&outcome.particles);
        Estimates {
            log_normalizer: Estimate {
                value: outcome.info.log_normalizer,
                se: diagnostics.log_normalizer_se(),
            },
            ess: f64::from(outcome.info.ess),
            unique_ancestors: diagnostics.unique_ancestors(),
            mean: diagnostics.means(),
            second_moment: diagnostics.second_moments(),
            right_mass: diagnostics.mass(|x| x[0] > 0.0),
        }
    }
}

/// A run: its resolved settings, its results and its cost. What is not finite becomes `null`.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    version: &'static str,
    target: String,
    parameters: BTreeMap<String, f64>,
    dim: u32,
    initial: String,
    flow: String,
    integrator: &'static str,
    particles: u32,
    steps: u32,
    time: f64,
    seed: u64,
    ess_threshold: f32,
    ess_every: u32,
    resampler: &'static str,
    taming: bool,
    preconditioner: Option<Vec<f32>>,
    friction: f32,
    stiffness: f32,
    tuned: Option<TunedRecord>,
    adapter: String,
    driver: String,
    backend: String,
    software: bool,
    log_normalizer: f64,
    log_normalizer_se: f64,
    ess: f64,
    resamplings: u32,
    acceptance: Option<f32>,
    unique_ancestors: usize,
    mean: Vec<f64>,
    mean_se: Vec<f64>,
    second_moment: Vec<f64>,
    second_moment_se: Vec<f64>,
    right_mass: f64,
    right_mass_se: f64,
    max_weight: f32,
    non_finite: u32,
    truth: Option<TruthRecord>,
    setup_s: f64,
    elapsed_s: f64,
    cpu_s: Option<f64>,
    particle_steps_per_s: f64,
}

/// What is known exactly of a target.
#[derive(Debug, Serialize)]
struct TruthRecord {
    log_normalizer: f64,
    right_mass: f64,
    mean: Vec<f64>,
    second_moment: Vec<f64>,
}

/// What pilot runs found beside the preconditioner.
#[derive(Debug, Serialize)]
struct TunedRecord {
    shortest_step: f64,
    longest_step: f64,
    acceptance: Option<f32>,
}

impl From<&Tuned> for TunedRecord {
    fn from(tuned: &Tuned) -> TunedRecord {
        let (shortest_step, longest_step) = tuned.config.schedule.step_lengths();
        TunedRecord { shortest_step, longest_step, acceptance: tuned.acceptance }
    }
}

impl From<Truth> for TruthRecord {
    fn from(truth: Truth) -> TruthRecord {
        TruthRecord {
            log_normalizer: truth.log_normalizer,
            right_mass: truth.right_mass,
            mean: truth.mean,
            second_moment: truth.second_moment,
        }
    }
}

impl Record {
    /// The record of a run.
    pub(crate) fn new(outcome: &Outcome, estimates: &Estimates) -> Record {
        let (problem, config) = (&outcome.problem, &outcome.config);
        let target = problem.target();
        let steps = config.schedule.steps();
        let values = |all: &[Estimate]| all.iter().map(|estimate| estimate.value).collect();
        let errors = |all: &[Estimate]| all.iter().map(|estimate| estimate.se).collect();
        let adapter = &outcome.adapter;
        Record {
            version: env!("CARGO_PKG_VERSION"),
            target: target.name().to_string(),
            parameters: parameters(target),
            dim: target.dim(),
            initial: problem.initial().description().to_string(),
            flow: problem.flow().name().to_string(),
            integrator: outcome.integrator.name(),
            particles: config.particles,
            steps,
            time: config.schedule.time(steps),
            seed: config.seed,
            ess_threshold: config.ess_threshold,
            ess_every: config.ess_every,
            resampler: config.resampler.name(),
            taming: config.taming,
            preconditioner: config.preconditioner.clone(),
            friction: config.friction,
            stiffness: config.stiffness,
            tuned: outcome.tuned.as_ref().map(TunedRecord::from),
            adapter: adapter.name.clone(),
            driver: format!("{} {}", adapter.driver, adapter.driver_info).trim().to_string(),
            backend: adapter.backend.to_string(),
            software: adapter.device_type == wfr::wgpu::DeviceType::Cpu,
            log_normalizer: estimates.log_normalizer.value,
            log_normalizer_se: estimates.log_normalizer.se,
            ess: estimates.ess,
            resamplings: outcome.info.resamplings,
            acceptance: outcome.info.acceptance,
            unique_ancestors: estimates.unique_ancestors,
            mean: values(&estimates.mean),
            mean_se: errors(&estimates.mean),
            second_moment: values(&estimates.second_moment),
            second_moment_se: errors(&estimates.second_moment),
            right_mass: estimates.right_mass.value,
            right_mass_se: estimates.right_mass.se,
            max_weight: outcome.info.max_weight,
            non_finite: outcome.info.non_finite,
            truth: target.truth().map(TruthRecord::from),
            setup_s: outcome.setup_s,
            elapsed_s: outcome.spent.wall,
            cpu_s: outcome.spent.cpu,
            particle_steps_per_s: outcome.particle_steps() / outcome.spent.wall,
        }
    }
}

/// The target's parameters: those that were set, and the defaults of a built-in target.
pub(crate) fn parameters(target: &Target) -> BTreeMap<String, f64> {
    let entry = catalogue().iter().find(|entry| entry.name == target.name());
    let defaults = entry.map_or(&[][..], |entry| entry.parameters);
    let mut all: BTreeMap<_, _> =
        defaults.iter().map(|known| (known.name.to_string(), known.default)).collect();
    all.extend(target.parameters().into_iter().map(|(name, value)| (name.to_string(), value)));
    all
}
