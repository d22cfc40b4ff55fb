//! Twin of `shaders/reduce.wgsl`: what is known of each block of weights.

use super::loss::fresh_loss;
use super::weight::weight_of;
use crate::layout::{BLOCK, SQUARE_BITS, WEIGHT_BITS};

/// The weights of 2048 consecutive particles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// Sum of the weights, in units of 2^−27 of the peak's.
    pub total: u64,
    /// The weight of the blocks before it, in units of the population's total.
    pub before: u64,
    /// The largest finite log-weight; −∞ when there is none.
    pub peak: f32,
    /// Sum of squared weights, in units of 2^−20 of the peak's: each is rounded to 2^−27 and their
    /// sum once more, so that it errs by 2^−17 of the peak's at most.
    pub squares: u32,
    /// Log-weights that are NaN or +∞.
    pub non_finite: u32,
    /// Of them those that nobody has counted yet.
    pub fresh: u32,
    /// Log-weights of −∞.
    pub dead: u32,
    /// Residual resampling: copies in all blocks before this one.
    pub copies: u32,
}

/// The blocks of a population, their places still zero.
pub fn reduce(log_weights: &[f32]) -> Vec<Block> {
    log_weights.chunks(BLOCK as usize).map(reduce_block).collect()
}

fn reduce_squares(weights: impl Iterator<Item = u64>) -> u32 {
    let rounded = |x: u64, bits: u32| (x + (1 << (bits - 1))) >> bits;
    let sum = weights.map(|w| rounded(w * w, WEIGHT_BITS)).sum();
    rounded(sum, WEIGHT_BITS - SQUARE_BITS) as u32
}

fn reduce_block(log_weights: &[f32]) -> Block {
    let finite = log_weights.iter().copied().filter(|lw| lw.is_finite());
    let peak = finite.fold(f32::NEG_INFINITY, f32::max);
    let weight = |lw: &f32| if peak.is_finite() { u64::from(weight_of(*lw, peak)) } else { 0 };
    let lost = |lw: &&f32| lw.is_nan() || **lw == f32::INFINITY;
    Block {
        total: log_weights.iter().map(weight).sum(),
        before: 0,
        peak,
        squares: reduce_squares(log_weights.iter().map(weight)),
        non_finite: log_weights.iter().filter(lost).count() as u32,
        fresh: log_weights.iter().filter(|lw| fresh_loss(**lw, 0).is_some()).count() as u32,
        dead: log_weights.iter().filter(|lw| **lw == f32::NEG_INFINITY).count() as u32,
        copies: 0,
    }
}
