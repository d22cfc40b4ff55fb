//! Twin of `shaders/decide.wgsl`: the population's weights, its blocks' places on the axis of
//! offspring, and its statistics in `f64`.

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
pub fn decide_scaled(block: &Block, peak: f32, particles: u32) -> u64 {
    let below = peak - block.peak;
    if !block.peak.is_finite() || below >= 31.0 {
        return 0;
    }
    let (mantissa, exponent) = weight_exp(below);
    let shift = 31 + exponent - layout::headroom(particles);
    ((u128::from(block.total) * u128::from(mantissa)) >> shift) as u64
}

/// All blocks together.
pub fn decide_population(blocks: &[Block], particles: u32) -> Population {
    let peak = blocks.iter().map(|block| block.peak).fold(f32::NEG_INFINITY, f32::max);
    Population {
        total: blocks.iter().map(|block| decide_scaled(block, peak, particles)).sum(),
        peak,
        non_finite: blocks.iter().map(|block| block.non_finite).sum(),
    }
}

/// ⌊N · 2^32 · part / total⌋.
pub fn decide_offspring(part: u64, total: u64, particles: u32) -> u64 {
    // 2^59 · 2^62 fits 128 bits.
    ((u128::from(part) * (u128::from(particles) << 32)) / u128::from(total)) as u64
}

/// width / total as (factor, shift): factor · 2^−shift with 32 significant bits, rounded down.
pub fn decide_factor(width: u64, total: u64) -> (u32, u32) {
    let quotient = |shift: u32| (u128::from(width) << shift) / u128::from(total);
    // A width of 0 has no leading bit to find.
    let shift = (0..72).find(|shift| width == 0 || quotient(*shift) >= 1 << 31).unwrap_or(72);
    if width == 0 { (0, 72) } else { (quotient(shift) as u32, shift) }
}

/// Gives every block its place on the axis of offspring.
pub fn decide(blocks: &mut [Block], population: &Population, particles: u32) {
    let mut before = 0;
    let mut base = 0;
    for block in blocks {
        let scaled = decide_scaled(block, population.peak, particles);
        before += scaled;
        let end = decide_offspring(before, population.total, particles);
        (block.base, block.end) = (base, end);
        (block.factor, block.shift) =
            if scaled == 0 { (0, 0) } else { decide_factor(end - base, block.total) };
        base = end;
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
