// Payload: what particles carry, as their parents had it.
// Reads parents, payload; writes gathered.

@group(0) @binding(0) var<storage, read> parents: array<u32>;
@group(0) @binding(1) var<storage, read> payload: array<u32>;
@group(0) @binding(2) var<storage, read_write> gathered: array<u32>;

@compute @workgroup_size(LANES)
fn payload_gather(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = index_of_workgroup(id) * LANES + lane;
    if (slot >= settings.particles) {
        return;
    }
    let parent = parents[slot];
    for (var k = 0u; k < PAYLOAD_WORDS; k++) {
        let word = k * PAYLOAD_WORD_STRIDE;
        gathered[slot * PAYLOAD_SLOT_STRIDE + word] = payload[parent * PAYLOAD_SLOT_STRIDE + word];
    }
}
