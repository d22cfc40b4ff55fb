// The growth log rho_next(x) - log rho_now(x) of a path between two instants, from its densities.

fn flow_growth(local: ptr<function, Local>, now: Instant, next: Instant) -> f32 {
    let then = flow_log_density(local, next);
    // Where the density is gone it does not matter what it was: -inf minus -inf is not a number.
    if (float_is_minus_infinity(then)) {
        return then;
    }
    return then - flow_log_density(local, now);
}
