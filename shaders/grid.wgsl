// Grid: deposits the weights of the population on the nodes of a grid (cloud in cell), then blurs
// along one axis after the other to the bandwidth asked for. Deposits are integers, in units of
// 2^-31 of the mass, so that their sum does not depend on the order of particles. They cannot
// overflow: with N <= 2^27 particles of up to 8 shares, each rounded by at most half a unit, a node
// holds at most 2^31 + 2^29 units.
// Reads state_in, log_weights, moments; writes grid_in, grid_out.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> moments: Moments;
// Units at first; the bits of floats between two blurs.
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
    if (cell < GRID_TOTAL) {
        atomicStore(&grid_in[cell], 0u);
    }
}

@compute @workgroup_size(LANES)
fn grid_deposit(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = grid_lane(id, lane);
    if (slot >= PARTICLES) {
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

// The blur that is still missing along an axis, in nodes: cloud in cell and linear interpolation
// each widen a particle by a triangle whose variance is a sixth of the spacing squared on average.
fn grid_blur_width(j: u32) -> f32 {
    let spacing = grid_axis(j).spacing;
    let bandwidth = density_bandwidth(j);
    return sqrt(max(bandwidth * bandwidth - spacing * spacing / 3.0, 0.0)) / spacing;
}

fn grid_load(cell: u32) -> f32 {
    let word = atomicLoad(&grid_in[cell]);
    return select(bitcast<f32>(word), f32(word), GRID_BLUR_AXIS == 0u);
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
    var sum = grid_load(cell);
    var norm = 1.0;
    for (var k = 1u; k <= radius; k++) {
        let weight = exp(-steepness * f32(k * k));
        norm += 2.0 * weight;
        if (node >= k) {
            sum += weight * grid_load(cell - k * stride);
        }
        if (node + k < GRID_CELLS) {
            sum += weight * grid_load(cell + k * stride);
        }
    }
    grid_out[cell] = bitcast<u32>(sum / norm);
}
