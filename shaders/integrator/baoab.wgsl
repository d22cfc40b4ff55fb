// Integrator: BAOAB, the splitting of underdamped Langevin dynamics for rho_{k+1}, with heat. In
// the scaled coordinate y = x / sqrt m, with force S = sqrt m grad log rho_{k+1} and momentum p:
//   p += h/2 S;  y += h/2 p;  [p_b]  p = c p + sqrt(1 - c^2) xi  [p_a];  y += h/2 p;  p += h/2 S';
//   log alpha = log rho_{k+1}(x') - log rho_{k+1}(x)
//     + (|p_0|^2 - |p_1|^2)/2 - (|p_b|^2 - |p_a|^2)/2,
// c = e^(-friction h), h the step times the transport rate, p_0 and p_1 the momenta at its ends.
// With a(x) = log rho_{k+1}(x) - log rho_k(x):
//   log-weight += a(x) + log alpha   if the step is kept;
//   log-weight += a(x), and back to (x, -p_0)   if it is refused.
// The reverse of the step is itself between two turns of the momentum, so that a step which is
// refused must turn it: what stays at (x, p) forward and backward is then the same and cancels.
// Kicks and drifts keep the volume, so that only the friction step takes or gives heat: exact at
// every step size, and with any force that depends on the place alone, hence with a tamed one,
// S / (1 + h^2/2 |S|), which no kick carries farther than 1 in y.
// A flow without a path has no weights, and a bias of order h^2 in its invariant law; there too the
// momentum turns at a wall.
// Source: Leimkuhler & Matthews 2013; Crooks 1998.
// Carries the momentum, N(0, I) at time zero, in DIM rows of the state.

struct Pending {
    // What the log-weight gains at x, and the heat and the kinetic energy so far.
    gain: f32,
    heat: f32,
    // Whether the force is no number.
    is_lost: bool,
    momentum: Point,
    // Refused moves; why the particle is lost.
    moves: u32,
    loss: u32,
}

fn integrator_load(slot: u32, begin: u32, pending: ptr<function, Pending>) {
    var momentum: Point;
    if (begin == 0u) {
        normal_draw(slot, 0u, STREAM_MOMENTUM, normal_words(slot, 0u, STREAM_MOMENTUM), &momentum);
    } else {
        for (var j = 0u; j < DIM; j++) {
            momentum[j] = bitcast<f32>(state_load(DIM + j, slot));
        }
    }
    for (var j = 0u; j < DIM; j++) {
        (*pending).momentum[j] = momentum[j];
    }
    (*pending).moves = 0u;
    (*pending).loss = LOSS_NONE;
}

fn integrator_store(slot: u32, pending: ptr<function, Pending>) {
    for (var j = 0u; j < DIM; j++) {
        state_store(DIM + j, slot, bitcast<u32>((*pending).momentum[j]));
    }
    count_moves(slot, pending);
}

fn baoab_force(
    x: f32, local: ptr<function, Local>, terms: ptr<function, DriftTerms>, h: f32, j: u32,
) -> f32 {
    let f = preconditioner_root(j) * flow_drift_along(x, local, terms, j);
    if (TAMED) {
        return f / (1.0 + 0.5 * h * h * abs(f));
    }
    return f;
}

fn integrator_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant, slot: u32, step: u32,
) {
    refuse_begin(x, local, here, before);
    let h = settings.transport * now.dt;
    let turns = settings.friction * h;
    let keep = 1.0 - turns * decay_mean(turns);
    let fresh = sqrt(2.0 * turns * decay_mean(2.0 * turns));
    var terms: DriftTerms;
    flow_drift_terms(local, next, &terms);
    var squares = 0.0;
    var is_lost = false;
    for (var j = 0u; j < DIM; j++) {
        let p = (*pending).momentum[j];
        let force = baoab_force((*x)[j], local, &terms, h, j);
        is_lost = is_lost | float_is_non_finite(force);
        let kicked = p + 0.5 * h * force;
        let after = keep * kicked + fresh * (*noise)[j];
        // The noise is over, and its place holds the momentum that a refused step turns.
        kept_store(noise, j, p);
        squares += p * p - kicked * kicked + after * after;
        (*x)[j] += 0.5 * h * preconditioner_root(j) * (kicked + after);
        (*pending).momentum[j] = after;
    }
    (*pending).heat = 0.5 * squares;
    (*pending).is_lost = is_lost;
    if (HAS_PATH) {
        (*pending).gain = flow_growth(local, now, next);
    } else {
        (*pending).gain = refuse_gain(local, next);
    }
}

fn integrator_end(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, noise: ptr<function, Point>, pending: ptr<function, Pending>,
    now: Instant, next: Instant,
) -> f32 {
    let h = settings.transport * now.dt;
    var terms: DriftTerms;
    flow_drift_terms(local, next, &terms);
    var squares = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let p = (*pending).momentum[j] + 0.5 * h * baoab_force((*x)[j], local, &terms, h, j);
        (*pending).momentum[j] = p;
        squares += p * p;
    }
    let densities = flow_log_ratio(before, local, next);
    let log_alpha = densities + ((*pending).heat - 0.5 * squares);
    var kept: bool;
    if (HAS_PATH) {
        kept = refuse_within(log_alpha);
    } else {
        kept = refuse_above(log_alpha);
    }
    if (!(kept && refuse_allows(x, local))) {
        refuse(x, local, here, before, pending);
        for (var j = 0u; j < DIM; j++) {
            (*pending).momentum[j] = -kept_load(noise, j);
        }
        return (*pending).gain;
    }
    return (*pending).gain + select(0.0, log_alpha, HAS_PATH);
}
