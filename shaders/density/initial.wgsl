// Density: that of the initial law, exact at time zero.

fn density_log(x: ptr<function, Point>, slot: u32) -> f32 {
    var score: Point;
    return initial_log_density_and_score(x, &score);
}
