//! Particles of equal weight, chosen from a weighted cloud that need not be in memory.

use wfr::Result;

use super::windows::Windows;
use crate::random::Random;

/// `draws` positions (draws, dim) of equal weight, by systematic resampling of all particles (Carpenter,
/// Clifford & Fearnhead 1999), in an order that says nothing. None where no particle has a weight.
pub(crate) fn posterior(particles: &dyn Windows, draws: usize, seed: u64) -> Result<Vec<f32>> {
    const WINDOW: usize = 1 << 20;
    let (n, dim) = (particles.count(), particles.dim());
    let ranges = || (0..n).step_by(WINDOW).map(|start| start..(start + WINDOW).min(n));
    // Weights relative to the largest log-weight, which grows as windows come.
    let (mut peak, mut sum) = (f64::NEG_INFINITY, 0.0);
    for range in ranges() {
        for log_weight in particles.log_weights(range)?.iter().filter(|lw| lw.is_finite()) {
            let log_weight = f64::from(*log_weight);
            if log_weight > peak {
                sum *= (peak - log_weight).exp();
                peak = log_weight;
            }
            sum += (log_weight - peak).exp();
        }
    }
    let mut random = Random::new(seed);
    let offset = random.uniform();
    let mut chosen: Vec<f32> = Vec::with_capacity(draws * dim);
    let (mut count, mut passed) = (0, 0.0);
    for range in ranges() {
        let log_weights = particles.log_weights(range.clone())?;
        let positions = particles.positions(range)?;
        for (position, log_weight) in positions.chunks_exact(dim).zip(log_weights.iter()) {
            if !log_weight.is_finite() {
                continue;
            }
            passed += (f64::from(*log_weight) - peak).exp();
            while count < draws && (count as f64 + offset) * sum < passed * draws as f64 {
                chosen.extend(position);
                count += 1;
            }
        }
    }
    // Rounding may leave the last point of the grid beyond the last particle.
    if count > 0 {
        for _ in count..draws {
            chosen.extend_from_within(chosen.len() - dim..);
        }
    }
    // Particles lie family by family, and draws should not.
    random.shuffle(&mut chosen, dim);
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use wfr::Particles;

    use super::*;

    fn drawn(positions: &[f32], log_weights: &[f32], draws: usize, seed: u64) -> Vec<f32> {
        let ancestors = (0..log_weights.len() as u32).collect();
        let particles = Particles::new(1, positions.to_vec(), log_weights.to_vec(), ancestors);
        posterior(&particles.unwrap(), draws, seed).unwrap()
    }

    /// Every particle comes ⌊M W⌋ or ⌈M W⌉ times.
    #[test]
    fn copies_are_within_one_of_their_share() {
        let weights = [0.4_f32, 0.0, 0.25, 0.35];
        let log_weights = weights.map(|w| w.ln() + 50.0);
        for seed in 0..200 {
            let chosen = drawn(&[1.0, 2.0, 3.0, f32::MAX], &log_weights, 10, seed);
            let count = |x: f32| chosen.iter().filter(|y| **y == x).count();
            assert_eq!((chosen.len(), count(1.0), count(2.0)), (10, 4, 0));
            assert!(matches!(count(3.0), 2 | 3) && matches!(count(f32::MAX), 3 | 4));
        }
    }

    /// The mean number of copies is M W: a grid whose offset does not move would give 2 always.
    #[test]
    fn the_offset_is_uniform() {
        let log_weights = [0.4_f32, 0.25, 0.35].map(f32::ln);
        let seeds = 4000;
        let copies: usize = (0..seeds)
            .map(|seed| drawn(&[1.0, 2.0, 3.0], &log_weights, 10, seed))
            .map(|chosen| chosen.iter().filter(|x| **x == 2.0).count())
            .sum();
        // Of 2 or 3 with probability a half each: sd 0.5.
        let off = copies as f64 / seeds as f64 - 2.5;
        assert!(off.abs() < 4.0 * 0.5 / (seeds as f64).sqrt(), "{off}");
    }

    #[test]
    fn lost_particles_are_not_drawn_and_none_leaves_none() {
        let chosen = drawn(&[1.0, f32::NAN, 3.0], &[0.0, f32::NAN, f32::NEG_INFINITY], 5, 0);
        assert_eq!(chosen, [1.0; 5]);
        assert!(drawn(&[1.0, 2.0], &[f32::NEG_INFINITY; 2], 5, 0).is_empty());
        assert!(drawn(&[1.0], &[0.0], 0, 0).is_empty());
    }

    #[test]
    fn the_order_says_nothing() {
        let n = 1000;
        let positions: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let chosen = drawn(&positions, &vec![0.0; n], n, 3);
        let mut sorted = chosen.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, positions);
        // The rank correlation of a random order has sd 1/√n.
        let middle = (n as f64 - 1.0) / 2.0;
        let product = |(i, x): (usize, &f32)| (i as f64 - middle) * (f64::from(*x) - middle);
        let sum: f64 = chosen.iter().enumerate().map(product).sum();
        let correlation = sum * 12.0 / (n as f64).powi(3);
        assert!(correlation.abs() < 4.0 / (n as f64).sqrt(), "{correlation}");
    }
}
