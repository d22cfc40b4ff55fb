//! Twin of `shaders/survivors.wgsl`: the ancestors that are left.

use std::collections::HashSet;

/// The number of time-zero ancestors with a descendant of finite log-weight.
pub fn survivors(ancestors: &[u32], log_weights: &[f32]) -> u32 {
    let alive = ancestors.iter().zip(log_weights).filter(|(_, lw)| lw.is_finite());
    alive.map(|(ancestor, _)| ancestor).collect::<HashSet<_>>().len() as u32
}
