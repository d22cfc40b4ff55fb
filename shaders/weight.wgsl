// Integer weights: exp(log-weight - peak) by integer arithmetic, the same bits on every adapter.
// Particles more than 27 binary orders below the peak of their block have weight zero.

const WEIGHT_LOG2_E = 3098164009u; // log2(e) · 2^31

// 1 - 2^-f = f (C1 - f (C2 - f (...))) on [0, 1], times 2^32: minimax, error 2^-34. Far below what
// is rounded away, because it is the same error at every resampling, and adds up.
const WEIGHT_C1 = 2977044461u;
const WEIGHT_C2 = 1031764709u;
const WEIGHT_C3 = 238385872u;
const WEIGHT_C4 = 41299336u;
const WEIGHT_C5 = 5703899u;
const WEIGHT_C6 = 633214u;
const WEIGHT_C7 = 46675u;

// exp(-below) for 0 <= below < 31 as mantissa · 2^-(31 + exponent), mantissa in [2^30, 2^31].
// Absolute error of the mantissa: 2^-27 of its scale, of either sign.
fn weight_exp(below: f32) -> vec2<u32> {
    // Units of 2^-27, and times log2(e) octaves with 26 fractional bits. Both are rounded: what
    // truncation loses is always of one sign, and adds up over many resamplings.
    let scaled = u32(round(below * 134217728.0));
    let y = wide_high(scaled, WEIGHT_LOG2_E) + ((scaled * WEIGHT_LOG2_E) >> 31u);
    let f = y << 6u;
    var p = WEIGHT_C7;
    p = WEIGHT_C6 - wide_high(p, f);
    p = WEIGHT_C5 - wide_high(p, f);
    p = WEIGHT_C4 - wide_high(p, f);
    p = WEIGHT_C3 - wide_high(p, f);
    p = WEIGHT_C2 - wide_high(p, f);
    p = WEIGHT_C1 - wide_high(p, f);
    return vec2<u32>(0x80000000u - ((wide_high(p, f) + 1u) >> 1u), y >> 26u);
}

// The weight of a particle in units of 2^-WEIGHT_BITS of the weight of its block's peak.
fn weight_of(log_weight: f32, peak: f32) -> u32 {
    let below = peak - log_weight;
    if (float_is_non_finite(log_weight) || below >= 20.0) {
        return 0u;
    }
    let e = weight_exp(below);
    // Rounded; exponents reach at most 28 here, so that the shift stays below 32.
    let drop = 31u - WEIGHT_BITS + e.y;
    return ((e.x >> (drop - 1u)) + 1u) >> 1u;
}
