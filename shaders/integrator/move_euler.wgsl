// The move of Euler and Maruyama: length h, variance 2 eps m h.

fn move_length(dt: f32, j: u32) -> f32 {
    return dt;
}

fn move_noise(dt: f32, j: u32) -> f32 {
    return sqrt(2.0 * settings.transport * preconditioner(j) * dt);
}

fn move_strain(dt: f32, j: u32) -> f32 {
    return sqrt(0.5 * dt / (settings.transport * preconditioner(j)));
}
