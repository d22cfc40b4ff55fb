//! Weighted particles in host memory.

use crate::error::{Error, Result};

/// N weighted particles, read back from the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Particles {
    dim: usize,
    positions: Vec<f32>,
    log_weights: Vec<f32>,
    ancestors: Vec<u32>,
}

impl Particles {
    /// Row-major positions (N, dim), log-weights (N,) up to a common constant, and the index of
    /// each particle's time-zero ancestor (N,).
    ///
    /// # Errors
    /// When the lengths do not fit together.
    pub fn new(
        dim: usize,
        positions: Vec<f32>,
        log_weights: Vec<f32>,
        ancestors: Vec<u32>,
    ) -> Result<Particles> {
        let n = log_weights.len();
        if dim == 0 || positions.len() != n * dim || ancestors.len() != n {
            let reason = format!(
                "have {} coordinates, {n} log-weights and {} ancestors in {dim} dimensions; give \
                 N · dim, N and N",
                positions.len(),
                ancestors.len()
            );
            return Err(Error::config("particles", reason));
        }
        Ok(Particles { dim, positions, log_weights, ancestors })
    }

    /// The number of particles N.
    pub fn len(&self) -> usize {
        self.log_weights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.log_weights.is_empty()
    }

    /// The number of coordinates.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Row-major (N, dim).
    pub fn positions(&self) -> &[f32] {
        &self.positions
    }

    /// The coordinates of particle `i`.
    pub fn position(&self, i: usize) -> &[f32] {
        &self.positions[i * self.dim..(i + 1) * self.dim]
    }

    /// (N,), up to a common constant. −∞ and NaN mean weight zero.
    pub fn log_weights(&self) -> &[f32] {
        &self.log_weights
    }

    /// (N,): the index of each particle's ancestor at time zero.
    pub fn ancestors(&self) -> &[u32] {
        &self.ancestors
    }

    /// Normalised weights (N,), in double precision; all zero if no log-weight is finite.
    pub fn weights(&self) -> Vec<f64> {
        let finite = self.log_weights.iter().copied().filter(|lw| lw.is_finite());
        let peak = f64::from(finite.fold(f32::NEG_INFINITY, f32::max));
        let mut weights: Vec<f64> = self
            .log_weights
            .iter()
            .map(|lw| if lw.is_finite() { (f64::from(*lw) - peak).exp() } else { 0.0 })
            .collect();
        let sum: f64 = weights.iter().sum();
        if sum > 0.0 {
            weights.iter_mut().for_each(|w| *w /= sum);
        }
        weights
    }
}
