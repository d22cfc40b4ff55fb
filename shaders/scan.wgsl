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

var<workgroup> sh_block: OffspringBlock;
var<workgroup> sh_copies: atomic<u32>;

// The number of grid points below a place.
fn scan_rank(place: vec2<u32>, uniform_offset: u32, tests: u32) -> u32 {
    var u = uniform_offset;
    if (RESAMPLER == STRATIFIED) {
        u = threefry(place.y, tests - 1u, 0u, STREAM_STRATUM).x;
    }
    return place.y + select(0u, 1u, place.x > u);
}

@compute @workgroup_size(LANES)
fn scan(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let particles = settings.particles;
    let index = index_of_workgroup(id);
    let record = min(index, settings.blocks - 1u);
    let block = blocks[record];
    if (lane == 0u) {
        let after = blocks[record + 1u].before;
        sh_block = offspring_block(block, after, blocks[settings.blocks].before);
    }
    let first = index * BLOCK + lane * ITEMS;
    // A lane's weights, ITEMS times at most 2^WEIGHT_BITS, fit 32 bits.
    var sums: array<u32, ITEMS>;
    var sum = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        if (first + k < particles) {
            sum += weight_of(log_weights[first + k], block.peak);
        }
        sums[k] = sum;
    }
    let before = prefix_exclusive(lane, vec2<u32>(sum, 0u));
    let offspring = offspring_lane(sh_block, block.total, before);
    var previous = offspring_place(offspring, 0u);

    if (RESAMPLER == SYSTEMATIC || RESAMPLER == STRATIFIED) {
        let uniform_offset = control.uniform;
        let tests = control.tests;
        let begin = scan_rank(previous, uniform_offset, tests);
        var ranks: array<u32, ITEMS>;
        var childless = 0u;
        for (var k = 0u; k < ITEMS; k++) {
            ranks[k] = scan_rank(offspring_place(offspring, sums[k]), uniform_offset, tests);
            childless += select(0u, 1u, ranks[k] <= begin);
        }
        let end = ranks[ITEMS - 1u];
        if (end > begin) {
            // One store per particle, wanted or not: a particle without offspring repeats the mark
            // before it. Stores under an unpredictable branch cost far more.
            var rank = begin;
            var slot = begin;
            var mark = MARK | (first + childless);
            for (var k = 0u; k < ITEMS; k++) {
                let next = ranks[k];
                slot = select(slot, rank, next > rank);
                mark = select(mark, MARK | (first + k), next > rank);
                ancestors[slot] = mark;
                rank = next;
            }
        }
        // Every block of new particles begins with a mark, so that `expand` needs no other block.
        // In one loop over blocks: a particle may have all of them, and iterations are counted.
        var k0 = (begin + BLOCK - 1u) & ~(BLOCK - 1u);
        if (k0 < end) {
            for (var k = 0u; k < ITEMS; k++) {
                for (; k0 < ranks[k]; k0 += BLOCK) {
                    ancestors[k0] = MARK | (first + k);
                }
            }
        }
    } else {
        var copies = 0u;
        for (var k = 0u; k < ITEMS; k++) {
            let place = offspring_place(offspring, sums[k]);
            if (first + k < particles) {
                offsets[first + k] = place.y;
                fractions[first + k] = place.x;
                copies += wide_sub(place, previous).y;
                previous = place;
            }
        }
        if (RESAMPLER == RESIDUAL) {
            atomicAdd(&sh_copies, copies);
            workgroupBarrier();
            if (lane == 0u && index < settings.blocks) {
                blocks[index].copies = atomicLoad(&sh_copies);
            }
        }
    }
}
