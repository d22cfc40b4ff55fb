//! `shaders/threefry.wgsl` against `reference::threefry`, which knows Random123's answers; that the
//! device knows them the self-test says.

use crate::kernel::snippet::Snippet;
use crate::reference::cases::noise;
use crate::reference::threefry::{KNOWN, threefry, threefry_keyed};
use crate::shaders::Prelude;
use crate::testing;

#[test]
fn the_oracle_knows_the_answers() {
    for [counter, key, answer] in KNOWN {
        assert_eq!(threefry_keyed(counter, key), answer);
    }
}

#[test]
fn the_seed_is_the_key() {
    let Some(gpu) = testing::gpu() else { return };
    let inputs = noise(2, 4 * 1000);
    let body = "
        let at = 4u * i;
        let x = threefry(inputs[at], inputs[at + 1u], inputs[at + 2u], inputs[at + 3u]);
        for (var j = 0u; j < 4u; j++) { outputs[at + j] = x[j]; }";
    for seed in [0, 7, u64::MAX, 0x0123_4567_89ab_cdef] {
        let (files, inputs) = (&["threefry"], &inputs[..]);
        let snippet =
            Snippet { files, body, count: 1000, words: 4, inputs, seed, ..Snippet::default() };
        let ours = snippet.run(&gpu, Prelude::default()).unwrap();
        for (x, c) in ours.chunks(4).zip(inputs.chunks(4)) {
            assert_eq!(x, threefry(seed, c[0], c[1], c[2], c[3]), "seed {seed}");
        }
    }
}
