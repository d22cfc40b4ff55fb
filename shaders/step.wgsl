// Step: gathers each particle from its ancestor when the last ESS test resampled, then advances it
// by the steps [step_begin, step_end) in registers, and adds what its log-weight gains.
// A particle that is found lost after them goes through them again one by one: it stays where it
// was last found well, and its log-weight says in which step and why it was lost. To look after
// every step at once would cost those that are not lost.
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
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = control.first_slot + index_of_workgroup(id) * WORKGROUP + lane;
    if (slot >= PARTICLES) {
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
    var pending: Pending;
    integrator_load(source, slot, control.step_begin, &pending);
    // Who was lost before makes no step.
    var begin = control.step_begin;
    let last = select(control.step_end, begin, float_is_lost(log_weight));
    var end = last;
    var well = x;
    var well_weight = log_weight;
    var well_pending = pending;
    var lost = false;
    loop {
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

        // A weight that is gone may be so by a drift that is no number: a step alone will tell.
        let ends = float_is_minus_infinity(log_weight) && !float_is_minus_infinity(well_weight);
        var found = end > begin && (ends || lost_is(&x, log_weight));
        if (end == begin + 1u) {
            found = lost_is(&x, log_weight) || (ends && !lost_is_outside(&pending));
            lost = found;
        }
        if (lost || (!found && end == last)) {
            break;
        }
        if (found) {
            x = well;
            log_weight = well_weight;
            pending = well_pending;
        } else {
            begin = end;
            well = x;
            well_weight = log_weight;
            well_pending = pending;
        }
        end = begin + 1u;
    }

    if (lost) {
        let loss = loss_of(lost_cause(&x, &pending), end);
        // Who has no weight has none to lose, and stays as well.
        log_weight = select(loss, float_nan(), float_is_minus_infinity(well_weight));
        if (lost_before_the_end(&x, &pending)) {
            x = well;
        }
        pending = well_pending;
    }
    integrator_store(slot, &pending);
    for (var j = 0u; j < DIM; j++) {
        state_store(j, slot, bitcast<u32>(x[j]));
    }
    log_weights[slot] = log_weight;
}
