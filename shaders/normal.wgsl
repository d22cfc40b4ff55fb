// Standard normals by the Box-Muller transform, with polynomials of our own for the logarithm and
// for sine and cosine: WGSL's own are only promised to 2^-11 on some drivers.
//
// How few terms was decided by bounds set beforehand: a variance off by at most 1e-6 of itself, and
// no distribution function, of the radius or of a coordinate, off by more than 1e-6. Over all words
// and in single precision these are off by 3e-8, 2.7e-7 and 1.2e-7; fourth moments by 7e-8 and
// E z1^2 z2^2 by 1e-7 of themselves; odd moments and E z1 z2 are zero by symmetry. One term fewer
// in the logarithm gives 1.02e-6, one fewer in the cosine 1.4e-6.

// -2 ln u on (0, 1], absolute error 6e-7 and rounding; may pass zero by that much near u = 1.
fn normal_square(u: f32) -> f32 {
    let bits = bitcast<u32>(u);
    let t = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u) - 1.5;
    var p = -0.0199014526;
    p = p * t + 0.0348007269;
    p = p * t - 0.052189853;
    p = p * t + 0.097868301;
    p = p * t - 0.197551847;
    p = p * t + 0.444489837;
    p = p * t - 1.33333325;
    p = p * t - 0.81093055;
    // The exponent as the last digits of a float of 2^23 and more: a conversion would cost more.
    let exponent = bitcast<f32>((bits >> 23u) | 0x4b000000u) - 8388735.0;
    return p - 1.3862943611 * exponent;
}

// (cos, sin) on the half-circle, absolute error 8e-7: the low 23 bits of the word choose the angle
// from -pi/2 up to pi/2.
fn normal_circle(b: u32) -> vec2<f32> {
    let r = bitcast<f32>((b & 0x007fffffu) | 0x3f800000u) - 1.5;
    let z = r * r;
    let s = (((-0.55463618 * z + 2.54189897) * z - 5.16714287) * z + 3.14158201) * r;
    let c = (((0.219696805 * z - 1.33188021) * z + 4.05841208) * z - 4.934793) * z + 0.99999994;
    return vec2<f32>(c, s);
}

// (0, 1), never 0, from the upper 31 bits; conversion from signed integers is the cheap one.
fn normal_uniform(a: u32) -> f32 {
    return (f32(i32(a >> 1u)) + 0.5) * 4.656612873077393e-10;
}

// Two independent normals from two words. The radius ends at 6.66: the tail beyond it has a
// probability of 2e-10.
fn normal_pair(a: u32, b: u32) -> vec2<f32> {
    let radius = sqrt(abs(normal_square(normal_uniform(a))));
    // The other half of the circle by the top bit.
    let side = bitcast<f32>(bitcast<u32>(radius) | (b & 0x80000000u));
    return side * normal_circle(b);
}

// In one and two dimensions one Threefry call serves several steps.
const NORMAL_STEPS_PER_CALL = select(select(1u, 2u, DIM == 2u), 4u, DIM == 1u);

// The words behind the normals of particle slot `slot` at `time`, and at the other times that share
// the call.
fn normal_words(slot: u32, time: u32, stream: u32) -> vec4<u32> {
    if (DIM <= 2u) {
        return threefry(slot, time / NORMAL_STEPS_PER_CALL, 0u, stream);
    }
    return vec4<u32>(0u);
}

// The DIM normals of particle slot `slot` at `time`, given normal_words of that time.
fn normal_draw(
    slot: u32, time: u32, stream: u32, words: vec4<u32>, out: ptr<function, Point>,
) {
    if (DIM <= 2u) {
        let turn = time % NORMAL_STEPS_PER_CALL;
        let later = turn * 2u >= NORMAL_STEPS_PER_CALL;
        let pair = select(words.xy, words.zw, later);
        let z = normal_pair(pair.x, pair.y);
        if (DIM == 1u) {
            (*out)[0] = select(z.x, z.y, (turn & 1u) == 1u);
        } else {
            for (var j = 0u; j < DIM; j++) {
                (*out)[j] = z[j];
            }
        }
    } else {
        for (var block = 0u; block * 4u < DIM; block++) {
            let word = threefry(slot, time, block, stream);
            let first = normal_pair(word.x, word.y);
            let second = normal_pair(word.z, word.w);
            let z = vec4<f32>(first, second);
            for (var j = 0u; j < 4u; j++) {
                if (block * 4u + j < DIM) {
                    (*out)[block * 4u + j] = z[j];
                }
            }
        }
    }
}
