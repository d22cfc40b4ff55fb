// Choose: narrows the bracket of the next beta to two neighbouring candidates, the last whose
// conditional effective sample size reaches the target and the first whose does not; after so many
// passes it takes the lower end, writes the stage's rows of the schedule and opens the next stage.
// One workgroup; the host never sees the decision.
// Reads partials; reads and writes stage, control, schedule; writes trace.
// Source: Zhou, Johansen & Aston 2016, with many candidates at once in place of halvings.

@group(0) @binding(0) var<storage, read> partials: array<Sums>;
@group(0) @binding(1) var<storage, read_write> stage: Stage;
@group(0) @binding(2) var<storage, read_write> control: Control;
@group(0) @binding(3) var<storage, read_write> schedule: array<Instant>;
@group(0) @binding(4) var<storage, read_write> trace: array<TraceRow>;

const CHOOSE_CANDIDATES = 4u * CESS_GROUPS;

// The increments of beta between the ends of the bracket are a geometric sequence, because the
// right one may be smaller than the whole way by any order of magnitude.
fn choose_candidates() {
    let here = stage.now.beta;
    let least = stage.low - here;
    let octaves = log2((stage.high - here) / least);
    for (var c = 0u; c < CHOOSE_CANDIDATES; c++) {
        let fraction = (f32(c) - 1.0) / f32(CHOOSE_CANDIDATES - 2u);
        var beta = clamp(here + least * exp2(octaves * fraction), stage.low, stage.high);
        if (c == 0u) {
            beta = here;
        } else if (c == CHOOSE_CANDIDATES - 1u) {
            beta = stage.high;
        }
        stage.candidates[c / 4u][c % 4u] = beta;
    }
}

// The bracket of a stage that begins before step `step`: from the floor to the end of the path.
fn choose_open(step: u32) {
    stage.now = schedule[step];
    let beta = stage.now.beta;
    let next_float = bitcast<f32>(bitcast<u32>(beta) + 1u);
    stage.low = min(1.0, max(beta + settings.stage_floor * (1.0 - beta), next_float));
    stage.high = 1.0;
    stage.passes = 0u;
    stage.settled = 0u;
    choose_candidates();
}

// The row of the ESS test at which the stage begins.
fn choose_row() -> u32 {
    return (control.trace_rows - 1u) % settings.trace_rows;
}

fn choose_narrow() {
    var c = 1u;
    var cess = cess_of(1u);
    trace[choose_row()].cess = cess;
    // Where even the floor fails it is taken: particles may leave the support at any step.
    stage.settled = select(1u, 0u, cess >= settings.stage_cess);
    while (stage.settled == 0u) {
        stage.low = stage.candidates[c / 4u][c % 4u];
        trace[choose_row()].cess = cess;
        c += 1u;
        if (c == CHOOSE_CANDIDATES) {
            stage.settled = 1u;
            break;
        }
        cess = cess_of(c);
        if (!(cess >= settings.stage_cess)) {
            stage.high = stage.candidates[c / 4u][c % 4u];
            break;
        }
    }
}

// The first step of the stage carries the increment, the others move at the new beta.
fn choose_commit() {
    let begin = control.step_begin;
    let beta = stage.low;
    schedule[begin].beta_rate = (beta - stage.now.beta) / stage.now.dt;
    for (var k = begin + 1u; k <= begin + settings.stage_moves; k++) {
        schedule[k].beta = beta;
        schedule[k].beta_rate = 0.0;
    }
    control.beta = beta;
    control.stages += 1u;
    if (beta == 1.0) {
        control.stop = begin + settings.stage_moves;
    } else {
        choose_open(begin + settings.stage_moves);
    }
}

@compute @workgroup_size(CESS_ENTRIES)
fn adapt_choose(@builtin(local_invocation_index) lane: u32) {
    var sums = cess_nothing();
    for (var k = lane; k < cess_blocks() * CESS_GROUPS; k += CESS_ENTRIES) {
        sums = cess_merge(sums, partials[k]);
    }
    sh_sums[lane] = sums;
    cess_fold(lane);
    if (lane != 0u || control.stop != 0u) {
        return;
    }
    if (stage.settled == 0u) {
        choose_narrow();
    }
    stage.passes += 1u;
    if (stage.passes == ADAPT_PASSES) {
        choose_commit();
    } else if (stage.settled == 0u) {
        choose_candidates();
    }
}

// Before the first stage.
@compute @workgroup_size(1)
fn adapt_open() {
    choose_open(0u);
}
