// What `moments` tells of the population. An array of floats in memory: two, then four per
// coordinate.

struct Moments {
    // The largest log-weight, and the sum of the weights relative to it; -inf and 0 when no
    // particle is left.
    peak: f32,
    total: f32,
    mean: array<f32, DIM>,
    variance: array<f32, DIM>,
    low: array<f32, DIM>,
    high: array<f32, DIM>,
}

// The normalised weight of a log-weight; a lost particle has none.
fn moments_weight(log_weight: f32) -> f32 {
    if (float_is_non_finite(log_weight)) {
        return 0.0;
    }
    return exp(log_weight - moments.peak) / moments.total;
}
