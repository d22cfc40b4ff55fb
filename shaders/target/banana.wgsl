// Twisted normal law ("banana"), normalised: x₀ ~ N(0, spread²),
// x₁ + bend (x₀² − spread²) ~ N(0, 1), and the other axes N(0, 1).
//   log density −x₀²/(2 spread²) − (x₁ + bend (x₀² − spread²))²/2 − Σ_{i≥2} xᵢ²/2
//               − log spread − DIM/2 · log 2π.
// Source: H. Haario, E. Saksman, J. Tamminen, Computational Statistics 14 (1999) 375, who take
// spread = 10 and bend = 0.03 or 0.1. The twist preserves volume, hence log Z = 0.
// Dimensions: 2 and more.

// Standard deviation of x₀.
override spread: f32 = 2.0;
// Curvature of the banana; 0 gives back the normal law.
override bend: f32 = 0.5;

const BANANA_LOG_2PI: f32 = 1.8378770664;

fn banana_untwisted(x: ptr<function, Point>) -> f32 {
    return (*x)[1] + bend * ((*x)[0] * (*x)[0] - spread * spread);
}

fn log_density(x: ptr<function, Point>) -> f32 {
    let z = (*x)[0] / spread;
    let second = banana_untwisted(x);
    var square = z * z + second * second;
    for (var i = 2u; i < DIM; i++) {
        square += (*x)[i] * (*x)[i];
    }
    return -0.5 * square - log(spread) - 0.5 * f32(DIM) * BANANA_LOG_2PI;
}

fn score(x: ptr<function, Point>) -> Point {
    let second = banana_untwisted(x);
    var slope: Point;
    slope[0] = -(*x)[0] / (spread * spread) - 2.0 * bend * (*x)[0] * second;
    slope[1] = -second;
    for (var i = 2u; i < DIM; i++) {
        slope[i] = -(*x)[i];
    }
    return slope;
}
