// Initial law: independent normals, N(mean, sd^2) per coordinate.
// Needs initial_mean(j), initial_sd(j), initial_precision_root(j) = 1 / sd and initial_log_peak(),
// the log density at the mean.

fn initial_sample(slot: u32) -> Point {
    var z: Point;
    normal_draw(slot, 0u, STREAM_INITIAL, normal_words(slot, 0u, STREAM_INITIAL), &z);
    for (var j = 0u; j < DIM; j++) {
        z[j] = initial_mean(j) + initial_sd(j) * z[j];
    }
    return z;
}

// A coordinate of the score at x, made again of x: what is not kept takes no registers.
fn initial_score_of(x: f32, kept: f32, j: u32) -> f32 {
    let z = (x - initial_mean(j)) * initial_precision_root(j);
    return -z * initial_precision_root(j);
}

fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
    var sum = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let z = ((*x)[j] - initial_mean(j)) * initial_precision_root(j);
        sum += z * z;
        (*out)[j] = initial_score_of((*x)[j], 0.0, j);
    }
    return initial_log_peak() - 0.5 * sum;
}
