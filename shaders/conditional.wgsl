// Conditional: the conditional effective sample size of what the log-weights gained since the ESS
// test before, for the row of the trace that `decide` has just written. Sums over blocks of
// particles first, then one workgroup.
// Reads log_weights, control; reads and writes before; writes partials, trace.
// Source: Zhou, Johansen & Aston 2016.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read> control: Control;
// The log-weights that the test before left, relative to what those of now are relative to.
@group(0) @binding(2) var<storage, read_write> before: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<Sums>;
@group(0) @binding(4) var<storage, read_write> trace: array<TraceRow>;

@compute @workgroup_size(CESS_LANES)
fn conditional(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = index_of_workgroup(id);
    var sums = cess_nothing();
    for (var k = 0u; k < CESS_ITEMS; k++) {
        let slot = (block * CESS_ITEMS + k) * CESS_LANES + lane;
        if (slot < settings.particles) {
            let was = before[slot];
            let log_weight = log_weights[slot];
            var weight = exp(was);
            if (float_is_non_finite(was)) {
                weight = 0.0;
            }
            // The first sum is that of the weights.
            let gain = vec4<f32>(0.0, vec3<f32>(log_weight - was));
            sums = cess_merge(sums, cess_particle(weight, gain));
            // What `step` will find.
            before[slot] = select(log_weight - control.shift, 0.0, control.resampled != 0u);
        }
    }
    sh_sums[lane] = sums;
    cess_fold(lane);
    if (lane == 0u && block < cess_blocks()) {
        partials[block] = sh_sums[0];
    }
}

@compute @workgroup_size(CESS_LANES)
fn conditional_total(@builtin(local_invocation_index) lane: u32) {
    var sums = cess_nothing();
    for (var k = lane; k < cess_blocks(); k += CESS_LANES) {
        sums = cess_merge(sums, partials[k]);
    }
    sh_sums[lane] = sums;
    cess_fold(lane);
    if (lane == 0u) {
        trace[(control.trace_rows - 1u) % settings.trace_rows].cess = cess_of(1u);
    }
}
