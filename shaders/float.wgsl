// Infinities and not-a-numbers, by their bits: `x != x` is optimised away by some compilers, and
// WGSL refuses their constants. And floats as integers in the same order.

// Exponent bits all set: infinite or not a number.
fn float_is_non_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
}

// NaN or +inf: what no log-weight may be. -inf is the logarithm of nothing.
fn float_is_lost(x: f32) -> bool {
    return float_is_non_finite(x) && !float_is_minus_infinity(x);
}

fn float_is_minus_infinity(x: f32) -> bool {
    return bitcast<u32>(x) == 0xff800000u;
}

// A variable hides the constant from the compiler.
fn float_minus_infinity() -> f32 {
    var bits = 0xff800000u;
    return bitcast<f32>(bits);
}

fn float_nan() -> f32 {
    var bits = 0x7fc00000u;
    return bitcast<f32>(bits);
}

// Monotone map of finite floats to unsigned integers above 0.
fn float_key(x: f32) -> u32 {
    let bits = bitcast<u32>(x);
    return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}

fn float_unkey(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}
