// Initial law: a mixture of Gaussians with a scale per axis, drawn by its components' shares. Where
// the shares are not the weights, the log-weight at time zero is
//   log p0(x) - log q(x),   q the mixture with the shares for weights.
// Reads from_mixture: what target/gaussian_mixture.wgsl says, then for each component the sum of
// the shares up to it, and its log factor with the share in place of the weight:
//   log(share_k) - sum_i log(s_ki) - DIM/2 log 2 pi.
// Needs INITIAL_WEIGHTED: whether shares are not the weights.

fn initial_sample(slot: u32) -> Point {
    let count = u32(from_mixture[0]);
    let table = 1u + count * from_MIXTURE_STRIDE;
    let word = threefry(slot, INITIAL_CHOICE, 0u, STREAM_INITIAL).x;
    let u = f32(word >> 8u) * 5.9604644775390625e-8;
    // The last component takes what rounding leaves.
    var k = 0u;
    while (k + 1u < count && u >= from_mixture[table + 2u * k]) {
        k += 1u;
    }
    let start = 1u + k * from_MIXTURE_STRIDE;
    var x: Point;
    normal_draw(slot, 0u, STREAM_INITIAL, normal_words(slot, 0u, STREAM_INITIAL), &x);
    for (var j = 0u; j < DIM; j++) {
        x[j] = from_mixture[start + 1u + j] + x[j] / from_mixture[start + 1u + DIM + j];
    }
    return x;
}

// The time of the random word that chooses the component; normal_words takes those of time 0.
const INITIAL_CHOICE = 1u;

fn initial_log_weight(x: ptr<function, Point>) -> f32 {
    if (!INITIAL_WEIGHTED) {
        return 0.0;
    }
    let count = u32(from_mixture[0]);
    let table = 1u + count * from_MIXTURE_STRIDE;
    var peak = from_MIXTURE_FLOOR;
    var total = 0.0;
    for (var k = 0u; k < count; k++) {
        let start = 1u + k * from_MIXTURE_STRIDE;
        var square = 0.0;
        for (var j = 0u; j < DIM; j++) {
            let z = ((*x)[j] - from_mixture[start + 1u + j]) * from_mixture[start + 1u + DIM + j];
            square += z * z;
        }
        let term = max(from_mixture[table + 2u * k + 1u] - 0.5 * square, from_MIXTURE_FLOOR);
        let above = max(term, peak);
        total = total * exp(peak - above) + exp(term - above);
        peak = above;
    }
    return from_log_density(x) - peak - log(total);
}
