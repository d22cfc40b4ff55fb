// Step: advances each particle by the steps [step_begin, step_end) in registers, in its place, and
// adds what its log-weight gains.
// A particle that is lost stays where a number is not finite, and its log-weight says in which step
// and why. One whose weight is zero stays too: nothing brings its weight back.
// The loop over steps, `step_advance`, is a file of step/.
// Reads ancestors, control, schedule; reads and writes state, log_weights.

// The steps, in registers as the others of control.
var<private> steps_begin: u32;
var<private> steps_end: u32;

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

// The window of the schedule that holds the steps.
fn step_window() -> u32 {
    return steps_begin & ~(SCHEDULE_ALIGN - 1u);
}

// Where a lost particle, or one without weight, stops: before it begins.
fn step_end(log_weight: f32) -> u32 {
    return select(steps_end, steps_begin, float_is_non_finite(log_weight));
}

// What the log-weight is after step k - 1, which is over: x is where the integrator put the
// particle, and the flow was evaluated there. The weight is added step by step, so that cutting a
// run into other segments changes no bit.
fn step_arrive(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    previous: Instant, now: Instant, k: u32, log_weight: f32,
) -> f32 {
    // The step's own rate at its end point: the next step may have another one.
    var arrival = now;
    arrival.beta_rate = previous.beta_rate;
    let gain = integrator_end(x, local, here, before, noise, pending, previous, arrival);
    let after = step_weight(log_weight, gain);
    let sum = select(gain, after, float_is_lost(after));
    let loss = integrator_loss(x, here, pending, sum);
    if (loss != LOSS_NONE) {
        return loss_of(loss, k);
    }
    return after;
}

@compute @workgroup_size(WORKGROUP)
fn step(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    numbers_load();
    particle_load_control();
    kept_begin(lane);
    steps_begin = control.step_begin;
    steps_end = control.step_end;
    let slot = control.first_slot + index_of_workgroup(id) * WORKGROUP + lane;
    if (slot >= settings.particles) {
        return;
    }
    var x: Point;
    for (var j = 0u; j < DIM; j++) {
        x[j] = bitcast<f32>(state_load(j, slot));
    }
    var pending: Pending;
    integrator_load(slot, steps_begin, &pending);
    // What others computed for a particle before the test lies where it was then.
    let source = particle_parent(slot);
    let log_weight = step_advance(slot, source, &x, &pending, particle_log_weight(slot));
    integrator_store(slot, &pending);
    for (var j = 0u; j < DIM; j++) {
        state_store(j, slot, bitcast<u32>(x[j]));
    }
    log_weights[slot] = log_weight;
}
