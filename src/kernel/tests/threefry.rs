//! `shaders/threefry.wgsl` against `reference::threefry`, which knows Random123's answers; that the
//! device knows them the self-test says.

use crate::bits::{BITS, WORD_BLOCKS};
use crate::kernel::snippet::Snippet;
use crate::reference::cases::noise;
use crate::reference::normal::normal_draw;
use crate::reference::threefry::{
    GlobalSlot, KNOWN, STREAM_INITIAL, STREAM_STEP, STREAM_STRATUM, random_counter, threefry,
    threefry_at, threefry_keyed, threefry_rounds,
};
use crate::shaders::{self, Prelude};
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

/// Every field of a counter up to its largest value, alone and beside the others.
#[test]
fn fields_of_counters_do_not_overlap() {
    let largest = [0xff_ffff_ffff, u64::from(u32::MAX), u64::from(u32::MAX), 0xffff, 0xff];
    assert_eq!(largest[3] + 1, u64::from(WORD_BLOCKS));
    let with = |fields: [u64; 5]| {
        let place = GlobalSlot { slot: fields[0], island: fields[2] as u32 };
        random_counter(place, fields[1] as u32, fields[3] as u32, fields[4] as u32)
    };
    assert_eq!(with(largest), [u32::MAX; 4]);
    let mut all = [0; 4];
    for (field, value) in largest.into_iter().enumerate() {
        let mut fields = [0; 5];
        fields[field] = value;
        let counter = with(fields);
        assert!(all.iter().zip(&counter).all(|(all, word)| all & word == 0), "field {field}");
        let bits: u32 = counter.iter().map(|word| word.count_ones()).sum();
        assert_eq!(bits, value.count_ones(), "field {field}");
        all = [0, 1, 2, 3].map(|j| all[j] | counter[j]);
    }
}

/// Slots of more than 32 bits and islands, which a population alone does not have.
#[test]
fn places_are_the_oracles() {
    let Some(gpu) = testing::gpu() else { return };
    let mut inputs = noise(4, 6 * 1000);
    for c in inputs.chunks_mut(6) {
        (c[1], c[4], c[5]) = (c[1] % (1 << 8), c[4] % WORD_BLOCKS, c[5] % (1 << 8));
    }
    let body = "
        let at = 6u * i;
        let place = vec3<u32>(inputs[at], inputs[at + 1u], inputs[at + 2u]);
        let x = threefry_at(place, inputs[at + 3u], inputs[at + 4u], inputs[at + 5u]);
        for (var j = 0u; j < 4u; j++) { outputs[4u * i + j] = x[j]; }";
    let snippet = Snippet {
        files: &["threefry"],
        body,
        count: 1000,
        words: 4,
        inputs: &inputs,
        seed: 3,
        ..Snippet::default()
    };
    let ours = snippet.run(&gpu, Prelude::default()).unwrap();
    for (x, c) in ours.chunks(4).zip(inputs.chunks(6)) {
        let place = GlobalSlot { slot: u64::from(c[1]) << 32 | u64::from(c[0]), island: c[2] };
        assert_eq!(x, threefry_at(3, place, c[3], c[4], c[5]), "{c:?}");
    }
}

#[test]
fn streams_differ_and_fit_their_bits() {
    let text = shaders::file("threefry").text;
    let streams = text.lines().filter(|line| line.starts_with("const STREAM_"));
    let mut streams: Vec<u32> = streams
        .map(|line| line.split_once(" = ").unwrap().1.trim_end_matches("u;").parse().unwrap())
        .collect();
    streams.sort_unstable();
    assert!(streams.len() > 11 && streams.windows(2).all(|pair| pair[0] < pair[1]), "{streams:?}");
    assert!(streams.iter().all(|stream| *stream < 1 << 8), "{streams:?}");
}

/// How many standard errors the share of output bits that flip with a bit of the counter or of the
/// seed is off one half, at most, over counters of small integers.
fn avalanche(rounds: usize) -> f64 {
    const COUNTERS: u32 = 1 << 11;
    let mut worst = 0.0_f64;
    for word in 0..5 {
        for bit in 0..32 {
            let mut flips = [0_u32; 128];
            for i in 0..COUNTERS {
                // 64 slots and 32 steps; no counter comes both with and without the bit.
                let mut counter = [i % 64, i / 64, 0, 1];
                if word < 2 && bit < 6 {
                    let k = counter[word];
                    counter[word] = (k >> bit) << (bit + 1) | (k & ((1 << bit) - 1));
                }
                let (mut other, mut key) = (counter, [0; 4]);
                if word < 4 {
                    other[word] ^= 1 << bit;
                } else {
                    key[0] ^= 1 << bit;
                }
                let a = threefry_rounds(counter, [0; 4], rounds);
                let b = threefry_rounds(other, key, rounds);
                for (j, flips) in flips.iter_mut().enumerate() {
                    *flips += (a[j / 32] ^ b[j / 32]) >> (j % 32) & 1;
                }
            }
            let half = f64::from(COUNTERS) / 2.0;
            let off = flips.iter().map(|n| (f64::from(*n) - half).abs() / (half / 2.0).sqrt());
            worst = off.fold(worst, f64::max);
        }
    }
    worst
}

/// Counters are as far from random as can be. From nine rounds on they no longer show: thirteen leave
/// four rounds more.
#[test]
fn a_flipped_bit_flips_every_bit_half_of_the_time() {
    assert!(avalanche(8) > 10.0, "{}", avalanche(8));
    // The largest of 20480 normals is above 5.6 once in 2000.
    for rounds in [9, 13] {
        assert!(avalanche(rounds) < 5.6, "{rounds} rounds: {}", avalanche(rounds));
    }
}

/// What seeds give in all versions with this number: a change here is a breaking release and another
/// number.
#[test]
fn the_bits_are_those_of_version_3() {
    assert_eq!(BITS, 3);
    let seed = 0x0123_4567_89ab_cdef;
    let far = GlobalSlot { slot: (3 << 32) + 5, island: 2 };
    let words = [
        threefry(seed, 0, 0, 0, STREAM_INITIAL),
        threefry(seed, 0, 0, 0, STREAM_STEP),
        threefry(seed, 0, 1, 0, STREAM_STEP),
        threefry(seed, 1, 0, 0, STREAM_STEP),
        threefry(seed, 1, 0, 7, STREAM_STEP),
        threefry(seed, 1, 0, 0, STREAM_STRATUM),
        threefry_at(seed, far, 1, 0, STREAM_STEP),
    ];
    assert_eq!(format!("{words:08x?}"), format!("{WORDS:08x?}"));
    for (dim, numbers) in NORMALS {
        let steps = |k: u32| normal_draw(seed, 1, k, STREAM_STEP, dim);
        let drawn: Vec<f64> = (0..3).flat_map(steps).collect();
        assert_eq!(drawn.len(), numbers.len());
        for (drawn, number) in drawn.iter().zip(numbers) {
            assert!((drawn - number).abs() < 1e-6, "dim {dim}: {drawn:?}");
        }
    }
}

const WORDS: [[u32; 4]; 7] = [
    [0x2e0f_537f, 0xd303_ccc3, 0x4321_b695, 0x1efc_e2cf],
    [0x2e9b_ae22, 0x620a_008d, 0x287e_047f, 0x2ae6_f245],
    [0x08e4_b624, 0xdf30_d6d9, 0x1138_2eeb, 0xfd83_c406],
    [0xc019_043b, 0x106d_f08c, 0x4a8e_608f, 0x3eb0_451d],
    [0x00cd_dec2, 0x715d_f075, 0xf55d_7225, 0x2294_8984],
    [0x6a4a_75e4, 0x7285_bd6e, 0xf7d6_b129, 0x771a_6d84],
    [0xf7d9_a2f1, 0x093d_e1a5, 0x5c16_88be, 0xb0dd_6462],
];

/// Dimension, and the noise of steps 0 to 2 of particle 1.
const NORMALS: [(usize, &[f64]); 3] = [
    (1, &[0.3250401, 0.6846134, 1.4551331]),
    (2, &[0.3250401, 0.6846134, 1.4551331, -0.5914704, -1.7915650, -0.1535957]),
    (
        5,
        &[
            0.3250401, 0.6846134, 1.4551331, -0.5914704, 2.4832875, //
            -1.7915650, -0.1535957, -0.6526549, 0.3213411, -0.3542494, //
            -0.4523714, -1.8166793, 0.3680090, -1.1979073, 0.8237166,
        ],
    ),
];
