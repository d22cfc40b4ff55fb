// Settle: what a resampling without a run leaves behind: every particle is its own parent where
// nothing was resampled, and weights are equal where something was.
// Reads control; reads and writes words.

@group(0) @binding(0) var<storage, read> control: Control;
// The parents, or the bits of the log-weights.
@group(0) @binding(1) var<storage, read_write> words: array<u32>;

@compute @workgroup_size(LANES)
fn settle_parents(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot < settings.particles && control.resampled == 0u) {
        words[slot] = slot;
    }
}

@compute @workgroup_size(LANES)
fn settle_weights(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot < settings.particles && control.resampled != 0u) {
        words[slot] = 0u;
    }
}
