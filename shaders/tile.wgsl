// Tile: the ancestors of a block's offspring, which lie side by side, where a device reads and
// writes neighbouring words at once: marks where each particle's offspring begin, a running maximum
// over them, and stores of neighbouring words by neighbouring lanes. A block with more offspring
// than a tile holds does so with those at both ends, and leaves the blocks of slots that are all
// its own to `expand`. (lavapipe pays for each word of a lane: it leaves everything to `expand`.)
// Writes ancestors, overflow.

// The words of a tile, and one of each lane for particles without offspring in it. At first there
// is no mark.
var<workgroup> sh_tile: array<u32, TILE + LANES>;
var<workgroup> sh_tile_range: array<u32, 2>;

// The offspring in slots [low, high), for the rest as mark_offspring.
fn tile_store(
    lane: u32,
    island: u32,
    particle: u32,
    begin: u32,
    ranks: ptr<function, array<u32, ITEMS>>,
    low: u32,
    high: u32,
) {
    var rank = begin;
    for (var k = 0u; k < ITEMS; k++) {
        let next = (*ranks)[k];
        let first = max(rank, low);
        let slot = select(TILE + lane, first - low, first < min(next, high));
        sh_tile[slot] = MARK | (particle + k);
        rank = next;
    }
    workgroupBarrier();
    // An odd number of words a lane: at a power of two lanes would wait for each other's bank.
    let share = ((high - low + LANES - 1u) / LANES) | 1u;
    let own = lane * share;
    var last = 0u;
    for (var j = 0u; j < share; j++) {
        last = max(last, sh_tile[own + j]);
    }
    last = last_before(lane, last);
    for (var j = 0u; j < share; j++) {
        last = max(last, sh_tile[own + j]);
        sh_tile[own + j] = last;
    }
    workgroupBarrier();
    let slots = island_slots(island) + low;
    for (var j = lane; j < high - low; j += LANES) {
        ancestors[slots + j] = sh_tile[j] & ~MARK;
    }
}

// All offspring of a block.
fn tile_offspring(
    lane: u32,
    island: u32,
    particle: u32,
    begin: u32,
    ranks: ptr<function, array<u32, ITEMS>>,
) {
    if (lane == 0u) {
        sh_tile_range[0] = begin;
    }
    if (lane == LANES - 1u) {
        sh_tile_range[1] = (*ranks)[ITEMS - 1u];
    }
    let range = workgroupUniformLoad(&sh_tile_range);
    let fits = range[1] - range[0] <= TILE;
    // The blocks of slots that are all its own.
    let low = (range[0] + BLOCK - 1u) & ~(BLOCK - 1u);
    let high = range[1] & ~(BLOCK - 1u);
    tile_store(lane, island, particle, begin, ranks, range[0], select(low, range[1], fits));
    if (!fits) {
        var inner: array<u32, ITEMS>;
        for (var k = 0u; k < ITEMS; k++) {
            inner[k] = clamp((*ranks)[k], low, high);
        }
        mark_offspring(island, particle, clamp(begin, low, high), &inner);
        if (lane == 0u) {
            mark_overflow();
        }
        // What the tile still holds are marks of earlier particles, which count for nothing.
        workgroupBarrier();
        tile_store(lane, island, particle, begin, ranks, high, range[1]);
    }
}
