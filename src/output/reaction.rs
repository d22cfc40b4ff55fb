//! The reaction of a Wasserstein–Fisher–Rao run as part of its record.

use serde::{Deserialize, Serialize};
use wfr::{Bandwidth, Density, Estimate, Reaction, ReactionEvent};

/// The settings of the reaction, and what its estimates tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReactionRecord {
    rate: f32,
    density_estimator: String,
    /// silverman, scott, or the values.
    bandwidth: Option<String>,
    /// `null` for the default by dimension.
    cells: Option<u32>,
    /// `null` for all particles.
    landmarks: Option<u32>,
    splitting: String,
    realisation: String,
    /// KL(p‖π) at the last estimate.
    relative_entropy: Option<f32>,
    estimates: usize,
}

impl ReactionRecord {
    pub(crate) fn new(reaction: &Reaction, trace: &[ReactionEvent]) -> ReactionRecord {
        let words = |bandwidth: &Bandwidth| match bandwidth {
            Bandwidth::Silverman => "silverman".to_string(),
            Bandwidth::Scott => "scott".to_string(),
            Bandwidth::Fixed(values) => {
                values.iter().map(f32::to_string).collect::<Vec<_>>().join(",")
            }
        };
        let (bandwidth, cells, landmarks) = match &reaction.density {
            Density::Grid { cells, bandwidth } => (Some(words(bandwidth)), *cells, None),
            Density::Kernel { landmarks, bandwidth } => {
                (Some(words(bandwidth)), None, Some(*landmarks))
            }
            Density::Transition { components } => (None, None, *components),
        };
        ReactionRecord {
            rate: reaction.rate,
            density_estimator: reaction.density.name().to_string(),
            bandwidth,
            cells,
            landmarks,
            splitting: reaction.splitting.name().to_string(),
            realisation: reaction.realisation.name().to_string(),
            relative_entropy: trace.last().map(|event| event.relative_entropy),
            estimates: trace.len(),
        }
    }
}

/// log Z by the transition mixture: the mean over the later half of the run. Estimates that follow
/// each other are of nearly the same particles, hence their scatter stands for the error, without
/// the root of their number.
pub(crate) fn log_normalizer(reaction: &Reaction, trace: &[ReactionEvent]) -> Option<Estimate> {
    if !matches!(reaction.density, Density::Transition { .. }) {
        return None;
    }
    let values: Vec<f64> =
        trace[trace.len() / 2..].iter().map(|event| event.log_normalizer).collect();
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let scatter = values.iter().map(|v| (v - value).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Some(Estimate { value, se: scatter.sqrt() })
}
