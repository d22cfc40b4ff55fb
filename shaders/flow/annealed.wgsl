// Flow: Langevin diffusion annealed along the geometric path
//   log rho_t = (1 - beta) log p0 + beta log pi,   dx = S dt + sqrt(2) dW,  S = grad log rho_t,
//   psi = d_t log rho_t = beta' (log pi - log p0).
// Source: Jarzynski 1997; Neal 2001 (annealed importance sampling). The initial law p0 is
// normalised, so that the log-normaliser is that of pi.

struct Local {
    initial: f32,
    aim: f32,
    initial_score: Point,
    aim_score: Point,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    var score: Point;
    (*local).initial = initial_log_density_and_score(x, &score);
    for (var j = 0u; j < DIM; j++) {
        (*local).initial_score[j] = score[j];
    }
    (*local).aim = target_log_density_and_score(x, &score);
    for (var j = 0u; j < DIM; j++) {
        (*local).aim_score[j] = score[j];
    }
}

fn flow_copy(to: ptr<function, Local>, known: ptr<function, Local>) {
    (*to).initial = (*known).initial;
    (*to).aim = (*known).aim;
    for (var j = 0u; j < DIM; j++) {
        (*to).initial_score[j] = (*known).initial_score[j];
        (*to).aim_score[j] = (*known).aim_score[j];
    }
}

fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    var drift: Point;
    for (var j = 0u; j < DIM; j++) {
        drift[j] = (1.0 - at.beta) * (*local).initial_score[j] + at.beta * (*local).aim_score[j];
    }
    return drift;
}

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    // Outside the support of p0 there is no path.
    if (float_is_minus_infinity((*local).initial)) {
        return float_minus_infinity();
    }
    return at.beta_rate * ((*local).aim - (*local).initial);
}

// At the ends one law may be -inf without mattering: 0 · inf is not a number.
fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {
    if (at.beta == 0.0) {
        return (*local).initial;
    }
    if (at.beta == 1.0) {
        return (*local).aim;
    }
    return (1.0 - at.beta) * (*local).initial + at.beta * (*local).aim;
}

// The growth log rho_next(x) - log rho_now(x) between two instants: differences first, so that a
// large constant in one of the densities is not rounded twice.
fn flow_growth(local: ptr<function, Local>, now: Instant, next: Instant) -> f32 {
    let step = next.beta - now.beta;
    if (step == 0.0) {
        return 0.0;
    }
    return step * ((*local).aim - (*local).initial);
}

// log rho(x') - log rho(x) at one instant.
fn flow_log_ratio(
    before: ptr<function, Local>, after: ptr<function, Local>, at: Instant,
) -> f32 {
    let initial = (*after).initial - (*before).initial;
    let aim = (*after).aim - (*before).aim;
    if (at.beta == 0.0) {
        return initial;
    }
    if (at.beta == 1.0) {
        return aim;
    }
    return (1.0 - at.beta) * initial + at.beta * aim;
}

// The log density that particles start from.
fn flow_start(local: ptr<function, Local>) -> f32 {
    return (*local).initial;
}
