//! Twin of `shaders/normal.wgsl`: the Box–Muller transform of the same words, in `f64`.

use std::f64::consts::PI;

use super::threefry::threefry;

/// Two independent normals from two words: 31 bits for the radius, 23 for the angle of a half-turn,
/// one for the side.
pub fn normal_pair(a: u32, b: u32) -> [f64; 2] {
    let angle = PI * (f64::from(b & 0x007f_ffff) / 8_388_608.0 - 0.5);
    let radius = normal_radius(a);
    let side = if b >> 31 == 1 { -radius } else { radius };
    [side * angle.cos(), side * angle.sin()]
}

/// The distance of the pair from the origin.
pub fn normal_radius(a: u32) -> f64 {
    let u = (f64::from(a >> 1) + 0.5) / 2_147_483_648.0;
    (-2.0 * u.ln()).sqrt()
}

/// The `dim` normals of particle slot `slot` at `time` of a stream.
///
/// In one and two dimensions a Threefry call serves four and two consecutive times.
pub fn normal_draw(seed: u64, slot: u32, time: u32, stream: u32, dim: usize) -> Vec<f64> {
    let four = |time: u32, block: u32| {
        let word = threefry(seed, slot, time, block, stream);
        let ([x, y], [z, w]) = (normal_pair(word[0], word[1]), normal_pair(word[2], word[3]));
        [x, y, z, w]
    };
    match dim {
        1 => vec![four(time / 4, 0)[time as usize % 4]],
        2 => four(time / 2, 0)[2 * (time as usize % 2)..][..2].to_vec(),
        _ => (0..dim.div_ceil(4) as u32).flat_map(|block| four(time, block)).take(dim).collect(),
    }
}
