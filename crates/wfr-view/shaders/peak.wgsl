// The largest finite log-weight, as a key that orders as it does.
//
// A maximum of integers: a tree in each workgroup by its atomic, then one atomic a workgroup. The
// result does not depend on the order. Reads the log-weights; `peak` starts at zero.

@group(0) @binding(3) var<storage, read> log_weights: array<u32>;
@group(0) @binding(4) var<storage, read_write> peak: atomic<u32>;

var<workgroup> sh_peak: atomic<u32>;

@compute @workgroup_size(256)
fn find_peak(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var largest = 0u;
    let step = 256u * groups.x;
    for (var i = view_index(group, groups, lane); i < view.particles; i += step) {
        let bits = log_weights[i];
        largest = max(largest, select(0u, view_key(bits), view_finite(bits)));
    }
    atomicMax(&sh_peak, largest);
    workgroupBarrier();
    if lane == 0u {
        atomicMax(&peak, atomicLoad(&sh_peak));
    }
}
