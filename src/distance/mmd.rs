//! The maximum mean discrepancy of two samples.

use super::{Points, check_dims};
use crate::error::{Error, Result};

/// Ten bandwidths from 0.01 to 1, each 10^(2/9) times the one before.
///
/// Those of the published tables of Feynman-Kac correctors (arXiv 2503.02819), in the units of the
/// coordinates.
pub const BANDWIDTHS: [f64; 10] = [
    0.01,
    0.016_681_005_372_000_592,
    0.027_825_594_022_071_257,
    0.046_415_888_336_127_79,
    0.077_426_368_268_112_7,
    0.129_154_966_501_488_4,
    0.215_443_469_003_188_45,
    0.359_381_366_380_462_77,
    0.599_484_250_318_940_9,
    1.0,
];

/// Estimates of the squared maximum mean discrepancy, from [`mmd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmd {
    /// Without the pairs of a point and itself: zero in the mean, and below zero half the time, for
    /// two equally weighted samples of one law.
    pub unbiased: f64,
    /// With them: the squared discrepancy of the two samples as they are, never below zero.
    pub biased: f64,
}

/// The squared maximum mean discrepancy MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y) with the kernel
/// k(x, y) = Σ_σ exp(−|x − y|² / 2σ²), a sum over `bandwidths`.
///
/// It is zero between two laws only if they are the same (the kernel is characteristic), but points
/// farther apart than a few of the widest bandwidth do not see each other: choose bandwidths of the
/// law's own scales. O(N²) time.
///
/// Weights are those of importance sampling: the sums run over wᵢ wⱼ, and `unbiased` divides by
/// 1 − Σ wᵢ², which with equal weights is the estimator of Gretton et al., lemma 6.
///
/// Source: A. Gretton et al., "A kernel two-sample test", JMLR 13 (2012) 723.
///
/// # Errors
/// When the dimensions differ, a sample has one point only, or there is no bandwidth or one that is
/// not a finite number above 0.
pub fn mmd(a: &Points, b: &Points, bandwidths: &[f64]) -> Result<Mmd> {
    check_dims(a, b)?;
    let is_scale = |sigma: &f64| *sigma > 0.0 && sigma.is_finite();
    if bandwidths.is_empty() || !bandwidths.iter().all(is_scale) {
        let reason = format!("are {bandwidths:?}; expected finite numbers above 0, one or more");
        return Err(Error::config("the bandwidths", reason));
    }
    if let Some(points) = [a, b].into_iter().find(|points| points.len() < 2) {
        let reason = format!("has {} point; expected two or more", points.len());
        return Err(Error::config("a sample", reason));
    }
    let kernel = Kernel::new(bandwidths);
    let ([a_self, a_others], [b_self, b_others]) = (kernel.within(a), kernel.within(b));
    let across = kernel.across(a, b);
    let diagonal = bandwidths.len() as f64;
    let with = |own: f64, others: f64| diagonal * own + others;
    Ok(Mmd {
        unbiased: a_others / (1.0 - a_self) + b_others / (1.0 - b_self) - 2.0 * across,
        biased: (with(a_self, a_others) + with(b_self, b_others) - 2.0 * across).max(0.0),
    })
}

struct Kernel {
    /// −1/2σ², the widest first.
    rates: Vec<f64>,
}

impl Kernel {
    fn new(bandwidths: &[f64]) -> Kernel {
        let mut rates: Vec<f64> = bandwidths.iter().map(|sigma| -0.5 / (sigma * sigma)).collect();
        rates.sort_by(|left, right| right.total_cmp(left));
        Kernel { rates }
    }

    fn at(&self, x: &[f64], y: &[f64]) -> f64 {
        let squared: f64 = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum();
        // Below e^−700 nothing is left to add, and narrower kernels are smaller still.
        let exponents = self.rates.iter().map(|rate| rate * squared);
        exponents.take_while(|exponent| *exponent > -700.0).map(f64::exp).sum()
    }

    /// Σ wᵢ², and Σ wᵢ wⱼ k(xᵢ, xⱼ) over i ≠ j.
    fn within(&self, points: &Points) -> [f64; 2] {
        let own = points.weights().iter().map(|weight| weight * weight).sum();
        let pairs = points.iter().enumerate().map(|(i, (x, weight))| {
            weight * points.iter().take(i).map(|(y, other)| other * self.at(x, y)).sum::<f64>()
        });
        [own, 2.0 * pairs.sum::<f64>()]
    }

    /// Σ wᵢ wⱼ k(xᵢ, yⱼ).
    fn across(&self, a: &Points, b: &Points) -> f64 {
        let row = |x: &[f64]| b.iter().map(|(y, other)| other * self.at(x, y)).sum::<f64>();
        a.iter().map(|(x, weight)| weight * row(x)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn normals(n: usize, mean: f64, sd: f64, seed: u64) -> Points {
        let mut random = Random::new(seed);
        Points::new(1, (0..n).map(|_| mean + sd * random.normal()).collect()).unwrap()
    }

    /// E k(x, y) for independent normals, whose difference is N(mean, variance).
    fn expected(mean: f64, variance: f64, bandwidths: &[f64]) -> f64 {
        let terms = bandwidths.iter().map(|sigma| {
            let total = sigma * sigma + variance;
            sigma / total.sqrt() * (-0.5 * mean * mean / total).exp()
        });
        terms.sum()
    }

    #[test]
    fn the_bandwidths_are_geometric() {
        for (i, sigma) in BANDWIDTHS.iter().enumerate() {
            let expected = 10_f64.powf(-2.0 + 2.0 * i as f64 / 9.0);
            assert!((sigma / expected - 1.0).abs() < 1e-14, "{i}: {sigma} {expected}");
        }
    }

    #[test]
    fn between_normals_it_is_the_closed_form() {
        let bandwidths = [0.3, 1.0, 2.5];
        let truth = |mean: f64, sd: f64| {
            expected(0.0, 2.0, &bandwidths) + expected(0.0, 2.0 * sd * sd, &bandwidths)
                - 2.0 * expected(mean, 1.0 + sd * sd, &bandwidths)
        };
        let (n, runs) = (300, 60);
        for (mean, sd) in [(0.0, 1.0), (0.7, 1.0), (0.0, 2.0)] {
            let mut sums = [0.0; 4];
            for seed in 0..runs {
                let (a, b) = (normals(n, 0.0, 1.0, 2 * seed), normals(n, mean, sd, 2 * seed + 1));
                let found = mmd(&a, &b, &bandwidths).unwrap();
                let terms = [found.unbiased, found.unbiased.powi(2), found.biased, 0.0];
                sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term / runs as f64);
            }
            let error = ((sums[1] - sums[0].powi(2)) / runs as f64).sqrt();
            let exact = truth(mean, sd);
            assert!((sums[0] - exact).abs() < 4.0 * error, "{} ± {error}: {exact}", sums[0]);
            // The pairs of a point with itself add (k(x, x) − E k(x, x')) / n for each sample.
            let own = |variance| (3.0 - expected(0.0, variance, &bandwidths)) / n as f64;
            let biased = exact + own(2.0) + own(2.0 * sd * sd);
            assert!((sums[2] - biased).abs() < 4.0 * error, "{} ± {error}: {biased}", sums[2]);
        }
    }

    #[test]
    fn a_weight_is_as_many_copies() {
        let a = Points::weighted(2, vec![0.0, 0.0, 1.0, 0.5, -1.0, 2.0], vec![1.0, 2.0, 1.0]);
        let copies = Points::new(2, vec![0.0, 0.0, 1.0, 0.5, 1.0, 0.5, -1.0, 2.0]).unwrap();
        let b = Points::new(2, vec![0.3, 0.1, 1.5, -1.0, 0.0, 1.0]).unwrap();
        let [a, copies] =
            [a.unwrap(), copies].map(|points| mmd(&points, &b, &[0.7]).unwrap().biased);
        assert!((a - copies).abs() < 1e-15, "{a} {copies}");
        assert_eq!(mmd(&b, &b, &[0.7]).unwrap().biased, 0.0);
    }

    #[test]
    fn two_points_each_by_hand() {
        let points = |x: [f64; 2]| Points::new(1, x.to_vec()).unwrap();
        let found = mmd(&points([0.0, 1.0]), &points([0.0, 3.0]), &[1.0]).unwrap();
        let k = |distance: f64| (-0.5 * distance * distance).exp();
        let across = (k(0.0) + k(3.0) + k(1.0) + k(2.0)) / 4.0;
        assert!((found.unbiased - (k(1.0) + k(3.0) - 2.0 * across)).abs() < 1e-15);
        let biased = (2.0 + 2.0 * k(1.0)) / 4.0 + (2.0 + 2.0 * k(3.0)) / 4.0 - 2.0 * across;
        assert!((found.biased - biased).abs() < 1e-15);
    }

    #[test]
    fn errors_name_the_value() {
        let a = normals(3, 0.0, 1.0, 1);
        let error = mmd(&a, &a, &[1.0, 0.0]).unwrap_err().to_string();
        let expected =
            "the bandwidths are [1.0, 0.0]; expected finite numbers above 0, one or more";
        assert_eq!(error, expected);
        let error = mmd(&a, &normals(1, 0.0, 1.0, 1), &[1.0]).unwrap_err().to_string();
        assert_eq!(error, "a sample has 1 point; expected two or more");
    }
}
