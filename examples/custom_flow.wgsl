// Flow: Langevin diffusion of the target with particles killed at the rate |x|²/2,
//   dx = grad log pi dt + sqrt(2) dW,   psi = -|x|^2 / 2.
// The weighted population is the Feynman-Kac solution of d_t p = L* p - |x|^2/2 p.

struct Local {
    score: Point,
    square: f32,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    (*local).score = target_score(x);
    var square = 0.0;
    for (var j = 0u; j < DIM; j++) {
        square += (*x)[j] * (*x)[j];
    }
    (*local).square = square;
}

fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    return (*local).score;
}

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    return -0.5 * (*local).square;
}
