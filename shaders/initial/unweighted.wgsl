// The log-weights at time zero of particles that are drawn from the initial law itself.

fn initial_log_weight(x: ptr<function, Point>) -> f32 {
    return 0.0;
}
