//! Twin of `shaders/entropy.wgsl`: the means over a population of r = log π − log p and of π / p.

use super::moments::moments_weights;

/// The mean of r where it is finite, log of the mean of e^r, and how many r with a weight are not
/// finite.
pub fn entropy(log_weights: &[f32], ratios: &[f32]) -> (f64, f64, u32) {
    let weights = moments_weights(log_weights);
    let live = || weights.iter().zip(ratios).zip(log_weights).filter(|(_, lw)| lw.is_finite());
    let inside = || {
        let finite = live().map(|((w, r), _)| (*w, f64::from(*r)));
        finite.filter(|(_, r)| r.is_finite())
    };
    let mass: f64 = inside().map(|(w, _)| w).sum();
    let mean = inside().map(|(w, r)| w * r).sum::<f64>() / mass;
    let ratio: f64 = inside().map(|(w, r)| w * (r - mean).exp()).sum();
    (mean, mean + ratio.ln(), (live().count() - inside().count()) as u32)
}
