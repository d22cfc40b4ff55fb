// Init: draws every particle for the initial law, with the log-weight that it needs there and
// itself as its time-zero ancestor. A coordinate that is not finite becomes 0, and such a particle
// is lost, as is one whose log-weight is none.
// Reads control; writes state_out, log_weights.

@compute @workgroup_size(WORKGROUP)
fn init(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    let slot = control.first_slot + index_of_workgroup(id) * WORKGROUP + lane;
    if (slot >= settings.particles) {
        return;
    }
    var x = initial_sample(slot);
    var log_weight = initial_log_weight(&x);
    if (float_is_lost(log_weight)) {
        log_weight = loss_of(LOSS_WEIGHT, 0u);
    }
    for (var j = 0u; j < DIM; j++) {
        if (float_is_non_finite(x[j])) {
            x[j] = 0.0;
            log_weight = loss_of(LOSS_POSITION, 0u);
        }
        state_store(j, slot, bitcast<u32>(x[j]));
    }
    state_store(ORIGIN_ROW, slot, slot);
    log_weights[slot] = log_weight;
}
