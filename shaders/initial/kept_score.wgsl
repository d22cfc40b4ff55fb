// A coordinate of the initial law's score as it was found, for laws that take the whole point.

fn initial_score_of(x: f32, kept: f32, j: u32) -> f32 {
    return kept;
}
