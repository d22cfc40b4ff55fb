// Draw: the ancestors of multinomial and residual resampling, by binary search for a random point
// in the scanned places.
// Reads offsets, fractions, copies_through, control; writes ancestors.

@group(0) @binding(0) var<storage, read> control: array<Control>;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> fractions: array<u32>;
@group(0) @binding(3) var<storage, read> copies_through: array<u32>;
@group(0) @binding(4) var<storage, read_write> ancestors: array<u32>;

// The first slot of an island whose place lies above `point`; residual places leave out the copies.
fn draw_search_place(island: u32, point: vec2<u32>) -> u32 {
    var a = island_slots(island);
    var b = a + settings.particles - 1u;
    while (a < b) {
        let middle = (a + b) >> 1u;
        var place = vec2<u32>(fractions[middle], offsets[middle]);
        if (RESAMPLER == RESIDUAL) {
            place.y -= copies_through[middle];
        }
        if (wide_less(point, place)) {
            b = middle;
        } else {
            a = middle + 1u;
        }
    }
    return a;
}

fn draw_search_copies(island: u32, rank: u32) -> u32 {
    var a = island_slots(island);
    var b = a + settings.particles - 1u;
    while (a < b) {
        let middle = (a + b) >> 1u;
        if (copies_through[middle] > rank) {
            b = middle;
        } else {
            a = middle + 1u;
        }
    }
    return a;
}

// A uniform point of [0, length), 32.32.
fn draw_point(island: u32, k: u32, length: u32) -> vec2<u32> {
    let place = island_place(island, k);
    let word = threefry_at(place, control[island].tests - 1u, 0u, STREAM_STRATUM);
    return wide_mul_shift(word.xy, length, 32u);
}

@compute @workgroup_size(LANES)
fn draw(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let island = id.z;
    let k = index_of_workgroup(id) * LANES + lane;
    if (k >= settings.particles || control[island].resampled == 0u) {
        return;
    }
    var copies = 0u;
    if (RESAMPLER == RESIDUAL) {
        copies = control[island].copies;
    }
    let slot = island_slots(island) + k;
    if (k < copies) {
        ancestors[slot] = draw_search_copies(island, k);
    } else {
        let point = draw_point(island, k, settings.particles - copies);
        ancestors[slot] = draw_search_place(island, point);
    }
}
