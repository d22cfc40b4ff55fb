// Scan: exact prefix sums of the integer weights, turned into places on the axis of offspring.
// Systematic and stratified resampling need only how many grid points lie below each place; the
// multinomial and residual kinds keep the places themselves.
// Reads log_weights, control; reads and writes blocks; writes offsets, fractions.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read> control: Control;
// Systematic, stratified: the number of offspring of the particles up to and including this one.
// Multinomial, residual: the whole part of the place, with its fraction in `fractions`.
@group(0) @binding(3) var<storage, read_write> offsets: array<u32>;
@group(0) @binding(4) var<storage, read_write> fractions: array<u32>;

var<workgroup> sh_copies: atomic<u32>;

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
    var copies = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        let i = first + k;
        if (i < PARTICLES) {
            let place = offspring_place(block, wide_add(before, vec2<u32>(sums[k], 0u)));
            if (RESAMPLER == SYSTEMATIC) {
                offsets[i] = place.y + select(0u, 1u, place.x > control.uniform);
            } else if (RESAMPLER == STRATIFIED) {
                let u = threefry(place.y, control.tests - 1u, 0u, STREAM_STRATUM).x;
                offsets[i] = place.y + select(0u, 1u, place.x > u);
            } else {
                offsets[i] = place.y;
                fractions[i] = place.x;
                copies += wide_sub(place, previous).y;
                previous = place;
            }
        }
    }
    if (RESAMPLER == RESIDUAL) {
        atomicAdd(&sh_copies, copies);
        workgroupBarrier();
        if (lane == 0u) {
            blocks[min(index, BLOCKS - 1u)].copies = atomicLoad(&sh_copies);
        }
    }
}
