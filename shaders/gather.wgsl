// Gather: a particle as the next step finds it, copied from its ancestor when the last ESS test
// resampled, with the log-weight that it then has.
// Reads state_in, ancestors, control, log_weights.

struct Gathered {
    source: u32,
    log_weight: f32,
}

// Relative to the largest. What lies so far below it that a float no longer tells one nat from the
// next is zero for good: a later gain would bring back rounding.
fn gather_log_weight(before: f32) -> f32 {
    let after = before - control.shift;
    let fallen = control.tested != 0u && after < LEAST_LOG_WEIGHT;
    if (float_is_minus_infinity(before) || fallen) {
        return float_minus_infinity();
    }
    return after;
}

fn gather_particle(slot: u32, x: ptr<function, Point>) -> Gathered {
    var particle = Gathered(slot, 0.0);
    if (control.resampled != 0u) {
        particle.source = ancestors[slot];
    } else {
        // A lost particle's says why and when to the bit.
        let before = log_weights[slot];
        if (float_is_lost(before)) {
            particle.log_weight = before;
        } else {
            particle.log_weight = gather_log_weight(before);
        }
    }
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] = bitcast<f32>(state_load(j, particle.source));
    }
    return particle;
}
