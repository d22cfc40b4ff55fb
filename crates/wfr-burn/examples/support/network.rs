//! A score network in burn: the residual kind of wfr's files, with SiLU, which predicts v.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor, TensorData};
use wfr::diffusion::Noise;
use wfr_burn::Level;

/// F(x, e): h = input(x); h += second(silu(first(silu(h)) + time(e))) per block; output(silu(h)).
#[derive(Module, Debug)]
pub struct Layers {
    pub input: Linear,
    pub blocks: Vec<Block>,
    pub output: Linear,
}

/// One block of the residual.
#[derive(Module, Debug)]
pub struct Block {
    pub first: Linear,
    /// Without a bias.
    pub time: Linear,
    pub second: Linear,
}

/// What the layers are made for.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub dim: usize,
    pub hidden: usize,
    /// f of the features sin(f u), cos(f u) of u = log(σ/α).
    pub frequencies: Vec<f64>,
    pub beta_min: f64,
    pub beta_max: f64,
}

/// The layers with their shape: score = −(α/σ) F(x, e) − x.
#[derive(Debug, Clone)]
pub struct Network {
    pub shape: Shape,
    pub layers: Layers,
}

impl Shape {
    /// The usual noise, and layers as those of `models/`.
    pub fn usual(dim: usize) -> Shape {
        let frequencies = vec![0.125, 0.25, 0.5, 1.0, 2.0];
        Shape { dim, hidden: 64, frequencies, beta_min: 0.1, beta_max: 20.0 }
    }

    /// The noise it is trained on.
    pub fn noise(&self) -> Noise {
        Noise::variance_preserving(self.beta_min, self.beta_max)
    }

    /// The features e of time at a level (2 F,).
    pub fn features(&self, alpha: f64, sigma: f64) -> Vec<f32> {
        let u = (sigma / alpha).ln();
        let sines = self.frequencies.iter().map(|f| (f * u).sin() as f32);
        sines.chain(self.frequencies.iter().map(|f| (f * u).cos() as f32)).collect()
    }
}

impl Network {
    /// A network of three blocks with random weights.
    pub fn random(shape: Shape, device: &Device) -> Network {
        let (dim, hidden, features) = (shape.dim, shape.hidden, 2 * shape.frequencies.len());
        let linear = |from, to| LinearConfig::new(from, to);
        let block = |_| Block {
            first: linear(hidden, hidden).init(device),
            time: linear(features, hidden).with_bias(false).init(device),
            second: linear(hidden, hidden).init(device),
        };
        let layers = Layers {
            input: linear(dim, hidden).init(device),
            blocks: (0..3).map(block).collect(),
            output: linear(hidden, dim).init(device),
        };
        Network { shape, layers }
    }

    /// The score (n, dim) at positions (n, dim), all at one level of noise.
    pub fn score(&self, positions: Tensor<2>, level: &Level) -> Tensor<2> {
        self.score_at(positions, level.alpha, level.sigma)
    }

    /// The same at α and σ.
    pub fn score_at(&self, positions: Tensor<2>, alpha: f64, sigma: f64) -> Tensor<2> {
        let features = self.shape.features(alpha, sigma);
        let size = [1, features.len()];
        let features = Tensor::from_data(TensorData::new(features, size), &positions.device());
        let found = self.layers.forward(positions.clone(), features);
        found.mul_scalar(-alpha / sigma) - positions
    }
}

impl Layers {
    /// F (n, dim) at positions (n, dim) and features (n, 2 F), or (1, 2 F) for all.
    pub fn forward(&self, positions: Tensor<2>, features: Tensor<2>) -> Tensor<2> {
        let mut h = self.input.forward(positions);
        for block in &self.blocks {
            let inner = block.first.forward(silu(h.clone()));
            h = h + block.second.forward(silu(inner + block.time.forward(features.clone())));
        }
        self.output.forward(silu(h))
    }
}
