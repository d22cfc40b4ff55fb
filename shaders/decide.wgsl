// Decide: one workgroup combines the blocks, tests the effective sample size, and either allows a
// resampling (indirect workgroup counts, the weight of the blocks before each) or not. It appends
// a row to the trace and moves the clock. The host never sees the decision.
// Reads segment; reads and writes blocks, control; writes trace, dispatches.
//
// ESS = (sum w)^2 / sum w^2. The log-normaliser grows by log(mean w) at each resampling.

@group(0) @binding(0) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(1) var<storage, read_write> control: Control;
@group(0) @binding(2) var<storage, read_write> trace: array<TraceRow>;
@group(0) @binding(3) var<storage, read_write> dispatches: Dispatches;
@group(0) @binding(4) var<uniform> segment: Segment;

// The log-normaliser relative to the peak: log2 of the mean weight, 32.32.
fn decide_log2_mean(total: vec2<u32>) -> vec2<u32> {
    let particles = settings.particles ^ float_hidden_zero();
    let count = wide_add(
        fixed_log2(vec2<u32>(particles, 0u)),
        vec2<u32>(0u, WEIGHT_BITS + settings.headroom),
    );
    return wide_sub(fixed_log2(total), count);
}

fn decide_trace_row(population: Population, resampled: bool) -> TraceRow {
    var row: TraceRow;
    row.step = control.step_end;
    row.ess = population.ess;
    row.max_weight = population.max_weight;
    row.non_finite = population.non_finite;
    row.dead = population.dead;
    row.resampled = select(0u, 1u, resampled);
    let empty = population.total.x == 0u && population.total.y == 0u;
    row.failed = select(0u, 1u, empty);
    row.nats = control.nats;
    row.log2 = control.log2;
    row.beta = control.beta;
    if (!empty) {
        row.nats = wide_add(control.nats, fixed_from_float(population.peak));
        row.log2 = wide_add(control.log2, decide_log2_mean(population.total));
    }
    return row;
}

// Whether an adaptive schedule has reached its end, or all weights of a run were zero: then nothing
// is decided and nothing moves. A threshold above 1 is that of a resampling without a run.
fn decide_stopped() -> bool {
    let failed = control.failed != 0u && settings.ess_threshold <= 1.0;
    return failed || (control.stop != 0u && control.step_end >= control.stop);
}

fn decide_move_clock() {
    control.step_begin = control.step_end;
    if (!decide_stopped()) {
        control.step_end += segment.steps;
    }
}

// Moves the clock, and neither gathers nor shifts.
fn decide_still() {
    decide_move_clock();
    control.resampled = 0u;
    control.shift = 0.0;
    control.tested = 0u;
}

@compute @workgroup_size(LANES)
fn decide(@builtin(local_invocation_index) lane: u32) {
    let population = population_reduce(lane);
    let empty = population.total.x == 0u && population.total.y == 0u;
    let stopped = decide_stopped();
    let least = settings.ess_threshold * f32(settings.particles);
    let resample = !stopped && !empty && population.ess < least;
    if (resample) {
        population_scan(lane, population);
    }
    if (lane == 0u) {
        let groups = settings.groups_of_particles;
        dispatches.losses = select(vec4<u32>(0u), groups, population.fresh > 0u);
    }
    if (lane == 0u && stopped) {
        dispatches.blocks = vec4<u32>(0u);
        dispatches.particles = vec4<u32>(0u);
        decide_still();
    } else if (lane == 0u) {
        trace[control.trace_rows % settings.trace_rows] = decide_trace_row(population, resample);
        control.trace_rows += 1u;
        control.resampled = select(0u, 1u, resample);
        control.shift = 0.0;
        control.tested = 1u;
        control.non_finite = population.non_finite;
        control.max_non_finite = max(control.max_non_finite, population.non_finite);
        if (resample) {
            control.resamplings += 1u;
            control.dead = wide_add(control.dead, vec2<u32>(population.dead, 0u));
            control.nats = wide_add(control.nats, fixed_from_float(population.peak));
            control.log2 = wide_add(control.log2, decide_log2_mean(population.total));
            control.uniform = threefry(0u, control.tests, 0u, STREAM_RESAMPLE).x;
        } else if (!empty) {
            // Keeping the largest log-weight near zero keeps small increments from being rounded
            // away. A multiple of 2^-20 is exact in the float and in the sum.
            control.shift = population.peak;
            if (abs(population.peak) < 2048.0) {
                control.shift = f32(i32(population.peak * 1048576.0)) * 9.5367431640625e-7;
            }
            control.nats = wide_add(control.nats, fixed_from_float(control.shift));
        } else if (control.failed == 0u) {
            control.failed = 1u + control.step_end;
        }
        control.tests += 1u;
        dispatches.blocks = select(vec4<u32>(0u), settings.groups_of_blocks, resample);
        dispatches.particles = select(vec4<u32>(0u), settings.groups_of_particles, resample);
        decide_move_clock();
    }
}

// Moves the clock where no ESS test is due.
@compute @workgroup_size(1)
fn tick() {
    decide_still();
}

// Writes the row that `decide` would write now behind the others, and changes nothing else.
@compute @workgroup_size(LANES)
fn report(@builtin(local_invocation_index) lane: u32) {
    let population = population_reduce(lane);
    if (lane == 0u) {
        trace[settings.trace_rows] = decide_trace_row(population, false);
    }
}
