//! What two exact samples are apart.

use std::ops::Range;

use super::Points;
use crate::error::{Error, Result};

/// The distance between two exact samples, over pairs of them: what a perfect sampler reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Floor {
    /// The mean over the pairs.
    pub mean: f64,
    /// The standard deviation of one pair.
    pub sd: f64,
}

/// Measures the distance between `sample(2 s)` and `sample(2 s + 1)` for every s of `pairs`.
///
/// # Errors
/// When there are fewer than two pairs, and those of the distance.
pub fn floor(
    pairs: Range<u64>,
    mut sample: impl FnMut(u64) -> Points,
    mut distance: impl FnMut(&Points, &Points) -> Result<f64>,
) -> Result<Floor> {
    if pairs.clone().nth(1).is_none() {
        let reason = format!("{pairs:?} are fewer than 2; a deviation needs two");
        return Err(Error::config("pairs", reason));
    }
    let distances = pairs
        .map(|pair| distance(&sample(2 * pair), &sample(2 * pair + 1)))
        .collect::<Result<Vec<f64>>>()?;
    let n = distances.len() as f64;
    let mean = distances.iter().sum::<f64>() / n;
    let squares: f64 = distances.iter().map(|distance| (distance - mean).powi(2)).sum();
    Ok(Floor { mean, sd: (squares / (n - 1.0)).sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::{Mixture, wasserstein};
    use crate::target::Component;

    #[test]
    fn every_pair_is_measured_once() {
        let point = |seed: u64| Points::new(1, vec![(seed * seed) as f64]).unwrap();
        // 4 − 9 and 16 − 25: 5 and 9.
        let found = floor(1..3, point, |a, b| wasserstein(a, b, 1.0)).unwrap();
        assert!((found.mean - 7.0).abs() < 1e-15 && (found.sd - 8_f64.sqrt()).abs() < 1e-15);
        let error = floor(1..2, point, |a, b| wasserstein(a, b, 1.0)).unwrap_err().to_string();
        assert_eq!(error, "pairs 1..2 are fewer than 2; a deviation needs two");
    }

    #[test]
    fn the_floor_of_uniform_shares_is_the_closed_form() {
        // Two far modes of equal weight, almost points: W₁ is 2 · |difference of the counts| / n, a
        // folded normal of variance 2 · n/4 in the limit: E W₁ = 2 · √(n/2) · √(2/π) / n.
        let mode = |x: f64| Component { weight: 1.0, mean: vec![x], scale: vec![1e-6] };
        let law = Mixture::new(&[mode(-1.0), mode(1.0)]).unwrap();
        let (n, pairs) = (1000, 400);
        let found =
            floor(0..pairs, |seed| law.sample(n, seed), |a, b| wasserstein(a, b, 1.0)).unwrap();
        let expected = 2.0 / (n as f64 * std::f64::consts::PI).sqrt();
        let error = found.sd / (pairs as f64).sqrt();
        // The counts are whole numbers: 1/n at most.
        assert!((found.mean - expected).abs() < 4.0 * error + 1e-3, "{found:?} {expected}");
    }
}
