// Reduce: one pass over the log-weights gives each block's peak, its integer total, the sum of its
// squared weights and its counts of log-weights that are no number, or minus infinity. Integer
// atomics only, so the result does not depend on the order in which lanes run.
// Reads log_weights; writes blocks.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;

var<workgroup> sh_peak: atomic<u32>;
var<workgroup> sh_total_low: atomic<u32>;
var<workgroup> sh_total_high: atomic<u32>;
var<workgroup> sh_squares: atomic<u32>;
// Below, those that are not a number; above, of them those that nobody has counted yet.
var<workgroup> sh_non_finite: atomic<u32>;
var<workgroup> sh_dead: atomic<u32>;

@compute @workgroup_size(LANES)
fn reduce(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let particles = settings.particles;
    let block = index_of_workgroup(id);
    let first = block * BLOCK + lane * ITEMS;
    var mine: array<f32, ITEMS>;
    var peak_key = 0u;
    var non_finite = 0u;
    var dead = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        var lw = float_minus_infinity();
        if (first + k < particles) {
            lw = log_weights[first + k];
        }
        mine[k] = lw;
        if (float_is_non_finite(lw)) {
            let is_dead = float_is_minus_infinity(lw) && first + k < particles;
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
    var squares = 0.0;
    if (block_key != 0u) {
        for (var k = 0u; k < ITEMS; k++) {
            let w = weight_of(mine[k], peak);
            total += w;
            let unit = f32(w) * WEIGHT_UNIT;
            squares += unit * unit;
        }
    }
    // LANES sums of at most 2^31 and 2^24: halves of 16 bits keep the carry apart.
    atomicAdd(&sh_total_low, total & 0xffffu);
    atomicAdd(&sh_total_high, total >> 16u);
    atomicAdd(&sh_squares, u32(squares * SQUARE_SCALE + 0.5));
    workgroupBarrier();

    if (lane == 0u && block < settings.blocks) {
        let low = atomicLoad(&sh_total_low);
        let high = atomicLoad(&sh_total_high);
        var record: Block;
        record.total = wide_add(vec2<u32>(high << 16u, high >> 16u), vec2<u32>(low, 0u));
        record.peak = select(float_minus_infinity(), peak, block_key != 0u);
        record.squares = atomicLoad(&sh_squares);
        let non_finite = atomicLoad(&sh_non_finite);
        record.non_finite = non_finite & 0xffffu;
        record.fresh = non_finite >> 16u;
        record.dead = atomicLoad(&sh_dead);
        blocks[block] = record;
    }
}
