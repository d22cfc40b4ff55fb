// Signed fixed point with 32 fractional bits in a two's complement vec2<u32>, for sums that must
// lose nothing over a million steps.

// Rounds to nearest; |x| < 2^31.
fn fixed_from_float(x: f32) -> vec2<u32> {
    let bits = bitcast<u32>(x);
    let mantissa = (bits & 0x007fffffu) | 0x00800000u;
    let exponent = i32((bits >> 23u) & 0xffu) - 118; // mantissa · 2^exponent in units of 2^-32
    var value = vec2<u32>(0u);
    if (exponent >= 32) {
        value = vec2<u32>(0u, mantissa << u32(exponent - 32));
    } else if (exponent > 0) {
        value = vec2<u32>(mantissa << u32(exponent), mantissa >> u32(32 - exponent));
    } else if (exponent == 0) {
        value = vec2<u32>(mantissa, 0u);
    } else if (exponent >= -24) {
        value = vec2<u32>(((mantissa >> u32(-exponent - 1)) + 1u) >> 1u, 0u);
    }
    return select(value, wide_sub(vec2<u32>(0u), value), bits >= 0x80000000u);
}

// log2 of a positive integer, one bit per squaring; error below 2^-29.
fn fixed_log2(a: vec2<u32>) -> vec2<u32> {
    var whole = 63u - countLeadingZeros(a.y);
    if (a.y == 0u) {
        whole = 31u - countLeadingZeros(a.x);
    }
    // The 32 leading bits: the mantissa in units of 2^-31.
    var m = a.x << (31u - min(whole, 31u));
    if (whole >= 32u) {
        let spare = 63u - whole;
        // Shifts by 32 in two parts: WGSL takes shift counts modulo 32.
        m = (a.y << spare) | ((a.x >> 1u) >> (31u - spare));
        let dropped = a.x << spare;
        m += select(0u, 1u, dropped >= 0x80000000u && m != 0xffffffffu);
    }
    var fraction = 0u;
    for (var k = 0u; k < 32u; k++) {
        var square = wide_mul(m, m);
        fraction = fraction << 1u;
        if (square.y >= 0x80000000u) {
            fraction |= 1u;
        } else {
            square = wide_double(square);
        }
        // Rounded, so that errors do not add up over many resamplings.
        m = square.y;
        if (square.x >= 0x80000000u && m != 0xffffffffu) {
            m += 1u;
        }
    }
    return vec2<u32>(fraction, whole);
}
