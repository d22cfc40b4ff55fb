// The structures that the host and the kernels share. `src/layout.rs` holds their Rust twins, and a
// test compares every offset.

// One interval of the schedule: a step goes from `time` to `time + dt`. The row after the last step
// has dt = 0.
struct Instant {
    time: f32,
    dt: f32,
    // The path parameter at `time`, from 0 (initial law) to 1 (target), and its rate over the step.
    beta: f32,
    beta_rate: f32,
}

// What the device knows of the run. Log-weights in memory are relative to
// nats + ln 2 · log2, both signed fixed point with 32 fractional bits: integers, because a compiler
// may optimise a compensated float sum away.
struct Control {
    nats: vec2<u32>,
    log2: vec2<u32>,
    // The next `step` dispatch advances the steps [step_begin, step_end).
    step_begin: u32,
    step_end: u32,
    resampled: u32, // whether the next `step` dispatch gathers through the ancestors
    // What the next `step` dispatch subtracts from the log-weights (already added to `nats`).
    shift: f32,
    tests: u32, // ESS tests so far: the counter of the resampler's random numbers
    resamplings: u32,
    trace_rows: u32,
    // 1 + the step at which all weights were zero, or 0.
    failed: u32,
    uniform: u32, // the offset of the systematic grid, in units of 2^-32
    copies: u32, // that residual resampling places without chance
    non_finite: u32,
    max_non_finite: u32,
    // An adaptive schedule: the stages begun, the path parameter at the end of the last one, and
    // the step at which it is 1 and the clock stops, or 0.
    stages: u32,
    beta: f32,
    stop: u32,
    first_slot: u32, // of the next dispatch that goes through a slice of the particles, else 0
    dead: vec2<u32>, // particles of weight zero that resamplings have replaced
    tested: u32, // whether an ESS test moved the clock: the largest log-weight is near zero
    padding: u32, // to a multiple of eight bytes
}

// A block is BLOCK consecutive particles. Weights inside it are integers relative to its peak.
struct Block {
    // Sum of the weights, in units of 2^-WEIGHT_BITS of the peak's weight.
    total: vec2<u32>,
    // The weight of the blocks before it, in units of the population's total; behind the last block
    // is a record that has nothing but the whole of it.
    before: vec2<u32>,
    // The largest log-weight; -inf when no weight is positive.
    peak: f32,
    // Sum of squared weights, in units of 2^-20 of the peak's.
    squares: u32,
    // Log-weights that are NaN or +inf, and of them those that nobody has counted yet.
    non_finite: u32,
    fresh: u32,
    // Residual resampling: deterministic copies in the block, then in all blocks before it.
    copies: u32,
    dead: u32, // log-weights of minus infinity
}

// A row of the trace: the state seen by one ESS test, before it acts.
struct TraceRow {
    // log-normaliser = nats + ln 2 · log2, as in Control.
    nats: vec2<u32>,
    log2: vec2<u32>,
    step: u32,
    ess: f32,
    max_weight: f32, // normalised
    non_finite: u32,
    resampled: u32,
    failed: u32,
    // An adaptive schedule: the path parameter, and, once it is chosen, the conditional ESS of the
    // increment that follows, as a fraction.
    beta: f32,
    cess: f32,
    dead: u32, // of weight zero
    padding: u32, // to a multiple of eight bytes
}

// Workgroup counts for the indirect dispatches that `decide` allows or skips.
struct Dispatches {
    blocks: vec4<u32>,
    particles: vec4<u32>,
    losses: vec4<u32>,
}

// How many steps the next `step` dispatch fuses.
struct Segment {
    steps: u32,
}

// What the device knows of the reaction, log-weight += strength (r - mean) with r = log pi - log p.
struct ReactionState {
    mean: f32, // of r over the population
    strength: f32,
    // What is left of r: a reaction that has gone some way leaves it smaller by this factor.
    remaining: f32,
    rows: u32,
}

// One estimate of p: a row of the reaction's trace.
struct ReactionRow {
    step: u32,
    // log of the mean of pi / p, and of it the mean of r: the relative entropy of p to pi.
    log_normalizer: f32,
    relative_entropy: f32,
    outside: u32, // log ratios that are not finite
}

// One block's share of the means of r and of pi / p.
struct EntropyBlock {
    peak: f32,
    weight: f32,
    // Of the particles inside the support of pi alone, and their mean of r.
    inside: f32,
    mean: f32,
    // Of weight times pi / p.
    ratio_peak: f32,
    ratio: f32,
    outside: u32,
}

// A stage of an adaptive schedule while its end is being chosen.
struct Stage {
    // Where it begins.
    now: Instant,
    // The bracket of its end: the target is met at `low` (or `low` is the floor), and it is missed
    // at `high` (or `high` is 1).
    low: f32,
    high: f32,
    passes: u32,
    // Whether `low` is the choice already.
    settled: u32,
    // The values of beta to try: where the stage begins, then from `low` to `high`.
    candidates: array<vec4<f32>, 4>,
}

// For four increments, relative to the largest so far: sum W u and sum W u^2, u = exp(increment).
struct Sums {
    peak: vec4<f32>,
    sum: vec4<f32>,
    squares: vec4<f32>,
}
