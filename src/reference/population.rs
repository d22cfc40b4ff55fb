//! Twin of `shaders/population.wgsl`: all blocks together, and the statistics in `f64`.

use super::reduce::Block;
use super::weight::weight_exp;
use crate::layout;

/// The integers that a resampling rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Population {
    /// Sum of the weights; below it, every particle of weight zero.
    pub total: u64,
    /// The largest finite log-weight; −∞ when there is none.
    pub peak: f32,
    /// Log-weights that are NaN or +∞.
    pub non_finite: u32,
}

/// The block's total in units of the population's total.
pub fn population_scaled(block: &Block, peak: f32, particles: u32) -> u64 {
    let below = peak - block.peak;
    if !block.peak.is_finite() || below >= 31.0 {
        return 0;
    }
    let (mantissa, exponent) = weight_exp(below);
    let shift = 31 + exponent - layout::headroom(particles);
    ((u128::from(block.total) * u128::from(mantissa)) >> shift) as u64
}

/// All blocks together.
pub fn population_reduce(blocks: &[Block], particles: u32) -> Population {
    let peak = blocks.iter().map(|block| block.peak).fold(f32::NEG_INFINITY, f32::max);
    Population {
        total: blocks.iter().map(|block| population_scaled(block, peak, particles)).sum(),
        peak,
        non_finite: blocks.iter().map(|block| block.non_finite).sum(),
    }
}

/// Normalised weights in `f64`; log-weights that are NaN or +∞ count as weight zero.
pub fn weights(log_weights: &[f32]) -> Vec<f64> {
    let log_mean = log_mean_weight(log_weights) + (log_weights.len() as f64).ln();
    let weight = |lw: &f32| if lw.is_finite() { (f64::from(*lw) - log_mean).exp() } else { 0.0 };
    log_weights.iter().map(weight).collect()
}

/// log of the mean weight, the growth of the log-normaliser.
pub fn log_mean_weight(log_weights: &[f32]) -> f64 {
    let finite = || log_weights.iter().filter(|lw| lw.is_finite()).map(|lw| f64::from(*lw));
    let peak = finite().fold(f64::NEG_INFINITY, f64::max);
    if peak == f64::NEG_INFINITY {
        return peak;
    }
    let sum: f64 = finite().map(|lw| (lw - peak).exp()).sum();
    peak + (sum / log_weights.len() as f64).ln()
}

/// Effective sample size, (Σ w)² / Σ w².
pub fn ess(log_weights: &[f32]) -> f64 {
    1.0 / weights(log_weights).iter().map(|w| w * w).sum::<f64>()
}
