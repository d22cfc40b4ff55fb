// Loss of a particle by a step of a composition, which keeps every move. Bits tell, because
// compilers fold what compares a number with itself.

// Whether x or a logarithm is no number; -inf is a legal one.
fn compose_is_lost(x: ptr<function, Point>, number: f32) -> bool {
    var lost = float_is_lost(number);
    for (var j = 0u; j < DIM; j++) {
        lost = lost || float_is_non_finite((*x)[j]);
    }
    return lost;
}

// By a density that is no number, where a score means nothing; by the score where it began or, as
// far as it got there, where it ended; or by the move.
fn compose_cause(x: ptr<function, Point>, pending: ptr<function, Pending>) -> u32 {
    let arrived = !compose_is_lost(x, 0.0);
    var drifts = true;
    for (var j = 0u; j < DIM; j++) {
        drifts = drifts && !float_is_non_finite((*pending).drift[j]);
    }
    if (float_is_non_finite((*pending).here) || (arrived && float_is_lost((*pending).there))) {
        return LOSS_WEIGHT;
    }
    return select(LOSS_POSITION, LOSS_SCORE, arrived || !drifts);
}

// Why a particle is lost by a step that gives it this gain, if it is. A weight that is zero by no
// density is so by a drift that is no number.
fn integrator_loss(
    x: ptr<function, Point>, here: ptr<function, Point>, pending: ptr<function, Pending>, gain: f32,
) -> u32 {
    let zero = float_is_minus_infinity(gain)
        && !float_is_minus_infinity((*pending).here)
        && !float_is_minus_infinity((*pending).there);
    if (!compose_is_lost(x, gain) && !zero) {
        return LOSS_NONE;
    }
    let cause = compose_cause(x, pending);
    // It did not get to the end of its step: nothing is known there, or not even where that is.
    if (compose_is_lost(x, (*pending).here)) {
        for (var j = 0u; j < DIM; j++) {
            (*x)[j] = (*here)[j];
        }
    }
    return cause;
}
