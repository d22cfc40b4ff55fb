//! Twin of `shaders/reduce.wgsl`: what is known of each block of weights.

use super::loss::fresh_loss;
use super::weight::weight_of;
use crate::layout::BLOCK;

/// The weights of 2048 consecutive particles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Sum of the weights, in units of 2^−27 of the peak's.
    pub total: u64,
    /// Where the block's offspring begin, 32.32 fixed point.
    pub base: u64,
    /// Where they end.
    pub end: u64,
    /// The largest finite log-weight; −∞ when there is none.
    pub peak: f32,
    /// Sum of squared weights, in units of the peak's; the device rounds it.
    pub squares: f64,
    /// Log-weights that are NaN or +∞.
    pub non_finite: u32,
    /// Of them those that nobody has counted yet.
    pub fresh: u32,
    /// Log-weights of −∞.
    pub dead: u32,
    /// Offspring per unit of weight is factor · 2^−shift, in units of 2^−32.
    pub factor: u32,
    /// See `factor`.
    pub shift: u32,
    /// Residual resampling: copies in all blocks before this one.
    pub copies: u32,
}

/// The blocks of a population, their places still zero.
pub fn reduce(log_weights: &[f32]) -> Vec<Block> {
    log_weights.chunks(BLOCK as usize).map(reduce_block).collect()
}

fn reduce_block(log_weights: &[f32]) -> Block {
    let finite = log_weights.iter().copied().filter(|lw| lw.is_finite());
    let peak = finite.fold(f32::NEG_INFINITY, f32::max);
    let weight = |lw: &f32| if peak.is_finite() { u64::from(weight_of(*lw, peak)) } else { 0 };
    let lost = |lw: &&f32| lw.is_nan() || **lw == f32::INFINITY;
    Block {
        total: log_weights.iter().map(weight).sum(),
        base: 0,
        end: 0,
        peak,
        squares: log_weights.iter().map(|lw| (weight(lw) as f64 / 2.0_f64.powi(27)).powi(2)).sum(),
        non_finite: log_weights.iter().filter(lost).count() as u32,
        fresh: log_weights.iter().filter(|lw| fresh_loss(**lw, 0).is_some()).count() as u32,
        dead: log_weights.iter().filter(|lw| **lw == f32::NEG_INFINITY).count() as u32,
        factor: 0,
        shift: 0,
        copies: 0,
    }
}
