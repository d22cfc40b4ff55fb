//! Estimates from weighted particles, each with a standard error from the one run.

use crate::particles::Particles;

/// An estimate and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error, from the spread between the families of time-zero ancestors.
    pub se: f64,
}

/// Estimates over one population of weighted particles.
///
/// Standard errors follow the genealogy: particles of one time-zero ancestor are one family, and
/// families are independent (Chan & Lai 2013; Lee & Whiteley 2018). They need no second run, and
/// say nothing once few families are left.
#[derive(Debug)]
pub struct Diagnostics<'a> {
    particles: &'a Particles,
    weights: Vec<f64>,
}

impl<'a> Diagnostics<'a> {
    /// Normalises the weights once for all estimates.
    pub fn new(particles: &'a Particles) -> Diagnostics<'a> {
        Diagnostics { particles, weights: particles.weights() }
    }

    /// Effective sample size (Σw)² / Σw².
    pub fn ess(&self) -> f64 {
        let squares: f64 = self.weights.iter().map(|w| w * w).sum();
        if squares > 0.0 { 1.0 / squares } else { 0.0 }
    }

    /// The number of time-zero ancestors with a descendant of positive weight.
    pub fn unique_ancestors(&self) -> usize {
        self.families(|_| 1.0).iter().filter(|w| **w > 0.0).count()
    }

    /// E f(x).
    pub fn mean(&self, f: impl Fn(&[f32]) -> f64) -> Estimate {
        // A lost particle has no weight, and its position must not be looked at.
        let value = (0..self.particles.len())
            .filter(|i| self.weights[*i] > 0.0)
            .map(|i| self.weights[i] * f(self.particles.position(i)))
            .sum();
        let families = self.families(|i| f(self.particles.position(i)) - value);
        let se = families.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        Estimate { value, se }
    }

    /// The mean of each coordinate.
    pub fn means(&self) -> Vec<Estimate> {
        (0..self.particles.dim()).map(|j| self.mean(|x| f64::from(x[j]))).collect()
    }

    /// The second moment of each coordinate.
    pub fn second_moments(&self) -> Vec<Estimate> {
        (0..self.particles.dim()).map(|j| self.mean(|x| f64::from(x[j]).powi(2))).collect()
    }

    /// The probability of a set.
    pub fn mass(&self, inside: impl Fn(&[f32]) -> bool) -> Estimate {
        self.mean(|x| if inside(x) { 1.0 } else { 0.0 })
    }

    /// The standard error of the log-normaliser: the relative error of its exponential.
    pub fn log_normalizer_se(&self) -> f64 {
        let n = self.particles.len() as f64;
        let squares: f64 = self.families(|_| 1.0).iter().map(|sum| sum * sum).sum();
        (squares - 1.0 / n).max(0.0).sqrt()
    }

    /// Σ W_i g(i) over each family.
    fn families(&self, g: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.particles.len()];
        for (i, &ancestor) in self.particles.ancestors().iter().enumerate() {
            if self.weights[i] > 0.0
                && let Some(sum) = sums.get_mut(ancestor as usize)
            {
                *sum += self.weights[i] * g(i);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_particles_have_the_textbook_error() {
        let particles = Particles::new(
            1,
            vec![1.0, 2.0, 3.0, f32::NAN],
            vec![0.0, 0.0, 0.0, f32::NAN],
            vec![0, 1, 2, 3],
        )
        .unwrap();
        let diagnostics = Diagnostics::new(&particles);
        let mean = diagnostics.mean(|x| f64::from(x[0]));
        assert!((mean.value - 2.0).abs() < 1e-12);
        assert!((mean.se - (2.0_f64 / 9.0).sqrt()).abs() < 1e-12);
        assert!((diagnostics.ess() - 3.0).abs() < 1e-12);
        assert_eq!(diagnostics.unique_ancestors(), 3);
    }

    #[test]
    fn a_family_counts_once() {
        let particles =
            Particles::new(1, vec![1.0, 1.0, 3.0, 3.0], vec![0.0; 4], vec![0, 0, 2, 2]).unwrap();
        let diagnostics = Diagnostics::new(&particles);
        assert_eq!(diagnostics.unique_ancestors(), 2);
        assert!((diagnostics.mean(|x| f64::from(x[0])).se - 0.5_f64.sqrt()).abs() < 1e-12);
        assert!((diagnostics.log_normalizer_se() - 0.5).abs() < 1e-12);
    }
}
