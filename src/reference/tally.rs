//! Twin of `shaders/tally.wgsl`: integer weights relative to the largest of the particles that
//! count.

use super::weight::weight_of;

/// The integer weights (N,) of particles with these coordinates, rows of N, and the number of lost
/// ones.
///
/// The unit is 2^−27 of the largest weight of the particles whose log-weight and coordinates are
/// finite; all others have none.
pub fn tally(rows: &[&[f32]], log_weights: &[f32]) -> (Vec<u32>, u32) {
    let in_place = |i: usize| rows.iter().all(|row| row[i].is_finite());
    let lost = |i: &usize| {
        let log_weight = log_weights[*i];
        !in_place(*i) || log_weight.is_nan() || log_weight == f32::INFINITY
    };
    let counts = |i: &usize| in_place(*i) && log_weights[*i].is_finite();
    let all = 0..log_weights.len();
    let peak = all.clone().filter(counts).map(|i| log_weights[i]).reduce(f32::max);
    let weight = |i: usize| match peak {
        Some(peak) if counts(&i) => weight_of(log_weights[i], peak),
        _ => 0,
    };
    (all.clone().map(weight).collect(), all.filter(lost).count() as u32)
}
