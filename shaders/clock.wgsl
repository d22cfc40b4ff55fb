// Clock: the steps that the next `step` dispatch advances.
// Reads segment.

// Whether an adaptive schedule has reached its end, or all weights of a run were zero: then nothing
// is decided and nothing moves. A threshold above 1 is that of a resampling without a run.
fn clock_stopped(now: Control) -> bool {
    let failed = now.failed != 0u && settings.ess_threshold <= 1.0;
    return failed || (now.stop != 0u && now.step_end >= now.stop);
}

// Moves the clock, as far as is known without a test: nothing is gathered or shifted.
fn clock_moved(before: Control) -> Control {
    var now = before;
    now.step_begin = now.step_end;
    if (!clock_stopped(now)) {
        now.step_end += segment.steps;
    }
    now.resampled = 0u;
    now.shift = 0.0;
    now.tested = 0u;
    return now;
}
