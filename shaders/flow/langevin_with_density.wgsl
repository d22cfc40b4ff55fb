// Flow: overdamped Langevin diffusion as in langevin.wgsl, with the density that it leaves
// invariant, for integrators that need one.

struct Local {
    aim: f32,
    score: Point,
}

fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    var score: Point;
    (*local).aim = target_log_density_and_score(x, &score);
    (*local).score = score;
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
