// Gather: a particle as the next step finds it, copied from its ancestor when the last ESS test
// resampled, with the log-weight that it then has.
// Reads state_in, ancestors, control, log_weights.

struct Gathered {
    source: u32,
    log_weight: f32,
}

fn gather_particle(slot: u32, x: ptr<function, Point>) -> Gathered {
    var particle = Gathered(slot, 0.0);
    if (control.resampled != 0u) {
        particle.source = ancestors[slot];
    } else {
        // A lost particle's says why and when to the bit.
        let before = log_weights[slot];
        particle.log_weight = select(before - control.shift, before, float_is_lost(before));
    }
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] = bitcast<f32>(state_load(j, particle.source));
    }
    return particle;
}
