// Directions of the exact divergence: the axes, one after another.

fn network_direction(slot: u32, time: u32, direction: u32, axis: u32) -> f32 {
    return select(0.0, 1.0, direction == axis);
}
