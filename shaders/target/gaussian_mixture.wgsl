// Mixture of Gaussians with a scale per axis, normalised (the weights sum to 1, log Z = 0):
//   log density log Σₖ wₖ N(x; mₖ, diag sₖ²).
// One pass over the components holds the largest log term so far (the peak) and sums relative to it
// (M. Milakov and N. Gimelshein, arXiv:1805.02867), so that no exp overflows, no array is needed
// per component, and far from every mode the nearest one still pulls.
// Reads: mixture[0] the number of components, then for each of them 1 + 2 DIM numbers:
//   log(wₖ) − Σᵢ log(sₖᵢ) − DIM/2 · log 2π;  the mean;  the inverse scales.
// Parameters: none. Dimensions: any.

@group(1) @binding(0) var<storage, read> mixture: array<f32>;

const MIXTURE_STRIDE: u32 = 1u + 2u * DIM;
// Stands for −∞; its distance to any log term is still finite.
const MIXTURE_FLOOR: f32 = -1e38;

fn mixture_log_term(x: ptr<function, Point>, start: u32) -> f32 {
    var square = 0.0;
    for (var i = 0u; i < DIM; i++) {
        let z = ((*x)[i] - mixture[start + 1u + i]) * mixture[start + 1u + DIM + i];
        square += z * z;
    }
    return max(mixture[start] - 0.5 * square, MIXTURE_FLOOR);
}

fn log_density(x: ptr<function, Point>) -> f32 {
    let end = 1u + u32(mixture[0]) * MIXTURE_STRIDE;
    var peak = MIXTURE_FLOOR;
    var total = 0.0;
    for (var start = 1u; start < end; start += MIXTURE_STRIDE) {
        let term = mixture_log_term(x, start);
        let above = max(term, peak);
        total = total * exp(peak - above) + exp(term - above);
        peak = above;
    }
    return peak + log(total);
}

fn score(x: ptr<function, Point>) -> Point {
    var slope: Point;
    _ = log_density_and_score(x, &slope);
    return slope;
}

fn log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {
    let end = 1u + u32(mixture[0]) * MIXTURE_STRIDE;
    var peak = MIXTURE_FLOOR;
    var total = 0.0;
    for (var i = 0u; i < DIM; i++) {
        (*out)[i] = 0.0;
    }
    for (var start = 1u; start < end; start += MIXTURE_STRIDE) {
        let term = mixture_log_term(x, start);
        let above = max(term, peak);
        let kept = exp(peak - above);
        let share = exp(term - above);
        peak = above;
        total = total * kept + share;
        for (var i = 0u; i < DIM; i++) {
            let inverse = mixture[start + 1u + DIM + i];
            let pull = (mixture[start + 1u + i] - (*x)[i]) * inverse * inverse;
            (*out)[i] = (*out)[i] * kept + share * pull;
        }
    }
    for (var i = 0u; i < DIM; i++) {
        (*out)[i] /= total;
    }
    return peak + log(total);
}
