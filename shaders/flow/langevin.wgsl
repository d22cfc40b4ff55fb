// Flow: overdamped Langevin diffusion, dx = grad log pi(x) dt + sqrt(2) dW. It has no weights:
// psi = 0. Stationary law: pi. Crossing a barrier takes a time exponential in its height.

struct Local {
    score: Point,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    (*local).score = target_score(x);
}

fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    return (*local).score;
}

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    return 0.0;
}
