// Initial law: uniform on a box, low <= x < high per coordinate.
// Needs initial_low(j), initial_width(j), initial_log_peak(): the log density inside.

fn initial_sample(slot: u32) -> Point {
    var x: Point;
    for (var block = 0u; block * 4u < DIM; block++) {
        let word = threefry(slot, 0u, block, STREAM_INITIAL);
        for (var j = 0u; j < 4u; j++) {
            if (block * 4u + j < DIM) {
                let u = f32(word[j] >> 8u) * 5.9604644775390625e-8;
                x[block * 4u + j] = initial_low(block * 4u + j) + initial_width(block * 4u + j) * u;
            }
        }
    }
    return x;
}

fn initial_score_of(x: f32, kept: f32, j: u32) -> f32 {
    return 0.0;
}

fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
    var inside = true;
    for (var j = 0u; j < DIM; j++) {
        let z = (*x)[j] - initial_low(j);
        inside = inside && z >= 0.0 && z <= initial_width(j);
        (*out)[j] = 0.0;
    }
    return select(float_minus_infinity(), initial_log_peak(), inside);
}
