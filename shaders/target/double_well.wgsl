// Tilted double well along the first axis, Gaussian along the others, not normalised:
//   log density −V,  V(x) = a (x₀⁴/4 − x₀²/2) + c x₀ + stiffness/2 · Σ_{i≥1} xᵢ².
// Two wells near x₀ = ±1 behind a barrier of about a/4; c > 0 favours the left one.
// Source: the bistable potential of H. A. Kramers, Physica 7 (1940) 284.
// Dimensions: any.

// Height: the barrier is a/4, the curvature of the wells 2a.
override a: f32 = 20.0;
// Tilt: the weight of the left well over that of the right one is about exp(2c).
override c: f32 = 0.1;
// Inverse variance along the other axes.
override stiffness: f32 = 1.0;

fn log_density(x: ptr<function, Point>) -> f32 {
    let first = (*x)[0];
    let square = first * first;
    var others = 0.0;
    for (var i = 1u; i < DIM; i++) {
        others += (*x)[i] * (*x)[i];
    }
    return -a * square * (0.25 * square - 0.5) - c * first - 0.5 * stiffness * others;
}

fn score(x: ptr<function, Point>) -> Point {
    let first = (*x)[0];
    var slope: Point;
    slope[0] = a * first * (1.0 - first * first) - c;
    for (var i = 1u; i < DIM; i++) {
        slope[i] = -stiffness * (*x)[i];
    }
    return slope;
}
