//! A run as it is kept: what files, pictures and reports are made from.

use serde::{Deserialize, Serialize};
use wfr::{Info, Particles, TraceEvent};

use super::Record;

/// A run that has ended, from memory or from its folder.
///
/// Pictures and reports take nothing else, so that `wfr plot DIR` draws what the run would have drawn.
pub(crate) struct Kept {
    pub(crate) record: Record,
    /// The weighted particles, or as many of them as were kept.
    pub(crate) particles: Particles,
    /// Particles of equal weight, resampled from all of them, row by row (M, dim).
    pub(crate) posterior: Vec<f32>,
    /// One per test of the ESS, and one for the end.
    pub(crate) stages: Vec<Stage>,
    /// The population at moments of the run, first to last; empty where none were looked at.
    pub(crate) frames: Vec<Frame>,
}

/// The population before an ESS test, or at the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Stage {
    pub(crate) step: u32,
    pub(crate) time: f64,
    pub(crate) beta: f64,
    pub(crate) ess: f64,
    /// Not a number where it was not traced.
    pub(crate) cess: f64,
    /// Not a number where weights do not tell it.
    pub(crate) log_normalizer: f64,
    pub(crate) max_weight: f64,
    pub(crate) non_finite: u32,
    pub(crate) resampled: bool,
}

/// The population at a moment: its weighted density in the plane of the first two coordinates, or on
/// the line of the only one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) step: u32,
    pub(crate) time: f64,
    pub(crate) ess: f64,
    pub(crate) log_normalizer: f64,
    /// Time-zero ancestors with a descendant.
    pub(crate) ancestors: u32,
    /// The ends of the first axis.
    pub(crate) x: [f64; 2],
    /// The ends of the second axis; (0, 1) in one dimension.
    pub(crate) y: [f64; 2],
    pub(crate) columns: u32,
    /// 1 in one dimension.
    pub(crate) rows: u32,
    /// Row by row from the lowest y; its integral is what lies inside.
    pub(crate) density: Vec<f32>,
}

impl From<&TraceEvent> for Stage {
    fn from(event: &TraceEvent) -> Stage {
        Stage {
            step: event.step,
            time: event.time,
            beta: event.beta,
            ess: event.ess.into(),
            cess: event.cess.map_or(f64::NAN, f64::from),
            log_normalizer: event.log_normalizer,
            max_weight: event.max_weight.into(),
            non_finite: event.non_finite,
            resampled: event.resampled,
        }
    }
}

impl From<&Info> for Stage {
    fn from(end: &Info) -> Stage {
        Stage {
            step: end.step,
            time: end.time,
            beta: end.beta,
            ess: end.ess.into(),
            cess: f64::NAN,
            log_normalizer: end.log_normalizer,
            max_weight: end.max_weight.into(),
            non_finite: end.non_finite,
            resampled: false,
        }
    }
}
