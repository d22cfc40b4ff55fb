//! Twin of `shaders/resample.wgsl`: the ancestor of every new particle.

use super::threefry::{STREAM_STRATUM, threefry};

/// Ancestors from the number of offspring of all particles up to and including each.
pub fn ancestors_of_offsets(offsets: &[u32]) -> Vec<u32> {
    let mut ancestors = Vec::with_capacity(offsets.len());
    for (i, offset) in offsets.iter().enumerate() {
        assert!(*offset as usize >= ancestors.len(), "offsets do not decrease");
        ancestors.resize(*offset as usize, i as u32);
    }
    ancestors
}

/// A uniform point of [0, length), 32.32 fixed point.
pub fn resample_point(seed: u64, event: u32, k: u32, length: u32) -> u64 {
    let word = threefry(seed, k, event, 0, STREAM_STRATUM);
    let fraction = u64::from(word[1]) << 32 | u64::from(word[0]);
    ((u128::from(fraction) * u128::from(length)) >> 32) as u64
}

/// The first particle whose place lies above the point.
pub fn resample_search_place(places: &[u64], point: u64) -> u32 {
    places.partition_point(|place| *place <= point) as u32
}
