// Grid, the target: evaluates pi at one point of every cell of the grid, the box between a node and
// the next along every axis. `grid_spread` shares the points out as `grid_deposit` does particles,
// so that pi is blurred exactly as the population is. Points are random in their cells, and fresh
// at every estimate: wherever the support ends between two nodes, sums are right on average.
// Reads moments, control; writes grid_in (the key of the largest log pi), grid_out (log pi, and the
// word that says where the point is).

@group(0) @binding(0) var<storage, read> moments: Moments;
@group(0) @binding(1) var<storage, read> control: Control;
@group(0) @binding(2) var<storage, read_write> grid_in: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> grid_out: array<u32>;

var<workgroup> sh_key: atomic<u32>;

@compute @workgroup_size(LANES)
fn grid_target(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    let cell = index_of_workgroup(id) * LANES + lane;
    let word = threefry(cell, control.step_end, 0u, STREAM_GRID).x;
    var exists = cell < GRID_TOTAL;
    var x: Point;
    var rest = cell;
    for (var j = 0u; j < DIM; j++) {
        let axis = grid_axis(j);
        let node = rest % GRID_CELLS;
        rest /= GRID_CELLS;
        // Beyond the last node there is no cell.
        exists = exists && node + 1u < GRID_CELLS;
        x[j] = axis.low + axis.spacing * (f32(node) + grid_within(word, j));
    }
    var score: Point;
    let log_density = target_log_density_and_score(&x, &score);
    let counts = exists && !float_is_non_finite(log_density);
    workgroupBarrier();
    if (counts) {
        atomicMax(&sh_key, float_key(log_density));
    }
    workgroupBarrier();
    if (lane == 0u) {
        atomicMax(&grid_in[GRID_PEAK], atomicLoad(&sh_key));
    }
    if (cell < GRID_TOTAL) {
        grid_out[cell] = bitcast<u32>(select(GRID_NOTHING, log_density, counts));
        grid_out[GRID_TOTAL + cell] = word;
    }
}
