// Step: gathers each particle from its ancestor when the last ESS test resampled, then advances it
// by the steps [step_begin, step_end) in registers, and adds what its log-weight gains.
// A particle that is lost stays where a number is not finite, and its log-weight says in which step
// and why. One whose weight is zero stays too: nothing brings its weight back.
// Reads state_in, ancestors, control, schedule; writes state_out; reads and writes log_weights.

// A row of the schedule's window. Equal steps are a constant: no load, and no square root of it.
fn step_instant(row: u32) -> Instant {
    var instant = schedule[row];
    instant.dt = select(instant.dt, settings.equal_steps, settings.equal_steps > 0.0);
    return instant;
}

// What a log-weight is after a gain. One step that takes more than the floats of a log-weight can
// restore later takes it all: what is left would be rounding.
fn step_weight(log_weight: f32, gain: f32) -> f32 {
    let fallen = !float_is_non_finite(gain) && gain < LEAST_LOG_WEIGHT;
    if (float_is_minus_infinity(gain) || fallen) {
        return float_minus_infinity();
    }
    return log_weight + gain;
}

@compute @workgroup_size(WORKGROUP)
fn step(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    let slot = control.first_slot + index_of_workgroup(id) * WORKGROUP + lane;
    if (slot >= settings.particles) {
        return;
    }
    var x: Point;
    let particle = gather_particle(slot, &x);
    let source = particle.source;
    var log_weight = particle.log_weight;
    state_store(ORIGIN_ROW, slot, state_load(ORIGIN_ROW, source));

    // The flow is evaluated at one place in the text, and the weight added step by step, so that
    // cutting a run into other segments changes no bit.
    let window = control.step_begin & ~(SCHEDULE_ALIGN - 1u);
    var local: Local;
    // Where a step begins, what is known there, and its noise.
    var here: Point;
    var before: Local;
    var noise: Point;
    var pending: Pending;
    integrator_load(source, slot, control.step_begin, &pending);
    let begin = control.step_begin;
    // Particles lost earlier do not move, nor do those without weight.
    let end = select(control.step_end, begin, float_is_non_finite(log_weight));
    var previous: Instant;
    var now = step_instant(begin - window);
    var k = begin;
    var done = false;
    // One draw of random words, which may serve several steps.
    loop {
        let words = normal_words(slot, k, STREAM_STEP);
        loop {
            step_local(&x, &local, source, k);
            if (k > begin) {
                // The step's own rate at its end point: the next step may have another one.
                var arrival = now;
                arrival.beta_rate = previous.beta_rate;
                let gain = integrator_end(
                    &x, &local, &here, &before, &noise, &pending, previous, arrival,
                );
                log_weight = step_weight(log_weight, gain);
                let sum = select(gain, log_weight, float_is_lost(log_weight));
                let loss = integrator_loss(&x, &here, &pending, sum);
                if (loss != LOSS_NONE) {
                    log_weight = loss_of(loss, k);
                }
            }
            done = k >= end || float_is_non_finite(log_weight);
            if (done) {
                break;
            }
            normal_draw(slot, k, STREAM_STEP, words, &noise);
            let next = step_instant(k + 1u - window);
            integrator_begin(&x, &local, &here, &before, &noise, &pending, now, next, slot, k);
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
    for (var j = 0u; j < DIM; j++) {
        state_store(j, slot, bitcast<u32>(x[j]));
    }
    log_weights[slot] = log_weight;
}
