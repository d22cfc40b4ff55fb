// Flow: overdamped Langevin diffusion, dx = grad log pi(x) dt + sqrt(2) dW. It has no weights:
// psi = 0. Stationary law: pi. Crossing a barrier takes a time exponential in its height.

struct Local {
    aim: f32,
    score: Point,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    var score: Point;
    (*local).aim = target_log_density_and_score(x, &score);
    for (var j = 0u; j < DIM; j++) {
        (*local).score[j] = score[j];
    }
}

fn flow_copy(to: ptr<function, Local>, known: ptr<function, Local>) {
    (*to).aim = (*known).aim;
    for (var j = 0u; j < DIM; j++) {
        (*to).score[j] = (*known).score[j];
    }
}

fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point {
    return (*local).score;
}

fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 {
    return 0.0;
}

fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 {
    return (*local).aim;
}
