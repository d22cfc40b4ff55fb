// Gather: after a resampling every particle's rows are its parent's. A slot may be the parent of
// others and get another parent itself, so rows go to the second copy of the state and back.
// Reads ancestors, state_in; writes state_out.

@group(0) @binding(0) var<storage, read> ancestors: array<u32>;

fn gather_rows(slot: u32, parent: u32) {
    for (var row = 0u; row < ROWS; row++) {
        state_store(row, slot, state_load(row, parent));
    }
}

@compute @workgroup_size(LANES)
fn gather(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot < settings.particles) {
        gather_rows(slot, ancestors[slot]);
    }
}

// Back from the second copy.
@compute @workgroup_size(LANES)
fn put_back(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot < settings.particles) {
        gather_rows(slot, slot);
    }
}
