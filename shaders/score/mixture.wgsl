// Score model: a Gaussian mixture under noise, again a mixture with the components
// N(alpha m, alpha^2 s^2 + sigma^2): log density, score and its divergence
//   sum_k r_k (|g_k|^2 - sum_j 1/v_kj) - |score|^2,   g_k = -(x - m_k) / v_k.
// Two passes over the components: the largest log term, then sums relative to it.
// Reads the table from `at` on, for each component its log factor, means and inverse variances:
// one for all axes, `apart` = 0, or one each, `apart` = 1.

// Stands for -inf; its distance to any log term is still finite.
const MODEL_FLOOR: f32 = -1e38;

fn model_log_term(x: ptr<function, Point>, at: u32, apart: u32) -> f32 {
    var squares = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let z = (*x)[j] - compose_number(at + 1u + j);
        squares += z * z * compose_number(at + 1u + DIM + j * apart);
    }
    return max(compose_number(at) - 0.5 * squares, MODEL_FLOOR);
}

fn mixture_term(
    x: ptr<function, Point>, at: u32, count: u32, apart: u32, term: ptr<function, Term>,
) {
    let stride = 2u + DIM + (DIM - 1u) * apart;
    let end = at + count * stride;
    var peak = MODEL_FLOOR;
    for (var k = at; k < end; k += stride) {
        peak = max(peak, model_log_term(x, k, apart));
    }
    var total = 0.0;
    var curvature = 0.0;
    var score: Point;
    for (var k = at; k < end; k += stride) {
        let share = exp(model_log_term(x, k, apart) - peak);
        total += share;
        for (var j = 0u; j < DIM; j++) {
            let inverse = compose_number(k + 1u + DIM + j * apart);
            let pull = (compose_number(k + 1u + j) - (*x)[j]) * inverse;
            score[j] += share * pull;
            if (NEEDS_DIVERGENCE) {
                curvature += share * (pull * pull - inverse);
            }
        }
    }
    let scale = 1.0 / total;
    var squares = 0.0;
    for (var j = 0u; j < DIM; j++) {
        score[j] *= scale;
        squares += score[j] * score[j];
    }
    (*term).score = score;
    (*term).log_density = peak + log(total);
    (*term).divergence = curvature * scale - squares;
}
