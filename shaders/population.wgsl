// All blocks of an island together: total weight, ESS, and what lies before each block. Runs in
// one workgroup.
// Sums are of integers, so that neither lanes nor their number change a bit.
// Reads and writes blocks.

// Sums of squares have so many fractional bits more than those of the blocks.
const POPULATION_SQUARE_BITS = 16u;
const POPULATION_SQUARE_UNIT = 1.0 / (65536.0 * f32(1u << SQUARE_BITS));

// The records of a lane, consecutive: the first, and the one after the last.
fn population_records(lane: u32, island: u32) -> vec2<u32> {
    let all = settings.blocks ^ float_hidden_zero();
    let share = (all + LANES - 1u) / LANES;
    let first = min(lane * share, all);
    return vec2<u32>(first, min(first + share, all)) + island_records(island);
}

var<workgroup> sh_peak: atomic<u32>;
// Particles that are not a number, those that nobody has counted yet, and those of weight zero.
var<workgroup> sh_non_finite: atomic<u32>;
var<workgroup> sh_fresh: atomic<u32>;
var<workgroup> sh_dead: atomic<u32>;

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

// A block in units of the population.
struct PopulationTerm {
    total: vec2<u32>,
    squares: vec2<u32>,
}

fn population_term(block: Block, peak: f32) -> PopulationTerm {
    var term: PopulationTerm;
    let below = peak - block.peak;
    if (float_is_non_finite(block.peak) || below >= 31.0) {
        return term;
    }
    let e = weight_exp(below);
    term.total = wide_mul_shift(block.total, e.x, 31u + e.y - settings.headroom);
    // The mantissa's square in units of 2^-31.
    let square = wide_mul_shift(vec2<u32>(e.x, 0u), e.x, 31u).x;
    let shift = 31u - POPULATION_SQUARE_BITS + 2u * e.y;
    if (shift < 64u) {
        term.squares = wide_mul_shift(vec2<u32>(block.squares, 0u), square, shift);
    }
    return term;
}

// Leaves in each block the sum of what lies before it among the blocks of its lane.
fn population_reduce(lane: u32, island: u32) -> Population {
    let own = population_records(lane, island);
    var key = 0u;
    var counts = vec3<u32>(0u);
    for (var b = own.x; b < own.y; b++) {
        let peak = blocks[b].peak;
        key = max(key, select(float_key(peak), 0u, float_is_non_finite(peak)));
        counts += vec3<u32>(blocks[b].non_finite, blocks[b].fresh, blocks[b].dead);
    }
    atomicMax(&sh_peak, key);
    atomicAdd(&sh_non_finite, counts.x);
    atomicAdd(&sh_fresh, counts.y);
    atomicAdd(&sh_dead, counts.z);
    workgroupBarrier();

    var population: Population;
    key = atomicLoad(&sh_peak);
    population.peak = select(float_minus_infinity(), float_unkey(key), key != 0u);
    population.non_finite = atomicLoad(&sh_non_finite);
    population.fresh = atomicLoad(&sh_fresh);
    population.dead = atomicLoad(&sh_dead);
    var sums: PopulationTerm;
    for (var b = own.x; b < own.y; b++) {
        let term = population_term(blocks[b], population.peak);
        blocks[b].before = sums.total;
        sums.total = wide_add(sums.total, term.total);
        sums.squares = wide_add(sums.squares, term.squares);
    }
    population.before = prefix_exclusive(lane, sums.total);
    population.total = prefix_total();
    prefix_exclusive(lane, sums.squares);
    let squares = wide_float(prefix_total()) * POPULATION_SQUARE_UNIT;
    if (population.total.x != 0u || population.total.y != 0u) {
        let sum = wide_float(population.total) * settings.sum_unit;
        population.ess = min(sum / squares * sum, f32(settings.particles));
        population.max_weight = 1.0 / sum;
    }
    return population;
}

// Completes the sums that population_reduce left, up to the whole behind the last block.
fn population_scan(lane: u32, island: u32, population: Population) {
    let own = population_records(lane, island);
    for (var b = own.x; b < own.y; b++) {
        blocks[b].before = wide_add(population.before, blocks[b].before);
    }
    if (lane == 0u) {
        blocks[island_records(island) + settings.blocks].before = population.total;
    }
}
