//! Twin of `shaders/draw.wgsl`: ancestors by random points among the places.

use super::threefry::{STREAM_STRATUM, threefry};

/// A uniform point of [0, length), 32.32 fixed point.
pub fn draw_point(seed: u64, event: u32, k: u32, length: u32) -> u64 {
    let word = threefry(seed, k, event, 0, STREAM_STRATUM);
    let fraction = u64::from(word[1]) << 32 | u64::from(word[0]);
    ((u128::from(fraction) * u128::from(length)) >> 32) as u64
}

/// The first particle whose place lies above the point.
pub fn draw_search_place(places: &[u64], point: u64) -> u32 {
    places.partition_point(|place| *place <= point) as u32
}
