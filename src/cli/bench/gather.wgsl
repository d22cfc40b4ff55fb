// Moves the positions of the chosen ancestors to their new places, in two dimensions.
// Reads ancestors, x_in and y_in; writes x_out and y_out.

@group(0) @binding(0) var<storage, read> ancestors: array<u32>;
@group(0) @binding(1) var<storage, read> x_in: array<f32>;
@group(0) @binding(2) var<storage, read> y_in: array<f32>;
@group(0) @binding(3) var<storage, read_write> x_out: array<f32>;
@group(0) @binding(4) var<storage, read_write> y_out: array<f32>;

// One dimension of a dispatch holds at most 65535 workgroups.
const WORKGROUPS_PER_ROW = 2048u;

@compute @workgroup_size(256)
fn gather(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = (group.y * WORKGROUPS_PER_ROW + group.x) * 256u + lane;
    if i >= arrayLength(&ancestors) {
        return;
    }
    let ancestor = ancestors[i];
    x_out[i] = x_in[ancestor];
    y_out[i] = y_in[ancestor];
}
