// Standard normal law, not normalised: log density −|x|²/2, so log Z = DIM/2 · log 2π.
// Parameters: none. Dimensions: any.

fn log_density(x: ptr<function, Point>) -> f32 {
    var square = 0.0;
    for (var i = 0u; i < DIM; i++) {
        square += (*x)[i] * (*x)[i];
    }
    return -0.5 * square;
}

fn score(x: ptr<function, Point>) -> Point {
    var slope: Point;
    for (var i = 0u; i < DIM; i++) {
        slope[i] = -(*x)[i];
    }
    return slope;
}
