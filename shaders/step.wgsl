// Step: gathers each particle from its ancestor when the last ESS test resampled, then advances it
// by the steps [step_begin, step_end) in registers, and adds what its log-weight gains.
// Reads state_in, ancestors, control, schedule; writes state_out; reads and writes log_weights.

// A row of the schedule's window. Equal steps are a constant: no load, and no square root of it.
fn step_instant(row: u32) -> Instant {
    var instant = schedule[row];
    if (EQUAL_STEPS > 0.0) {
        instant.dt = EQUAL_STEPS;
    }
    return instant;
}

@compute @workgroup_size(WORKGROUP)
fn step(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = control.first_slot + index_of_workgroup(id, count) * WORKGROUP + lane;
    if (slot >= PARTICLES) {
        return;
    }
    var x: Point;
    let particle = gather_particle(slot, &x);
    let source = particle.source;
    var log_weight = particle.log_weight;
    state_store(ORIGIN_ROW, slot, state_load(ORIGIN_ROW, source));

    // The flow is evaluated at one place in the text, and the weight added step by step, so that
    // cutting a run into other segments changes no bit. The outer loop is one draw of random words,
    // which may serve several steps.
    let begin = control.step_begin;
    let end = control.step_end;
    let window = begin & ~(SCHEDULE_ALIGN - 1u);
    var local: Local;
    var pending: Pending;
    integrator_load(source, slot, begin, &pending);
    var previous: Instant;
    var now = step_instant(begin - window);
    var k = begin;
    var done = false;
    loop {
        let words = normal_words(slot, k, STREAM_STEP);
        loop {
            step_local(&x, &local, source, k);
            if (k > begin) {
                // The step's own rate at its end point: the next step may have another one.
                var arrival = now;
                arrival.beta_rate = previous.beta_rate;
                let gain = integrator_end(&x, &local, &pending, previous, arrival);
                // Once out of the support, always out: -inf minus -inf is not a number.
                if (!float_is_minus_infinity(log_weight)) {
                    log_weight += gain;
                }
            }
            done = k >= end;
            if (done) {
                break;
            }
            var noise: Point;
            normal_draw(slot, k, STREAM_STEP, words, &noise);
            pending.noise = noise;
            let next = step_instant(k + 1u - window);
            integrator_begin(&x, &local, &pending, now, next, slot, k);
            previous = now;
            now = next;
            k += 1u;
            continuing {
                break if k % NORMAL_STEPS_PER_CALL == 0u;
            }
        }
        continuing {
            break if done;
        }
    }

    integrator_store(slot, &pending);

    // A particle whose position is lost has no weight; reduce counts it. -inf is a legal weight.
    var lost = float_is_non_finite(log_weight) && !float_is_minus_infinity(log_weight);
    for (var j = 0u; j < DIM; j++) {
        lost = lost || float_is_non_finite(x[j]);
        state_store(j, slot, bitcast<u32>(x[j]));
    }
    log_weights[slot] = select(log_weight, float_nan(), lost);
}
