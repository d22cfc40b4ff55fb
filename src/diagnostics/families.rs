//! Weighted means of functions tested against what they should be, with errors from families.

/// The probability of an alarm where all is well.
pub(super) const LEVEL: f64 = 0.005;
/// Families below which nothing is tested.
pub(super) const FEWEST_FAMILIES: f64 = 30.0;

/// Weighted particles in families, which are as good as independent.
pub(super) struct Families<'a> {
    /// Normalized.
    weights: &'a [f64],
    /// Below `count`.
    family: Vec<u32>,
    count: usize,
    /// (Σ S)² / Σ S² of the shares of the families.
    pub(super) effective: f64,
}

/// A weighted mean beside the value it should have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tested {
    /// Mean minus what it should be.
    pub(super) off: f64,
    /// The same in standard errors, the skewness of the mean taken away.
    pub(super) z: f64,
}

impl<'a> Families<'a> {
    /// Particles with these normalized weights and families, which may have any numbers.
    pub(super) fn new(weights: &'a [f64], family: &[u32]) -> Families<'a> {
        let mut known = family.to_vec();
        known.sort_unstable();
        known.dedup();
        // Every family is among the known.
        let number = |one: &u32| known.partition_point(|other| other < one) as u32;
        let family: Vec<u32> = family.iter().map(number).collect();
        let mut shares = vec![0.0; known.len()];
        family.iter().zip(weights).for_each(|(k, w)| shares[*k as usize] += w);
        let effective = super::effective(shares.iter());
        Families { weights, family, count: known.len(), effective }
    }

    /// The weighted mean of f.
    pub(super) fn mean(&self, f: impl Fn(usize) -> f64) -> f64 {
        self.weights.iter().enumerate().map(|(i, w)| w * f(i)).sum()
    }

    /// The mean of f against `want`. With D_a the sum of W (f − mean) over family a and E the
    /// effective number of families, se² = Σ D_a² E/(E − 1), and
    ///
    /// z = t + g/6 + g t²/3 + g² t³/27,   t = (mean − want)/se,   g = Σ D_a³ / se³,
    ///
    /// which takes the skewness away and is monotone in t. Source: Hall 1992, "On the removal of
    /// skewness by transformation".
    pub(super) fn test(&self, f: impl Fn(usize) -> f64, want: f64) -> Tested {
        let mean = self.mean(&f);
        let mut sums = vec![0.0; self.count];
        for (i, (family, weight)) in self.family.iter().zip(self.weights).enumerate() {
            sums[*family as usize] += weight * (f(i) - mean);
        }
        let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
        let cubes: f64 = sums.iter().map(|sum| sum * sum * sum).sum();
        let se = (squares * self.effective / (self.effective - 1.0).max(1e-9)).sqrt();
        let off = mean - want;
        if se == 0.0 {
            let z = if off == 0.0 { 0.0 } else { f64::INFINITY.copysign(off) };
            return Tested { off, z };
        }
        let (t, g) = (off / se, cubes / (se * se * se));
        Tested { off, z: t + g / 6.0 + g * t * t / 3.0 + g * g * t * t * t / 27.0 }
    }

    /// The bound that the largest |z| of so many tests passes with probability `level` at most, by
    /// the quantiles of Student's law with as many degrees of freedom as families less one.
    pub(super) fn threshold(&self, tests: usize, level: f64) -> f64 {
        student_quantile(level / (2.0 * tests as f64), self.effective - 1.0)
    }
}

/// Of tests, whether each is off and its z, the one that counts most: an effect that is large and sure
/// comes before one that is only sure.
pub(super) fn worst(all: impl Iterator<Item = (bool, f64)>) -> Option<usize> {
    let worst = all.enumerate().max_by(|(_, (a_is_off, a)), (_, (b_is_off, b))| {
        a_is_off.cmp(b_is_off).then(a.abs().total_cmp(&b.abs()))
    });
    worst.map(|(place, _)| place)
}

/// The point that Student's law with `degrees` of freedom exceeds with probability `tail`, for 20
/// degrees and more: the expansion about the normal law (Abramowitz & Stegun 1964, 26.7.5).
fn student_quantile(tail: f64, degrees: f64) -> f64 {
    let z = normal_quantile(tail);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

/// The point that a standard normal exceeds with probability `tail`, below 0.05.
fn normal_quantile(tail: f64) -> f64 {
    let (mut low, mut high) = (1.5, 38.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_tail(middle) > tail { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// P(Z > z) for z ≥ 1.5, by the continued fraction of Mills' ratio.
fn normal_tail(z: f64) -> f64 {
    let fraction = (1..=80).rev().fold(z, |below, k| z + f64::from(k) / below);
    (-0.5 * z * z).exp() / ((2.0 * std::f64::consts::PI).sqrt() * fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn quantiles_agree_with_tables() {
        for (tail, z) in [(0.025, 1.959_964), (0.0025, 2.807_034), (1e-6, 4.753_424)] {
            assert!((normal_quantile(tail) - z).abs() < 1e-5, "{tail}: {}", normal_quantile(tail));
        }
        // Student's law: 29 and 120 degrees.
        for (tail, degrees, t) in [(0.025, 29.0, 2.045_23), (0.005, 120.0, 2.617_42)] {
            assert!((student_quantile(tail, degrees) - t).abs() < 1e-4, "{tail}");
        }
    }

    /// Level 1 % of 16 tests with 200 families of 8 alike, weights that vary, and a skew function:
    /// asked for .01, and at most .03 of 400 runs (a binomial law's .9999 quantile).
    #[test]
    fn families_that_are_alike_alarm_no_more_often_than_asked() {
        let (groups, members, tests) = (200, 8, 16);
        let mut alarms = 0;
        for seed in 0..400 {
            let mut random = Random::new(seed);
            let n = groups * members;
            let mut values = vec![0.0; n * tests];
            let mut weights: Vec<f64> = (0..n).map(|_| (0.5 * random.normal()).exp()).collect();
            let total: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|w| *w /= total);
            for group in 0..groups {
                let common: Vec<f64> = (0..tests).map(|_| random.normal()).collect();
                for i in group * members..(group + 1) * members {
                    for (k, common) in common.iter().enumerate() {
                        let x = 0.9_f64.sqrt() * common + 0.1_f64.sqrt() * random.normal();
                        // Half of the functions are skew: x² has mean 1.
                        values[i * tests + k] = if k % 2 == 0 { x } else { x * x - 1.0 };
                    }
                }
            }
            let family: Vec<u32> = (0..n).map(|i| 7 + 3 * (i / members) as u32).collect();
            let families = Families::new(&weights, &family);
            let largest = (0..tests)
                .map(|k| families.test(|i| values[i * tests + k], 0.0).z.abs())
                .fold(0.0, f64::max);
            alarms += i32::from(largest > families.threshold(tests, 0.01));
        }
        assert!(alarms <= 12, "{alarms} of 400");
    }

    #[test]
    fn a_mean_that_is_off_is_seen() {
        let n = 2000;
        let mut random = Random::new(3);
        let x: Vec<f64> = (0..n).map(|_| 0.9 * random.normal()).collect();
        let weights = vec![1.0 / n as f64; n];
        let own: Vec<u32> = (0..n as u32).collect();
        let families = Families::new(&weights, &own);
        // The width is .9 of what the score −x says: −x² + 1 has the mean .19.
        let tested = families.test(|i| -x[i] * x[i], -1.0);
        assert!((tested.off - 0.19).abs() < 0.08 && tested.z > 5.0, "{tested:?}");
        assert!((families.effective - n as f64).abs() < 1e-6);
    }
}
