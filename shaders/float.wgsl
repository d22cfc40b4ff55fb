// Infinities and not-a-numbers, by their bits: `x != x` is optimised away by some compilers, and
// WGSL refuses their constants.

// Exponent bits all set: infinite or not a number.
fn float_is_non_finite(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u;
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
