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

// A coordinate of the drift eps m S + u, tamed; the terms are those of S.
fn move_drift(
    x: f32, local: ptr<function, Local>, terms: ptr<function, DriftTerms>, u: f32, dt: f32, j: u32,
) -> f32 {
    var d = flow_drift_along(x, local, terms, j) * (settings.transport * preconditioner(j));
    if (HAS_VELOCITY) {
        d += u;
    }
    if (TAMED) {
        d = d / (1.0 + move_length(dt, j) * abs(d) / preconditioner_root(j));
    }
    return d;
}

// Moves by the drift, S of the density at `at` and the velocity of `u_at`, and by the noise. Kept
// for the ratio is what makes the drift again, because registers are few.
fn move_particle(
    x: ptr<function, Point>, local: ptr<function, Local>, noise: ptr<function, Point>,
    pending: ptr<function, Pending>, at: Instant, u_at: Instant, dt: f32,
) {
    var terms: DriftTerms;
    flow_drift_terms(local, at, &terms);
    var u: Point;
    if (HAS_VELOCITY) {
        u = flow_velocity(local, u_at);
    }
    var is_lost = false;
    for (var j = 0u; j < DIM; j++) {
        let drift = move_drift((*x)[j], local, &terms, u[j], dt, j);
        is_lost = is_lost | float_is_non_finite(drift);
        let xi = (*noise)[j];
        kept_store(noise, j, xi);
        (*x)[j] += move_length(dt, j) * drift + move_noise(dt, j) * xi;
    }
    (*pending).terms = terms;
    (*pending).velocity = u;
    (*pending).is_lost = is_lost;
}

// `densities` + log B(x | x') - log F(x' | x) of the pending move F and the move B back, with S of
// the density at `at` and minus the velocity of `u_at`. Both are normal with one variance, noise^2,
// so that log B - log F is
//   |xi|^2/2 - |xi + e|^2/2 = -e . (xi + e/2),  e = strain (D(x) + D(x')).
fn move_log_ratio(
    densities: f32, x: ptr<function, Point>, local: ptr<function, Local>,
    here: ptr<function, Point>, before: ptr<function, Local>, noise: ptr<function, Point>,
    pending: ptr<function, Pending>, at: Instant, u_at: Instant, dt: f32,
) -> f32 {
    var begun = (*pending).terms;
    var terms: DriftTerms;
    flow_drift_terms(local, at, &terms);
    var u: Point;
    if (HAS_VELOCITY) {
        u = flow_velocity(local, u_at);
    }
    var ratio = densities;
    for (var j = 0u; j < DIM; j++) {
        let drift = move_drift((*here)[j], before, &begun, (*pending).velocity[j], dt, j);
        let back = move_drift((*x)[j], local, &terms, -u[j], dt, j);
        let e = move_strain(dt, j) * (drift + back);
        ratio -= e * (kept_load(noise, j) + 0.5 * e);
    }
    return ratio;
}
