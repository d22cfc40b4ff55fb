// Mixture, the sums: adds the components [first, first + count) to the sum of every particle,
// through workgroup memory; dispatched until all components are in. A lane has MIXTURE_ITEMS
// particles, so that a component is loaded once for all of them.
//
// A sum is kept relative to a reference that is known beforehand, the particle's own term or what
// is 60 below the heaviest component: no term overflows, and none that underflows matters.
// Reads state_in, log_weights, moments, components, control, schedule; reads and writes
// mixture_sums.

var<workgroup> sh_components: array<f32, MIXTURE_TILE * MIXTURE_ROW>;

@compute @workgroup_size(LANES)
fn mixture_sweep(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let base =
        control.first_slot + index_of_workgroup(id) * LANES * MIXTURE_ITEMS + lane;
    let rotation = mixture_rotation();
    var x: array<Point, MIXTURE_ITEMS>;
    var sums: array<vec2<f32>, MIXTURE_ITEMS>;
    var own: array<u32, MIXTURE_ITEMS>;
    for (var item = 0u; item < MIXTURE_ITEMS; item++) {
        let slot = min(base + item * LANES, settings.particles - 1u);
        var at = position_load(slot);
        mixture_scale(&at);
        x[item] = at;
        sums[item] = mixture_sums[slot];
        if (sweep.first == 0u) {
            sums[item] = vec2<f32>(mixture_log_weight(slot) + component_self(slot), 0.0);
        }
        own[item] = subset_component(slot, rotation);
    }
    for (var tile = 0u; tile < sweep.count; tile += MIXTURE_TILE) {
        let size = min(MIXTURE_TILE, sweep.count - tile);
        let first = sweep.first + tile;
        workgroupBarrier();
        for (var k = lane; k < size * MIXTURE_ROW; k += LANES) {
            sh_components[k] = components[first * MIXTURE_ROW + k];
        }
        workgroupBarrier();
        var parts: array<f32, MIXTURE_ITEMS>;
        for (var k = 0u; k < size; k++) {
            var squares: array<f32, MIXTURE_ITEMS>;
            for (var j = 0u; j < DIM; j++) {
                let centre = sh_components[k * MIXTURE_ROW + j];
                for (var item = 0u; item < MIXTURE_ITEMS; item++) {
                    let apart = x[item][j] - centre;
                    squares[item] += apart * apart;
                }
            }
            let log_weight = sh_components[k * MIXTURE_ROW + DIM];
            for (var item = 0u; item < MIXTURE_ITEMS; item++) {
                let reference = max(sums[item].x, MIXTURE_LEAST);
                let term = exp(log_weight - 0.5 * squares[item] - reference);
                parts[item] += select(term, 0.0, first + k == own[item]);
            }
        }
        for (var item = 0u; item < MIXTURE_ITEMS; item++) {
            sums[item].y += parts[item];
        }
    }
    for (var item = 0u; item < MIXTURE_ITEMS; item++) {
        let slot = base + item * LANES;
        if (slot < settings.particles) {
            mixture_sums[slot] = sums[item];
        }
    }
}
