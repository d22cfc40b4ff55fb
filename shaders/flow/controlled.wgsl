// The weights of a path of densities along which a velocity u of the user's helps, per unit of
// beta:
//   v = beta' u + eps S,   psi = beta' (d log rho / d beta + div u + u . S),
// whatever eps. If u solves the continuity equation of the path, psi is the same everywhere.
// Source: Vargas et al. 2024 (CMCD); Albergo & Vanden-Eijnden 2024 (NETS).

fn flow_velocity(local: ptr<function, Local>, at: Instant) -> Point {
    var x = (*local).x;
    var velocity = control_velocity(&x, at.beta);
    for (var j = 0u; j < DIM; j++) {
        velocity[j] *= at.beta_rate;
    }
    return velocity;
}

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    var x = (*local).x;
    var velocity = control_velocity(&x, at.beta);
    var terms: DriftTerms;
    flow_drift_terms(local, at, &terms);
    let rate = flow_rate(local, at.beta);
    if (float_is_minus_infinity(rate)) {
        return rate;
    }
    var sum = rate + control_divergence(&x, at.beta);
    for (var j = 0u; j < DIM; j++) {
        sum += velocity[j] * flow_drift_along(x[j], local, &terms, j);
    }
    return at.beta_rate * sum;
}
