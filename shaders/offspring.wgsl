// The axis of offspring: a particle's place is the 32.32 fixed-point sum of the expected offspring
// of the particles up to and including it. `decide` divides the axis among the blocks, exactly, so
// that it ends at N; inside a block a place is base + floor(prefix · factor / 2^shift).

// floor(N · 2^32 · part / total), exactly, for part <= total < 2^62.
fn offspring_at(part: vec2<u32>, total: vec2<u32>) -> vec2<u32> {
    let particles = settings.particles;
    var rest = vec2<u32>(0u);
    var quotient = vec2<u32>(0u);
    for (var bit = 0u; bit < 64u; bit++) {
        rest = wide_double(rest);
        quotient = wide_double(quotient);
        if (bit < 32u && ((particles >> (31u - bit)) & 1u) == 1u) {
            rest = wide_add(rest, part);
        }
        // rest < 3 · total, hence at most two subtractions; no loop, for iterations are counted.
        if (!wide_less(rest, total)) {
            rest = wide_sub(rest, total);
            quotient = wide_add(quotient, vec2<u32>(1u, 0u));
        }
        if (!wide_less(rest, total)) {
            rest = wide_sub(rest, total);
            quotient = wide_add(quotient, vec2<u32>(1u, 0u));
        }
    }
    return quotient;
}

// width / total as (factor, shift): factor · 2^-shift, rounded down, with 32 significant bits or 31
// fractional ones, whichever is fewer.
fn offspring_factor(width: vec2<u32>, total: vec2<u32>) -> vec2<u32> {
    var rest = vec2<u32>(0u);
    var factor = 0u;
    var shift = 0u;
    for (var bit = 0u; bit < 95u; bit++) {
        if (bit >= 64u) {
            if (factor >= 0x80000000u) {
                break;
            }
            shift += 1u;
        }
        rest = wide_double(rest);
        if (bit < 32u) {
            rest.x |= (width.y >> (31u - bit)) & 1u;
        } else if (bit < 64u) {
            rest.x |= (width.x >> (63u - bit)) & 1u;
        }
        factor = factor << 1u;
        if (!wide_less(rest, total)) {
            rest = wide_sub(rest, total);
            factor |= 1u;
        }
    }
    return vec2<u32>(factor, shift);
}

// One lane's part of a block, after the weights `before` it.
struct Offspring {
    // base · 2^shift + before · factor, 96 bits.
    start: vec3<u32>,
    factor: u32,
    shift: u32,
    // The weight left in the block, and where the block ends.
    rest: u32,
    end: vec2<u32>,
}

fn offspring_lane(block: Block, before: vec2<u32>) -> Offspring {
    var o: Offspring;
    o.factor = block.factor;
    o.shift = block.shift;
    o.end = block.end;
    let rest = wide_sub(block.total, before);
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
