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

/// What [`Particles`] are made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParticleParts {
    /// The number of coordinates.
    pub dim: usize,
    /// Row-major (N, dim), counted from `center`.
    pub positions: Vec<f32>,
    /// (N,), up to a common constant.
    pub log_weights: Vec<f32>,
    /// (N,): the index of each particle's ancestor at time zero.
    pub ancestors: Vec<u32>,
    /// What positions are counted from, (dim,), where that is not the origin.
    pub center: Option<Vec<f64>>,
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

    /// The arrays themselves, without a copy.
    pub fn into_parts(self) -> ParticleParts {
        let Particles { dim, positions, log_weights, ancestors, center } = self;
        let center = center.point().map(<[f64]>::to_vec);
        ParticleParts { dim, positions, log_weights, ancestors, center }
    }

    /// The indices of `n` particles, drawn independently of each other with their weights as
    /// probabilities: a sample of equal weight.
    ///
    /// ```
    /// use wfr::rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
    ///
    /// # fn f(particles: &wfr::Particles) -> wfr::Result<()> {
    /// let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    /// for i in particles.draw(&mut random, 1000)? {
    ///     println!("{:?}", particles.position(i));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) when no particle has a weight and
    /// `n` is not 0.
    pub fn draw(&self, random: &mut (impl rand::Rng + ?Sized), n: usize) -> Result<Vec<usize>> {
        let mut sum = 0.0;
        let sums: Vec<f64> = self
            .weights()
            .iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        if n > 0 && sum <= 0.0 {
            return Err(Error::config("particles", "have no weight that could be drawn by"));
        }
        let draw = |_| {
            let uniform = (random.next_u64() >> 11) as f64 * 0.5_f64.powi(53);
            // Below 1, hence below the last sum, unless rounding says otherwise.
            let last = sums.partition_point(|end| *end < sum);
            sums.partition_point(|end| *end <= uniform * sum).min(last)
        };
        Ok((0..n).map(draw).collect())
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

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn particles(log_weights: &[f32]) -> Particles {
        let n = log_weights.len();
        let positions = (0..2 * n).map(|k| k as f32).collect();
        Particles::new(2, positions, log_weights.to_vec(), (0..n as u32).collect()).unwrap()
    }

    #[test]
    fn draws_have_the_weights_as_probabilities() {
        let log_weights = [0.0, f32::NEG_INFINITY, 3.0_f32.ln(), f32::NAN, 1.5_f32.ln(), -1e9];
        let particles = particles(&log_weights);
        let n = 100_000;
        let mut counts = [0; 6];
        for i in particles.draw(&mut StdRng::seed_from_u64(3), n).unwrap() {
            counts[i] += 1;
        }
        assert_eq!((counts[1], counts[3], counts[5]), (0, 0, 0));
        for (count, weight) in counts.iter().zip(particles.weights()) {
            let off = f64::from(*count) - n as f64 * weight;
            assert!(off.abs() <= 5.0 * (n as f64 * weight * (1.0 - weight)).sqrt(), "{counts:?}");
        }
        let none = self::particles(&[f32::NEG_INFINITY; 3]);
        let mut random = StdRng::seed_from_u64(3);
        assert!(none.draw(&mut random, 0).unwrap().is_empty());
        let error = none.draw(&mut random, 1).unwrap_err().to_string();
        assert_eq!(error, "particles have no weight that could be drawn by");
    }

    /// The largest number a generator gives meets the last particle that has a weight.
    #[test]
    fn the_ends_of_the_uniform_law_are_particles() {
        struct Always(u64);
        impl rand::TryRng for Always {
            type Error = std::convert::Infallible;
            fn try_next_u32(&mut self) -> std::result::Result<u32, Self::Error> {
                Ok(self.0 as u32)
            }
            fn try_next_u64(&mut self) -> std::result::Result<u64, Self::Error> {
                Ok(self.0)
            }
            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Self::Error> {
                bytes.fill(self.0 as u8);
                Ok(())
            }
        }
        let particles = particles(&[f32::NEG_INFINITY, 0.0, 0.0, f32::NEG_INFINITY]);
        assert_eq!(Always(7).next_u32(), 7);
        assert_eq!(particles.draw(&mut Always(0), 1).unwrap(), [1]);
        assert_eq!(particles.draw(&mut Always(u64::MAX), 1).unwrap(), [2]);
    }

    #[test]
    fn parts_are_the_arrays() {
        let particles = particles(&[0.0, 1.0]).with_center(&[1e6, 0.0]).unwrap();
        let parts = particles.clone().into_parts();
        let again = Particles::new(parts.dim, parts.positions, parts.log_weights, parts.ancestors);
        let again = again.unwrap().with_center(&parts.center.unwrap()).unwrap();
        assert_eq!(again, particles);
    }
}
