// Moments: weighted mean, variance, lowest and highest value of every coordinate of the population,
// and the sum of the weights. Blocks first, then one workgroup per coordinate, each merged in a
// fixed order, so that the sums do not depend on how lanes run. Particles whose log-weight or
// position is not finite are left out.
// Source: Chan, Golub & LeVeque 1979, pairwise updating of means and sums of squares.
// Reads state_in, log_weights; writes moment_blocks, moments.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
// DIM + 1 rows per block: (mean, scatter, low, high) of each coordinate, then (peak, weight, 0, 0).
@group(0) @binding(1) var<storage, read_write> moment_blocks: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> moments: Moments;

const MOMENT_GROUP = 16u;
const MOMENT_GROUPS = LANES / MOMENT_GROUP;
const MOMENT_LARGEST = 3.4e38;

// The weight of some particles, and of one of their coordinates the mean, the weighted sum of
// squares about it, and the range.
struct Moment {
    weight: f32,
    values: vec4<f32>,
}

var<workgroup> sh_peak: array<f32, LANES>;
var<workgroup> sh_moment: array<Moment, LANES>;

fn moment_none() -> Moment {
    return Moment(0.0, vec4<f32>(0.0, 0.0, MOMENT_LARGEST, -MOMENT_LARGEST));
}

fn moment_merge(a: Moment, b: Moment) -> Moment {
    var merged = a;
    merged.weight = a.weight + b.weight;
    if (merged.weight > 0.0) {
        let apart = b.values.x - a.values.x;
        let share = b.weight / merged.weight;
        merged.values.x = a.values.x + apart * share;
        merged.values.y = a.values.y + b.values.y + apart * apart * a.weight * share;
    }
    merged.values.z = min(a.values.z, b.values.z);
    merged.values.w = max(a.values.w, b.values.w);
    return merged;
}

// All lanes together; the result is that of lane 0.
fn moment_of_workgroup(lane: u32, mine: Moment) -> Moment {
    workgroupBarrier();
    sh_moment[lane] = mine;
    workgroupBarrier();
    var merged = moment_none();
    if (lane < MOMENT_GROUPS) {
        for (var k = lane * MOMENT_GROUP; k < (lane + 1u) * MOMENT_GROUP; k++) {
            merged = moment_merge(merged, sh_moment[k]);
        }
    }
    workgroupBarrier();
    sh_moment[lane] = merged;
    workgroupBarrier();
    merged = moment_none();
    if (lane == 0u) {
        for (var k = 0u; k < MOMENT_GROUPS; k++) {
            merged = moment_merge(merged, sh_moment[k]);
        }
    }
    return merged;
}

fn moment_peak_of_workgroup(lane: u32, mine: f32) -> f32 {
    sh_peak[lane] = mine;
    workgroupBarrier();
    var peak = mine;
    for (var k = 0u; k < LANES; k++) {
        peak = max(peak, sh_peak[k]);
    }
    return peak;
}

@compute @workgroup_size(LANES)
fn moments_of_blocks(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = index_of_workgroup(id);
    let first = block * BLOCK + lane;
    var weights: array<f32, ITEMS>;
    var peak = float_minus_infinity();
    for (var k = 0u; k < ITEMS; k++) {
        let slot = first + k * LANES;
        weights[k] = float_minus_infinity();
        if (slot < settings.particles) {
            var lost = float_is_non_finite(log_weights[slot]);
            for (var j = 0u; j < DIM; j++) {
                lost = lost || float_is_non_finite(bitcast<f32>(state_load(j, slot)));
            }
            if (!lost) {
                weights[k] = log_weights[slot];
                peak = max(peak, weights[k]);
            }
        }
    }
    peak = moment_peak_of_workgroup(lane, peak);
    for (var j = 0u; j < DIM; j++) {
        var mine = moment_none();
        for (var k = 0u; k < ITEMS; k++) {
            if (!float_is_minus_infinity(weights[k])) {
                let x = bitcast<f32>(state_load(j, first + k * LANES));
                mine = moment_merge(mine, Moment(exp(weights[k] - peak), vec4<f32>(x, 0.0, x, x)));
            }
        }
        let all = moment_of_workgroup(lane, mine);
        if (lane == 0u && block < settings.blocks) {
            moment_blocks[block * (DIM + 1u) + j] = all.values;
            moment_blocks[block * (DIM + 1u) + DIM] = vec4<f32>(peak, all.weight, 0.0, 0.0);
        }
    }
}

@compute @workgroup_size(LANES)
fn moments_of_all(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var peak = float_minus_infinity();
    for (var b = lane; b < (settings.blocks ^ float_hidden_zero()); b += LANES) {
        peak = max(peak, moment_blocks[b * (DIM + 1u) + DIM].x);
    }
    peak = moment_peak_of_workgroup(lane, peak);
    var mine = moment_none();
    for (var b = lane; b < (settings.blocks ^ float_hidden_zero()); b += LANES) {
        let weight = moment_blocks[b * (DIM + 1u) + DIM];
        if (weight.y > 0.0) {
            let unit = exp(weight.x - peak);
            var values = moment_blocks[b * (DIM + 1u) + id.x];
            values.y *= unit;
            mine = moment_merge(mine, Moment(weight.y * unit, values));
        }
    }
    let all = moment_of_workgroup(lane, mine);
    if (lane == 0u) {
        moments.peak = peak;
        moments.total = all.weight;
        moments.mean[id.x] = all.values.x;
        moments.variance[id.x] = all.values.y / max(all.weight, 1e-30);
        moments.low[id.x] = all.values.z;
        moments.high[id.x] = all.values.w;
    }
}
