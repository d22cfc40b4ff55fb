//! Random numbers for the host's own draws, the same on every machine and in every version.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

/// A generator whose words rand promises to keep, and what is drawn from them: its own distributions
/// may change with a version.
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The numbers of this seed. Those of neighbouring seeds are independent: the seed is hashed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Uniform in (0, 1): the middle of one of 2⁵² intervals.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Uniform in 0 … n − 1, to within n / 2⁵².
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n - 1)
    }

    /// Puts rows of `width` items into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T], width: usize) {
        for last in (1..items.len().checked_div(width).unwrap_or(0)).rev() {
            let other = self.below(last + 1);
            for column in 0..width {
                items.swap(last * width + column, other * width + column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a seed draws stays: pictures, distances and posterior draws depend on it.
    #[test]
    fn the_words_are_those_of_the_authors() {
        // SplitMix64 of 0 as the state, then xoshiro256++, by the reference implementations in C.
        let Random(mut words) = Random::new(0);
        let words = [(); 3].map(|()| words.next_u64());
        assert_eq!(words, [5987356902031041503, 7051070477665621255, 6633766593972829180]);
        let mut random = Random::new(7);
        let draws = [(); 3].map(|()| random.uniform());
        assert_eq!(draws, [0.05536043647833322, 0.17211585444811772, 0.7175761283586594]);
        let mut order = [0, 1, 2, 3, 4, 5];
        random.shuffle(&mut order, 1);
        assert_eq!(order, [3, 0, 5, 1, 4, 2]);
    }

    #[test]
    fn a_shuffle_is_a_permutation_without_preference() {
        // Each of 3! orders: 1000 ± 29 of 6000.
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            let mut items = [0, 1, 2];
            Random::new(seed).shuffle(&mut items, 1);
            *counts.entry(items).or_insert(0_i32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (count - 1000).abs() < 4 * 29), "{counts:?}");
    }

    #[test]
    fn rows_stay_together() {
        let mut items: Vec<usize> = (0..30).collect();
        Random::new(1).shuffle(&mut items, 3);
        let mut rows: Vec<_> = items.chunks(3).collect();
        assert!(rows.iter().all(|row| row[1] == row[0] + 1 && row[2] == row[0] + 2));
        rows.sort();
        assert_eq!(rows.concat(), (0..30).collect::<Vec<_>>());
        assert_ne!(items, rows.concat());
        // Rows of nothing have no order.
        Random::new(1).shuffle(&mut [0; 3], 0);
    }
}
