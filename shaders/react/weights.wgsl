// The reaction realised by weights.

fn react_gain(slot: u32, strength: f32, excess: f32) -> f32 {
    return strength * excess;
}
