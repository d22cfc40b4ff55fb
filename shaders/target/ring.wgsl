// Ring (a sphere's shell where DIM > 2), not normalised:
//   log density −(|x| − radius)²/(2 width²).
// Source: the first factor of U₁ in D. J. Rezende and S. Mohamed, arXiv:1505.05770, table 1.
// Dimensions: 2 and more.

override radius: f32 = 2.0;
override width: f32 = 0.4;

fn ring_length(x: ptr<function, Point>) -> f32 {
    var square = 0.0;
    for (var i = 0u; i < DIM; i++) {
        square += (*x)[i] * (*x)[i];
    }
    return sqrt(square);
}

fn log_density(x: ptr<function, Point>) -> f32 {
    let z = (ring_length(x) - radius) / width;
    return -0.5 * z * z;
}

// At the centre, where no direction leads outwards, the score is 0.
fn score(x: ptr<function, Point>) -> Point {
    let length = max(ring_length(x), 1e-18);
    let slope_per_length = (radius - length) / (width * width * length);
    var slope: Point;
    for (var i = 0u; i < DIM; i++) {
        slope[i] = slope_per_length * (*x)[i];
    }
    return slope;
}
