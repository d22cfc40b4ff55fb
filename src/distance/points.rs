//! A weighted sample in double precision.

use crate::error::{Error, Result};
use crate::particles::Particles;
use crate::random::Random;

/// Points with normalised weights: what a distance is taken between.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    dim: usize,
    coordinates: Vec<f64>,
    weights: Vec<f64>,
    equal: bool,
}

impl Points {
    /// Row-major coordinates (N, dim), equally weighted.
    ///
    /// # Errors
    /// When there is no point, the lengths do not fit together, or a coordinate is not finite.
    pub fn new(dim: usize, coordinates: Vec<f64>) -> Result<Points> {
        let n = coordinates.len().checked_div(dim).unwrap_or(0);
        if n == 0 || coordinates.len() != n * dim {
            let reason = format!(
                "have {} coordinates in {dim} dimensions; give N · dim of them, N ≥ 1",
                coordinates.len()
            );
            return Err(Error::config("points", reason));
        }
        if let Some(place) = coordinates.iter().position(|x| !x.is_finite()) {
            let reason = format!(
                "have {} as coordinate {} of point {}; leave out points that are not finite",
                coordinates[place],
                place % dim,
                place / dim
            );
            return Err(Error::config("points", reason));
        }
        Ok(Points { dim, coordinates, weights: vec![1.0 / n as f64; n], equal: true })
    }

    /// Row-major coordinates (N, dim) and weights (N,), of which only the proportions count.
    ///
    /// # Errors
    /// Those of [`Points::new`]; when there are not N weights, one is negative or not finite, or all
    /// are 0.
    pub fn weighted(dim: usize, coordinates: Vec<f64>, weights: Vec<f64>) -> Result<Points> {
        let mut points = Points::new(dim, coordinates)?;
        let wrong = |reason: String| Err(Error::config("weights", reason));
        if weights.len() != points.len() {
            return wrong(format!("are {}; give one for each of {}", weights.len(), points.len()));
        }
        if let Some(weight) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return wrong(format!("contain {weight}; expected numbers of at least 0"));
        }
        let sum: f64 = weights.iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return wrong(format!("sum to {sum}; expected a finite number above 0"));
        }
        points.equal = weights.iter().all(|weight| *weight == weights[0]);
        points.weights = weights.into_iter().map(|weight| weight / sum).collect();
        Ok(points)
    }

    /// The particles with their weights; those of weight zero are left out.
    ///
    /// # Errors
    /// When no log-weight is finite, or a particle of positive weight is not at a finite place.
    pub fn from_particles(particles: &Particles) -> Result<Points> {
        let weights = particles.weights();
        let weighty = weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        let (mut coordinates, mut kept) = (Vec::new(), Vec::new());
        for (i, weight) in weighty {
            coordinates.extend(particles.position(i).iter().map(|x| f64::from(*x)));
            kept.push(*weight);
        }
        if kept.is_empty() {
            let reason = format!("of all {} particles are zero", particles.len());
            return Err(Error::config("weights", reason));
        }
        Points::weighted(particles.dim(), coordinates, kept)
    }

    /// The number of points N.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Never: there is at least one point.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The number of coordinates.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Row-major (N, dim).
    pub fn coordinates(&self) -> &[f64] {
        &self.coordinates
    }

    /// (N,), with sum 1.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Whether all points weigh the same.
    pub fn is_equally_weighted(&self) -> bool {
        self.equal
    }

    /// Each point and its weight.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.coordinates.chunks_exact(self.dim).zip(self.weights.iter().copied())
    }

    /// `n` of the points, equally weighted: systematic resampling in a random order.
    ///
    /// Point i is there n wᵢ times, rounded up or down. Of equally weighted points these are `n`
    /// without repetition if there are as many.
    ///
    /// # Panics
    /// When `n` is 0.
    pub fn resampled(&self, n: usize, seed: u64) -> Points {
        assert!(n > 0, "a sample has at least one point");
        let mut random = Random::new(seed);
        let mut order: Vec<usize> = (0..self.len()).collect();
        random.shuffle(&mut order, 1);
        let offset = random.uniform();
        let mut coordinates = Vec::with_capacity(n * self.dim);
        // Point i covers the part from `before` to `through` of the axis of offspring [0, n).
        let (mut taken, mut through) = (0, 0.0);
        for (place, &i) in order.iter().enumerate() {
            through += self.weights[i] * n as f64;
            // The last one takes what rounding has left.
            while taken < n && (taken as f64 + offset < through || place + 1 == order.len()) {
                coordinates.extend(&self.coordinates[i * self.dim..][..self.dim]);
                taken += 1;
            }
        }
        Points { dim: self.dim, coordinates, weights: vec![1.0 / n as f64; n], equal: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each of the points 0, 1, … on the line occurs.
    fn counts(points: &Points, of: usize) -> Vec<usize> {
        let mut counts = vec![0; of];
        points.coordinates().iter().for_each(|x| counts[*x as usize] += 1);
        counts
    }

    #[test]
    fn offspring_are_the_weights_rounded_up_or_down_and_fair() {
        let weights = [0.5, 0.0, 0.07, 0.13, 0.3];
        let points =
            Points::weighted(1, (0..5).map(f64::from).collect(), weights.to_vec()).unwrap();
        let (n, seeds) = (9, 4000);
        let mut sums = [0.0; 5];
        for seed in 0..seeds {
            let counts = counts(&points.resampled(n, seed), 5);
            assert_eq!(counts.iter().sum::<usize>(), n);
            for ((sum, count), weight) in sums.iter_mut().zip(&counts).zip(weights) {
                let expected = weight * n as f64;
                assert!((*count as f64 - expected).abs() < 1.0, "{counts:?}");
                *sum += *count as f64;
            }
        }
        for (sum, weight) in sums.iter().zip(weights) {
            // A count is one of two neighbours: standard deviation at most 1/2.
            let bound = 4.0 * 0.5 / (seeds as f64).sqrt() + 1e-9;
            assert!((sum / seeds as f64 - weight * n as f64).abs() < bound, "{sums:?}");
        }
    }

    #[test]
    fn a_subsample_of_equal_points_repeats_none() {
        let points = Points::new(1, (0..1000).map(f64::from).collect()).unwrap();
        for n in [1, 7, 400, 1000] {
            let counts = counts(&points.resampled(n, 3), 1000);
            assert!(counts.iter().all(|count| *count <= 1), "{n}");
        }
        assert_ne!(points.resampled(400, 3), points.resampled(400, 4));
        assert_eq!(points.resampled(400, 3), points.resampled(400, 3));
    }

    #[test]
    fn particles_bring_their_weights_and_lose_those_of_weight_zero() {
        let positions = vec![1.0, 2.0, f32::NAN, f32::NAN, 5.0, 6.0];
        let log_weights = vec![0.0, f32::NEG_INFINITY, 3_f32.ln()];
        let particles = Particles::new(2, positions, log_weights, vec![0; 3]).unwrap();
        let points = Points::from_particles(&particles).unwrap();
        assert_eq!(points.coordinates(), [1.0, 2.0, 5.0, 6.0]);
        assert!((points.weights()[1] - 0.75).abs() < 1e-7 && !points.is_equally_weighted());

        let none = Particles::new(1, vec![0.0], vec![f32::NEG_INFINITY], vec![0]).unwrap();
        let error = Points::from_particles(&none).unwrap_err().to_string();
        assert_eq!(error, "weights of all 1 particles are zero");
    }

    #[test]
    fn errors_name_the_value_and_what_is_expected() {
        for (result, expected) in [
            (
                Points::new(2, vec![1.0; 3]),
                "points have 3 coordinates in 2 dimensions; give N · dim of them, N ≥ 1",
            ),
            (
                Points::new(0, vec![]),
                "points have 0 coordinates in 0 dimensions; give N · dim of them, N ≥ 1",
            ),
            (
                Points::new(2, vec![1.0, 2.0, 3.0, f64::INFINITY]),
                "points have inf as coordinate 1 of point 1; leave out points that are not finite",
            ),
            (Points::weighted(1, vec![1.0; 3], vec![1.0]), "weights are 1; give one for each of 3"),
            (
                Points::weighted(1, vec![1.0; 2], vec![1.0, -1.0]),
                "weights contain -1; expected numbers of at least 0",
            ),
            (
                Points::weighted(1, vec![1.0; 2], vec![0.0; 2]),
                "weights sum to 0; expected a finite number above 0",
            ),
        ] {
            assert_eq!(result.unwrap_err().to_string(), expected);
        }
    }
}
