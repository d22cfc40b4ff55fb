// 64-bit unsigned integers as vec2<u32>(low, high): WGSL has none. Sums wrap.
// wide_high, the high half of a 32-bit product, is in a file of its own.

fn wide_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn wide_sub(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn wide_less(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y < b.y || (a.y == b.y && a.x < b.x);
}

fn wide_mul(a: u32, b: u32) -> vec2<u32> {
    return vec2<u32>(a * b, wide_high(a, b));
}

// (a · b) >> shift for shift < 96, where the result fits 64 bits.
fn wide_mul_shift(a: vec2<u32>, b: u32, shift: u32) -> vec2<u32> {
    let low = wide_mul(a.x, b);
    let high = wide_add(wide_mul(a.y, b), vec2<u32>(low.y, 0u));
    // Whole words first; WGSL takes shift counts modulo 32, hence the two cases below.
    let words = shift >> 5u;
    let bits = shift & 31u;
    var x = vec3<u32>(low.x, high);
    if (words == 1u) {
        x = vec3<u32>(x.y, x.z, 0u);
    } else if (words == 2u) {
        x = vec3<u32>(x.z, 0u, 0u);
    }
    if (bits == 0u) {
        return x.xy;
    }
    let carry = 32u - bits;
    return vec2<u32>((x.x >> bits) | (x.y << carry), (x.y >> bits) | (x.z << carry));
}

// The low 64 bits of a product.
fn wide_low(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = wide_mul(a.x, b.x);
    return vec2<u32>(low.x, low.y + a.x * b.y + a.y * b.x);
}

// a · 2^bits for bits < 64.
fn wide_up(a: vec2<u32>, bits: u32) -> vec2<u32> {
    let words = select(a, vec2<u32>(0u, a.x), bits >= 32u);
    let up = bits & 31u;
    // A shift by 32 in two parts: WGSL takes shift counts modulo 32.
    return vec2<u32>(words.x << up, (words.y << up) | ((words.x >> 1u) >> (31u - up)));
}

// The bits above the highest that is set.
fn wide_zeros(a: vec2<u32>) -> u32 {
    return select(countLeadingZeros(a.y), 32u + countLeadingZeros(a.x), a.y == 0u);
}

fn wide_double(a: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(a.x << 1u, (a.y << 1u) | (a.x >> 31u));
}

// Rounded to float: for statistics, never for decisions that must be exact.
fn wide_float(a: vec2<u32>) -> f32 {
    return f32(a.y) * 4294967296.0 + f32(a.x);
}
