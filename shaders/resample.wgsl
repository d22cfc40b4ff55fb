// Resample: the ancestor of every new particle, by binary search in the scanned weights.
// Systematic and stratified ancestors do not decrease, so that each workgroup first narrows the
// search to the ancestors of its own first and last particle.
// Reads offsets, fractions, copies_through, control; writes ancestors.

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> offsets: array<u32>;
@group(0) @binding(2) var<storage, read> fractions: array<u32>;
@group(0) @binding(3) var<storage, read> copies_through: array<u32>;
@group(0) @binding(4) var<storage, read_write> ancestors: array<u32>;

var<workgroup> sh_ends: array<u32, 2>;

// The first i in [low, high] with offsets[i] > rank; high itself is known to be one.
fn resample_search(rank: u32, low: u32, high: u32) -> u32 {
    var a = low;
    var b = high;
    while (a < b) {
        let middle = (a + b) >> 1u;
        if (offsets[middle] > rank) {
            b = middle;
        } else {
            a = middle + 1u;
        }
    }
    return a;
}

// The first i whose place lies above `point`; residual places leave out the copies.
fn resample_search_place(point: vec2<u32>) -> u32 {
    var a = 0u;
    var b = PARTICLES - 1u;
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

fn resample_search_copies(rank: u32) -> u32 {
    var a = 0u;
    var b = PARTICLES - 1u;
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
fn resample_point(k: u32, length: u32) -> vec2<u32> {
    let word = threefry(k, control.tests - 1u, 0u, STREAM_STRATUM);
    return wide_mul_shift(word.xy, length, 32u);
}

@compute @workgroup_size(LANES)
fn resample(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = index_of_workgroup(id, count) * LANES;
    let k = first + lane;
    if (RESAMPLER == SYSTEMATIC || RESAMPLER == STRATIFIED) {
        if (lane < 2u) {
            let rank = min(first + lane * (LANES - 1u), PARTICLES - 1u);
            sh_ends[lane] = resample_search(rank, 0u, PARTICLES - 1u);
        }
        workgroupBarrier();
        if (k < PARTICLES) {
            ancestors[k] = resample_search(k, sh_ends[0], sh_ends[1]);
        }
    } else if (k < PARTICLES) {
        var copies = 0u;
        if (RESAMPLER == RESIDUAL) {
            copies = control.copies;
        }
        if (k < copies) {
            ancestors[k] = resample_search_copies(k);
        } else {
            ancestors[k] = resample_search_place(resample_point(k, PARTICLES - copies));
        }
    }
}
