// Refuse: a move that ends where it must not is not made. The particle stays at x, and its weight
// grows there as it would have without the move.
//
// With exact weights a move from x to x' is kept if |log alpha| <= REFUSE_BOUND,
//   log alpha = log rho(x') - log rho(x) + log q(x | x') - log q(x' | x).
// Kept moves are the same pairs (x, x') forward and backward, and so the step and its reverse stay
// at x with one and the same probability, which cancels in the weight: exact for every bound, at
// every wall. A bound on one side alone would not be. A smaller one costs mixing, a larger one lets
// weights spread where a density falls steeply, by jumps too rare for a run to see: of 2, 3, 4 and
// 8 the least error, with walls and without.
//
// Without exact weights the moves that matter go over the edge of a density, or from a slope into
// the bottom of a deep hole: REFUSE_FLOOR asks for e^-50, which no step of use proposes elsewhere,
// so that it adds nothing to the bias that the step has.
//
// A number that is none is outside: of the place, the density or the drift at x'. So is the outside
// of the law that particles start from: no path brings them there.

const REFUSE_BOUND = 2.0;
const REFUSE_FLOOR = -50.0;

fn refuse_is_finite(x: ptr<function, Point>) -> bool {
    var finite = true;
    for (var j = 0u; j < DIM; j++) {
        finite = finite && !float_is_non_finite((*x)[j]);
    }
    return finite;
}

// Whether a particle may be at x at all.
fn refuse_allows(x: ptr<function, Point>, local: ptr<function, Local>) -> bool {
    return refuse_is_finite(x) && !float_is_minus_infinity(flow_start(local));
}

fn refuse_within(log_alpha: f32) -> bool {
    return !float_is_non_finite(log_alpha) && abs(log_alpha) <= REFUSE_BOUND;
}

// For steps without exact weights.
fn refuse_above(log_alpha: f32) -> bool {
    return !float_is_non_finite(log_alpha) && log_alpha >= REFUSE_FLOOR;
}

// Whether a move goes over an edge of the density at `at`: out of it, or down by more than the
// floor beyond what the slope at either end tells. For flows with a velocity, whose moves have no
// ratio of their own to be judged by.
fn refuse_is_over_edge(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, densities: f32, at: Instant,
) -> bool {
    var begin: DriftTerms;
    flow_drift_terms(before, at, &begin);
    var end: DriftTerms;
    flow_drift_terms(local, at, &end);
    var by_begin = 0.0;
    var by_end = 0.0;
    for (var j = 0u; j < DIM; j++) {
        let way = (*x)[j] - (*here)[j];
        by_begin += flow_drift_along((*here)[j], before, &begin, j) * way;
        by_end += flow_drift_along((*x)[j], local, &end, j) * way;
    }
    let fall = densities - min(0.0, min(by_begin, by_end));
    return float_is_non_finite(fall) || fall < REFUSE_FLOOR;
}

// What a log-weight gains by a step of a flow that has a density and no path: nothing, unless the
// density is zero, or not a number, where the step begins.
fn refuse_gain(local: ptr<function, Local>, at: Instant) -> f32 {
    let here = flow_log_density(local, at);
    return select(0.0, here, float_is_non_finite(here));
}

// A position is copied coordinate by coordinate: compilers take long over a copy as a whole where
// it has many, and software drivers repeat a loop only while some particle needs it.
fn refuse_copy(to: ptr<function, Point>, place: ptr<function, Point>) {
    for (var j = 0u; j < DIM; j++) {
        (*to)[j] = (*place)[j];
    }
}

fn refuse_begin(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>,
) {
    refuse_copy(here, x);
    flow_copy(before, local);
}

// The particle is at x again. It is lost if it has no drift there: no move would ever be made.
fn refuse_back(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, pending: ptr<function, Pending>,
) {
    refuse_copy(x, here);
    flow_copy(local, before);
    if ((*pending).is_lost) {
        (*pending).loss = LOSS_SCORE;
    }
}

fn refuse(
    x: ptr<function, Point>, local: ptr<function, Local>, here: ptr<function, Point>,
    before: ptr<function, Local>, pending: ptr<function, Pending>,
) {
    refuse_back(x, local, here, before, pending);
    (*pending).moves += 1u;
}

// Why a particle is lost by a step that gives it this gain, if it is.
fn integrator_loss(
    x: ptr<function, Point>, here: ptr<function, Point>, pending: ptr<function, Pending>, gain: f32,
) -> u32 {
    if (float_is_lost(gain)) {
        // A density that is no number, where a score means nothing.
        refuse_copy(x, here);
        return LOSS_WEIGHT;
    }
    if (float_is_minus_infinity(gain)) {
        // A weight of zero has nothing to lose, unless there is no place that it belongs to.
        return select(LOSS_POSITION, LOSS_NONE, refuse_is_finite(here));
    }
    return (*pending).loss;
}
