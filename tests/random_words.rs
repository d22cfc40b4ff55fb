//! The stream of `examples/random_words` is that of the particles, in either order.

mod common;
#[path = "../examples/random_words.rs"]
#[allow(dead_code, reason = "the example's own main is not run here")]
mod example;

use example::{Options, stream};
use wfr::reference::normal::normal_draw;
use wfr::reference::threefry::threefry;

const STREAM_STEP: u32 = 1;
/// Seeds that differ in their low and in their high word.
const SEEDS: [u64; 3] = [0, 5, 5 + (1 << 32)];

fn words(options: Options) -> Option<Vec<u32>> {
    let mut bytes = Vec::new();
    stream(common::adapter()?, &options, &mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, 4 * options.words);
    Some(bytes.chunks(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

/// Particle and step of a Threefry call.
fn place(call: u32, by_particle: bool) -> (u32, u32) {
    if by_particle { (call / 1024, call % 1024) } else { (call % (1 << 20), call >> 20) }
}

#[test]
fn words_are_those_of_the_particles() {
    for seed in SEEDS {
        for by_particle in [true, false] {
            // A little more than the first chunk.
            let count = 4 * (1 << 20) + 402;
            let options = Options { words: count, by_particle, normals: false, seed };
            let Some(words) = words(options) else { return };
            for (call, four) in words.chunks(4).enumerate() {
                let (particle, step) = place(call as u32, by_particle);
                let expected = threefry(seed, particle, step, 0, STREAM_STEP);
                assert_eq!(four, &expected[..four.len()], "call {call}, seed {seed}");
            }
        }
    }
}

#[test]
fn normals_are_those_of_steps_in_four_dimensions() {
    let options = Options { words: 40_000, by_particle: true, normals: true, seed: 7 };
    let Some(words) = words(options) else { return };
    for (call, four) in words.chunks(4).enumerate() {
        let (particle, step) = place(call as u32, true);
        let expected = normal_draw(7, particle, step, STREAM_STEP, 4);
        for (word, expected) in four.iter().zip(expected) {
            let value = f64::from(f32::from_bits(*word));
            assert!((value - expected).abs() < 1e-5 * (1.0 + expected.abs()), "call {call}");
        }
    }
}
