//! The stream of `examples/random_words` is that of the particles, in every order.

mod common;
#[path = "../examples/random_words.rs"]
#[allow(dead_code, reason = "the example's own main is not run here")]
mod example;

use example::{Options, Order, stream};
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

const ORDERS: [Order; 4] = [Order::Particle, Order::Step, Order::Axis, Order::Seed];

/// Particle, step, block and what is added to the seed's low word, of a Threefry call.
fn place(call: u32, order: Order) -> [u32; 4] {
    match order {
        Order::Particle => [call / 1024, call % 1024, 0, 0],
        Order::Step => [call % (1 << 20), call >> 20, 0, 0],
        Order::Axis => [call / 256, 0, call % 256, 0],
        Order::Seed => [call >> 20, 0, 0, call % (1 << 20)],
    }
}

#[test]
fn words_are_those_of_the_particles() {
    for seed in SEEDS {
        for order in ORDERS {
            // A little more than the first chunk.
            let count = 4 * (1 << 20) + 402;
            let options = Options { words: count, order, normals: false, seed };
            let Some(words) = words(options) else { return };
            for (call, four) in words.chunks(4).enumerate() {
                let [particle, step, block, after] = place(call as u32, order);
                let seed = seed + u64::from(after);
                let expected = threefry(seed, particle, step, block, STREAM_STEP);
                assert_eq!(four, &expected[..four.len()], "call {call}, seed {seed}");
            }
        }
    }
}

#[test]
fn normals_are_those_of_steps_in_four_dimensions() {
    let options = Options { words: 40_000, order: Order::Particle, normals: true, seed: 7 };
    let Some(words) = words(options) else { return };
    for (call, four) in words.chunks(4).enumerate() {
        let [particle, step, ..] = place(call as u32, Order::Particle);
        let expected = normal_draw(7, particle, step, STREAM_STEP, 4);
        for (word, expected) in four.iter().zip(expected) {
            let value = f64::from(f32::from_bits(*word));
            assert!((value - expected).abs() < 1e-5 * (1.0 + expected.abs()), "call {call}");
        }
    }
}
