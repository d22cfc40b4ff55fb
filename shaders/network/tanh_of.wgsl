// tanh by one exponential that cannot overflow: some drivers' own tanh does. Error 2^-22, absolute.

fn network_tanh(x: f32) -> f32 {
    // From here on it is 1 to single precision.
    let bounded = clamp(x, -10.0, 10.0);
    return 1.0 - 2.0 / (exp(2.0 * bounded) + 1.0);
}
