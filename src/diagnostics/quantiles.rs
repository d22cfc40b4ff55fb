//! Quantiles of coordinates, and their standard errors.

use super::{Diagnostics, Estimate};

/// Standard errors on either side of Woodruff's interval, which then holds 95 %.
const REACH: f64 = 1.96;

impl Diagnostics<'_> {
    /// The quantiles of a coordinate: for each probability p the least value x with F(x) ≥ p, F the
    /// weighted distribution function; not a number where all weights are zero.
    ///
    /// The error is that of F at the quantile, carried over by the slope of F⁻¹: F is inverted at
    /// p ± 1.96 se(p), where se(p) is the standard error of the mass up to the quantile, and
    ///
    /// se = se(p) (F⁻¹(p + 1.96 se(p)) − F⁻¹(p − 1.96 se(p))) / (2 · 1.96 se(p)),
    ///
    /// with both probabilities kept within [0, 1], and the quotient's denominator their difference:
    /// Woodruff 1952, "Confidence intervals for medians and other position measures". It asks for a
    /// density that is nearly constant over the interval. Where a quantile lies in a gap between
    /// modes the error is about as wide as the gap, and the quantile's law is no normal one.
    ///
    /// ```
    /// use wfr::{Diagnostics, Particles};
    ///
    /// # fn main() -> wfr::Result<()> {
    /// let (n, positions) = (1000, (1..=1000).map(|i| i as f32).collect());
    /// let particles = Particles::new(1, positions, vec![0.0; n], (0..1000).collect())?;
    /// let median = Diagnostics::new(&particles).quantiles(0, &[0.5])[0];
    /// assert_eq!(median.value, 500.0);
    /// // 1000 √(p (1 − p) / 1000) where numbers spread evenly, but for the steps between them.
    /// assert!((median.se - 15.8).abs() < 0.3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// When there is no such coordinate, or a probability lies outside [0, 1].
    pub fn quantiles(&self, coordinate: usize, probabilities: &[f64]) -> Vec<Estimate> {
        assert!(coordinate < self.particles.dim(), "there is no coordinate {coordinate}");
        let distribution = Distribution::new(self, coordinate);
        let quantile = |&p: &f64| {
            assert!((0.0..=1.0).contains(&p), "the probability {p} lies outside [0, 1]");
            let value = distribution.inverse(p);
            let mass = self.mass(|x| f64::from(x[coordinate]) <= value);
            let center = self.center(coordinate);
            Estimate { value: value + center, se: distribution.error(p, mass.se) }
        };
        probabilities.iter().map(quantile).collect()
    }
}

/// The weighted distribution function of a coordinate.
struct Distribution {
    /// Ascending, of the particles with weight.
    values: Vec<f32>,
    /// The weight up to and with each.
    masses: Vec<f64>,
}

impl Distribution {
    fn new(diagnostics: &Diagnostics<'_>, coordinate: usize) -> Distribution {
        let (particles, weights) = (diagnostics.particles, &diagnostics.weights);
        // Whole numbers sort several times faster: the value's place, then the particle's number.
        let mut order: Vec<u64> = (0..particles.len())
            .filter(|i| weights[*i] > 0.0)
            .map(|i| u64::from(rank(particles.position(i)[coordinate])) << 32 | i as u64)
            .collect();
        order.sort_unstable();
        let order: Vec<usize> = order.into_iter().map(|entry| entry as u32 as usize).collect();
        let mut mass = 0.0;
        let masses = order.iter().map(|i| {
            mass += weights[*i];
            mass
        });
        let masses = masses.collect();
        let values = order.iter().map(|i| particles.position(*i)[coordinate]);
        Distribution { values: values.collect(), masses }
    }

    /// The least value up to which there is mass `p`.
    fn inverse(&self, p: f64) -> f64 {
        // Rounding may leave the whole mass below 1.
        let place = self.masses.partition_point(|mass| *mass < p);
        let value = self.values.get(place).or(self.values.last());
        value.map_or(f64::NAN, |value| f64::from(*value))
    }

    /// The standard error of the quantile at `p` from that of the mass up to it.
    fn error(&self, p: f64, se: f64) -> f64 {
        if se.is_nan() {
            return f64::NAN;
        }
        let (low, high) = ((p - REACH * se).max(0.0), (p + REACH * se).min(1.0));
        if high > low {
            se * (self.inverse(high) - self.inverse(low)) / (high - low)
        } else {
            // Every value is the same family's, or there is none.
            if self.values.is_empty() { f64::NAN } else { 0.0 }
        }
    }
}

/// The place of a number among all, in the order of `f32::total_cmp`.
fn rank(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::particles::Particles;

    fn weighted(positions: &[f32], weights: &[f64]) -> Particles {
        let log_weights = weights.iter().map(|w| w.ln() as f32).collect();
        let own = (0..positions.len() as u32).collect();
        Particles::new(1, positions.to_vec(), log_weights, own).unwrap()
    }

    fn values(particles: &Particles, probabilities: &[f64]) -> Vec<f64> {
        let estimates = Diagnostics::new(particles).quantiles(0, probabilities);
        estimates.iter().map(|estimate| estimate.value).collect()
    }

    #[test]
    fn a_quantile_is_the_least_value_that_reaches_its_probability() {
        let particles = weighted(&[3.0, 1.0, 2.0, 4.0], &[0.125, 0.5, 0.25, 0.125]);
        let found = values(&particles, &[0.0, 0.49, 0.51, 0.74, 0.76, 0.87, 0.88, 1.0]);
        assert_eq!(found, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
        // Numbers in place of weights.
        let repeated = weighted(&[1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0], &[1.0; 8]);
        let probabilities: Vec<_> = (0..50).map(|k| (f64::from(k) + 0.3) / 50.0).collect();
        assert_eq!(values(&particles, &probabilities), values(&repeated, &probabilities));
    }

    #[test]
    fn ranks_are_in_the_order_of_numbers() {
        let ascending = [f32::NEG_INFINITY, -2.0, -1e-40, -0.0, 0.0, 1e-40, 1.5, f32::INFINITY];
        assert!(ascending.map(rank).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_lost_particle_has_no_place() {
        let (nan, zero) = (f32::NAN, f32::NEG_INFINITY);
        let log_weights = vec![0.0, nan, 0.0, zero, 0.0];
        let positions = vec![1.0, nan, 2.0, -9.0, 3.0];
        let particles = Particles::new(1, positions, log_weights, vec![0, 1, 2, 3, 4]).unwrap();
        assert_eq!(values(&particles, &[0.0, 0.5, 1.0]), [1.0, 2.0, 3.0]);
        let lost = Particles::new(1, vec![1.0], vec![nan], vec![0]).unwrap();
        let estimate = Diagnostics::new(&lost).quantiles(0, &[0.5])[0];
        assert!(estimate.value.is_nan() && estimate.se.is_nan());
    }

    /// Evenly spread values have F⁻¹(p) = p exactly, so that the error is that of the mass.
    #[test]
    fn the_error_is_that_of_the_mass_where_the_density_is_one() {
        let n = 10_000;
        let positions: Vec<_> = (1..=n).map(|i| i as f32 / n as f32).collect();
        let even = weighted(&positions, &vec![1.0; n]);
        let probabilities = [0.25, 0.5, 0.9];
        let estimates = Diagnostics::new(&even).quantiles(0, &probabilities);
        for (p, estimate) in probabilities.iter().zip(estimates) {
            let expected = (p * (1.0 - p) / (n - 1) as f64).sqrt();
            // A step of F⁻¹ beside 2 · 1.96 errors.
            assert!((estimate.se / expected - 1.0).abs() < 0.5 / (n as f64 * expected));
        }
        // Families of a hundred neighbours are a hundred draws.
        let families = (0..n as u32).map(|i| i / 100).collect();
        let joined = Particles::new(1, positions, vec![0.0; n], families).unwrap();
        let median = Diagnostics::new(&joined).quantiles(0, &[0.5])[0];
        let expected = 0.5 / 100.0_f64.sqrt();
        assert!((median.se / expected - 1.0).abs() < 0.02, "{} is not {expected}", median.se);
    }

    /// Beyond the last value there is nothing to invert: what is left of the interval tells the
    /// slope.
    #[test]
    fn at_the_ends_the_slope_is_taken_from_one_side() {
        let n = 1000;
        let positions: Vec<_> = (1..=n).map(|i| i as f32 / n as f32).collect();
        let even = weighted(&positions, &vec![1.0; n]);
        let estimate = Diagnostics::new(&even).quantiles(0, &[0.001])[0];
        // √(p (1 − p) / N) = 0.001, and the interval [0, 0.003].
        assert!((estimate.se / 0.001 - 1.0).abs() < 0.4, "{}", estimate.se);
        let same = weighted(&[2.0; 10], &[1.0; 10]);
        let estimate = Diagnostics::new(&same).quantiles(0, &[0.5])[0];
        assert_eq!(estimate, Estimate { value: 2.0, se: 0.0 });
    }
}
