//! Twin of `shaders/moments.wgsl`: what is known of one coordinate of a weighted population.

/// Weighted mean and variance, and the range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Σ W x.
    pub mean: f64,
    /// Σ W (x − mean)².
    pub variance: f64,
    /// The lowest value.
    pub low: f64,
    /// The highest value.
    pub high: f64,
}

/// Normalised weights; a log-weight that is not finite has none.
pub fn moments_weights(log_weights: &[f32]) -> Vec<f64> {
    let finite = || log_weights.iter().copied().filter(|lw| lw.is_finite());
    let peak = f64::from(finite().fold(f32::NEG_INFINITY, f32::max));
    let total: f64 = finite().map(|lw| (f64::from(lw) - peak).exp()).sum();
    let weight = |lw: &f32| match lw.is_finite() {
        true => (f64::from(*lw) - peak).exp() / total,
        false => 0.0,
    };
    log_weights.iter().map(weight).collect()
}

/// Of the particles with a finite log-weight.
pub fn moments(coordinates: &[f32], log_weights: &[f32]) -> Moments {
    let weights = moments_weights(log_weights);
    let all: Vec<_> = coordinates.iter().map(|x| f64::from(*x)).zip(weights).collect();
    let live: Vec<_> =
        all.into_iter().zip(log_weights).filter(|(_, lw)| lw.is_finite()).map(|(x, _)| x).collect();
    let mean = live.iter().map(|(x, w)| w * x).sum();
    Moments {
        mean,
        variance: live.iter().map(|(x, w)| w * (x - mean).powi(2)).sum(),
        low: live.iter().map(|(x, _)| *x).fold(f64::INFINITY, f64::min),
        high: live.iter().map(|(x, _)| *x).fold(f64::NEG_INFINITY, f64::max),
    }
}
