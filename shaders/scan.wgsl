// Scan: exact prefix sums of the integer weights, turned into places on the axis of offspring.
// Systematic and stratified resampling count the grid points below each place, which are the
// offspring: `tile` writes their ancestors, or `mark` leaves that to `expand`. The multinomial and
// residual kinds keep the places themselves for `draw`.
// Reads log_weights, control; reads and writes blocks; writes ancestors and overflow, or offsets
// and fractions.

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(2) var<storage, read> control: array<Control>;
@group(0) @binding(3) var<storage, read_write> ancestors: array<u32>;
@group(0) @binding(4) var<storage, read_write> overflow: array<atomic<u32>>;
// The whole part and the fraction of each particle's place.
@group(0) @binding(5) var<storage, read_write> offsets: array<u32>;
@group(0) @binding(6) var<storage, read_write> fractions: array<u32>;

var<workgroup> sh_block: OffspringBlock;
var<workgroup> sh_copies: atomic<u32>;

// The number of grid points below a place.
fn scan_rank(island: u32, place: vec2<u32>, uniform_offset: u32, tests: u32) -> u32 {
    var u = uniform_offset;
    if (RESAMPLER == STRATIFIED) {
        let cell = island_shared_place(island, place.y);
        u = threefry_at(cell, tests - 1u, 0u, STREAM_STRATUM).x;
    }
    return place.y + select(0u, 1u, place.x > u);
}

// The weight of a slot of an island, 0 where there is no particle.
fn scan_weight(island: u32, slot: u32, peak: f32) -> u32 {
    if (slot >= settings.particles) {
        return 0u;
    }
    return weight_of(log_weights[island_slots(island) + slot], peak);
}

// The sums of a lane's weights. ITEMS times at most 2^WEIGHT_BITS fit 32 bits.
fn scan_sums(lane: u32, island: u32, index: u32, peak: f32) -> array<u32, ITEMS> {
    var sums: array<u32, ITEMS>;
    var sum = 0u;
    if (TILED) {
        // Neighbouring lanes read neighbouring words, and hand them round with a word between the
        // lanes', so that these lie in different banks.
        for (var k = 0u; k < ITEMS; k++) {
            let i = k * LANES + lane;
            sh_tile[i + i / ITEMS] = scan_weight(island, index * BLOCK + i, peak);
        }
        workgroupBarrier();
        for (var k = 0u; k < ITEMS; k++) {
            sum += sh_tile[lane * (ITEMS + 1u) + k];
            sums[k] = sum;
        }
    } else {
        for (var k = 0u; k < ITEMS; k++) {
            sum += scan_weight(island, index * BLOCK + lane * ITEMS + k, peak);
            sums[k] = sum;
        }
    }
    return sums;
}

@compute @workgroup_size(LANES)
fn scan(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let island = id.z;
    // Behind the last block there is no particle: nothing is written for an island that stays.
    let stays = control[island].resampled == 0u;
    let index = select(index_of_workgroup(id), settings.blocks, stays);
    let records = island_records(island);
    let record = records + min(index, settings.blocks - 1u);
    let block = blocks[record];
    if (lane == 0u) {
        let whole = blocks[records + settings.blocks].before;
        sh_block = offspring_block(block, blocks[record + 1u].before, whole);
    }
    var sums = scan_sums(lane, island, index, block.peak);
    let before = prefix_exclusive(lane, vec2<u32>(sums[ITEMS - 1u], 0u));
    let offspring = offspring_lane(sh_block, block.total, before);
    let first = index * BLOCK + lane * ITEMS;
    var previous = offspring_place(offspring, 0u);

    if (RESAMPLER == SYSTEMATIC || RESAMPLER == STRATIFIED) {
        let uniform_offset = control[island].uniform;
        let tests = control[island].tests;
        let begin = scan_rank(island, previous, uniform_offset, tests);
        var ranks: array<u32, ITEMS>;
        for (var k = 0u; k < ITEMS; k++) {
            let place = offspring_place(offspring, sums[k]);
            ranks[k] = scan_rank(island, place, uniform_offset, tests);
        }
        let particle = island_slots(island) + first;
        if (TILED) {
            tile_offspring(lane, island, particle, begin, &ranks);
        } else {
            mark_offspring(island, particle, begin, &ranks);
            if (lane == 0u && index == 0u) {
                mark_overflow();
            }
        }
    } else {
        var copies = 0u;
        for (var k = 0u; k < ITEMS; k++) {
            let place = offspring_place(offspring, sums[k]);
            if (first + k < settings.particles) {
                let slot = island_slots(island) + first + k;
                offsets[slot] = place.y;
                fractions[slot] = place.x;
                copies += wide_sub(place, previous).y;
                previous = place;
            }
        }
        if (RESAMPLER == RESIDUAL) {
            atomicAdd(&sh_copies, copies);
            workgroupBarrier();
            if (lane == 0u && index < settings.blocks) {
                blocks[record].copies = atomicLoad(&sh_copies);
            }
        }
    }
}
