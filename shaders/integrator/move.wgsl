// One Euler-Maruyama move with sigma^2 = 2: x += h D + sqrt(2 h) xi, with the tamed drift D.
//
// Taming: a drift coordinate D becomes D / (1 + h |D|), so that no drift step is longer than 1 and
// steep walls cannot throw a particle to infinity.
// Source: Hutzenthaler, Jentzen & Kloeden 2012; by coordinate: Brosse, Durmus, Moulines & Sabanis
// 2019 (tULAc).

// What a step keeps from its begin, at x, for its end, at x'.
struct Pending {
    value: f32,
    drift: Point,
    noise: Point,
}

fn move_tamed(drift: Point, dt: f32) -> Point {
    var d = drift;
    if (TAMED) {
        for (var j = 0u; j < DIM; j++) {
            d[j] = d[j] / (1.0 + dt * abs(d[j]));
        }
    }
    return d;
}

fn move_particle(x: ptr<function, Point>, pending: ptr<function, Pending>, dt: f32) {
    let scale = sqrt(2.0 * dt);
    for (var j = 0u; j < DIM; j++) {
        (*x)[j] += dt * (*pending).drift[j] + scale * (*pending).noise[j];
    }
}
