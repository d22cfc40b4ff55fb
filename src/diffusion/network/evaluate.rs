//! A network on the host, in double precision.

use super::config::{Activation, Architecture, Scales};
use super::layers::Layer;
use super::{Matrix, Network};

/// A network at one level of noise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    pub scales: Scales,
    /// b + T e of the input layer, of every hidden layer, and of the output layer.
    pub biases: Vec<Vec<f64>>,
}

impl Activation {
    /// The value and the slope.
    fn at(self, x: f64) -> (f64, f64) {
        match self {
            Activation::Silu => {
                let gate = 1.0 / (1.0 + (-x).exp());
                (x * gate, gate * (1.0 + x * (1.0 - gate)))
            }
            Activation::Gelu => {
                const ROOT: f64 = 0.797_884_560_802_865_4;
                let tanh = (ROOT * (x + 0.044715 * x * x * x)).tanh();
                let inner = ROOT * (1.0 + 3.0 * 0.044715 * x * x);
                let value = 0.5 * x * (1.0 + tanh);
                (value, 0.5 * (1.0 + tanh) + 0.5 * x * (1.0 - tanh * tanh) * inner)
            }
            Activation::Tanh => {
                let tanh = x.tanh();
                (tanh, 1.0 - tanh * tanh)
            }
        }
    }
}

impl Network {
    /// The score ∇ log q(x, τ) that the network stands for, at a point (dim,), in double precision.
    ///
    /// Not finite where its prediction means nothing: without noise, unless it predicts the score.
    pub fn score(&self, x: &[f64], tau: f64) -> Vec<f64> {
        self.derivatives(&self.level(tau), x, &[]).swap_remove(0)
    }

    /// Everything that depends on the level of noise alone.
    pub(crate) fn level(&self, tau: f64) -> Level {
        let embedding = self.config.embedding(tau);
        let bias = |layer: &Layer| -> Vec<f64> {
            let own = layer.bias.iter().map(|b| f64::from(*b));
            match &layer.time {
                None => own.collect(),
                Some(time) => {
                    own.zip(product(time, &embedding)).map(|(own, time)| own + time).collect()
                }
            }
        };
        let layers = [&self.input].into_iter().chain(&self.layers).chain([&self.output]);
        Level { scales: self.config.scales(tau), biases: layers.map(bias).collect() }
    }

    /// The score at x, and its derivative along each direction: columns of (dim,).
    pub(crate) fn derivatives(
        &self,
        level: &Level,
        x: &[f64],
        directions: &[Vec<f64>],
    ) -> Vec<Vec<f64>> {
        let Scales { input, output, skip } = level.scales;
        let start: Vec<&[f64]> =
            [x].into_iter().chain(directions.iter().map(Vec::as_slice)).collect();
        let mut biases = level.biases.iter();
        let mut linear = |layer: &Layer, columns: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let mut out: Vec<_> = columns.iter().map(|z| product(&layer.weight, z)).collect();
            let bias = biases.next().map_or(&[][..], Vec::as_slice);
            // Directions do not see what is added.
            out[0].iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            out
        };
        let scaled: Vec<Vec<f64>> =
            start.iter().map(|z| z.iter().map(|z| input * z).collect()).collect();
        let mut z = linear(&self.input, &scaled);
        let mut kept = z.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            z = linear(layer, &self.activated(z));
            if self.config.architecture == Architecture::Residual && i % 2 == 1 {
                for (z, kept) in z.iter_mut().zip(&kept) {
                    z.iter_mut().zip(kept).for_each(|(z, kept)| *z += kept);
                }
                kept.clone_from(&z);
            }
        }
        let mut out = linear(&self.output, &self.activated(z));
        for (out, start) in out.iter_mut().zip(start) {
            out.iter_mut().zip(start).for_each(|(y, x)| *y = output * *y + skip * x);
        }
        out
    }

    /// The activation of the first column, and the directions times its slopes.
    fn activated(&self, mut columns: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        for n in 0..columns[0].len() {
            let (value, slope) = self.config.activation.at(columns[0][n]);
            columns[0][n] = value;
            columns[1..].iter_mut().for_each(|column| column[n] *= slope);
        }
        columns
    }
}

fn product(matrix: &Matrix, x: &[f64]) -> Vec<f64> {
    let row = |i| matrix.row(i).iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
    (0..matrix.rows).map(row).collect()
}
