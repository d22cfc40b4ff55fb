// Integrator: a step of the reverse SDE of a composition,
//   x' = shrink x + pull (kappa S + lambda B grad r) + noise xi,
// with Euler's lengths or those of the exact linear step, which the table of nodes holds; and log q
// of the models that are tracked, along the increment dx = x' - x that was made:
//   Ito:           dL = DIM F + s . (dx + F x - G/2 s) + (eta^2 - 1) G/2 div s;
//   kernel ratio:  dL = (|x - c x'|^2 - |x' - (x + V s) / c|^2) / 2V,  x | x' ~ N(c x', V) noising.
// The kinds of weights are files of their own.
// Source: Skreta et al. 2024 (SuperDiff), theorem 1; Ho, Jain & Abbeel 2020 for the kernels.
// Carries log q of the tracked models, in one row of the state each.

struct Pending {
    value: f32,
    // What the weight takes from the densities where the step begins and where it ends: they tell
    // why a particle is lost.
    here: f32,
    there: f32,
    drift: Point,
    tracked: array<f32, MODELS>,
    step: u32,
}

fn integrator_load(slot: u32, begin: u32, pending: ptr<function, Pending>) {
    compose_first = begin;
    var row = DIM;
    for (var i = 0u; i < MODELS; i++) {
        if (compose_is_tracked(i)) {
            (*pending).tracked[i] = bitcast<f32>(state_load(row, slot));
            row += 1u;
        }
    }
}

fn integrator_store(slot: u32, pending: ptr<function, Pending>) {
    var row = DIM;
    for (var i = 0u; i < MODELS; i++) {
        if (compose_is_tracked(i)) {
            state_store(row, slot, bitcast<u32>((*pending).tracked[i]));
            row += 1u;
        }
    }
}

// log q of every model: evaluated, or tracked along the path.
fn compose_logs(
    local: ptr<function, Local>, pending: ptr<function, Pending>,
) -> array<f32, MODELS> {
    var logs: array<f32, MODELS>;
    for (var i = 0u; i < MODELS; i++) {
        logs[i] = select((*local).log_density[i], (*pending).tracked[i], compose_is_tracked(i));
    }
    return logs;
}

fn compose_track(
    local: ptr<function, Local>, pending: ptr<function, Pending>, x: ptr<function, Point>,
    node: u32,
) {
    let drift = compose_column(node, COLUMN_DRIFT);
    let diffusion = compose_column(node, COLUMN_DIFFUSION);
    let shrink = compose_column(node, COLUMN_TRACK_SHRINK);
    let variance = compose_column(node, COLUMN_TRACK_VARIANCE);
    for (var i = 0u; i < MODELS; i++) {
        if (!compose_is_tracked(i)) {
            continue;
        }
        var gain = 0.0;
        for (var j = 0u; j < DIM; j++) {
            let s = (*local).score[i][j];
            let before = (*local).x[j];
            if (TRACK_BY_RATIO) {
                let back = before - shrink * (*x)[j];
                let ahead = (*x)[j] - (before + variance * s) / shrink;
                gain += 0.5 * (back * back - ahead * ahead) / variance;
            } else {
                gain += drift + s * ((*x)[j] - before + drift * before - 0.5 * diffusion * s);
            }
        }
        if (NEEDS_DIVERGENCE && !TRACK_BY_RATIO) {
            gain += (STOCHASTICITY * STOCHASTICITY - 1.0) * 0.5 * diffusion
                * (*local).divergence[i];
        }
        (*pending).tracked[i] += gain;
    }
}

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    if (step == 0u) {
        (*pending).tracked = compose_first_logs(local);
    }
    var logs = compose_logs(local, pending);
    var combined = compose_rule(local, &logs, step);
    (*pending).value = compose_begin_value(local, &combined, step);
    var drift = compose_drift(local, &combined, step);
    let strength = compose_column(step, COLUMN_STRENGTH);
    let shrink = compose_column(step, COLUMN_SHRINK);
    let pull = compose_column(step, COLUMN_PULL);
    let scale = compose_column(step, COLUMN_NOISE);
    // Rates are made of scores too: then it is they that are no numbers.
    (*pending).here = (*pending).value;
    for (var j = 0u; j < DIM; j++) {
        var toward = KAPPA * drift[j];
        if (HAS_REWARD) {
            toward += GUIDANCE * strength * (*local).reward_score[j];
        }
        (*pending).drift[j] = toward;
        if (float_is_non_finite(toward)) {
            (*pending).here = 0.0;
        }
        (*x)[j] = shrink * (*x)[j] + pull * toward + scale * (*noise)[j];
    }
    if (TRACKED != 0u) {
        compose_track(local, pending, x, step);
    }
    for (var j = 0u; j < DIM; j++) {
        (*here)[j] = (*local).x[j];
    }
    (*pending).step = step;
}
