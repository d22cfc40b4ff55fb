// Conditional effective sample size of increments of the path, four at a time, in one pass:
//   CESS = (sum W u)^2 / (sum W · sum W u^2),  u = exp(increment), 0 < CESS <= 1.
// The sums are relative to the largest increment so far, so that none overflows whatever the sign
// and the size of the increments. The order of the merges is fixed by the particles' slots.
// Source: Zhou, Johansen & Aston 2016; the running peak: Milakov & Gimelshein 2018.

const CESS_ENTRIES = CESS_LANES * CESS_GROUPS;

// Blocks of particles, each with its sums.
fn cess_blocks() -> u32 {
    let block = CESS_LANES * CESS_ITEMS;
    return ((settings.particles ^ float_hidden_zero()) + block - 1u) / block;
}

// Below every increment; finite, because -inf minus -inf is not a number.
const CESS_NOWHERE = -3.0e38;

var<workgroup> sh_sums: array<Sums, CESS_ENTRIES>;

fn cess_nothing() -> Sums {
    return Sums(vec4<f32>(CESS_NOWHERE), vec4<f32>(0.0), vec4<f32>(0.0));
}

// A particle of this weight. One that leaves the support of the path, or is lost, adds nothing.
fn cess_particle(weight: f32, increment: vec4<f32>) -> Sums {
    let bits = bitcast<vec4<u32>>(increment) ^ vec4<u32>(float_hidden_zero());
    let exponent = bits & vec4<u32>(0x7f800000u);
    let finite = exponent != vec4<u32>(0x7f800000u);
    let counts = finite & vec4<bool>(weight > 0.0);
    let weights = select(vec4<f32>(0.0), vec4<f32>(weight), counts);
    return Sums(select(vec4<f32>(CESS_NOWHERE), increment, counts), weights, weights);
}

fn cess_merge(a: Sums, b: Sums) -> Sums {
    let above = b.peak - a.peak;
    let small = exp(-min(abs(above), vec4<f32>(100.0)));
    let of_a = select(vec4<f32>(1.0), small, above > vec4<f32>(0.0));
    let of_b = select(small, vec4<f32>(1.0), above > vec4<f32>(0.0));
    return Sums(
        max(a.peak, b.peak),
        a.sum * of_a + b.sum * of_b,
        a.squares * (of_a * of_a) + b.squares * (of_b * of_b),
    );
}

// Merges the entries of the workgroup, which belong to the groups in turn, into the first of each
// group: four to one, and again. CESS_LANES is a power of four.
fn cess_fold(lane: u32) {
    workgroupBarrier();
    for (var left = CESS_ENTRIES / 4u; left >= CESS_GROUPS; left /= 4u) {
        if (lane < left) {
            let low = cess_merge(sh_sums[lane], sh_sums[lane + left]);
            let high = cess_merge(sh_sums[lane + 2u * left], sh_sums[lane + 3u * left]);
            sh_sums[lane] = cess_merge(low, high);
        }
        workgroupBarrier();
    }
}

// The conditional effective sample size of an increment, once folded; the first one is zero, so
// that its sum is that of the weights.
fn cess_of(increment: u32) -> f32 {
    let total = sh_sums[0].sum.x * exp(sh_sums[0].peak.x);
    let sums = sh_sums[increment / 4u];
    let sum = sums.sum[increment % 4u];
    if (sum <= 0.0 || total <= 0.0) {
        return 0.0;
    }
    return min(1.0, (sum / sums.squares[increment % 4u]) * (sum / total));
}
