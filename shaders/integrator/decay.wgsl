// Exponential decay over a step: the mean of e^-s over 0 <= s <= z, (1 - e^-z)/z, for z >= 0.

fn decay_mean(z: f32) -> f32 {
    // Taylor's series where the difference would cancel: its error is below 2e-9.
    var p = 1.0 - z / 7.0;
    p = 1.0 - z / 6.0 * p;
    p = 1.0 - z / 5.0 * p;
    p = 1.0 - z / 4.0 * p;
    p = 1.0 - z / 3.0 * p;
    return select((1.0 - exp(-z)) / z, 1.0 - z / 2.0 * p, z < 0.25);
}
