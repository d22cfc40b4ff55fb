// Lost: whether a particle is lost by a step, and by what. Bits tell, because compilers fold what
// compares a number with itself.

// -inf is a legal log-weight.
fn lost_is(x: ptr<function, Point>, log_weight: f32) -> bool {
    var lost = float_is_lost(log_weight);
    for (var j = 0u; j < DIM; j++) {
        lost = lost || float_is_non_finite((*x)[j]);
    }
    return lost;
}

// Whether the density says that the weight is zero, and not the kernels' ratio.
fn lost_is_outside(pending: ptr<function, Pending>) -> bool {
    return float_is_minus_infinity((*pending).here) || float_is_minus_infinity((*pending).there);
}

// Whether a lost particle did not get to the end of its step: nothing is known there, or not even
// where that is.
fn lost_before_the_end(x: ptr<function, Point>, pending: ptr<function, Pending>) -> bool {
    return lost_is(x, (*pending).here);
}

// Why a particle was lost: by a density that is no number, where a score means nothing; by the
// score where it began or, as far as it got there, where it ended; or by the move.
fn lost_cause(x: ptr<function, Point>, pending: ptr<function, Pending>) -> u32 {
    let arrived = !lost_is(x, 0.0);
    var drift = (*pending).drift;
    if (float_is_non_finite((*pending).here) || (arrived && float_is_lost((*pending).there))) {
        return LOSS_WEIGHT;
    }
    return select(LOSS_POSITION, LOSS_SCORE, arrived || lost_is(&drift, 0.0));
}
