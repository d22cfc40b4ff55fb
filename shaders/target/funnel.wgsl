// Neal's funnel, normalised: x₀ ~ N(0, spread²), and given x₀ the others are N(0, exp(x₀)).
//   log density −x₀²/(2 spread²) − log spread − DIM/2 · log 2π
//               − exp(−x₀)/2 · Σ_{i≥1} xᵢ² − (DIM − 1)/2 · x₀.
// Source: R. M. Neal, Annals of Statistics 31 (2003) 705, section 8.
// Dimensions: 2 and more.

// Standard deviation of x₀.
override spread: f32 = 3.0;

const FUNNEL_LOG_2PI: f32 = 1.8378770664;

// Inverse variance of the other axes. The cap keeps exp finite where x₀ < −80, and so does not
// change the law: the first axis alone makes that a matter of 8 standard deviations or more.
fn funnel_inverse_variance(first: f32) -> f32 {
    return exp(min(-first, 80.0));
}

fn funnel_others(x: ptr<function, Point>) -> f32 {
    var square = 0.0;
    for (var i = 1u; i < DIM; i++) {
        square += (*x)[i] * (*x)[i];
    }
    return square;
}

fn log_density(x: ptr<function, Point>) -> f32 {
    let first = (*x)[0];
    let z = first / spread;
    return -0.5 * (z * z + funnel_inverse_variance(first) * funnel_others(x))
        - 0.5 * f32(DIM - 1u) * first - log(spread) - 0.5 * f32(DIM) * FUNNEL_LOG_2PI;
}

fn score(x: ptr<function, Point>) -> Point {
    let first = (*x)[0];
    let inverse_variance = funnel_inverse_variance(first);
    var slope: Point;
    slope[0] = -first / (spread * spread)
        + 0.5 * (inverse_variance * funnel_others(x) - f32(DIM - 1u));
    for (var i = 1u; i < DIM; i++) {
        slope[i] = -inverse_variance * (*x)[i];
    }
    return slope;
}
