// Density: that of the initial law, exact at time zero.

fn density_log_ratio(x: ptr<function, Point>, slot: u32, aim: f32) -> f32 {
    var score: Point;
    return aim - initial_log_density_and_score(x, &score);
}
