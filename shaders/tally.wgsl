// Tally: 64-bit sums of integer weights, the same whatever the order of particles. A weight is
// relative to the largest of the particles that count, those whose log-weight and coordinates are
// finite, which is found first. Particles are seen every TALLY_STRIDE-th.
// Reads state_in, log_weights, tally_axes; writes tally.

struct TallyAxis {
    coordinate: u32,
    bins: u32,
    low: f32,
    // Bins per unit of the coordinate.
    per_unit: f32,
}

@group(0) @binding(0) var<storage, read> log_weights: array<f32>;
// Where there is one axis, the second is the same coordinate in one bin.
@group(0) @binding(1) var<uniform> tally_axes: array<TallyAxis, 2>;
// The key of the largest log-weight and the number of lost particles, then sums of two words.
@group(0) @binding(2) var<storage, read_write> tally: array<atomic<u32>>;

const TALLY_PEAK = 0u;
const TALLY_LOST = 1u;

var<workgroup> sh_tally_peak: atomic<u32>;
var<workgroup> sh_tally_lost: atomic<u32>;

fn tally_sum(sum: u32) -> vec2<u32> {
    return vec2<u32>(atomicLoad(&tally[2u * sum]), atomicLoad(&tally[2u * sum + 1u]));
}

// The word before tells whether the low half wraps, so that every carry is added once.
fn tally_add(sum: u32, weight: u32) {
    let before = atomicAdd(&tally[2u * sum], weight);
    if (before + weight < before) {
        atomicAdd(&tally[2u * sum + 1u], 1u);
    }
}

// The slot of the k-th particle that a lane of a workgroup sees; there is none from `particles` on.
fn tally_slot(workgroup: u32, lane: u32, k: u32) -> u32 {
    return (workgroup * BLOCK + k * LANES + lane) * TALLY_STRIDE;
}

fn tally_coordinates(slot: u32) -> vec2<f32> {
    return vec2<f32>(
        bitcast<f32>(state_load(tally_axes[0].coordinate, slot)),
        bitcast<f32>(state_load(tally_axes[1].coordinate, slot)),
    );
}

fn tally_is_lost(x: vec2<f32>) -> bool {
    return float_is_non_finite(x.x) || float_is_non_finite(x.y);
}

fn tally_peak_found() -> f32 {
    return float_unkey(atomicLoad(&tally[TALLY_PEAK]));
}

// The weight of a particle in units of 2^-WEIGHT_BITS of the largest.
fn tally_weight(log_weight: f32, x: vec2<f32>, peak: f32) -> u32 {
    if (tally_is_lost(x)) {
        return 0u;
    }
    return weight_of(log_weight, peak);
}

@compute @workgroup_size(LANES)
fn tally_peak(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = index_of_workgroup(id);
    var peak = 0u;
    var lost = 0u;
    for (var k = 0u; k < ITEMS; k++) {
        let slot = tally_slot(workgroup, lane, k);
        if (slot < settings.particles) {
            let log_weight = log_weights[slot];
            let infinite = float_is_non_finite(log_weight);
            if (tally_is_lost(tally_coordinates(slot))
                || (infinite && !float_is_minus_infinity(log_weight))) {
                lost += 1u;
            } else if (!infinite) {
                peak = max(peak, float_key(log_weight));
            }
        }
    }
    atomicMax(&sh_tally_peak, peak);
    atomicAdd(&sh_tally_lost, lost);
    workgroupBarrier();
    if (lane == 0u) {
        atomicMax(&tally[TALLY_PEAK], atomicLoad(&sh_tally_peak));
        atomicAdd(&tally[TALLY_LOST], atomicLoad(&sh_tally_lost));
    }
}
