// Directions of Hutchinson's divergence: coordinates 1 or -1, a bit each; 128 in a block of words.

fn network_direction(slot: u32, time: u32, direction: u32, axis: u32) -> f32 {
    let block = direction * ((DIM + 127u) / 128u) + axis / 128u;
    let words = threefry(slot, time, block, STREAM_PROBE);
    let pair = select(words.xy, words.zw, (axis & 64u) != 0u);
    let word = select(pair.x, pair.y, (axis & 32u) != 0u);
    let sign = select(1.0, -1.0, ((word >> (axis & 31u)) & 1u) == 1u);
    return select(0.0, sign, axis < DIM && direction < DIRECTIONS);
}
