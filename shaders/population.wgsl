// All blocks together: total weight, ESS, and what lies before each lane's first block. Runs in one
// workgroup.
// Reads blocks.

// Blocks of a lane, consecutive.
fn population_blocks() -> u32 {
    return ((settings.blocks ^ float_hidden_zero()) + LANES - 1u) / LANES;
}

var<workgroup> sh_peak: array<f32, LANES>;
var<workgroup> sh_squares: array<f32, LANES>;
// Particles that are not a number, those that nobody has counted yet, and those of weight zero.
var<workgroup> sh_counts: array<vec3<u32>, LANES>;

// What the whole population looks like.
struct Population {
    // Sum of weights in units of 2^-(WEIGHT_BITS + headroom) of the largest; zero if none
    // is positive.
    total: vec2<u32>,
    peak: f32,
    ess: f32,
    max_weight: f32,
    non_finite: u32,
    fresh: u32,
    dead: u32,
    // Exclusive sum of the totals of the blocks before this lane's first.
    before: vec2<u32>,
}

// The block's total in units of the population's total.
fn population_scaled(block: Block, peak: f32) -> vec2<u32> {
    let below = peak - block.peak;
    if (float_is_non_finite(block.peak) || below >= 31.0) {
        return vec2<u32>(0u);
    }
    let e = weight_exp(below);
    return wide_mul_shift(block.total, e.x, 31u + e.y - settings.headroom);
}

fn population_reduce(lane: u32) -> Population {
    let first = lane * population_blocks();
    let last = min(first + population_blocks(), (settings.blocks ^ float_hidden_zero()));
    var peak = float_minus_infinity();
    var counts = vec3<u32>(0u);
    for (var b = first; b < last; b++) {
        peak = max(peak, blocks[b].peak);
        counts += vec3<u32>(blocks[b].non_finite, blocks[b].fresh, blocks[b].dead);
    }
    sh_peak[lane] = peak;
    sh_counts[lane] = counts;
    workgroupBarrier();
    for (var k = 0u; k < LANES; k++) {
        peak = max(peak, sh_peak[k]);
    }

    var total = vec2<u32>(0u);
    var squares = 0.0;
    for (var b = first; b < last; b++) {
        let block = blocks[b];
        let scaled = population_scaled(block, peak);
        total = wide_add(total, scaled);
        if (scaled.x != 0u || scaled.y != 0u) {
            let ratio = wide_float(scaled) / wide_float(block.total);
            squares += f32(block.squares) * (ratio * ratio);
        }
    }
    sh_squares[lane] = squares;
    let before = prefix_exclusive(lane, total);

    var population: Population;
    population.before = before;
    population.total = prefix_total();
    population.peak = peak;
    squares = 0.0;
    counts = vec3<u32>(0u);
    for (var k = 0u; k < LANES; k++) {
        squares += sh_squares[k];
        counts += sh_counts[k];
    }
    population.non_finite = counts.x;
    population.fresh = counts.y;
    population.dead = counts.z;
    if (population.total.x != 0u || population.total.y != 0u) {
        let sum = wide_float(population.total) * settings.sum_unit;
        population.ess = min(sum / (squares * settings.square_unit) * sum, f32(settings.particles));
        population.max_weight = 1.0 / sum;
    }
    return population;
}
