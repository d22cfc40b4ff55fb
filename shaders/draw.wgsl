// Draw: the ancestors of multinomial and residual resampling, by binary search for a random point
// in the scanned places.
// Reads offsets, fractions, copies_through, control; writes ancestors.

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> fractions: array<u32>;
@group(0) @binding(3) var<storage, read> copies_through: array<u32>;
@group(0) @binding(4) var<storage, read_write> ancestors: array<u32>;

// The first i whose place lies above `point`; residual places leave out the copies.
fn draw_search_place(point: vec2<u32>) -> u32 {
    var a = 0u;
    var b = settings.particles - 1u;
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

fn draw_search_copies(rank: u32) -> u32 {
    var a = 0u;
    var b = settings.particles - 1u;
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
fn draw_point(k: u32, length: u32) -> vec2<u32> {
    let word = threefry(k, control.tests - 1u, 0u, STREAM_STRATUM);
    return wide_mul_shift(word.xy, length, 32u);
}

@compute @workgroup_size(LANES)
fn draw(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let k = index_of_workgroup(id) * LANES + lane;
    if (k >= settings.particles) {
        return;
    }
    var copies = 0u;
    if (RESAMPLER == RESIDUAL) {
        copies = control.copies;
    }
    if (k < copies) {
        ancestors[k] = draw_search_copies(k);
    } else {
        ancestors[k] = draw_search_place(draw_point(k, settings.particles - copies));
    }
}
