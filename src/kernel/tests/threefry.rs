//! `shaders/threefry.wgsl` against Random123's known answers and `reference::threefry`.

use super::{noise, run_snippet};
use crate::reference::threefry::{threefry, threefry_keyed};
use crate::shaders::Prelude;
use crate::testing;

/// Random123's `kat_vectors` for threefry4x32 with 20 rounds: counter, key, answer.
const KNOWN: [[[u32; 4]; 3]; 3] = [
    [[0; 4], [0; 4], [0x9c6c_a96a, 0xe17e_ae66, 0xfc10_ecd4, 0x5256_a7d8]],
    [[u32::MAX; 4], [u32::MAX; 4], [0x2a88_1696, 0x5701_2287, 0xf6c7_446e, 0xa16a_6732]],
    [
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        [0xa409_3822, 0x299f_31d0, 0x082e_fa98, 0xec4e_6c89],
        [0x59cd_1dbb, 0xb887_9579, 0x86b5_d00c, 0xac8b_6d84],
    ],
];

#[test]
fn the_oracle_knows_the_answers() {
    for [counter, key, answer] in KNOWN {
        assert_eq!(threefry_keyed(counter, key), answer);
    }
}

#[test]
fn the_device_knows_the_answers() {
    let Some(gpu) = testing::gpu() else { return };
    let mut inputs: Vec<u32> =
        KNOWN.iter().flat_map(|[counter, key, _]| [*counter, *key]).flatten().collect();
    inputs.extend(noise(1, 8 * 5000));
    let body = "
        let at = 8u * i;
        let k = vec4<u32>(inputs[at + 4u], inputs[at + 5u], inputs[at + 6u], inputs[at + 7u]);
        let key = array<u32, 5>(k.x, k.y, k.z, k.w, 0x1BD11BDAu ^ k.x ^ k.y ^ k.z ^ k.w);
        let x = threefry_keyed(
            vec4<u32>(inputs[at], inputs[at + 1u], inputs[at + 2u], inputs[at + 3u]), key);
        for (var j = 0u; j < 4u; j++) { outputs[4u * i + j] = x[j]; }";
    let count = inputs.len() / 8;
    let prelude = Prelude::default().seed(0);
    let ours = run_snippet(&gpu, prelude, &["threefry"], body, count as u32, 4, &inputs);
    for (i, (x, input)) in ours.chunks(4).zip(inputs.chunks(8)).enumerate() {
        let [counter, key] = [&input[..4], &input[4..]].map(|w| [w[0], w[1], w[2], w[3]]);
        let answer = KNOWN.get(i).map_or_else(|| threefry_keyed(counter, key), |known| known[2]);
        assert_eq!(x, answer, "{counter:x?} {key:x?}");
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
        let prelude = Prelude::default().seed(seed);
        let ours = run_snippet(&gpu, prelude, &["threefry"], body, 1000, 4, &inputs);
        for (x, c) in ours.chunks(4).zip(inputs.chunks(4)) {
            assert_eq!(x, threefry(seed, c[0], c[1], c[2], c[3]), "seed {seed}");
        }
    }
}
