// Grid: deposits the weights of the population on the nodes of a grid (cloud in cell), then blurs
// along one axis after the other to the bandwidth asked for. Deposits are integers, in units of
// 2^-31 of the mass, so that their sum does not depend on the order of particles. They cannot
// overflow: with N <= 2^27 particles of up to 8 shares, each rounded by at most half a unit, a node
// holds at most 2^31 + 2^29 units.
// The target is blurred beside it, from the points of `grid_target`: a field has a plane of the
// population, a plane of pi relative to its largest value, and the key of that value's logarithm.
// Reads state_in, log_weights, moments; writes grid_in, grid_out.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> moments: Moments;
// The population in units at first; the bits of floats between two blurs.
@group(0) @binding(2) var<storage, read_write> grid_in: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> grid_out: array<u32>;

override GRID_BLUR_AXIS: u32 = 0;

fn grid_lane(id: vec3<u32>, lane: u32) -> u32 {
    return index_of_workgroup(id) * LANES + lane;
}

@compute @workgroup_size(LANES)
fn grid_clear(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let cell = grid_lane(id, lane);
    // The population's plane, then the target's largest value.
    if (cell <= GRID_TOTAL) {
        atomicStore(&grid_in[select(cell, GRID_PEAK, cell == GRID_TOTAL)], 0u);
    }
}

@compute @workgroup_size(LANES)
fn grid_deposit(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = grid_lane(id, lane);
    if (slot >= settings.particles) {
        return;
    }
    var x = position_load(slot);
    let units = moments_weight(log_weights[slot]) * GRID_UNITS;
    if (position_is_lost(&x) || units == 0.0) {
        return;
    }
    for (var corner = 0u; corner < (1u << DIM); corner++) {
        let share = grid_share(&x, corner);
        atomicAdd(&grid_in[share.cell], u32(units * share.share + 0.5));
    }
}

// A node collects its shares of the points in the cells around it.
@compute @workgroup_size(LANES)
fn grid_spread(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let cell = grid_lane(id, lane);
    if (cell >= GRID_TOTAL) {
        return;
    }
    let peak = float_unkey(atomicLoad(&grid_in[GRID_PEAK]));
    var sum = 0.0;
    for (var corner = 0u; corner < (1u << DIM); corner++) {
        var origin = cell;
        var exists = true;
        var rest = cell;
        var stride = 1u;
        for (var j = 0u; j < DIM; j++) {
            let back = (corner >> j) & 1u;
            exists = exists && rest % GRID_CELLS >= back;
            origin -= select(0u, back * stride, exists);
            rest /= GRID_CELLS;
            stride *= GRID_CELLS;
        }
        let word = grid_out[GRID_TOTAL + origin];
        var share = 1.0;
        for (var j = 0u; j < DIM; j++) {
            let within = grid_within(word, j);
            share *= select(1.0 - within, within, ((corner >> j) & 1u) == 1u);
        }
        let value = bitcast<f32>(grid_out[origin]);
        sum += select(0.0, share * exp(value - peak), exists && value > GRID_NOTHING);
    }
    atomicStore(&grid_in[GRID_TOTAL + cell], bitcast<u32>(sum));
}

// The blur that is still missing along an axis, in nodes: cloud in cell and linear interpolation
// each widen a particle by a triangle whose variance is a sixth of the spacing squared on average.
fn grid_blur_width(j: u32) -> f32 {
    let spacing = grid_axis(j).spacing;
    let bandwidth = density_bandwidth(j);
    return sqrt(max(bandwidth * bandwidth - spacing * spacing / 3.0, 0.0)) / spacing;
}

// Of the population and of the target.
fn grid_load(cell: u32) -> vec2<f32> {
    let word = atomicLoad(&grid_in[cell]);
    let mass = select(bitcast<f32>(word), f32(word), GRID_BLUR_AXIS == 0u);
    return vec2<f32>(mass, bitcast<f32>(atomicLoad(&grid_in[GRID_TOTAL + cell])));
}

// A Gaussian over whole nodes up to four widths, its weights summing to one.
@compute @workgroup_size(LANES)
fn grid_blur(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let cell = grid_lane(id, lane);
    if (cell >= GRID_TOTAL) {
        return;
    }
    var stride = 1u;
    for (var j = 0u; j < GRID_BLUR_AXIS; j++) {
        stride *= GRID_CELLS;
    }
    let node = (cell / stride) % GRID_CELLS;
    let width = grid_blur_width(GRID_BLUR_AXIS);
    let radius = min(u32(ceil(4.0 * width)), GRID_CELLS - 1u);
    let steepness = 0.5 / max(width * width, 1e-6);
    // exp(-steepness k^2) from one k to the next: the ratio of two neighbors falls by `step`.
    var weight = 1.0;
    var ratio = exp(-steepness);
    let step = ratio * ratio;
    var sum = grid_load(cell);
    var norm = 1.0;
    for (var k = 1u; k <= radius; k++) {
        weight *= ratio;
        ratio *= step;
        norm += 2.0 * weight;
        if (node >= k) {
            sum += weight * grid_load(cell - k * stride);
        }
        if (node + k < GRID_CELLS) {
            sum += weight * grid_load(cell + k * stride);
        }
    }
    grid_out[cell] = bitcast<u32>(sum.x / norm);
    grid_out[GRID_TOTAL + cell] = bitcast<u32>(sum.y / norm);
    if (cell == 0u) {
        grid_out[GRID_PEAK] = atomicLoad(&grid_in[GRID_PEAK]);
    }
}
