// Quantile: two weighted quantiles of a coordinate, exactly those of the particles that are seen,
// however far the outliers are. Weights are counted by the upper halves of the coordinate's keys
// (integers in the order of the floats), then, among the keys that begin as the quantile does, by
// the lower halves.
// Other name: radix select. A quantile is the least value with more than a fraction of the weight
// at or below it.
// Reads state_in, log_weights, tally_axes; reads and writes tally: from sum QUANTILE_STATE on, for
// each quantile (the key so far, the halves known) and the weight still to pass; then the counts,
// one set for the upper halves and one per quantile for the lower.

const QUANTILE_DIGITS = 65536u;
const QUANTILE_SHARE = QUANTILE_DIGITS / LANES;

// Where the counts of quantile `q` begin when so many halves are known.
fn quantile_counts(q: u32, halves: u32) -> u32 {
    return QUANTILE_COUNTS + halves * (1u + q) * QUANTILE_DIGITS;
}

@compute @workgroup_size(LANES)
fn quantile_count(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = index_of_workgroup(id);
    let peak = tally_peak_found();
    let states = array<vec2<u32>, 2>(
        tally_sum(QUANTILE_STATE),
        tally_sum(QUANTILE_STATE + 2u),
    );
    let halves = states[0].y;
    for (var k = 0u; k < ITEMS; k++) {
        let slot = tally_slot(workgroup, lane, k);
        var weight = 0u;
        var key = 0u;
        if (slot < settings.particles) {
            let x = tally_coordinates(slot);
            weight = tally_weight(log_weights[slot], x, peak);
            key = float_key(x.x);
        }
        if (weight > 0u) {
            if (halves == 0u) {
                tally_add(quantile_counts(0u, 0u) + (key >> 16u), weight);
            } else {
                for (var q = 0u; q < 2u; q++) {
                    if ((key >> 16u) == states[q].x) {
                        tally_add(quantile_counts(q, 1u) + (key & 0xffffu), weight);
                    }
                }
            }
        }
    }
}

// One workgroup per quantile finds the half in which it lies. Without any weight nothing is found.
@compute @workgroup_size(LANES)
fn quantile_choose(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let q = id.x;
    let state = QUANTILE_STATE + 2u * q;
    let known = tally_sum(state);
    let counts = quantile_counts(q, known.y);
    var mine = vec2<u32>(0u);
    for (var k = 0u; k < QUANTILE_SHARE; k++) {
        mine = wide_add(mine, tally_sum(counts + lane * QUANTILE_SHARE + k));
    }
    var below = prefix_exclusive(lane, mine);
    var wanted = tally_sum(state + 1u);
    if (known.y == 0u) {
        let fraction = select(QUANTILE_LOWER, QUANTILE_UPPER, q == 1u);
        wanted = wide_mul_shift(prefix_total(), fraction, 32u);
    }
    if (wide_less(wanted, below) || !wide_less(wanted, wide_add(below, mine))) {
        return;
    }
    var digit = lane * QUANTILE_SHARE;
    for (var k = 1u; k < QUANTILE_SHARE; k++) {
        let next = wide_add(below, tally_sum(counts + digit));
        if (wide_less(wanted, next)) {
            break;
        }
        below = next;
        digit += 1u;
    }
    let left = wide_sub(wanted, below);
    atomicStore(&tally[2u * state], (known.x << 16u) | digit);
    atomicStore(&tally[2u * state + 1u], known.y + 1u);
    atomicStore(&tally[2u * state + 2u], left.x);
    atomicStore(&tally[2u * state + 3u], left.y);
}
