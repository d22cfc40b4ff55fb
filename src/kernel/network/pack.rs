//! The weights and the levels of noise of a network as the kernel reads them.

use super::shape::{Blocks, Form, Shape};
use crate::diffusion::Network;
use crate::diffusion::network::{Level, Matrix};

/// All weights, layer by layer, in the order in which the layout's products take them, in as many
/// pieces as `windows` says of each layer; one where it says nothing. Padding is zero.
pub(super) fn weights(network: &Network, shape: &Shape, windows: &[u32]) -> Vec<Vec<f32>> {
    let hidden = network.layers.iter().map(|layer| &layer.weight);
    let matrices =
        [&network.input.weight].into_iter().chain(hidden).chain([&network.output.weight]);
    let layers = matrices.zip(shape.layers());
    if windows.is_empty() {
        let packed = layers.flat_map(|(weight, (inputs, out))| layer(weight, shape, inputs, out));
        return vec![packed.collect()];
    }
    let mut pieces = Vec::new();
    for ((weight, (inputs, out)), windows) in layers.zip(windows) {
        let packed = layer(weight, shape, inputs, out);
        // Of the iterations of each pass, each piece has its equal share.
        let turns = out.per_pass / shape.outputs(inputs, out) / windows;
        let share = (4 * turns * shape.fours(inputs, out)) as usize;
        for first in 0..*windows as usize {
            let shares = packed.chunks(share).skip(first).step_by(*windows as usize);
            pieces.push(shares.flatten().copied().collect());
        }
    }
    pieces
}

fn layer(weight: &Matrix, shape: &Shape, inputs: Blocks, out: Blocks) -> Vec<f32> {
    let at = |neuron: u32, input: u32| {
        let (row, column) = (neuron as usize, input as usize);
        let inside = row < weight.rows && column < weight.columns;
        if inside { weight.row(row)[column] } else { 0.0 }
    };
    let mut packed = Vec::with_capacity(4 * shape.layer_fours(inputs, out) as usize);
    match shape.form {
        // For each four inputs, for each neuron, which is for each of a lane's, for each lane.
        Form::Teams => {
            for four in 0..inputs.size.div_ceil(4) {
                for neuron in 0..shape.neurons(out) {
                    packed.extend((4 * four..4 * four + 4).map(|input| at(neuron, input)));
                }
            }
        }
        // For each neuron, for each input; the last load of an iteration is padded.
        Form::Lanes => {
            let outputs = shape.outputs(inputs, out);
            for turn in 1..=out.count() / outputs {
                for neuron in (turn - 1) * outputs..turn * outputs {
                    packed.extend((0..inputs.size).map(|input| at(neuron, input)));
                }
                packed.resize((turn * 4 * shape.fours(inputs, out)) as usize, 0.0);
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
        let end = row.len() + biases_of(shape, blocks) as usize;
        row.extend(biases.iter().map(|bias| *bias as f32));
        row.resize(end, 0.0);
    }
    row
}

/// Numbers of one level.
pub(super) fn level_numbers(shape: &Shape) -> u32 {
    4 + (shape.hidden_layers + 1) * layer_biases(shape) + biases_of(shape, shape.point)
}

/// Biases of a hidden layer, of padding too.
pub(super) fn layer_biases(shape: &Shape) -> u32 {
    biases_of(shape, shape.hidden)
}

/// Biases of a layer: whole loads.
fn biases_of(shape: &Shape, layer: Blocks) -> u32 {
    shape.neurons(layer).next_multiple_of(shape.readers)
}
