// Mark: where each particle's offspring begin, the particle with MARK set, for `expand`; and so at
// the first slot of every block, that `expand` needs no other. A word without the mark is an
// ancestor of an earlier resampling and counts for nothing.
// Writes ancestors, overflow.

// The offspring of this lane's particles, which end at `ranks` of an island; the first begin at
// `begin` and are those of `particle`.
fn mark_offspring(
    island: u32,
    particle: u32,
    begin: u32,
    ranks: ptr<function, array<u32, ITEMS>>,
) {
    let slots = island_slots(island);
    var childless = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        childless += select(0u, 1u, (*ranks)[k] <= begin);
    }
    let end = (*ranks)[ITEMS - 1u];
    if (end > begin) {
        // One store per particle, wanted or not: a particle without offspring repeats the mark
        // before it. Stores under an unpredictable branch cost far more.
        var rank = begin;
        var slot = begin;
        var mark = MARK | (particle + childless);
        for (var k = 0u; k < ITEMS; k++) {
            let next = (*ranks)[k];
            slot = select(slot, rank, next > rank);
            mark = select(mark, MARK | (particle + k), next > rank);
            ancestors[slots + slot] = mark;
            rank = next;
        }
    }
    // In one loop over blocks: a particle may have all of them, and iterations are counted.
    var k0 = (begin + BLOCK - 1u) & ~(BLOCK - 1u);
    if (k0 < end) {
        for (var k = 0u; k < ITEMS; k++) {
            for (; k0 < (*ranks)[k]; k0 += BLOCK) {
                ancestors[slots + k0] = MARK | (particle + k);
            }
        }
    }
}

// Lets `expand` run.
fn mark_overflow() {
    for (var k = 0u; k < 3u; k++) {
        atomicMax(&overflow[k], settings.groups_of_blocks[k]);
    }
}
