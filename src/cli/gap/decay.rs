//! How far a population is from the target, and how fast that decays.

use wfr::{Generator, Particles};

/// Coarse bins of a grid: the target's mass in each, and which cell belongs to which.
pub(super) struct Bins {
    masses: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    per_axis: usize,
}

/// Kullback–Leibler divergence at one time, from the bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) time: f64,
    /// Chance's own part taken off.
    pub(super) divergence: f64,
    /// What chance alone makes of it, on average.
    pub(super) floor: f64,
}

/// A rate of decay and its standard error from the scatter about the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) value: f64,
    pub(super) se: f64,
    /// The times between which it was fitted.
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Bins {
    /// Groups the cells of a grid over the box.
    pub(super) fn new(
        generator: &Generator,
        (low, high): (&[f64], &[f64]),
        per_axis: usize,
    ) -> Bins {
        let mut bins = Bins {
            masses: vec![0.0; per_axis.pow(low.len() as u32)],
            low: low.to_vec(),
            high: high.to_vec(),
            per_axis,
        };
        for (i, mass) in generator.masses().into_iter().enumerate() {
            let bin = bins.of(&generator.middle(i));
            bins.masses[bin] += mass;
        }
        bins
    }

    /// The bin nearest to a place: what lies outside the box counts at its edge.
    fn of(&self, x: &[f64]) -> usize {
        let mut index = 0;
        for (j, x) in x.iter().enumerate().rev() {
            let place = (x - self.low[j]) / (self.high[j] - self.low[j]) * self.per_axis as f64;
            index = index * self.per_axis + (place.max(0.0) as usize).min(self.per_axis - 1);
        }
        index
    }

    /// KL(p ‖ π) of the weighted particles over the bins.
    ///
    /// Counting N particles into B bins adds (B − 1) / 2N to it on average (Miller 1955), which is
    /// taken off.
    pub(super) fn look(&self, particles: &Particles, time: f64) -> Look {
        let weights = particles.weights();
        let mut shares = vec![0.0; self.masses.len()];
        let mut squares = 0.0;
        for (i, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            let x: Vec<f64> = particles.position(i).iter().map(|x| f64::from(*x)).collect();
            shares[self.of(&x)] += weight;
            squares += weight * weight;
        }
        let occupied = shares.iter().filter(|share| **share > 0.0).count();
        let floor = 0.5 * (occupied.saturating_sub(1)) as f64 * squares;
        let terms = shares.iter().zip(&self.masses).filter(|(share, _)| **share > 0.0);
        // A bin that the target all but leaves out must not make it infinite.
        let plain: f64 =
            terms.map(|(share, mass)| share * (share / mass.max(f64::MIN_POSITIVE)).ln()).sum();
        Look { time, divergence: plain - floor, floor }
    }
}

/// The rate of decay over the later half of the looks that stand clear of chance and of the level
/// at which the curve flattens; none if fewer than four do.
pub(super) fn rate(looks: &[Look]) -> Option<Rate> {
    let above = |level: f64| {
        let clear = |look: &&Look| look.divergence > level.max(4.0 * look.floor);
        looks.iter().take_while(clear).copied().collect::<Vec<_>>()
    };
    let clear = above(0.0);
    let quarter = clear.len() / 4;
    let (before, last) = clear.split_at(clear.len() - quarter);
    let earlier = fit(&before[before.len().saturating_sub(quarter)..])?;
    // Steps and estimates have a bias, which no time takes away.
    let lowest = last.iter().map(|look| look.divergence).fold(f64::INFINITY, f64::min);
    let flattens = fit(last)?.value < 0.5 * earlier.value;
    let clear = if flattens { above(5.0 * lowest) } else { clear };
    fit(&clear[clear.len() / 2..])
}

/// The slope of the logarithm by least squares.
fn fit(late: &[Look]) -> Option<Rate> {
    let n = late.len() as f64;
    if late.len() < 4 {
        return None;
    }
    let mean = |f: &dyn Fn(&Look) -> f64| late.iter().map(f).sum::<f64>() / n;
    let (t, y) = (mean(&|look| look.time), mean(&|look| look.divergence.ln()));
    let spread = mean(&|look| (look.time - t).powi(2));
    let slope = mean(&|look| (look.time - t) * (look.divergence.ln() - y)) / spread;
    let residual = mean(&|look| (look.divergence.ln() - y - slope * (look.time - t)).powi(2));
    Some(Rate {
        value: -slope,
        se: (residual / spread / (n - 2.0)).sqrt(),
        from: late[0].time,
        to: late[late.len() - 1].time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exponential_has_its_rate() {
        let looks: Vec<_> = (0..40)
            .map(|k| {
                let time = 0.1 * f64::from(k);
                Look { time, divergence: 0.3 * (-2.5 * time).exp(), floor: 1e-4 }
            })
            .collect();
        let rate = rate(&looks).unwrap();
        assert!((rate.value - 2.5).abs() < 1e-9 && rate.se < 1e-9);
        // The looks below four times the floor do not count.
        assert!(rate.to < 2.7 && rate.from > 1.2, "{rate:?}");
        assert!(super::rate(&looks[..6]).is_none());
    }

    /// A bias of 0.002 does not end up in the rate.
    #[test]
    fn a_level_is_left_out() {
        let look = |k: u32| {
            let time = 0.1 * f64::from(k);
            Look { time, divergence: 0.5 * (-2.0 * time).exp() + 2e-3, floor: 1e-5 }
        };
        let rate = rate(&(0..40).map(look).collect::<Vec<_>>()).unwrap();
        assert!((rate.value - 2.0).abs() < 0.2 && rate.to < 2.5, "{rate:?}");
    }

    /// Particles drawn from the target itself: what is left is chance, less its mean.
    #[test]
    fn a_sample_of_the_target_is_at_no_distance() {
        let generator = Generator::new(&[0.0], &[1.0], 64, |x| (1.0 + x[0]).ln()).unwrap();
        let bins = Bins::new(&generator, (&[0.0], &[1.0]), 16);
        let n = 4000;
        // Regular quantiles of the density 2(1 + x)/3.
        let quantile = |u: f64| (1.0 + 3.0 * u).sqrt() - 1.0;
        let positions = (0..n).map(|i| quantile((f64::from(i) + 0.5) / f64::from(n)) as f32);
        let n = n as usize;
        let particles =
            Particles::new(1, positions.collect(), vec![0.0; n], (0..n as u32).collect()).unwrap();
        let look = bins.look(&particles, 0.0);
        assert!((look.floor - 15.0 / 8000.0).abs() < 1e-9);
        assert!((look.divergence + look.floor).abs() < 1e-4, "{look:?}");
    }
}
