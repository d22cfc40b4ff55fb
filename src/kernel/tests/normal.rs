//! `shaders/normal.wgsl` against `reference::normal`, and the law of its numbers.

use super::run_snippet;
use crate::kernel::snippet::Snippet;
use crate::reference::cases::words_with_extremes;
use crate::reference::normal::{normal_draw, normal_pair};
use crate::selftest::normal_bound;
use crate::shaders::Prelude;
use crate::testing;

#[test]
fn pairs_are_near_the_oracle_and_finite() {
    let Some(gpu) = testing::gpu() else { return };
    const COUNT: u32 = 200_000;
    let mut inputs = words_with_extremes(60, 2 * COUNT as usize);
    // The borders of sides and of quarters of a half-turn with a large radius and a small one.
    let near = |k: u32| [(k << 21).wrapping_sub(1), k << 21, (k << 21) + 1];
    let borders =
        [0, 1 << 31].into_iter().flat_map(|side| (0..5).flat_map(near).map(move |b| side ^ b));
    let ends = [0, 1, 2, u32::MAX - 1, u32::MAX];
    let pairs = borders.flat_map(|b| ends.map(|a| [a, b])).flatten();
    for (input, word) in inputs.iter_mut().zip(pairs) {
        *input = word;
    }
    let body = "
        let z = normal_pair(inputs[2u * i], inputs[2u * i + 1u]);
        outputs[2u * i] = bitcast<u32>(z.x);
        outputs[2u * i + 1u] = bitcast<u32>(z.y);";
    let prelude = Prelude::default().dimension(2);
    let files = ["threefry", "normal"];
    let ours = run_snippet(&gpu, prelude, &files, body, COUNT, 2, &inputs);
    let mut quadrants = [0; 4];
    for (z, word) in ours.chunks(2).zip(inputs.chunks(2)) {
        let exact = normal_pair(word[0], word[1]);
        for (z, exact) in z.iter().zip(exact) {
            let z = f32::from_bits(*z);
            assert!(z.is_finite() && z.abs() < 6.7, "{word:x?}: {z}");
            assert!(
                (f64::from(z) - exact).abs() <= normal_bound(word[0]),
                "{word:x?}: {z} {exact}"
            );
        }
        quadrants[usize::from(exact[0] < 0.0) + 2 * usize::from(exact[1] < 0.0)] += 1;
    }
    assert!(quadrants.iter().all(|count| *count > 40_000));
}

/// The bounds that chose the polynomials: the variance of a coordinate off by at most 1e-6, and the
/// distribution function of the radius too. Words of equal distances, beside the oracle's numbers.
#[test]
fn polynomials_keep_to_the_bias_they_were_chosen_by() {
    let Some(gpu) = testing::gpu() else { return };
    const COUNT: u32 = 1 << 18;
    let word = |i: u32| [(i << 14) + (1 << 13), i.wrapping_mul(0x9e37_79b1)];
    let inputs: Vec<u32> = (0..COUNT).flat_map(word).collect();
    let body = "
        let z = normal_pair(inputs[2u * i], inputs[2u * i + 1u]);
        outputs[2u * i] = bitcast<u32>(z.x);
        outputs[2u * i + 1u] = bitcast<u32>(z.y);";
    let prelude = Prelude::default().dimension(2);
    let ours = run_snippet(&gpu, prelude, &["threefry", "normal"], body, COUNT, 2, &inputs);
    let (mut variance, mut fourth, mut function) = ([0.0; 2], [0.0; 2], 0.0_f64);
    for (z, word) in ours.chunks(2).zip(inputs.chunks(2)) {
        let exact = normal_pair(word[0], word[1]);
        let z = [0, 1].map(|j| f64::from(f32::from_bits(z[j])));
        for j in [0, 1] {
            variance[j] += (z[j].powi(2) - exact[j].powi(2)) / f64::from(COUNT);
            fourth[j] += (z[j].powi(4) - exact[j].powi(4)) / 3.0 / f64::from(COUNT);
        }
        // P(R > r) = exp(-r²/2).
        let beyond = |z: [f64; 2]| (-0.5 * (z[0] * z[0] + z[1] * z[1])).exp();
        function = function.max((beyond(z) - beyond(exact)).abs());
    }
    assert!(variance.iter().all(|bias| bias.abs() < 1e-6), "{variance:?}");
    assert!(fourth.iter().all(|bias| bias.abs() < 1e-6), "{fourth:?}");
    assert!(function < 1e-6, "{function}");
}

/// What `normal_draw` gives for `slots` slots and the times from `begin`, (slot, time, j) in order.
fn draw(seed: u64, dim: u32, slots: u32, begin: u32, times: u32, every_fresh: bool) -> Vec<f32> {
    let gpu = testing::gpu().expect("asked for before");
    let body = format!(
        "var words: vec4<u32>;
        for (var k = 0u; k < {times}u; k++) {{
            var z: Point;
            let time = {begin}u + k;
            if (k == 0u || {every_fresh} || time % NORMAL_STEPS_PER_CALL == 0u) {{
                words = normal_words(i, time, STREAM_STEP);
            }}
            normal_draw(i, time, STREAM_STEP, words, &z);
            for (var j = 0u; j < DIM; j++) {{
                outputs[(i * {times}u + k) * DIM + j] = bitcast<u32>(z[j]);
            }}
        }}"
    );
    let (files, body, words) = (&["threefry", "normal"], &body[..], times * dim);
    let snippet = Snippet { files, body, count: slots, words, seed, ..Snippet::default() };
    let bits = snippet.run(&gpu, Prelude::default().dimension(dim)).unwrap();
    bits.into_iter().map(f32::from_bits).collect()
}

#[test]
fn draws_are_the_oracles_wherever_a_segment_begins() {
    if testing::gpu().is_none() {
        return;
    }
    const TIMES: u32 = 11;
    let seed = 0x1234_5678_9abc_def0;
    for dim in [1, 2, 3, 4, 5, 16] {
        for begin in [0, 1, 2, 3, 1_000_003] {
            let fused = draw(seed, dim, 100, begin, TIMES, false);
            let cut = draw(seed, dim, 100, begin, TIMES, true);
            assert!(fused.iter().zip(&cut).all(|(a, b)| a.to_bits() == b.to_bits()), "DIM {dim}");
            for (i, z) in fused.chunks(dim as usize).enumerate() {
                let (slot, time) = (i as u32 / TIMES, begin + i as u32 % TIMES);
                let exact = normal_draw(seed, slot, time, 1, dim as usize);
                for (z, exact) in z.iter().zip(exact) {
                    // At the smallest radius among these draws the bound is still below this.
                    assert!((f64::from(*z) - exact).abs() < 1e-3, "DIM {dim}: {z} {exact}");
                }
            }
        }
    }
}

/// Moments 1 to 4, the correlation of neighbours in time and along the axes, and no number twice.
#[test]
fn draws_are_independent_standard_normals() {
    if testing::gpu().is_none() {
        return;
    }
    const TIMES: u32 = 8;
    for dim in [1, 2, 3, 4, 5] {
        let slots = (1 << 20) / (TIMES * dim);
        let z = draw(99, dim, slots, 0, TIMES, false);
        let n = z.len() as f64;
        let moment = |power: i32| z.iter().map(|z| f64::from(*z).powi(power)).sum::<f64>() / n;
        // Standard errors of the moments of a normal law: variances 1, 2, 15 and 96.
        for (power, expected, variance) in
            [(1, 0.0, 1.0_f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)]
        {
            let error = (moment(power) - expected) / (variance / n).sqrt();
            assert!(error.abs() < 4.0, "DIM {dim}: moment {power} is off by {error} errors");
        }
        // Lags 1 to 8 times: other axes, other times, the next slot.
        for lag in 1..=(TIMES * dim) as usize {
            let products = z.iter().zip(&z[lag..]).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let error = products.sum::<f64>() / n.sqrt();
            assert!(error.abs() < 4.5, "DIM {dim}: lag {lag} correlates by {error} errors");
            let squares = z
                .iter()
                .zip(&z[lag..])
                .map(|(a, b)| (f64::from(*a).powi(2) - 1.0) * (f64::from(*b).powi(2) - 1.0) / 2.0);
            let error = squares.sum::<f64>() / n.sqrt();
            assert!(error.abs() < 4.5, "DIM {dim}: squares at lag {lag} by {error} errors");
        }
        // Within a slot all numbers differ: a word used twice would repeat one.
        for slot in z.chunks((TIMES * dim) as usize).take(5000) {
            let mut bits: Vec<u32> = slot.iter().map(|z| z.abs().to_bits()).collect();
            bits.sort_unstable();
            bits.dedup();
            assert_eq!(bits.len(), slot.len(), "DIM {dim}: {slot:?}");
        }
    }
}
