// A particle as the next step finds it, which follows the parent that the last ESS test chose if it
// resampled.
// Reads ancestors, control, log_weights.

// What control says of the last test, in registers: a load costs software drivers as much as ten
// operations, and they repeat it wherever a buffer may have been written.
var<private> particle_resampled: bool;
var<private> particle_tested: bool;
var<private> particle_shift: f32;

// Before all others, once.
fn particle_load_control() {
    particle_resampled = control.resampled != 0u;
    particle_tested = control.tested != 0u;
    particle_shift = control.shift;
}

// The slot that held the particle at the test.
fn particle_parent(slot: u32) -> u32 {
    if (particle_resampled) {
        return ancestors[slot];
    }
    return slot;
}

// Relative to the largest. What lies so far below it that a float no longer tells one nat from the
// next is zero for good: a later gain would bring back rounding.
fn particle_shifted(before: f32) -> f32 {
    let after = before - particle_shift;
    let fallen = particle_tested && after < LEAST_LOG_WEIGHT;
    if (float_is_minus_infinity(before) || fallen) {
        return float_minus_infinity();
    }
    return after;
}

// Weights are equal after a resampling. A lost particle's says why and when to the bit.
fn particle_log_weight(slot: u32) -> f32 {
    if (particle_resampled) {
        return 0.0;
    }
    let before = log_weights[slot];
    if (float_is_lost(before)) {
        return before;
    }
    return particle_shifted(before);
}
