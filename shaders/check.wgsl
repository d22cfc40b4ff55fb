// Check: the target by itself, at given points, for `wfr check`.
// check_points: the log density and the score at COUNT points, DIM + 1 numbers each.
// check_cost: REPEATS evaluations in each of LANES invocations, every one a small step away from
// the one before, so that none can be left out.
// Reads check_in; writes check_out.

@group(0) @binding(0) var<storage, read> check_in: array<f32>;
@group(0) @binding(1) var<storage, read_write> check_out: array<f32>;

// The word that float.wgsl hides its constants with.
fn float_hidden_zero() -> u32 {
    return arrayLength(&check_in) >> 31u;
}

@compute @workgroup_size(64)
fn check_points(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    let i = index_of_workgroup(id) * 64u + lane;
    if (i >= COUNT) {
        return;
    }
    var x: Point;
    for (var j = 0u; j < DIM; j++) {
        x[j] = check_in[i * DIM + j];
    }
    var score: Point;
    check_out[i * (DIM + 1u)] = target_log_density_and_score(&x, &score);
    for (var j = 0u; j < DIM; j++) {
        check_out[i * (DIM + 1u) + 1u + j] = score[j];
    }
}

@compute @workgroup_size(64)
fn check_cost(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    let i = index_of_workgroup(id) * 64u + lane;
    if (i >= LANES) {
        return;
    }
    var x: Point;
    for (var j = 0u; j < DIM; j++) {
        x[j] = check_in[(i % COUNT) * DIM + j];
    }
    var sum = 0.0;
    for (var repeat = 0u; repeat < REPEATS; repeat++) {
        var score: Point;
        sum += target_log_density_and_score(&x, &score);
        for (var j = 0u; j < DIM; j++) {
            x[j] += 1e-6 * score[j];
        }
    }
    check_out[i] = sum;
}
