// Standard normals by the Box-Muller transform, with polynomials of our own for the logarithm and
// for sine and cosine: WGSL's own are only promised to 2^-11 on some drivers.

// log2(u) on (0, 1], absolute error 1e-7.
fn normal_log2(u: f32) -> f32 {
    let bits = bitcast<u32>(u);
    let t = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u) - 1.5;
    var p = 0.0055475882;
    p = p * t - 0.0088747414;
    p = p * t + 0.0116582038;
    p = p * t - 0.0206858338;
    p = p * t + 0.0380480327;
    p = p * t - 0.0712830126;
    p = p * t + 0.1424857378;
    p = p * t - 0.3205976784;
    p = p * t + 0.9617967606;
    p = p * t + 0.5849624872;
    return f32(i32(bits >> 23u) - 127) + p;
}

// (cos, sin) of 2π · b / 2^32, absolute error 1e-7: the top two bits choose the quadrant.
fn normal_circle(b: u32) -> vec2<f32> {
    let r = f32(bitcast<i32>(b << 2u)) * 0.00000000023283064;
    let z = r * r;
    let s = r * (((0.00015820674 * z - 0.0046812664) * z + 0.0796925798) * z - 0.6459640861) * z
        + r * 1.5707963705;
    let c = (((0.00090363168 * z - 0.0208600722) * z + 0.2536692023) * z - 1.2337005138) * z + 1.0;
    let quadrant = (b + 0x20000000u) >> 30u;
    let turned = select(vec2<f32>(c, s), vec2<f32>(-s, c), (quadrant & 1u) == 1u);
    return select(turned, -turned, (quadrant & 2u) == 2u);
}

// Two independent normals from two words. The radius ends at 6.66: the tail beyond it has a
// probability of 2e-10.
fn normal_pair(a: u32, b: u32) -> vec2<f32> {
    // (0, 1], never 0; conversion from signed integers is the cheap one.
    let u = (f32(i32(a >> 1u)) + 0.5) * 4.656612873077393e-10;
    // -2 ln u = -2 ln 2 · log2 u; the polynomial may pass zero by a rounding error near u = 1.
    let radius = sqrt(abs(1.3862943611 * normal_log2(u)));
    return radius * normal_circle(b);
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
