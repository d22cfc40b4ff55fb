//! Twin of `shaders/mixture.wgsl`, `shaders/mixture_sweep.wgsl` and `shaders/density/`: the density
//! of a weighted population as a mixture of Gaussians.

use std::f64::consts::TAU;

use super::moments::moments_weights;
use super::normal::normal_draw;
use super::threefry::{STREAM_COVER, STREAM_SUBSET, threefry};

/// The particle of component `l` of `count`, among `particles` at the time `step` of an estimate.
pub fn subset_slot(seed: u64, step: u32, particles: u32, count: u32, l: u32) -> u32 {
    let rotation = match count == particles {
        true => 0,
        false => threefry(seed, 0, step, 0, STREAM_SUBSET)[0] % particles,
    };
    (rotation + l * (particles / count)) % particles
}

/// log p at particle `slot`: its own component with its true weight, and the rest of the mass over
/// the other particles of `subset`. `centres` and `bandwidths` have a value per coordinate.
pub fn density_log(
    slot: usize,
    x: &[f64],
    centres: &[Vec<f64>],
    bandwidths: &[f64],
    log_weights: &[f32],
    subset: &[usize],
) -> f64 {
    let weights = moments_weights(log_weights);
    let component = |l: usize| {
        let axes = x.iter().zip(&centres[l]).zip(bandwidths);
        let logs = axes.map(|((x, m), b)| -0.5 * ((x - m) / b).powi(2) - (b * TAU.sqrt()).ln());
        logs.sum::<f64>().exp()
    };
    let others = || subset.iter().copied().filter(|l| *l != slot && weights[*l] > 0.0);
    let mass: f64 = others().map(|l| weights[l]).sum();
    let sum: f64 = others().map(|l| weights[l] * component(l)).sum();
    let own = if weights[slot] > 0.0 { weights[slot] * component(slot) } else { 0.0 };
    (own + (1.0 - weights[slot]) * sum / mass).ln()
}

/// The fall of a log density, in nats, that leads out of its support: `shaders/density/cover.wgsl`.
const COVER_FALL: f64 = 50.0;

/// The log of how much of a kernel about particle `slot` lies inside of a support, by at most `trials`
/// pairs of points drawn after `step` steps.
pub fn cover_log(
    (seed, slot, step): (u64, u32, u32),
    trials: u32,
    x: &[f64],
    bandwidths: &[f64],
    log_density: impl Fn(&[f64]) -> f64,
) -> f64 {
    let least = log_density(x) - COVER_FALL;
    let inside = |x: &[f64]| log_density(x).is_finite() && log_density(x) >= least;
    let point = |trial: u32, sign: f64| -> Vec<f64> {
        let noise = normal_draw(seed, slot, step * trials + trial, STREAM_COVER, x.len());
        let axes = x.iter().zip(bandwidths).zip(noise);
        axes.map(|((x, b), z)| x + sign * b * z).collect()
    };
    let missed = |sign: f64| -> f64 {
        let outside = (0..trials).take_while(|trial| !inside(&point(*trial, sign)));
        outside.map(|trial| 1.0 / f64::from(trial + 1)).sum()
    };
    -0.5 * (missed(1.0) + missed(-1.0))
}
