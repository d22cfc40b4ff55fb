// The loop over steps with an evaluation of the flow before it and one in it, for software drivers.
// They run a loop's whole body for every turn, also the part behind a `break` and that of an `if`
// that no lane takes: with one place in the text a single step costs them nearly two. Both places
// see a position that nothing is known of, and so have no reason for different bits.

fn step_advance(
    slot: u32, source: u32, x: ptr<function, Point>, pending: ptr<function, Pending>, weight: f32,
) -> f32 {
    let window = step_window();
    let end = step_end(weight);
    var log_weight = weight;
    var local: Local;
    // Where a step begins, what is known there, and its noise.
    var here: Point;
    var before: Local;
    var noise: Point;
    var k = steps_begin;
    if (k >= end) {
        return log_weight;
    }
    var now = step_instant(k - window);
    // They may serve several steps. A loop inside of this one would cost such drivers more than it
    // saves.
    var words = normal_words(slot, k, STREAM_STEP);
    step_local(x, &local, source, k);
    loop {
        normal_draw(slot, k, STREAM_STEP, words, &noise);
        let previous = now;
        now = step_instant(k + 1u - window);
        integrator_begin(x, &local, &here, &before, &noise, pending, previous, now, slot, k);
        for (var j = 0u; j < DIM; j++) {
            (*x)[j] = float_from_bits(bitcast<u32>((*x)[j]));
        }
        k += 1u;
        step_local(x, &local, source, k);
        log_weight = step_arrive(
            x, &local, &here, &before, &noise, pending, previous, now, k, log_weight,
        );
        if (k % NORMAL_STEPS_PER_CALL == 0u) {
            words = normal_words(slot, k, STREAM_STEP);
        }
        continuing {
            break if k >= end || float_is_non_finite(log_weight);
        }
    }
    return log_weight;
}
