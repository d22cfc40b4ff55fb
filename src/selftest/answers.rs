//! Known answers: random words and normals, and a network's scores.

use serde_json::json;

use super::finding::Finding;
use crate::diffusion::{Divergence, Network, Scores};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::snippet::Snippet;
use crate::reference::cases::{checksum, noise, normals, words_with_extremes};
use crate::reference::network::{network, network_file, network_tensors};
use crate::reference::normal::{normal_pair, normal_radius};
use crate::reference::threefry::{KNOWN, threefry_keyed};
use crate::shaders::Prelude;

/// A run's words, of the seed 1, the slots 0 to 65535, their number as the time, and the stream of
/// the steps: their [`checksum`].
pub(super) const WORDS: u64 = 0x424a_c8e7_ba37_b68b;

/// Random123's own vectors, counters and keys of all kinds, and the words of a run.
pub(super) fn random_words(gpu: &Gpu) -> Result<Vec<Finding>> {
    let mut inputs: Vec<u32> =
        KNOWN.iter().flat_map(|[counter, key, _]| [*counter, *key]).flatten().collect();
    inputs.extend(noise(1, 8 * 5000));
    let body = "
        let at = 8u * i;
        let key = vec4<u32>(inputs[at + 4u], inputs[at + 5u], inputs[at + 6u], inputs[at + 7u]);
        let x = threefry_keyed(
            vec4<u32>(inputs[at], inputs[at + 1u], inputs[at + 2u], inputs[at + 3u]), key);
        for (var j = 0u; j < 4u; j++) { outputs[4u * i + j] = x[j]; }";
    let count = (inputs.len() / 8) as u32;
    let files = &["threefry"];
    let keyed = Snippet { files, body, count, words: 4, inputs: &inputs, ..Snippet::default() };
    let mut keyed = keyed.run(gpu, Prelude::default())?;
    let others = keyed.split_off(4 * KNOWN.len());
    let answers = KNOWN.iter().flat_map(|known| known[2]).collect();
    let oracle = inputs.chunks(8).skip(KNOWN.len()).flat_map(|word| {
        let [counter, key] = [0, 4].map(|at| std::array::from_fn(|j| word[at + j]));
        threefry_keyed(counter, key)
    });
    let oracle = oracle.collect();
    Ok(vec![
        Finding::words("Threefry: Random123's known answers", keyed, answers),
        Finding::words("Threefry: counters and keys of all kinds", others, oracle),
        Finding::words("Threefry: checksum of a run's words", wide(run_words(gpu)?), wide(WORDS)),
    ])
}

/// The checksum of a run's words on the device.
pub(super) fn run_words(gpu: &Gpu) -> Result<u64> {
    let body = "
        let x = threefry(i, i, 0u, STREAM_STEP);
        for (var j = 0u; j < 4u; j++) { outputs[4u * i + j] = x[j]; }";
    let files = &["threefry"];
    let run = Snippet { files, body, count: 1 << 16, words: 4, seed: 1, ..Snippet::default() };
    Ok(checksum(&run.run(gpu, Prelude::default())?))
}

/// A checksum as words.
pub(super) fn wide(sum: u64) -> Vec<u32> {
    vec![(sum >> 32) as u32, sum as u32]
}

/// Error of the radius squared near zero: the polynomial's 6e-7 and some ulps of its terms.
const RADIUS_SQUARED: f64 = 2e-6;
/// Error of the radius relative to it: the 24 bits of u and of its logarithm, and the square root.
const RADIUS: f64 = 4e-7;
/// Error of cos and sin: the polynomials' 6e-7 and the rounding of their terms.
const CIRCLE: f64 = 1e-6;

/// The largest error of one of the pair of normals whose first word is `a`.
pub(crate) fn normal_bound(a: u32) -> f64 {
    let radius = normal_radius(a);
    // |r - r'| = |r² - r'²| / (r + r'), and at most its root near zero.
    let of_radius = (RADIUS_SQUARED / radius).min(RADIUS_SQUARED.sqrt());
    of_radius + (CIRCLE + RADIUS) * radius
}

/// Pairs of normals against double precision, the ends of the axes among them.
pub(super) fn normal_numbers(gpu: &Gpu) -> Result<Vec<Finding>> {
    let inputs = words_with_extremes(60, 2 << 16);
    let body = "
        let z = normal_pair(inputs[2u * i], inputs[2u * i + 1u]);
        outputs[2u * i] = bitcast<u32>(z.x);
        outputs[2u * i + 1u] = bitcast<u32>(z.y);";
    let files = &["threefry", "normal"];
    let (count, inputs) = (inputs.len() as u32 / 2, &inputs);
    let pairs = Snippet { files, body, count, words: 2, inputs, ..Snippet::default() };
    let pairs = pairs.run(gpu, Prelude::default().dimension(2))?;
    let errors = pairs.chunks(2).zip(inputs.chunks(2)).flat_map(|(z, word)| {
        let exact = normal_pair(word[0], word[1]);
        let error = |j: usize| (f64::from(f32::from_bits(z[j])) - exact[j]).abs();
        [0, 1].map(|j| error(j) / normal_bound(word[0]))
    });
    Ok(vec![Finding::error("normals: largest error in units of its bound", largest(errors), 1.0)])
}

/// The largest of some errors; one that is not a number is infinite.
pub(super) fn largest(errors: impl Iterator<Item = f64>) -> f64 {
    errors.fold(0.0, |most, error| if error.is_nan() { f64::INFINITY } else { most.max(error) })
}

/// A network with random weights: its scores and their divergence, in the layout that suits the
/// device, against double precision.
pub(super) fn scores(gpu: &Gpu) -> Result<Vec<Finding>> {
    const TAU: f64 = 0.4;
    const SEED: u64 = 7;
    let config = json!({
        "dim": 3,
        "hidden": 20,
        "activation": "silu",
        "architecture": "sequential",
        "prediction": "noise",
        "schedule": {"kind": "vp", "beta_min": 0.1, "beta_max": 20.0, "time": 1.0},
        "time_embedding":
            {"kind": "fourier", "input": "log_sigma", "frequencies": [0.25, 0.5, 1.0]},
    });
    let model =
        Network::from_bytes("random", &network_file(&config, &network_tensors(&config, 2, 11)))?;
    let x: Vec<f32> = normals(9, 3 * 100).into_iter().map(|z| z as f32).collect();
    let divergence = Divergence::Exact;
    let scores = Scores::new(gpu, &model, &x, TAU, Some(divergence), SEED)?;
    scores.evaluate()?;
    let ours = crate::block_on(scores.read())?;
    let errors = x.chunks(3).enumerate().flat_map(|(i, x)| {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        let (mut exact, of) = network(&model, divergence, (SEED, i as u32, 0), TAU, &x);
        let scale = exact.iter().fold(1.0_f64, |scale, s| scale.max(s.abs()));
        exact.push(of);
        let error = |(j, exact): (usize, f64)| (f64::from(ours[100 * j + i]) - exact).abs();
        // The divergence adds as many errors as there are coordinates.
        let of_one = |(j, exact)| error((j, exact)) / scale / if j == 3 { 3.0 } else { 1.0 };
        exact.into_iter().enumerate().map(of_one).collect::<Vec<_>>()
    });
    // Sums of products with rounding 2^-24 each, through layers that keep the size of values.
    Ok(vec![Finding::error("a network's scores: largest relative error", largest(errors), 3e-6)])
}
