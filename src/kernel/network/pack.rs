//! The weights and the levels of noise of a network as the kernel reads them.

use super::shape::{Blocks, Shape};
use crate::diffusion::Network;
use crate::diffusion::network::{Level, Matrix};

/// All weights, layer by layer: for each pass and block of inputs, for each four, for each lane, four
/// of the lane's weights, which are ordered by input, then by neuron of the pass. Padding is zero.
pub(super) fn weights(network: &Network, shape: &Shape) -> Vec<f32> {
    let (hidden, point) = (shape.hidden, shape.point);
    let mut packed = layer(&network.input.weight, shape, point.count(), hidden);
    for each in &network.layers {
        packed.extend(layer(&each.weight, shape, hidden.count(), hidden));
    }
    packed.extend(layer(&network.output.weight, shape, hidden.count(), point));
    packed
}

fn layer(weight: &Matrix, shape: &Shape, inputs: u32, out: Blocks) -> Vec<f32> {
    let (team, per_pass) = (shape.team as usize, out.per_pass as usize);
    let at = |row: usize, column: usize| {
        let inside = row < weight.rows && column < weight.columns;
        if inside { weight.row(row)[column] } else { 0.0 }
    };
    let mut packed = Vec::with_capacity(4 * shape.layer_fours(inputs, out) as usize);
    for pass in 0..out.passes as usize {
        for block in 0..inputs as usize {
            for four in 0..team * per_pass / 4 {
                for lane in 0..team {
                    for k in 4 * four..4 * four + 4 {
                        let (input, neuron) = (k / per_pass, pass * per_pass + k % per_pass);
                        packed.push(at(neuron * team + lane, block * team + input));
                    }
                }
            }
        }
    }
    packed
}

/// One level's numbers: three scales and a zero, then the biases of every layer, padded with zeros.
pub(super) fn level(level: &Level, shape: &Shape) -> Vec<f32> {
    let scales = [level.scales.input, level.scales.output, level.scales.skip, 0.0];
    let mut row: Vec<f32> = scales.map(|scale| scale as f32).to_vec();
    for (i, biases) in level.biases.iter().enumerate() {
        let blocks = if i + 1 < level.biases.len() { shape.hidden } else { shape.point };
        let end = row.len() + (blocks.count() * shape.team) as usize;
        row.extend(biases.iter().map(|bias| *bias as f32));
        row.resize(end, 0.0);
    }
    row
}

/// Groups of four weights of all layers.
pub(super) fn weight_fours(shape: &Shape) -> u32 {
    let (hidden, point) = (shape.hidden, shape.point);
    shape.layer_fours(point.count(), hidden)
        + shape.hidden_layers * shape.layer_fours(hidden.count(), hidden)
        + shape.layer_fours(hidden.count(), point)
}

/// Numbers of one level.
pub(super) fn level_numbers(shape: &Shape) -> u32 {
    4 + (shape.hidden_layers + 1) * layer_biases(shape) + shape.point.count() * shape.team
}

/// Biases of a hidden layer, of padding too.
pub(super) fn layer_biases(shape: &Shape) -> u32 {
    shape.hidden.count() * shape.team
}
