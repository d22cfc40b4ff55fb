//! What kernels are compared with their oracles on: words, normals, and log-weights to resample.

use super::normal::normal_pair;

/// `count` random words (splitmix64); each seed has its own.
pub fn noise(seed: u32, count: usize) -> Vec<u32> {
    let mut state = u64::from(seed) << 40;
    let word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    };
    std::iter::repeat_with(word).take(count).collect()
}

/// Random words with every tenth or so an extreme one.
pub fn words_with_extremes(seed: u32, count: usize) -> Vec<u32> {
    const EXTREMES: [u32; 8] =
        [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, u32::MAX];
    let mut words = noise(seed, count);
    for (i, choice) in noise(seed + 1, count).into_iter().enumerate() {
        if choice % 10 == 0 {
            words[i] = EXTREMES[(choice / 10) as usize % EXTREMES.len()];
        }
    }
    words
}

/// `count` standard normals.
pub fn normals(seed: u32, count: usize) -> Vec<f64> {
    let words = noise(seed, 2 * count.div_ceil(2));
    words.chunks(2).flat_map(|w| normal_pair(w[0], w[1])).take(count).collect()
}

/// The populations of [`log_weights`]: ordinary, steep and broken ones.
pub const POPULATIONS: [&str; 7] =
    ["normal", "equal", "one", "zeros at the ends", "not numbers", "wide normal", "cliffs"];

/// The log-weights of `count` particles of a population.
///
/// # Panics
/// When it is none of [`POPULATIONS`].
pub fn log_weights(population: &str, count: usize) -> Vec<f32> {
    const NONE: f32 = f32::NEG_INFINITY;
    let (left, right) = (count / 5, count - count / 4);
    let normal = normals(population.len() as u32, count).into_iter().map(|z| z as f32).enumerate();
    let of: &dyn Fn(usize, f32) -> f32 = match population {
        "normal" => &|_, z| z,
        "wide normal" => &|_, z| 5.0 * z,
        "equal" => &|_, _| -3.25,
        "one" => &|i, _| if i == 2 * count / 3 { 4.0 } else { NONE },
        "zeros at the ends" => &|i, z| {
            if i < left || (i >= right && right > left) { NONE } else { z }
        },
        "not numbers" => &|i, z| match i % 7 {
            1 => f32::NAN,
            3 => f32::INFINITY,
            5 => NONE,
            _ => z,
        },
        // Some blocks far below others, at a height where floats are coarse.
        "cliffs" => &|i, z| z - 1e4 - 7.0 * ((i / 2048) % 9) as f32,
        _ => panic!("no population is called {population}"),
    };
    normal.map(|(i, z)| of(i, z)).collect()
}

/// Log-weights that are exact in every arithmetic: multiples of 1/4096 between -16 and 0.
pub fn exact_log_weights(seed: u32, count: usize) -> Vec<f32> {
    noise(seed, count).into_iter().map(|word| -((word >> 16) as f32) / 4096.0).collect()
}

/// A checksum of words in order: FNV-1a of 64 bits over their bytes.
pub fn checksum(words: &[u32]) -> u64 {
    let byte = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    words.iter().flat_map(|word| word.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, byte)
}
