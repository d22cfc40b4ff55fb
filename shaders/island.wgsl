// Islands: independent populations of equally many particles, side by side. Each has the slots of
// whole blocks, the last of which may be without a particle, and the records of its blocks with one
// for the whole behind them. A dispatch has a plane of workgroups for each.

// Where the slots of an island begin.
fn island_slots(island: u32) -> u32 {
    return island * settings.blocks * BLOCK;
}

// The slots of all islands.
fn island_end() -> u32 {
    return island_slots(settings.islands - 1u) + settings.particles;
}

// Where its records begin.
fn island_records(island: u32) -> u32 {
    return island * (settings.blocks + 1u);
}

// Where a slot of an island lies among all there are, as random_place.
fn island_place(island: u32, slot: u32) -> vec3<u32> {
    let low = settings.place.x + slot;
    let high = settings.place.y + select(0u, 1u, low < slot);
    return vec3<u32>(low, high, settings.place.z + island);
}

// A place for a number that is the same in all parts of an island, on whatever devices they are.
fn island_shared_place(island: u32, number: u32) -> vec3<u32> {
    return vec3<u32>(number, 0u, settings.place.z + island);
}
