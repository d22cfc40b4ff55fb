//! Whether single precision tells the particles of a run apart.

use super::Diagnostics;
use crate::center::FAR;
use crate::resolution::{Place, Resolution, resolution};

impl Diagnostics<'_> {
    /// The coordinate that single precision resolves worst, where its standard deviation spans fewer
    /// than 1000 steps.
    pub fn resolution(&self) -> Option<Resolution> {
        let weighted = || (0..self.weights.len()).filter(|i| self.weights[*i] > 0.0);
        weighted().nth(1)?;
        let place = |j: usize| {
            let average = |f: &dyn Fn(f64) -> f64| -> f64 {
                let x = |i: usize| f64::from(self.particles.position(i)[j]);
                weighted().map(|i| self.weights[i] * f(x(i))).sum()
            };
            let mean = average(&|x| x);
            let sd = average(&|x| (x - mean).powi(2)).sqrt();
            // What the host's own rounding leaves of equal numbers.
            let sd = if sd > 1e-12 * mean.abs() { sd } else { 0.0 };
            // One point near zero may be a law; far from it rounding has left no other.
            let mean = if sd > 0.0 || mean.abs() > FAR { mean } else { 0.0 };
            let center = self.center(j);
            Place { mean: mean + center, sd, center }
        };
        resolution((0..self.particles.dim()).map(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::particles::Particles;

    /// Where rounding has left one number only.
    #[test]
    fn particles_in_one_place_far_from_zero_are_reported() {
        let particles = |x: f32| Particles::new(1, vec![x; 9], vec![0.0; 9], (0..9).collect());
        let found = |x| Diagnostics::new(&particles(x).unwrap()).resolution();
        assert!(found(2_460_000.5).unwrap().is_grave());
        assert_eq!(found(0.0), None);
        assert_eq!(found(1.0), None);
        let centered = particles(4096.0).unwrap().with_center(&[1e9]).unwrap();
        assert_eq!(Diagnostics::new(&centered).resolution().unwrap().mean, 1e9 + 4096.0);
    }
}
