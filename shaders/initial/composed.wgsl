// The log-weights at time zero of particles drawn from a normal law in place of a composition's
// law at the largest noise.

fn initial_log_weight(x: ptr<function, Point>) -> f32 {
    if (CORRECTION == 0.0) {
        return 0.0;
    }
    var local: Local;
    step_local(x, &local, 0u, 0u);
    var logs = compose_first_logs(&local);
    let combined = compose_rule(&local, &logs, 0u);
    var slope: Point;
    return CORRECTION * (combined.log_density + compose_column(0u, COLUMN_STRENGTH) * local.reward
        - initial_log_density_and_score(x, &slope));
}
