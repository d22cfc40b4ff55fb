//! Twin of `shaders/react.wgsl` with `shaders/react/`: what a log-weight gains.

use super::threefry::{STREAM_JUMP, threefry};

/// By weights, for r in excess of its mean.
pub fn react_weights(strength: f64, excess: f64) -> f64 {
    strength * excess
}

/// By birth and death, drawn for the particle in `slot` after `step` steps: log 2, 0 or −∞. `None`
/// where the chance is too near to be told in single precision.
pub fn react_jumps(seed: u64, slot: u32, step: u32, strength: f64, excess: f64) -> Option<f64> {
    let word = threefry(seed, slot, step, 0, STREAM_JUMP)[0];
    let chance = (f64::from(word >> 8) + 0.5) / 16_777_216.0;
    let push = strength * excess;
    let probability = 1.0 - (-push.abs()).exp();
    if (chance - probability).abs() < 1e-6 {
        return None;
    }
    Some(match (chance < probability, push > 0.0) {
        (false, _) => 0.0,
        (true, true) => std::f64::consts::LN_2,
        (true, false) => f64::NEG_INFINITY,
    })
}
