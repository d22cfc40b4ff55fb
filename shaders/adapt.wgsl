// Adapt: what the particles' weights would become if the path went on to each of some values of
// beta, as sums over blocks of particles for the conditional effective sample size. The first
// value is where the path is; its sum is that of the weights.
// Reads state_in, log_weights, ancestors, control, stage; writes partials.

@compute @workgroup_size(CESS_LANES)
fn adapt(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    particle_load_control();
    // The stage is chosen, or there is none to choose: partials are not looked at.
    if (stage.settled != 0u || control.stop != 0u) {
        return;
    }
    let block =
        control.first_slot / (CESS_ITEMS * CESS_LANES) + index_of_workgroup(id);
    var then = stage.now;
    then.time += then.dt;
    then.beta_rate = 0.0;
    var sums: array<Sums, CESS_GROUPS>;
    for (var group = 0u; group < CESS_GROUPS; group++) {
        sums[group] = cess_nothing();
    }
    for (var k = 0u; k < CESS_ITEMS; k++) {
        let slot = (block * CESS_ITEMS + k) * CESS_LANES + lane;
        if (slot < settings.particles) {
            let parent = particle_parent(slot);
            var x: Point;
            for (var j = 0u; j < DIM; j++) {
                x[j] = bitcast<f32>(state_load(j, parent));
            }
            let log_weight = particle_log_weight(slot);
            var weight = exp(log_weight);
            if (float_is_non_finite(log_weight)) {
                weight = 0.0;
            }
            var local: Local;
            flow_local(&x, &local);
            let here = flow_log_density(&local, stage.now);
            for (var group = 0u; group < CESS_GROUPS; group++) {
                var increment: vec4<f32>;
                for (var c = 0u; c < 4u; c++) {
                    then.beta = stage.candidates[group][c];
                    increment[c] = flow_log_density(&local, then) - here;
                }
                sums[group] = cess_merge(sums[group], cess_particle(weight, increment));
            }
        }
    }
    for (var group = 0u; group < CESS_GROUPS; group++) {
        sh_sums[lane * CESS_GROUPS + group] = sums[group];
    }
    cess_fold(lane);
    if (lane < CESS_GROUPS && block < cess_blocks()) {
        partials[block * CESS_GROUPS + lane] = sh_sums[lane];
    }
}
