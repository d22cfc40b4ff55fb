// One move of a particle for the drift D = eps m S + u and noise of variance 2 eps m per time,
//   x' = x + length D + noise xi,
// with S = flow_drift, u = flow_velocity where the flow has one, the transport rate eps and the
// preconditioner m. `move_length`, `move_noise` and their quotient `move_strain` are those of
// Euler's or of the exponential step: a file of their own.
//
// Taming: a drift coordinate D becomes D / (1 + length |D| / sqrt m), so that no drift step is
// longer than sqrt m (1 unless set) and steep walls cannot throw a particle to infinity.
// Source: Hutzenthaler, Jentzen & Kloeden 2012; by coordinate: Brosse, Durmus, Moulines & Sabanis
// 2019 (tULAc).

// The drift eps m S + direction · u, tamed: S of the density at `at`, the velocity of `u_at`.
fn move_drift(
    local: ptr<function, Local>, at: Instant, u_at: Instant, direction: f32, dt: f32,
) -> Point {
    var d = flow_drift(local, at);
    for (var j = 0u; j < DIM; j++) {
        d[j] *= settings.transport * preconditioner(j);
    }
    if (HAS_VELOCITY) {
        var u = flow_velocity(local, u_at);
        for (var j = 0u; j < DIM; j++) {
            d[j] += direction * u[j];
        }
    }
    if (TAMED) {
        for (var j = 0u; j < DIM; j++) {
            d[j] = d[j] / (1.0 + move_length(dt, j) * abs(d[j]) / preconditioner_root(j));
        }
    }
    return d;
}

// Moves by the pending drift and noise.
fn move_particle(x: ptr<function, Point>, pending: ptr<function, Pending>, dt: f32) {
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] += move_length(dt, j) * (*pending).drift[j]
            + move_noise(dt, j) * (*pending).noise[j];
    }
}

// `densities` + log B(x | x') - log F(x' | x) of the pending move F and the move B back with the
// drift `back`. Both are normal with one variance, noise^2, so that log B - log F is
//   |xi|^2/2 - |xi + e|^2/2 = -e . (xi + e/2),  e = strain (D(x) + back).
fn move_log_ratio(
    densities: f32, pending: ptr<function, Pending>, back: ptr<function, Point>, dt: f32,
) -> f32 {
    var ratio = densities;
    for (var j = 0u; j < DIM; j++) {
        let e = move_strain(dt, j) * ((*pending).drift[j] + (*back)[j]);
        ratio -= e * ((*pending).noise[j] + 0.5 * e);
    }
    return ratio;
}
