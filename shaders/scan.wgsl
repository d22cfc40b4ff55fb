// Scan: exact prefix sums of the integer weights, turned into places on the axis of offspring.
// Systematic and stratified resampling count the grid points below each place: where a particle's
// offspring begin, scan leaves a mark, and `expand` does the rest. The multinomial and residual
// kinds keep the places themselves for `draw`.
// Reads log_weights, control; reads and writes blocks; writes ancestors, or offsets and fractions.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read> control: Control;
@group(0) @binding(3) var<storage, read_write> ancestors: array<u32>;
// The whole part and the fraction of each particle's place.
@group(0) @binding(4) var<storage, read_write> offsets: array<u32>;
@group(0) @binding(5) var<storage, read_write> fractions: array<u32>;

var<workgroup> sh_copies: atomic<u32>;

// The number of grid points below a place.
fn scan_rank(place: vec2<u32>) -> u32 {
    var u = control.uniform;
    if (RESAMPLER == STRATIFIED) {
        u = threefry(place.y, control.tests - 1u, 0u, STREAM_STRATUM).x;
    }
    return place.y + select(0u, 1u, place.x > u);
}

@compute @workgroup_size(LANES)
fn scan(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = index_of_workgroup(id, count);
    let block = blocks[min(index, BLOCKS - 1u)];
    let first = index * BLOCK + lane * ITEMS;
    // Eight weights of at most 2^28 fit 32 bits.
    var sums: array<u32, ITEMS>;
    var sum = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < PARTICLES) {
            sum += weight_of(log_weights[first + k], block.peak);
        }
        sums[k] = sum;
    }
    let before = prefix_exclusive(lane, vec2<u32>(sum, 0u));
    var previous = offspring_place(block, before);

    if (RESAMPLER == SYSTEMATIC || RESAMPLER == STRATIFIED) {
        let begin = scan_rank(previous);
        var rank = begin;
        var ranks: array<u32, ITEMS>;
        for (var k = 0u; k < ITEMS; k++) {
            let place = offspring_place(block, wide_add(before, vec2<u32>(sums[k], 0u)));
            let next = scan_rank(place);
            if (next > rank) {
                ancestors[rank] = MARK | (first + k);
            }
            rank = next;
            ranks[k] = rank;
        }
        // Every block of new particles begins with a mark, so that `expand` needs no other block.
        for (var k0 = (begin + BLOCK - 1u) & ~(BLOCK - 1u); k0 < rank; k0 += BLOCK) {
            var parent = first;
            for (var k = 0u; k < ITEMS; k++) {
                parent += select(0u, 1u, ranks[k] <= k0);
            }
            ancestors[k0] = MARK | parent;
        }
    } else {
        var copies = 0u;
        for (var k = 0u; k < ITEMS; k++) {
            let place = offspring_place(block, wide_add(before, vec2<u32>(sums[k], 0u)));
            if (first + k < PARTICLES) {
                offsets[first + k] = place.y;
                fractions[first + k] = place.x;
                copies += wide_sub(place, previous).y;
                previous = place;
            }
        }
        if (RESAMPLER == RESIDUAL) {
            atomicAdd(&sh_copies, copies);
            workgroupBarrier();
            if (lane == 0u && index < BLOCKS) {
                blocks[index].copies = atomicLoad(&sh_copies);
            }
        }
    }
}
