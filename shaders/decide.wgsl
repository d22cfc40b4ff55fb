// Decide: a workgroup for each island combines its blocks, tests the effective sample size, and
// either allows a resampling (indirect workgroup counts, the weight of the blocks before each) or
// not. It appends a row to the trace and moves the clock. The host never sees the decision.
// Reads segment; reads and writes blocks, control; writes trace, dispatches, overflow.
//
// ESS = (sum w)^2 / sum w^2. The log-normaliser grows by log(mean w) at each resampling.

@group(0) @binding(0) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(1) var<storage, read_write> control: array<Control>;
@group(0) @binding(2) var<storage, read_write> trace: array<TraceRow>;
@group(0) @binding(3) var<storage, read_write> dispatches: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> overflow: array<atomic<u32>>;
@group(0) @binding(5) var<uniform> segment: Segment;

// Where the rows of an island begin: as many as the trace has, and the report.
fn decide_rows(island: u32) -> u32 {
    return island * (settings.trace_rows + 1u);
}

// The log-normaliser relative to the peak: log2 of the mean weight, 32.32.
fn decide_log2_mean(total: vec2<u32>) -> vec2<u32> {
    let particles = settings.particles ^ float_hidden_zero();
    let count = wide_add(
        fixed_log2(vec2<u32>(particles, 0u)),
        vec2<u32>(0u, WEIGHT_BITS + settings.headroom),
    );
    return wide_sub(fixed_log2(total), count);
}

fn decide_trace_row(now: Control, population: Population, resampled: bool) -> TraceRow {
    var row: TraceRow;
    row.step = now.step_end;
    row.ess = population.ess;
    row.max_weight = population.max_weight;
    row.non_finite = population.non_finite;
    row.dead = population.dead;
    row.resampled = select(0u, 1u, resampled);
    let empty = population.total.x == 0u && population.total.y == 0u;
    row.failed = select(0u, 1u, empty);
    row.nats = now.nats;
    row.log2 = now.log2;
    row.beta = now.beta;
    if (!empty) {
        row.nats = wide_add(now.nats, fixed_from_float(population.peak));
        row.log2 = wide_add(now.log2, decide_log2_mean(population.total));
    }
    return row;
}

// Lets a dispatch run for all islands as soon as one wants it: its words in Dispatches, which
// `reduce` has cleared.
fn decide_allow(words: u32, groups: vec4<u32>) {
    for (var k = 0u; k < 3u; k++) {
        atomicMax(&dispatches[words + k], groups[k]);
    }
}

@compute @workgroup_size(LANES)
fn decide(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    // Read before a barrier, written after it.
    let before = control[id.z];
    let population = population_reduce(lane, id.z);
    let empty = population.total.x == 0u && population.total.y == 0u;
    let stopped = clock_stopped(before);
    let least = settings.ess_threshold * f32(settings.particles);
    let resample = !stopped && !empty && population.ess < least;
    if (resample) {
        population_scan(lane, id.z, population);
    }
    if (lane < 3u) {
        atomicStore(&overflow[lane], 0u);
    }
    if (lane > 0u) {
        return;
    }
    if (population.fresh > 0u) {
        decide_allow(8u, settings.groups_of_particles);
    }
    if (stopped) {
        control[id.z] = clock_moved(before);
        return;
    }
    let row = decide_rows(id.z) + before.trace_rows % settings.trace_rows;
    trace[row] = decide_trace_row(before, population, resample);
    var now = before;
    now.trace_rows += 1u;
    now.non_finite = population.non_finite;
    now.max_non_finite = max(now.max_non_finite, population.non_finite);
    var shift = 0.0;
    if (resample) {
        decide_allow(0u, settings.groups_of_blocks);
        decide_allow(4u, settings.groups_of_particles);
        now.resamplings += 1u;
        now.dead = wide_add(now.dead, vec2<u32>(population.dead, 0u));
        now.nats = wide_add(now.nats, fixed_from_float(population.peak));
        now.log2 = wide_add(now.log2, decide_log2_mean(population.total));
        let place = island_shared_place(id.z, 0u);
        now.uniform = threefry_at(place, now.tests, 0u, STREAM_RESAMPLE).x;
    } else if (!empty) {
        // Keeping the largest log-weight near zero keeps small increments from being rounded
        // away. A multiple of 2^-20 is exact in the float and in the sum.
        shift = population.peak;
        if (abs(population.peak) < 2048.0) {
            shift = f32(i32(population.peak * 1048576.0)) * 9.5367431640625e-7;
        }
        now.nats = wide_add(now.nats, fixed_from_float(shift));
    } else if (now.failed == 0u) {
        now.failed = 1u + now.step_end;
    }
    now.tests += 1u;
    now = clock_moved(now);
    now.resampled = select(0u, 1u, resample);
    now.shift = shift;
    now.tested = 1u;
    control[id.z] = now;
}

// Moves the clock where no ESS test is due.
@compute @workgroup_size(1)
fn tick(@builtin(workgroup_id) id: vec3<u32>) {
    control[id.z] = clock_moved(control[id.z]);
}

// Writes the row that `decide` would write now behind the others, and changes nothing else.
@compute @workgroup_size(LANES)
fn report(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let population = population_reduce(lane, id.z);
    if (lane == 0u) {
        let row = decide_rows(id.z) + settings.trace_rows;
        trace[row] = decide_trace_row(control[id.z], population, false);
    }
}
