// Survivors: the number of time-zero ancestors with a descendant of positive weight. A bit per
// ancestor is set by every descendant, whatever the order of particles, and the bits are counted.
// Reads state_in, log_weights; reads and writes survivors.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
// Their number, then a bit per ancestor.
@group(0) @binding(1) var<storage, read_write> survivors: array<atomic<u32>>;

// Words of a bit per ancestor.
fn survivor_words() -> u32 {
    return (settings.particles + 31u) / 32u;
}

var<workgroup> sh_survivors: atomic<u32>;

@compute @workgroup_size(LANES)
fn survivors_mark(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = index_of_workgroup(id) * BLOCK + lane;
    for (var k = 0u; k < ITEMS; k++) {
        let slot = first + k * LANES;
        if (slot < settings.particles && !float_is_non_finite(log_weights[slot])) {
            let ancestor = state_load(ANCESTOR_ROW, slot);
            let word = 1u + ancestor / 32u;
            let bit = 1u << (ancestor % 32u);
            // Siblings are neighbours after a resampling: most find the bit set, and looking is
            // cheaper than setting it again.
            if ((atomicLoad(&survivors[word]) & bit) == 0u) {
                atomicOr(&survivors[word], bit);
            }
        }
    }
}

@compute @workgroup_size(LANES)
fn survivors_count(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = index_of_workgroup(id) * BLOCK + lane;
    var bits = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        let word = first + k * LANES;
        if (word < survivor_words()) {
            bits += countOneBits(atomicLoad(&survivors[1u + word]));
        }
    }
    atomicAdd(&sh_survivors, bits);
    workgroupBarrier();
    if (lane == 0u) {
        atomicAdd(&survivors[0], atomicLoad(&sh_survivors));
    }
}
