// The exponential move: -kappa x, the linear part of the score, is solved exactly and the rest of
// it frozen. With z = kappa eps m h the length is h (1 - e^-z)/z and the variance
// (1 - e^-2z)/kappa. For a score S = kappa (mu - x) this is the transition of the
// Ornstein-Uhlenbeck process, at every h; at kappa = 0 it is Euler's move.
// Source: Certaine 1960 (exponential Euler); Uhlenbeck & Ornstein 1930.

fn move_turns(dt: f32, j: u32) -> f32 {
    return settings.stiffness * settings.transport * preconditioner(j) * dt;
}

fn move_length(dt: f32, j: u32) -> f32 {
    return dt * decay_mean(move_turns(dt, j));
}

fn move_noise(dt: f32, j: u32) -> f32 {
    let spread = 2.0 * settings.transport * preconditioner(j) * dt;
    return sqrt(spread * decay_mean(2.0 * move_turns(dt, j)));
}

fn move_strain(dt: f32, j: u32) -> f32 {
    return move_length(dt, j) / move_noise(dt, j);
}
