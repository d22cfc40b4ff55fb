// Residual resampling places floor(N W) copies of each particle without chance; what is left over
// is drawn multinomially. `spine` sums the blocks' copies, `copies` the particles'.
// (With a systematic draw of the rest it would equal plain systematic resampling.)
// Reads offsets, fractions; reads and writes blocks, control; writes copies_through.

@group(0) @binding(0) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(1) var<storage, read_write> control: array<Control>;
@group(0) @binding(2) var<storage, read> offsets: array<u32>;
@group(0) @binding(3) var<storage, read> fractions: array<u32>;
// Copies of all particles up to and including this one.
@group(0) @binding(4) var<storage, read_write> copies_through: array<u32>;

// One workgroup for each island.
@compute @workgroup_size(LANES)
fn spine(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let records = island_records(id.z);
    let all = settings.blocks ^ float_hidden_zero();
    let share = (all + LANES - 1u) / LANES;
    let first = lane * share;
    let last = min(first + share, all);
    var sum = 0u;
    for (var b = first; b < last; b++) {
        sum += blocks[records + b].copies;
    }
    var before = prefix_exclusive(lane, vec2<u32>(sum, 0u)).x;
    for (var b = first; b < last; b++) {
        let copies = blocks[records + b].copies;
        blocks[records + b].copies = before;
        before += copies;
    }
    if (lane == 0u) {
        control[id.z].copies = prefix_total().x;
    }
}

fn residual_place(i: u32) -> vec2<u32> {
    return vec2<u32>(fractions[i], offsets[i]);
}

@compute @workgroup_size(LANES)
fn copies(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = index_of_workgroup(id);
    let first = index * BLOCK + lane * ITEMS;
    let slots = island_slots(id.z);
    var previous = vec2<u32>(0u);
    if (first > 0u && first < settings.particles) {
        previous = residual_place(slots + first - 1u);
    }
    var sums: array<u32, ITEMS>;
    var sum = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < settings.particles) {
            let place = residual_place(slots + first + k);
            sum += wide_sub(place, previous).y;
            previous = place;
        }
        sums[k] = sum;
    }
    let before = prefix_exclusive(lane, vec2<u32>(sum, 0u)).x
        + blocks[island_records(id.z) + min(index, settings.blocks - 1u)].copies;
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < settings.particles) {
            copies_through[slots + first + k] = before + sums[k];
        }
    }
}
