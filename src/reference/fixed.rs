//! Twin of `shaders/fixed.wgsl`: signed fixed point with 32 fractional bits.

/// Rounds to the nearest multiple of 2^−32, halves away from zero.
pub fn fixed_from_float(x: f32) -> i64 {
    (f64::from(x) * 4_294_967_296.0).round() as i64
}

/// log2 of a positive integer; the device's is within 2^−29 of it.
pub fn fixed_log2(a: u64) -> f64 {
    // Leading bits apart, so that the conversion loses nothing that matters.
    let whole = a.ilog2();
    f64::from(whole) + ((a << (63 - whole)) as f64 / 2.0_f64.powi(63)).log2()
}
