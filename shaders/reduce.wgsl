// Reduce: one pass over the log-weights gives each block's peak, its integer total, the sum of its
// squared weights and its counts of log-weights that are no number, or minus infinity. Integer
// atomics only, so the result does not depend on the order in which lanes run.
// Reads log_weights; writes blocks, and dispatches: nothing is allowed until `decide` says so.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read_write> dispatches: array<u32>;

var<workgroup> sh_peak: atomic<u32>;
var<workgroup> sh_total_low: atomic<u32>;
var<workgroup> sh_total_high: atomic<u32>;
var<workgroup> sh_squares_low: atomic<u32>;
var<workgroup> sh_squares_high: atomic<u32>;
// Below, those that are not a number; above, of them those that nobody has counted yet.
var<workgroup> sh_non_finite: atomic<u32>;
var<workgroup> sh_dead: atomic<u32>;

// The square of a weight, in units of 2^-WEIGHT_BITS of the peak's: it errs by half a unit.
fn reduce_square(w: u32) -> u32 {
    return (wide_high(w << 4u, w << (29u - WEIGHT_BITS)) + 1u) >> 1u;
}

// LANES sums of at most 2^31 that were added by halves of 16 bits.
fn reduce_sum(low: u32, high: u32) -> vec2<u32> {
    return wide_add(vec2<u32>(high << 16u, high >> 16u), vec2<u32>(low, 0u));
}

@compute @workgroup_size(LANES)
fn reduce(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let particles = settings.particles;
    let block = index_of_workgroup(id);
    // Neighbouring lanes read neighbouring words.
    let first = block * BLOCK + lane;
    let slots = island_slots(id.z);
    if (block == 0u && id.z == 0u && lane < arrayLength(&dispatches)) {
        dispatches[lane] = 0u;
    }
    var mine: array<f32, ITEMS>;
    var peak_key = 0u;
    var non_finite = 0u;
    var dead = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        let slot = first + k * LANES;
        var lw = float_minus_infinity();
        if (slot < particles) {
            lw = log_weights[slots + slot];
        }
        mine[k] = lw;
        if (float_is_non_finite(lw)) {
            let is_dead = float_is_minus_infinity(lw) && slot < particles;
            dead += select(0u, 1u, is_dead);
            non_finite += select(1u, 0u, float_is_minus_infinity(lw))
                + select(0u, 0x10000u, loss_is_fresh(lw));
        } else {
            peak_key = max(peak_key, float_key(lw));
        }
    }
    atomicMax(&sh_peak, peak_key);
    if (non_finite > 0u) {
        atomicAdd(&sh_non_finite, non_finite);
    }
    if (dead > 0u) {
        atomicAdd(&sh_dead, dead);
    }
    workgroupBarrier();

    let block_key = atomicLoad(&sh_peak);
    let peak = float_unkey(block_key);
    var total = 0u;
    var squares = 0u;
    if (block_key != 0u) {
        for (var k = 0u; k < ITEMS; k++) {
            let w = weight_of(mine[k], peak);
            total += w;
            squares += reduce_square(w);
        }
    }
    atomicAdd(&sh_total_low, total & 0xffffu);
    atomicAdd(&sh_total_high, total >> 16u);
    atomicAdd(&sh_squares_low, squares & 0xffffu);
    atomicAdd(&sh_squares_high, squares >> 16u);
    workgroupBarrier();

    if (lane == 0u && block < settings.blocks) {
        var record: Block;
        record.total = reduce_sum(atomicLoad(&sh_total_low), atomicLoad(&sh_total_high));
        record.peak = select(float_minus_infinity(), peak, block_key != 0u);
        let squares = reduce_sum(atomicLoad(&sh_squares_low), atomicLoad(&sh_squares_high));
        let half = vec2<u32>(1u << (WEIGHT_BITS - SQUARE_BITS - 1u), 0u);
        record.squares = wide_mul_shift(wide_add(squares, half), 1u, WEIGHT_BITS - SQUARE_BITS).x;
        let non_finite = atomicLoad(&sh_non_finite);
        record.non_finite = non_finite & 0xffffu;
        record.fresh = non_finite >> 16u;
        record.dead = atomicLoad(&sh_dead);
        blocks[island_records(id.z) + block] = record;
    }
}
