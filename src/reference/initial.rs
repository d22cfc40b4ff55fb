//! Twin of `shaders/initial/normal.wgsl`: independent normals at time zero.

use std::f64::consts::TAU;

use super::normal::normal_draw;
use super::threefry::STREAM_INITIAL;

/// Independent normals, N(mean_j, sd_j²).
#[derive(Debug, Clone, PartialEq)]
pub struct Normal {
    /// One mean per coordinate.
    pub mean: Vec<f64>,
    /// One standard deviation per coordinate.
    pub sd: Vec<f64>,
}

impl Normal {
    /// The particle in `slot` at time zero.
    pub fn sample(&self, seed: u64, slot: u32) -> Vec<f64> {
        let z = normal_draw(seed, slot, 0, STREAM_INITIAL, self.mean.len());
        z.iter().zip(&self.mean).zip(&self.sd).map(|((z, mean), sd)| mean + sd * z).collect()
    }

    /// The normalised log density.
    pub fn log_density(&self, x: &[f64]) -> f64 {
        let axes = x.iter().zip(&self.mean).zip(&self.sd);
        axes.map(|((x, mean), sd)| -0.5 * ((x - mean) / sd).powi(2) - (sd * TAU.sqrt()).ln()).sum()
    }

    /// The gradient of the log density.
    pub fn score(&self, x: &[f64]) -> Vec<f64> {
        let axes = x.iter().zip(&self.mean).zip(&self.sd);
        axes.map(|((x, mean), sd)| (mean - x) / (sd * sd)).collect()
    }
}
