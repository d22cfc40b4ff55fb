//! Twin of `shaders/conditional.wgsl`: the conditional ESS between two tests, in `f64`.

use super::adapt::cess;

/// The conditional effective sample size of what log-weights gained, as a fraction of N: those of
/// now against those that the test before left.
pub fn conditional(before: &[f32], log_weights: &[f32]) -> f64 {
    let weight = |lw: &f32| if lw.is_finite() { f64::from(*lw).exp() } else { 0.0 };
    let weights: Vec<f64> = before.iter().map(weight).collect();
    let pairs = log_weights.iter().zip(before);
    let gains: Vec<f64> = pairs.map(|(now, was)| f64::from(*now) - f64::from(*was)).collect();
    cess(&weights, &gains)
}
