// One Euler-Maruyama move for the drift v = u + eps S of noise sqrt(2 eps):
//   x' = x + h v + sqrt(2 eps h) xi,
// with S = flow_drift, u = flow_velocity where the flow has one, and the transport rate eps.
//
// Taming: a drift coordinate D becomes D / (1 + h |D|), so that no drift step is longer than 1 and
// steep walls cannot throw a particle to infinity.
// Source: Hutzenthaler, Jentzen & Kloeden 2012; by coordinate: Brosse, Durmus, Moulines & Sabanis
// 2019 (tULAc).

// The drift eps S + direction · u, tamed: S of the density at `at`, the velocity of `u_at`.
fn move_drift(
    local: ptr<function, Local>, at: Instant, u_at: Instant, direction: f32, dt: f32,
) -> Point {
    var d = flow_drift(local, at);
    for (var j = 0u; j < DIM; j++) {
        d[j] *= TRANSPORT;
    }
    if (HAS_VELOCITY) {
        var u = flow_velocity(local, u_at);
        for (var j = 0u; j < DIM; j++) {
            d[j] += direction * u[j];
        }
    }
    if (TAMED) {
        for (var j = 0u; j < DIM; j++) {
            d[j] = d[j] / (1.0 + dt * abs(d[j]));
        }
    }
    return d;
}

// Moves by the pending drift and noise.
fn move_particle(x: ptr<function, Point>, pending: ptr<function, Pending>, dt: f32) {
    let scale = sqrt(2.0 * TRANSPORT * dt);
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] += dt * (*pending).drift[j] + scale * (*pending).noise[j];
    }
}
