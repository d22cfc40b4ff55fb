// Decide: one workgroup combines the blocks, tests the effective sample size, and either allows a
// resampling (indirect workgroup counts, each block's place on the axis of offspring) or not. It
// appends a row to the trace and moves the clock. The host never sees the decision.
// Reads segment; reads and writes blocks, control; writes trace, dispatches.
//
// ESS = (sum w)^2 / sum w^2. The log-normaliser grows by log(mean w) at each resampling.

@group(0) @binding(0) var<storage, read_write> blocks: array<Block>;
@group(0) @binding(1) var<storage, read_write> control: Control;
@group(0) @binding(2) var<storage, read_write> trace: array<TraceRow>;
@group(0) @binding(3) var<storage, read_write> dispatches: Dispatches;
@group(0) @binding(4) var<uniform> segment: Segment;

const DECIDE_BLOCKS = (BLOCKS + LANES - 1u) / LANES; // per lane, consecutive

var<workgroup> sh_peak: array<f32, LANES>;
var<workgroup> sh_squares: array<f32, LANES>;
var<workgroup> sh_non_finite: array<u32, LANES>;

// What the whole population looks like.
struct Population {
    // Sum of weights in units of 2^-(WEIGHT_BITS + HEADROOM) of the largest; zero if none
    // is positive.
    total: vec2<u32>,
    peak: f32,
    ess: f32,
    max_weight: f32,
    non_finite: u32,
    // Exclusive sum of the totals of the blocks before this lane's first.
    before: vec2<u32>,
}

// The block's total in units of the population's total.
fn decide_scaled(block: Block, peak: f32) -> vec2<u32> {
    let below = peak - block.peak;
    if (float_is_non_finite(block.peak) || below >= 31.0) {
        return vec2<u32>(0u);
    }
    let e = weight_exp(below);
    return wide_mul_shift(block.total, e.x, 31u + e.y - HEADROOM);
}

fn decide_population(lane: u32) -> Population {
    let first = lane * DECIDE_BLOCKS;
    let last = min(first + DECIDE_BLOCKS, BLOCKS);
    var peak = float_minus_infinity();
    var non_finite = 0u;
    for (var b = first; b < last; b++) {
        peak = max(peak, blocks[b].peak);
        non_finite += blocks[b].non_finite;
    }
    sh_peak[lane] = peak;
    sh_non_finite[lane] = non_finite;
    workgroupBarrier();
    for (var k = 0u; k < LANES; k++) {
        peak = max(peak, sh_peak[k]);
    }

    var total = vec2<u32>(0u);
    var squares = 0.0;
    for (var b = first; b < last; b++) {
        let block = blocks[b];
        let scaled = decide_scaled(block, peak);
        total = wide_add(total, scaled);
        if (scaled.x != 0u || scaled.y != 0u) {
            let ratio = wide_float(scaled) / wide_float(block.total);
            squares += f32(block.squares) * (ratio * ratio);
        }
    }
    sh_squares[lane] = squares;
    let before = prefix_exclusive(lane, total);

    var population: Population;
    population.before = before;
    population.total = prefix_total();
    population.peak = peak;
    squares = 0.0;
    non_finite = 0u;
    for (var k = 0u; k < LANES; k++) {
        squares += sh_squares[k];
        non_finite += sh_non_finite[k];
    }
    population.non_finite = non_finite;
    if (population.total.x != 0u || population.total.y != 0u) {
        let sum = wide_float(population.total) * DECIDE_SUM_UNIT;
        population.ess = min(sum / (squares * DECIDE_SQUARE_UNIT) * sum, f32(PARTICLES));
        population.max_weight = 1.0 / sum;
    }
    return population;
}

// The log-normaliser relative to the peak: log2 of the mean weight, 32.32.
fn decide_log2_mean(total: vec2<u32>) -> vec2<u32> {
    let count = wide_add(
        fixed_log2(vec2<u32>(PARTICLES, 0u)), vec2<u32>(0u, WEIGHT_BITS + HEADROOM),
    );
    return wide_sub(fixed_log2(total), count);
}

fn decide_trace_row(population: Population, resampled: bool) -> TraceRow {
    var row: TraceRow;
    row.step = control.step_end;
    row.ess = population.ess;
    row.max_weight = population.max_weight;
    row.non_finite = population.non_finite;
    row.resampled = select(0u, 1u, resampled);
    let empty = population.total.x == 0u && population.total.y == 0u;
    row.failed = select(0u, 1u, empty);
    row.nats = control.nats;
    row.log2 = control.log2;
    if (!empty) {
        row.nats = wide_add(control.nats, fixed_from_float(population.peak));
        row.log2 = wide_add(control.log2, decide_log2_mean(population.total));
    }
    return row;
}

// floor(N · 2^32 · part / total), exactly, for part <= total < 2^62.
fn decide_offspring(part: vec2<u32>, total: vec2<u32>) -> vec2<u32> {
    var rest = vec2<u32>(0u);
    var quotient = vec2<u32>(0u);
    for (var bit = 0u; bit < 64u; bit++) {
        rest = wide_double(rest);
        quotient = wide_double(quotient);
        if (bit < 32u && ((PARTICLES >> (31u - bit)) & 1u) == 1u) {
            rest = wide_add(rest, part);
        }
        // rest < 3 · total, hence at most two subtractions.
        for (var k = 0u; k < 2u; k++) {
            if (!wide_less(rest, total)) {
                rest = wide_sub(rest, total);
                quotient = wide_add(quotient, vec2<u32>(1u, 0u));
            }
        }
    }
    return quotient;
}

// width / total as (factor, shift): factor · 2^-shift, rounded down, with 32 significant bits or 31
// fractional ones, whichever is fewer.
fn decide_factor(width: vec2<u32>, total: vec2<u32>) -> vec2<u32> {
    var rest = vec2<u32>(0u);
    var factor = 0u;
    var shift = 0u;
    for (var bit = 0u; bit < 95u; bit++) {
        if (bit >= 64u) {
            if (factor >= 0x80000000u) {
                break;
            }
            shift += 1u;
        }
        rest = wide_double(rest);
        if (bit < 32u) {
            rest.x |= (width.y >> (31u - bit)) & 1u;
        } else if (bit < 64u) {
            rest.x |= (width.x >> (63u - bit)) & 1u;
        }
        factor = factor << 1u;
        if (!wide_less(rest, total)) {
            rest = wide_sub(rest, total);
            factor |= 1u;
        }
    }
    return vec2<u32>(factor, shift);
}

@compute @workgroup_size(LANES)
fn decide(@builtin(local_invocation_index) lane: u32) {
    let population = decide_population(lane);
    let empty = population.total.x == 0u && population.total.y == 0u;
    let resample = !empty && population.ess < ESS_THRESHOLD * f32(PARTICLES);
    if (resample) {
        var before = population.before;
        var base = decide_offspring(before, population.total);
        let first = lane * DECIDE_BLOCKS;
        for (var b = first; b < min(first + DECIDE_BLOCKS, BLOCKS); b++) {
            let block = blocks[b];
            let scaled = decide_scaled(block, population.peak);
            before = wide_add(before, scaled);
            let end = decide_offspring(before, population.total);
            var factor = vec2<u32>(0u);
            if (scaled.x != 0u || scaled.y != 0u) {
                factor = decide_factor(wide_sub(end, base), block.total);
            }
            blocks[b].base = base;
            blocks[b].end = end;
            blocks[b].factor = factor.x;
            blocks[b].shift = factor.y;
            base = end;
        }
    }
    if (lane == 0u) {
        trace[control.trace_rows % TRACE_ROWS] = decide_trace_row(population, resample);
        control.trace_rows += 1u;
        control.resampled = select(0u, 1u, resample);
        control.shift = 0.0;
        control.non_finite = population.non_finite;
        control.max_non_finite = max(control.max_non_finite, population.non_finite);
        if (resample) {
            control.resamplings += 1u;
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
        dispatches.blocks = select(vec4<u32>(0u), GROUPS_OF_BLOCKS, resample);
        dispatches.particles = select(vec4<u32>(0u), GROUPS_OF_PARTICLES, resample);
        control.step_begin = control.step_end;
        control.step_end += segment.steps;
    }
}

// Moves the clock where no ESS test is due.
@compute @workgroup_size(1)
fn tick() {
    control.step_begin = control.step_end;
    control.step_end += segment.steps;
    control.resampled = 0u;
    control.shift = 0.0;
}

// Writes the row that `decide` would write now to row TRACE_ROWS, and changes nothing else.
@compute @workgroup_size(LANES)
fn report(@builtin(local_invocation_index) lane: u32) {
    let population = decide_population(lane);
    if (lane == 0u) {
        trace[TRACE_ROWS] = decide_trace_row(population, false);
    }
}
