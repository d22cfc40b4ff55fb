// Expand: the ancestors of systematic and stratified resampling from the marks that `scan` left: a
// running maximum over a block of slots, in place. A block without a mark at its first slot has its
// ancestors already.
// Reads and writes ancestors.

@group(0) @binding(0) var<storage, read_write> ancestors: array<u32>;

@compute @workgroup_size(LANES)
fn expand(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = index_of_workgroup(id) * BLOCK;
    let slots = island_slots(id.z);
    let end = select(0u, settings.particles, ancestors[slots + block] >= MARK);
    let first = block + lane * ITEMS;
    var marks: array<u32, ITEMS>;
    var last = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < end) {
            let word = ancestors[slots + first + k];
            last = select(last, word, word >= MARK);
        }
        marks[k] = last;
    }
    let before = last_before(lane, last);
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < end) {
            ancestors[slots + first + k] = max(marks[k], before) & ~MARK;
        }
    }
}
