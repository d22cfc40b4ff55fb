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
    /// Sum of their squares, in units of 2^−36 of the largest.
    pub squares: u64,
    /// Log-weights that are NaN or +∞.
    pub non_finite: u32,
}

/// A block in units of the population.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PopulationTerm {
    /// Sum of its weights.
    pub total: u64,
    /// Sum of their squares.
    pub squares: u64,
}

/// Sums of squares have so many fractional bits more than those of the blocks.
const SQUARE_BITS: u32 = 16;

/// The block in units of the population.
pub fn population_term(block: &Block, peak: f32, particles: u32) -> PopulationTerm {
    let below = peak - block.peak;
    if !block.peak.is_finite() || below >= 31.0 {
        return PopulationTerm::default();
    }
    let (mantissa, exponent) = weight_exp(below);
    let product = |a: u64, b: u64, shift: u32| ((u128::from(a) * u128::from(b)) >> shift) as u64;
    let mantissa = u64::from(mantissa);
    let square = product(mantissa, mantissa, 31);
    PopulationTerm {
        total: product(block.total, mantissa, 31 + exponent - layout::headroom(particles)),
        squares: product(block.squares.into(), square, 31 - SQUARE_BITS + 2 * exponent),
    }
}

/// All blocks together.
pub fn population_reduce(blocks: &[Block], particles: u32) -> Population {
    let peak = blocks.iter().map(|block| block.peak).fold(f32::NEG_INFINITY, f32::max);
    let terms = || blocks.iter().map(|block| population_term(block, peak, particles));
    Population {
        total: terms().map(|term| term.total).sum(),
        squares: terms().map(|term| term.squares).sum(),
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
