// Infinities and not-a-numbers, by their bits: `x != x` is optimised away by some compilers, and
// WGSL refuses their constants. And floats as integers in the same order.
//
// Under fast math a compiler takes every computed number for finite: it answers a test of the bits
// itself, and drops the arm of a choice that is infinite. So every test and every constant here
// goes through float_hidden_zero(), a word that is 0 and that no compiler can know: a file of
// hidden/ for each kernel. A decision tests the bits first and compares then, because an inverted
// comparison lets a NaN pass.

fn float_bits(x: f32) -> u32 {
    return bitcast<u32>(x) ^ float_hidden_zero();
}

// Exponent bits all set: infinite or not a number.
fn float_is_non_finite(x: f32) -> bool {
    return (float_bits(x) & 0x7f800000u) == 0x7f800000u;
}

// NaN or +inf: what no log-weight may be. -inf is the logarithm of nothing.
fn float_is_lost(x: f32) -> bool {
    return float_is_non_finite(x) && !float_is_minus_infinity(x);
}

fn float_is_minus_infinity(x: f32) -> bool {
    return float_bits(x) == 0xff800000u;
}

fn float_from_bits(bits: u32) -> f32 {
    return bitcast<f32>(bits ^ float_hidden_zero());
}

fn float_minus_infinity() -> f32 {
    return float_from_bits(0xff800000u);
}

fn float_nan() -> f32 {
    return float_from_bits(0x7fc00000u);
}

// Monotone map of finite floats to unsigned integers above 0.
fn float_key(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

fn float_unkey(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}
