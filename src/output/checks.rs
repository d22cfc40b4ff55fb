//! What the particles said when they were held against the density, as it is kept.

use serde::{Deserialize, Serialize};
use wfr::Examination;

/// The numbers of an examination. What was not checked is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChecksRecord {
    pub(crate) not_checked: Option<String>,
    pub(crate) identities: Option<IdentitiesRecord>,
    #[serde(default)]
    pub(crate) drift: Option<DriftRecord>,
    pub(crate) precision: Option<PrecisionRecord>,
    pub(crate) tails: Option<TailsRecord>,
}

/// Identities of the target that the particles should obey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IdentitiesRecord {
    /// `stein`, or `move` at walls.
    pub(crate) test: String,
    pub(crate) particles: usize,
    pub(crate) families: f64,
    pub(crate) tests: usize,
    /// Nothing where it is infinite.
    pub(crate) z: Option<f64>,
    pub(crate) threshold: f64,
    pub(crate) effect: Option<f64>,
    pub(crate) coordinate: u32,
    /// `mean` or `spread`.
    pub(crate) about: String,
}

/// How far moves at the target carry the particles, in standard deviations or variances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DriftRecord {
    pub(crate) particles: usize,
    pub(crate) moves: usize,
    pub(crate) effect: Option<f64>,
    pub(crate) z: Option<f64>,
    pub(crate) threshold: f64,
    pub(crate) coordinate: u32,
    /// `mean` or `spread`.
    pub(crate) about: String,
}

/// What single precision loses, in nats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PrecisionRecord {
    pub(crate) points: usize,
    pub(crate) rms: Option<f64>,
    pub(crate) largest: Option<f64>,
    pub(crate) offset: Option<f64>,
    pub(crate) steps: Option<f64>,
}

/// How much lies farther out than nearly all particles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TailsRecord {
    pub(crate) rays: usize,
    pub(crate) target: Option<f64>,
    pub(crate) particles: f64,
    /// The part of the variance that the particles lack there.
    #[serde(default)]
    pub(crate) lack: Option<f64>,
    #[serde(default)]
    pub(crate) lack_se: Option<f64>,
}

impl From<&Examination> for ChecksRecord {
    fn from(found: &Examination) -> ChecksRecord {
        let about = |is_spread: bool| if is_spread { "spread" } else { "mean" }.to_string();
        let known = |value: f64| value.is_finite().then_some(value);
        ChecksRecord {
            not_checked: found.not_checked.clone(),
            identities: found.identities.map(|one| IdentitiesRecord {
                test: one.test.name().into(),
                particles: one.particles,
                families: one.families,
                tests: one.tests,
                z: known(one.z),
                threshold: one.threshold,
                effect: known(one.effect),
                coordinate: one.coordinate,
                about: about(one.is_spread),
            }),
            drift: found.drift.map(|one| DriftRecord {
                particles: one.particles,
                moves: one.moves,
                effect: known(one.effect),
                z: known(one.z),
                threshold: one.threshold,
                coordinate: one.coordinate,
                about: about(one.is_spread),
            }),
            precision: found.precision.map(|one| PrecisionRecord {
                points: one.points,
                rms: known(one.rms),
                largest: known(one.largest),
                offset: known(one.offset),
                steps: known(one.steps),
            }),
            tails: found.reach.map(|one| TailsRecord {
                rays: one.rays,
                target: known(one.target),
                particles: one.particles,
                lack: known(one.lack),
                lack_se: known(one.lack_se),
            }),
        }
    }
}
