//! The twin of `shaders/settle.wgsl`.

/// The parents after an event: those that were drawn, or every particle itself.
pub fn settle_parents(parents: &[u32], resampled: bool) -> Vec<u32> {
    if resampled { parents.to_vec() } else { (0..parents.len() as u32).collect() }
}

/// The log-weights after an event: equal ones, or those before it.
pub fn settle_weights(log_weights: &[f32], resampled: bool) -> Vec<f32> {
    if resampled { vec![0.0; log_weights.len()] } else { log_weights.to_vec() }
}
