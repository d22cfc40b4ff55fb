//! A run as one JSON object.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use serde::{Deserialize, Deserializer, Serialize};
use wfr::{Diagnostics, Estimate, Losses, Mode, Modes, Particles, Target, Truth, Tuned, Warning};

use super::checks::ChecksRecord;
use super::composition::CompositionRecord;
use super::reaction::{self, ReactionRecord};
use super::warnings::WarningRecord;
use crate::cli::{Outcome, PilotRecord, all_warnings, file_name, tells_log_z};

/// The probabilities of the quantiles that are told.
pub(crate) const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// What a run does not tell.
const UNTOLD: Estimate = Estimate { value: f64::NAN, se: f64::NAN };

/// What the weighted particles say, worked out once.
pub(crate) struct Estimates {
    /// Not a number where the run does not tell log Z.
    pub(crate) log_normalizer: Estimate,
    pub(crate) ess: f64,
    pub(crate) unique_ancestors: usize,
    pub(crate) effective_ancestors: f64,
    pub(crate) largest_particle: f64,
    pub(crate) largest_ancestor: f64,
    pub(crate) mean: Vec<Estimate>,
    pub(crate) second_moment: Vec<Estimate>,
    pub(crate) sd: Vec<Estimate>,
    /// Of each coordinate at each of the `LEVELS`.
    pub(crate) quantiles: Vec<Vec<Estimate>>,
    pub(crate) right_mass: Estimate,
    /// Empty where no modes are known.
    pub(crate) modes: Vec<Mode>,
    pub(crate) warnings: Vec<Warning>,
}

impl Estimates {
    /// From the particles of a run, mode by mode where the modes are known.
    pub(crate) fn of(outcome: &Outcome, modes: Option<&Modes>) -> Estimates {
        let diagnostics = Diagnostics::new(&outcome.particles)
            .resampled(outcome.config.resampler, outcome.info.resamplings)
            .of_run(&outcome.problem, &outcome.config);
        let modes = modes.map_or_else(Vec::new, |modes| diagnostics.modes(modes));
        let of_weights = diagnostics.log_normalizer(&outcome.info);
        // The weights of a gradient flow do not tell log Z; its estimates of the density may.
        let log_normalizer = match outcome.problem.flow().reaction() {
            Some(reaction) => {
                reaction::log_normalizer(reaction, &outcome.reaction).unwrap_or(UNTOLD)
            }
            None if tells_log_z(&outcome.problem) => of_weights,
            None => UNTOLD,
        };
        Estimates {
            log_normalizer,
            ess: f64::from(outcome.info.ess),
            unique_ancestors: diagnostics.unique_ancestors(),
            mean: diagnostics.means(),
            second_moment: diagnostics.second_moments(),
            sd: diagnostics.standard_deviations(),
            quantiles: quantiles(&diagnostics, outcome.particles.dim()),
            right_mass: right_mass(&diagnostics, &outcome.particles),
            effective_ancestors: diagnostics.effective_ancestors(),
            largest_particle: diagnostics.largest_particle(),
            largest_ancestor: diagnostics.largest_ancestor(),
            warnings: {
                let mut all = diagnostics.warnings(&outcome.info, &outcome.trace, &modes);
                let examined = outcome.examination.iter().flat_map(|one| &one.warnings);
                all.extend(examined.cloned());
                all.sort_by_key(Warning::severity);
                all
            },
            modes,
        }
    }
}

/// The probability that the first coordinate is positive.
fn right_mass(diagnostics: &Diagnostics<'_>, particles: &Particles) -> Estimate {
    let center = particles.center().map_or(0.0, |center| center[0]);
    diagnostics.mass(|x| f64::from(x[0]) + center > 0.0)
}

/// The quantiles of each coordinate, which are sorted side by side: of all estimates these take the
/// longest.
fn quantiles(diagnostics: &Diagnostics<'_>, dim: usize) -> Vec<Vec<Estimate>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let coordinates: Vec<usize> = (0..dim).collect();
    let of = |part: &[usize]| -> Vec<_> {
        part.iter().map(|coordinate| diagnostics.quantiles(*coordinate, &LEVELS)).collect()
    };
    thread::scope(|scope| {
        let parts = coordinates.chunks(dim.div_ceil(threads));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || of(part))).collect();
        let joined = parts.into_iter().map(|part| part.join());
        joined.flat_map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// A run: its resolved settings, its results and its cost. What is not finite becomes `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: String,
    pub(crate) target: String,
    pub(crate) parameters: BTreeMap<String, f64>,
    pub(crate) dim: u32,
    /// What coordinates were counted from on the device, where that was not the origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) center: Option<Vec<f64>>,
    pub(crate) initial: String,
    pub(crate) flow: String,
    /// The estimate of log(Z1/Z0) that the path was given.
    pub(crate) log_ratio: Option<f64>,
    pub(crate) pilot: Option<PilotRecord>,
    pub(crate) transport: f32,
    pub(crate) reaction: Option<ReactionRecord>,
    pub(crate) composition: Option<CompositionRecord>,
    pub(crate) integrator: String,
    pub(crate) particles: u32,
    pub(crate) steps: u32,
    #[serde(deserialize_with = "number")]
    pub(crate) time: f64,
    /// The path parameter at the end, 1 at the target; nothing for a flow without a path.
    pub(crate) beta: Option<f64>,
    pub(crate) schedule: String,
    /// Of an adaptive schedule: how many, and β where each begins, then at the end.
    pub(crate) stages: Option<u32>,
    pub(crate) betas: Option<Vec<f64>>,
    pub(crate) seed: u64,
    pub(crate) ess_threshold: f32,
    pub(crate) ess_every: u32,
    pub(crate) resampler: String,
    pub(crate) taming: bool,
    pub(crate) preconditioner: Option<Vec<f32>>,
    pub(crate) friction: f32,
    pub(crate) stiffness: f32,
    pub(crate) tuned: Option<TunedRecord>,
    pub(crate) adapter: String,
    pub(crate) driver: String,
    pub(crate) backend: String,
    pub(crate) software: bool,
    #[serde(deserialize_with = "number")]
    pub(crate) log_normalizer: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) log_normalizer_se: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) ess: f64,
    pub(crate) resamplings: u32,
    pub(crate) acceptance: Option<f32>,
    pub(crate) unique_ancestors: usize,
    #[serde(deserialize_with = "number")]
    pub(crate) effective_ancestors: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) largest_ancestor: f64,
    #[serde(deserialize_with = "numbers")]
    pub(crate) mean: Vec<f64>,
    #[serde(deserialize_with = "numbers")]
    pub(crate) mean_se: Vec<f64>,
    #[serde(deserialize_with = "numbers")]
    pub(crate) second_moment: Vec<f64>,
    #[serde(deserialize_with = "numbers")]
    pub(crate) second_moment_se: Vec<f64>,
    #[serde(deserialize_with = "numbers")]
    pub(crate) sd: Vec<f64>,
    #[serde(deserialize_with = "numbers")]
    pub(crate) sd_se: Vec<f64>,
    /// The probabilities of the quantiles.
    pub(crate) levels: Vec<f64>,
    /// Of each coordinate at each level.
    #[serde(deserialize_with = "rows")]
    pub(crate) quantiles: Vec<Vec<f64>>,
    #[serde(deserialize_with = "rows")]
    pub(crate) quantiles_se: Vec<Vec<f64>>,
    #[serde(deserialize_with = "number")]
    pub(crate) right_mass: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) right_mass_se: f64,
    pub(crate) max_weight: f32,
    pub(crate) non_finite: u32,
    /// The particles lost on the way; nothing in folders of before there was a count.
    pub(crate) losses: Option<LossesRecord>,
    pub(crate) modes: Vec<ModeRecord>,
    /// Doubts first, then notes.
    pub(crate) warnings: Vec<WarningRecord>,
    /// What the particles said when they were held against the density; nothing where they were not.
    pub(crate) checks: Option<ChecksRecord>,
    /// Why the run failed, where it did.
    pub(crate) failed: Option<String>,
    /// Whether all steps were done; a run that was stopped before is kept as it was then.
    pub(crate) complete: bool,
    /// Estimates are of every so many particles: 1 where the host's memory holds what all need.
    pub(crate) every: u32,
    pub(crate) truth: Option<TruthRecord>,
    /// What differs from run to run; not part of what is kept.
    #[serde(flatten, skip_deserializing)]
    pub(crate) cost: Option<Cost>,
}

/// The time that a run took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Cost {
    pub(crate) setup_s: f64,
    pub(crate) elapsed_s: f64,
    pub(crate) cpu_s: Option<f64>,
    pub(crate) particle_steps_per_s: f64,
}

impl From<&Outcome> for Cost {
    fn from(outcome: &Outcome) -> Cost {
        Cost {
            setup_s: outcome.setup_s,
            elapsed_s: outcome.spent.wall,
            cpu_s: outcome.spent.cpu,
            particle_steps_per_s: outcome.particle_steps() / outcome.spent.wall,
        }
    }
}

/// A mode with its mass, the ancestors that this hangs on, and its largest shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModeRecord {
    pub(crate) name: String,
    #[serde(deserialize_with = "number")]
    pub(crate) mass: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) mass_se: f64,
    pub(crate) exact: Option<f64>,
    pub(crate) ancestors: usize,
    #[serde(deserialize_with = "number")]
    pub(crate) effective_ancestors: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) largest_particle: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) largest_ancestor: f64,
}

impl From<&Mode> for ModeRecord {
    fn from(mode: &Mode) -> ModeRecord {
        ModeRecord {
            name: mode.name.clone(),
            mass: mode.mass.value,
            mass_se: mode.mass.se,
            exact: mode.exact,
            ancestors: mode.ancestors,
            effective_ancestors: mode.effective_ancestors,
            largest_particle: mode.largest_particle,
            largest_ancestor: mode.largest_ancestor,
        }
    }
}

/// What is known exactly of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TruthRecord {
    #[serde(deserialize_with = "number")]
    pub(crate) log_normalizer: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) right_mass: f64,
    #[serde(deserialize_with = "numbers")]
    pub(crate) mean: Vec<f64>,
    #[serde(deserialize_with = "numbers")]
    pub(crate) second_moment: Vec<f64>,
}

/// The particles that were lost, by cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossesRecord {
    pub(crate) position: u64,
    pub(crate) score: u64,
    pub(crate) weight: u64,
    /// Of the first steps that lost any the steps done, and the counts by cause.
    pub(crate) by_step: Vec<[u32; 4]>,
    /// Of the first of these steps the one in the lowest slot.
    pub(crate) first: Option<LossRecord>,
}

/// The first particle that was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LossRecord {
    pub(crate) step: u32,
    pub(crate) slot: u32,
    pub(crate) cause: String,
    pub(crate) position: Vec<f32>,
}

/// The most steps with losses that a record tells.
const LOSSES_TOLD: usize = 1000;

impl From<&Losses> for LossesRecord {
    fn from(losses: &Losses) -> LossesRecord {
        let steps = losses.by_step.iter().take(LOSSES_TOLD);
        LossesRecord {
            position: losses.lost.position,
            score: losses.lost.score,
            weight: losses.lost.weight,
            by_step: steps.map(|(step, [p, s, w])| [*step, *p, *s, *w]).collect(),
            first: losses.first.as_ref().map(|first| LossRecord {
                step: first.step,
                slot: first.slot,
                cause: first.cause.name().to_string(),
                position: first.position.clone(),
            }),
        }
    }
}

/// What pilot runs found beside the preconditioner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TunedRecord {
    #[serde(deserialize_with = "number")]
    pub(crate) shortest_step: f64,
    #[serde(deserialize_with = "number")]
    pub(crate) longest_step: f64,
    pub(crate) acceptance: Option<f32>,
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
        let values = |all: &[Estimate]| all.iter().map(|e| e.value).collect::<Vec<_>>();
        let errors = |all: &[Estimate]| all.iter().map(|e| e.se).collect::<Vec<_>>();
        let adapter = &outcome.adapter;
        let adaptivity = config.schedule.adaptivity();
        let betas = outcome.trace.iter().map(|event| event.beta);
        Record {
            version: env!("CARGO_PKG_VERSION").to_string(),
            target: outcome.name(),
            parameters: parameters(target),
            dim: target.dim(),
            center: problem.center().map(<[f64]>::to_vec),
            initial: problem.initial().description().to_string(),
            flow: problem.flow().name().to_string(),
            log_ratio: problem.flow().log_ratio(),
            pilot: outcome.pilot.as_ref().map(PilotRecord::from),
            transport: problem.flow().transport(),
            reaction: problem
                .flow()
                .reaction()
                .map(|reaction| ReactionRecord::new(reaction, &outcome.reaction)),
            composition: CompositionRecord::of(problem, &outcome.tracked),
            integrator: outcome.integrator.name().to_string(),
            particles: config.particles,
            steps: outcome.info.step,
            time: outcome.info.time,
            beta: outcome.beta(),
            schedule: file_name(&config.schedule.description()).to_string(),
            stages: adaptivity.map(|_| outcome.info.stages),
            betas: adaptivity.map(|_| betas.chain([outcome.info.beta]).collect()),
            seed: config.seed,
            ess_threshold: config.ess_threshold,
            ess_every: config.test_every(),
            resampler: config.resampler.name().to_string(),
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
            effective_ancestors: estimates.effective_ancestors,
            largest_ancestor: estimates.largest_ancestor,
            mean: values(&estimates.mean),
            mean_se: errors(&estimates.mean),
            second_moment: values(&estimates.second_moment),
            second_moment_se: errors(&estimates.second_moment),
            sd: values(&estimates.sd),
            sd_se: errors(&estimates.sd),
            levels: LEVELS.to_vec(),
            quantiles: estimates.quantiles.iter().map(|row| values(row)).collect(),
            quantiles_se: estimates.quantiles.iter().map(|row| errors(row)).collect(),
            right_mass: estimates.right_mass.value,
            right_mass_se: estimates.right_mass.se,
            max_weight: outcome.info.max_weight,
            non_finite: outcome.info.non_finite,
            losses: Some(LossesRecord::from(&outcome.losses)),
            modes: estimates.modes.iter().map(ModeRecord::from).collect(),
            warnings: all_warnings(outcome, estimates),
            failed: outcome.failure.clone(),
            checks: outcome.examination.as_ref().map(ChecksRecord::from),
            complete: outcome.complete,
            every: outcome.every,
            truth: outcome.truth.clone().map(TruthRecord::from),
            cost: None,
        }
    }
}

impl Record {
    /// The same with the time that the run took.
    pub(crate) fn with_cost(self, outcome: &Outcome) -> Record {
        Record { cost: Some(Cost::from(outcome)), ..self }
    }
}

/// The target's parameters: those that were set, and the defaults of the others.
pub(crate) fn parameters(target: &Target) -> BTreeMap<String, f64> {
    target.all_parameters().into_iter().collect()
}

/// A number; what is not finite was written as `null`.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let all: Vec<Option<f64>> = Vec::deserialize(from)?;
    Ok(all.into_iter().map(|one| one.unwrap_or(f64::NAN)).collect())
}

fn rows<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<f64>>, D::Error> {
    let all: Vec<Vec<Option<f64>>> = Vec::deserialize(from)?;
    let row = |row: Vec<Option<f64>>| row.into_iter().map(|one| one.unwrap_or(f64::NAN)).collect();
    Ok(all.into_iter().map(row).collect())
}
