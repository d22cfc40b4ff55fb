// The axis of offspring: a particle's place is the 32.32 fixed-point sum of the expected offspring
// of the particles up to and including it. The axis is divided among the blocks, exactly, so that
// it ends at N; inside a block a place is base + floor(prefix · factor / 2^shift).

// What is left out of a digit of offspring_quotient, relative to it: twice what the floats err by,
// 7.5 · 2^-23, whichever way a device rounds.
const OFFSPRING_LEFT_OUT = 1.9073486328125e-6; // 2^-19

// floor(m · 2^32 · a / b), exactly, for a <= b, 0 < b < 2^63 and m < 2^31.
//
// a / b in four digits of 16 bits. Each comes from floats and is never too large, so that less than
// 4/3 of b is left, and in the end 4/3 of the last bit: the quotient is at most one too small.
// Rests are known to fit 64 bits, so that 64 bits of their differences suffice.
fn offspring_quotient(m: u32, a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let digits = 65536.0 * (1.0 - OFFSPRING_LEFT_OUT) / wide_float(b);
    var rest = a;
    var ratio = vec2<u32>(0u);
    for (var k = 0u; k < 4u; k++) {
        let digit = u32(wide_float(rest) * digits);
        ratio = wide_add(wide_up(ratio, 16u), vec2<u32>(digit, 0u));
        rest = wide_sub(wide_up(rest, 16u), wide_low(b, vec2<u32>(digit, 0u)));
    }
    let quotient = wide_mul_shift(ratio, m, 32u);
    let left = wide_sub(vec2<u32>(0u, m * a.x), wide_low(b, quotient));
    return wide_add(quotient, vec2<u32>(select(1u, 0u, wide_less(left, b)), 0u));
}

// floor(N · 2^32 · part / total), exactly, for part <= total < 2^62.
fn offspring_at(part: vec2<u32>, total: vec2<u32>) -> vec2<u32> {
    return offspring_quotient(settings.particles, part, total);
}

// width / total as (factor, shift): factor · 2^-shift, rounded down, with 32 significant bits or 31
// fractional ones, whichever is fewer; width <= 2^32 total < 2^60. Of the width 2^32 total, which
// only a block with a single particle has, the factor is 0: nobody multiplies by it.
fn offspring_factor(width: vec2<u32>, total: vec2<u32>) -> vec2<u32> {
    if (width.x == 0u && width.y == 0u) {
        return vec2<u32>(0u, 31u);
    }
    // Both with their highest bit in place 61, and the larger below the other.
    let up = vec2<u32>(wide_zeros(width), wide_zeros(total)) - 2u;
    let dividend = wide_up(width, up.x);
    var divisor = wide_up(total, up.y);
    var shift = 32 + i32(up.x) - i32(up.y);
    if (!wide_less(dividend, divisor)) {
        divisor = wide_double(divisor);
        shift -= 1;
    }
    let factor = offspring_quotient(1u, dividend, divisor).x;
    if (shift < 0) {
        return vec2<u32>(0u);
    }
    if (shift > 62) {
        return vec2<u32>(0u, 31u);
    }
    let past = u32(max(shift - 31, 0));
    return vec2<u32>(factor >> past, u32(shift) - past);
}

// A block's part of the axis.
struct OffspringBlock {
    // Where its offspring begin and end, 32.32 fixed point.
    base: vec2<u32>,
    end: vec2<u32>,
    // Offspring per unit of weight is factor · 2^-shift, in units of 2^-32; shift < 32.
    factor: u32,
    shift: u32,
}

// `after` is the weight of all blocks up to and including this one, `total` that of all.
fn offspring_block(block: Block, after: vec2<u32>, total: vec2<u32>) -> OffspringBlock {
    let base = offspring_at(block.before, total);
    let end = offspring_at(after, total);
    var factor = vec2<u32>(0u);
    if (wide_less(block.before, after)) {
        factor = offspring_factor(wide_sub(end, base), block.total);
    }
    return OffspringBlock(base, end, factor.x, factor.y);
}

// One lane's part of a block of this total, after the weights `before` it.
struct Offspring {
    // base · 2^shift + before · factor, 96 bits.
    start: vec3<u32>,
    factor: u32,
    shift: u32,
    // The weight left in the block, and where the block ends.
    rest: u32,
    end: vec2<u32>,
}

fn offspring_lane(block: OffspringBlock, total: vec2<u32>, before: vec2<u32>) -> Offspring {
    var o: Offspring;
    o.factor = block.factor;
    o.shift = block.shift;
    o.end = block.end;
    let rest = wide_sub(total, before);
    // A lane's weights stay below 2^32 - 1.
    o.rest = select(rest.x, 0xffffffffu, rest.y > 0u);
    // before < 2^40, so that its high word times the factor has no third word of its own.
    let low = wide_mul(before.x, block.factor);
    let high = wide_add(wide_mul(before.y, block.factor), vec2<u32>(low.y, 0u));
    // Shifts by 32 in two parts: WGSL takes shift counts modulo 32.
    let up = 31u - block.shift;
    let base = vec3<u32>(
        block.base.x << block.shift,
        (block.base.y << block.shift) | ((block.base.x >> 1u) >> up),
        (block.base.y >> 1u) >> up,
    );
    o.start = offspring_add(base, low.x, high.x, high.y);
    return o;
}

fn offspring_add(a: vec3<u32>, x: u32, y: u32, z: u32) -> vec3<u32> {
    let s0 = a.x + x;
    let carry0 = select(0u, 1u, s0 < x);
    let s1 = a.y + y;
    let t1 = s1 + carry0;
    let carry1 = select(0u, 1u, s1 < y) + select(0u, 1u, t1 < carry0);
    return vec3<u32>(s0, t1, a.z + z + carry1);
}

// The place after `sum` more weight.
fn offspring_place(o: Offspring, sum: u32) -> vec2<u32> {
    let product = wide_mul(sum, o.factor);
    let x = offspring_add(o.start, product.x, product.y, 0u);
    let up = 31u - o.shift;
    let place = vec2<u32>(
        (x.x >> o.shift) | ((x.y << 1u) << up),
        (x.y >> o.shift) | ((x.z << 1u) << up),
    );
    return select(place, o.end, sum == o.rest);
}
