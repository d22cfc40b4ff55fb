//! Twin of `shaders/network.wgsl`: scores of networks and their divergences, in `f64`.

use std::collections::HashMap;

use safetensors::{Dtype, tensor::TensorView};
use serde_json::Value;

use super::normal::normal_pair;
use super::threefry::{STREAM_PROBE, threefry};
use crate::diffusion::{Divergence, Network, Probe};

/// Direction number `direction` of particle `slot` at a step, (dim,).
pub fn network_direction(
    (seed, slot, step): (u64, u32, u32),
    direction: u32,
    divergence: Divergence,
    dim: usize,
) -> Vec<f64> {
    let words = |step: u32, block: usize| threefry(seed, slot, step, block as u32, STREAM_PROBE);
    let first = |per_block: usize| direction as usize * dim.div_ceil(per_block);
    let axis = |n: usize| match divergence {
        Divergence::Exact => f64::from(u8::from(n == direction as usize)),
        Divergence::Hutchinson { probe, fresh, .. } => {
            let step = if fresh { step } else { 0 };
            match probe {
                Probe::Rademacher => {
                    let word = words(step, first(128) + n / 128)[n % 128 / 32];
                    if word >> (n % 32) & 1 == 1 { -1.0 } else { 1.0 }
                }
                Probe::Gaussian => {
                    let [a, b, c, d] = words(step, first(4) + n / 4);
                    let pair = if n & 2 == 0 { normal_pair(a, b) } else { normal_pair(c, d) };
                    pair[n & 1]
                }
            }
        }
    };
    (0..dim).map(axis).collect()
}

/// The score at x and its divergence, for particle `slot` of a run at a step whose level is `tau`.
pub fn network(
    network: &Network,
    divergence: Divergence,
    (seed, slot, step): (u64, u32, u32),
    tau: f64,
    x: &[f64],
) -> (Vec<f64>, f64) {
    let (count, weight) = match divergence {
        Divergence::Exact => (network.dim(), 1.0),
        Divergence::Hutchinson { probes, .. } => (probes, 1.0 / f64::from(probes)),
    };
    let direction = |k| network_direction((seed, slot, step), k, divergence, x.len());
    let directions: Vec<Vec<f64>> = (0..count).map(direction).collect();
    let mut columns = network.derivatives(&network.level(tau), x, &directions).into_iter();
    let score = columns.next().unwrap_or_default();
    let dot = |(v, jv): (&Vec<f64>, Vec<f64>)| v.iter().zip(jv).map(|(v, j)| v * j).sum::<f64>();
    (score, weight * directions.iter().zip(columns).map(dot).sum::<f64>())
}

/// The tensors of a network with random weights, of `depth` hidden layers or residual blocks: names,
/// shapes, numbers. Weights N(0, 1/inputs), biases N(0, 0.01).
pub fn network_tensors(
    config: &Value,
    depth: usize,
    seed: u64,
) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let size = |key: &str| config[key].as_u64().unwrap_or_default() as usize;
    let (dim, hidden) = (size("dim"), size("hidden"));
    let frequencies = config["time_embedding"]["frequencies"].as_array();
    let features = 2 * frequencies.map_or(0, Vec::len);
    let mut shapes = Vec::new();
    let mut linear = |name: String, rows: usize, columns: usize, bias: bool| {
        shapes.push((format!("{name}.weight"), vec![rows, columns]));
        shapes.extend(bias.then(|| (format!("{name}.bias"), vec![rows])));
    };
    if config["architecture"] == "residual" {
        linear("input".into(), hidden, dim, true);
        for i in 0..depth {
            linear(format!("blocks.{i}.first"), hidden, hidden, true);
            linear(format!("blocks.{i}.time"), hidden, features, false);
            linear(format!("blocks.{i}.second"), hidden, hidden, true);
        }
        linear("output".into(), dim, hidden, true);
    } else {
        linear("net.0".into(), hidden, dim + features, true);
        for i in 1..depth {
            linear(format!("net.{}", 2 * i), hidden, hidden, true);
        }
        linear(format!("net.{}", 2 * depth), dim, hidden, true);
    }
    let mut call = 0;
    let mut normal = || {
        call += 1;
        let [a, b, ..] = threefry(seed, call, 0, 0, 0);
        normal_pair(a, b)[0]
    };
    let filled = |(name, shape): (String, Vec<usize>)| {
        let scale = if shape.len() == 2 { (shape[1] as f64).sqrt().recip() } else { 0.1 };
        let count = shape.iter().product();
        let numbers = std::iter::repeat_with(|| (scale * normal()) as f32).take(count).collect();
        (name, shape, numbers)
    };
    shapes.into_iter().map(filled).collect()
}

/// The bytes of a file with this configuration and these tensors.
pub fn network_file(config: &Value, tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, numbers)| numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.expect("as many bytes as the shape says"))
    });
    let metadata = [
        ("wfr.kind", "score-mlp".to_string()),
        ("wfr.version", "1".to_string()),
        ("wfr.config", config.to_string()),
    ];
    let metadata: HashMap<_, _> =
        metadata.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
    safetensors::serialize(views, Some(metadata)).expect("tensors have names of their own")
}
