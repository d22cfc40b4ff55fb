//! Weighted particles in host memory.

use crate::center::Center;
use crate::error::{Error, Result};

/// N weighted particles, read back from the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Particles {
    dim: usize,
    positions: Vec<f32>,
    log_weights: Vec<f32>,
    ancestors: Vec<u32>,
    center: Center,
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
        let center = Center::default();
        Ok(Particles { dim, positions, log_weights, ancestors, center })
    }

    /// The same particles, their positions counted from `center`, one number per coordinate.
    ///
    /// # Errors
    /// For another number of coordinates, and for a number that is not finite.
    pub fn with_center(mut self, center: &[f64]) -> Result<Particles> {
        if center.len() != self.dim || center.iter().any(|c| !c.is_finite()) {
            let reason = format!("= {center:?} is not {} finite numbers", self.dim);
            return Err(Error::config("center", reason));
        }
        self.center = Center::new(center);
        Ok(self)
    }

    pub(crate) fn about(mut self, center: Center) -> Particles {
        self.center = center;
        self
    }

    /// What positions are counted from, where that is not the origin: a particle lies at the center
    /// plus its position. See [`Target::with_center`](crate::Target::with_center).
    pub fn center(&self) -> Option<&[f64]> {
        self.center.point()
    }

    /// Coordinate `j` of particle `i`, the center included.
    ///
    /// # Panics
    /// When there is no such particle or coordinate.
    pub fn coordinate(&self, i: usize, j: usize) -> f64 {
        f64::from(self.position(i)[j]) + self.center.of_coordinate(j)
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

    /// Row-major (N, dim), counted from [`Particles::center`].
    pub fn positions(&self) -> &[f32] {
        &self.positions
    }

    /// The coordinates of particle `i`, counted from [`Particles::center`].
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
