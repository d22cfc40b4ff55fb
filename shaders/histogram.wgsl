// Histogram: the weight in each bin of one or two coordinates, and what lies outside of them.
// Reads state_in, log_weights, tally_axes; reads and writes tally, from sum HISTOGRAM_OUTSIDE on:
// outside, below and above on the first axis, the same on the second, then the bins row by row.

@compute @workgroup_size(LANES)
fn histogram(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let workgroup = index_of_workgroup(id);
    let peak = tally_peak_found();
    let low = vec2<f32>(tally_axes[0].low, tally_axes[1].low);
    let per_unit = vec2<f32>(tally_axes[0].per_unit, tally_axes[1].per_unit);
    let columns = tally_axes[0].bins;
    let ends = vec2<f32>(f32(columns), f32(tally_axes[1].bins));
    // A lane's weights, ITEMS times at most 2^WEIGHT_BITS, fit 32 bits.
    var outside = 0u;
    var below = vec2<u32>(0u);
    var above = vec2<u32>(0u);
    for (var k = 0u; k < ITEMS; k++) {
        let slot = tally_slot(workgroup, lane, k);
        var weight = 0u;
        var x = vec2<f32>(0.0);
        if (slot < settings.particles) {
            x = tally_coordinates(slot);
            weight = tally_weight(log_weights[slot], x, peak);
        }
        if (weight > 0u) {
            let place = (x - low) * per_unit;
            let under = place < vec2<f32>(0.0);
            let over = place >= ends;
            if (any(under) || any(over)) {
                outside += weight;
                below += select(vec2<u32>(0u), vec2<u32>(weight), under);
                above += select(vec2<u32>(0u), vec2<u32>(weight), over);
            } else {
                tally_add(HISTOGRAM_BINS + u32(place.y) * columns + u32(place.x), weight);
            }
        }
    }
    if (outside > 0u) {
        tally_add(HISTOGRAM_OUTSIDE, outside);
        tally_add(HISTOGRAM_OUTSIDE + 1u, below.x);
        tally_add(HISTOGRAM_OUTSIDE + 2u, above.x);
        tally_add(HISTOGRAM_OUTSIDE + 3u, below.y);
        tally_add(HISTOGRAM_OUTSIDE + 4u, above.y);
    }
}
