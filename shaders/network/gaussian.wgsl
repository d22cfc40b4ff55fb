// Directions of Hutchinson's divergence: coordinates standard normal, four in a block of words.

fn network_direction(slot: u32, time: u32, direction: u32, axis: u32) -> f32 {
    let words = threefry(slot, time, direction * ((DIM + 3u) / 4u) + axis / 4u, STREAM_PROBE);
    let two = select(words.xy, words.zw, (axis & 2u) != 0u);
    let pair = normal_pair(two.x, two.y);
    let normal = select(pair.x, pair.y, (axis & 1u) == 1u);
    return select(0.0, normal, axis < DIM && direction < DIRECTIONS);
}
