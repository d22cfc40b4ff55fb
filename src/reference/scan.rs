//! Twin of `shaders/scan.wgsl`: every particle's place on the axis of offspring.

use super::offspring::{OffspringBlock, offspring_place};
use super::reduce::Block;
use super::threefry::{STREAM_STRATUM, threefry};
use super::weight::weight_of;
use crate::layout::BLOCK;

/// The place of every particle, 32.32 fixed point.
pub fn scan(log_weights: &[f32], blocks: &[Block], parts: &[OffspringBlock]) -> Vec<u64> {
    let mut places = Vec::with_capacity(log_weights.len());
    let chunks = log_weights.chunks(BLOCK as usize);
    for ((block, part), log_weights) in blocks.iter().zip(parts).zip(chunks) {
        let mut prefix = 0;
        for lw in log_weights {
            prefix += u64::from(weight_of(*lw, block.peak));
            places.push(offspring_place(part, block.total, prefix));
        }
    }
    places
}

/// Systematic resampling: how many grid points j + uniform/2^32 lie below the place.
pub fn systematic_offset(place: u64, uniform: u32) -> u32 {
    (place >> 32) as u32 + u32::from(place as u32 > uniform)
}

/// Stratified resampling: the same with a uniform per cell j, in the `event`-th resampling.
pub fn stratified_offset(place: u64, seed: u64, event: u32) -> u32 {
    let cell = (place >> 32) as u32;
    systematic_offset(place, threefry(seed, cell, event, 0, STREAM_STRATUM)[0])
}
