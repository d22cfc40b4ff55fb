//! Random numbers for the host's own draws, the same on every machine and in every version.

use std::f64::consts::TAU;

/// SplitMix64: a counter, hashed.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of this seed. Those of neighbouring seeds are independent: the seed is hashed.
    pub(crate) fn new(seed: u64) -> Random {
        let mut random = Random(seed);
        let start = random.word();
        Random(start)
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1): the middle of one of 2⁵² intervals.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.word() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Uniform in 0 … n − 1, to within n / 2⁵².
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }

    /// Standard normal, by the transform of Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Puts the items into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_words_are_those_of_the_authors() {
        // The first outputs for seed 1234567, from the reference implementation in C.
        let mut random = Random(1_234_567);
        let words = [(); 3].map(|()| random.word());
        assert_eq!(words, [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        // Standard errors at n = 10⁵: 0.0032, 0.0045, 0.031; bounds of four of them.
        let n = 100_000;
        let mut random = Random::new(7);
        let draws: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let moment = |power| draws.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(n);
        assert!(moment(1).abs() < 0.0127, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.018, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.124, "{}", moment(4));
    }

    #[test]
    fn a_shuffle_is_a_permutation_without_preference() {
        // Each of 3! orders: 1000 ± 29 of 6000.
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            let mut items = [0, 1, 2];
            Random::new(seed).shuffle(&mut items);
            *counts.entry(items).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (count - 1000).abs() < 4 * 29), "{counts:?}");
    }
}
