// The loop over steps with one evaluation of the flow in the text: a compiler that contracts
// products and sums might make other bits of a second one, and a run that is cut into other
// segments would show it.

fn step_advance(
    slot: u32, source: u32, x: ptr<function, Point>, pending: ptr<function, Pending>, weight: f32,
) -> f32 {
    let window = step_window();
    let begin = steps_begin;
    let end = step_end(weight);
    var log_weight = weight;
    var local: Local;
    // Where a step begins, what is known there, and its noise.
    var here: Point;
    var before: Local;
    var noise: Point;
    var previous: Instant;
    var now = step_instant(begin - window);
    var k = begin;
    // They may serve several steps.
    var words = normal_words(slot, k, STREAM_STEP);
    loop {
        step_local(x, &local, source, k);
        if (k > begin) {
            log_weight = step_arrive(
                x, &local, &here, &before, &noise, pending, previous, now, k, log_weight,
            );
        }
        if (k >= end || float_is_non_finite(log_weight)) {
            break;
        }
        normal_draw(slot, k, STREAM_STEP, words, &noise);
        previous = now;
        now = step_instant(k + 1u - window);
        integrator_begin(x, &local, &here, &before, &noise, pending, previous, now, slot, k);
        k += 1u;
        if (k % NORMAL_STEPS_PER_CALL == 0u) {
            words = normal_words(slot, k, STREAM_STEP);
        }
    }
    return log_weight;
}
