//! Denoising score matching (P. Vincent 2011) of a network that predicts v = α ε − σ x₀.

use std::f64::consts::PI;

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wfr::diffusion::{Noise, ScoreModel};

use super::Result;
use super::mixture::{Mixture, normal};
use super::network::{Network, Shape};

/// The lowest τ that is trained, and the lowest a run should ask for.
pub const LOWEST: f64 = 1e-3;

/// How a network is trained.
#[derive(Debug, Clone, Copy)]
pub struct Training {
    pub steps: usize,
    /// Even: both signs of each noise are in a batch.
    pub batch: usize,
    /// Of Adam; it falls as a half cosine.
    pub rate: f64,
    pub seed: u64,
}

/// A batch of noised draws, in rows.
#[derive(Default)]
struct Batch {
    positions: Vec<f32>,
    /// v of each.
    answers: Vec<f32>,
    features: Vec<f32>,
    weights: Vec<f32>,
}

impl Training {
    /// Trains a network on draws from a mixture: the mean over τ of w |σ score + ε|², which is
    /// w α² |F − v|², with τ log-uniform.
    ///
    /// The weight w ∝ 1 + α/σ lies between 1, that of an error of the noise, and 1/σ², that of a
    /// relative error of the score where there is little noise.
    pub fn run(&self, mixture: &Mixture, device: &Device, report: impl Fn(usize, f64)) -> Network {
        let device = device.clone().autodiff();
        device.seed(self.seed);
        let mut rng = StdRng::seed_from_u64(self.seed);
        let Network { shape, mut layers } = Network::random(Shape::usual(mixture.dim()), &device);
        let mut adam = AdamConfig::new().with_epsilon(1e-8).init();
        let mut sum = 0.0;
        let every = (self.steps / 10).max(1);
        for step in 0..self.steps {
            let batch = Batch::draw(mixture, &shape, self.batch, &mut rng);
            let tensor = |values: Vec<f32>| {
                let columns = values.len() / self.batch;
                let data = TensorData::new(values, [self.batch, columns]);
                Tensor::<2>::from_data(data, &device)
            };
            let found = layers.forward(tensor(batch.positions), tensor(batch.features));
            let error = found - tensor(batch.answers);
            let loss = (error.square() * tensor(batch.weights)).mean();
            sum += f64::from(loss.clone().into_scalar::<f32>());
            let slopes = GradientsParams::from_grads(loss.backward(), &layers);
            let fall = 0.5 + 0.5 * (PI * step as f64 / self.steps as f64).cos();
            layers = adam.step(self.rate * fall, layers, slopes);
            if (step + 1).is_multiple_of(every) {
                report(step + 1, sum / every as f64);
                sum = 0.0;
            }
        }
        Network { shape, layers: layers.valid() }
    }
}

impl Batch {
    /// Draws at stratified levels; rows in pairs with the two signs of ε.
    fn draw(mixture: &Mixture, shape: &Shape, count: usize, rng: &mut StdRng) -> Batch {
        let (noise, pairs) = (shape.noise(), count / 2);
        let (mut batch, mut total) = (Batch::default(), 0.0);
        for i in 0..pairs {
            let place = (i as f64 + rng.random::<f64>()) / pairs as f64;
            let tau = LOWEST * (noise.end() / LOWEST).powf(place);
            let (alpha, sigma) = (noise.alpha(tau), noise.sigma(tau));
            let start = mixture.sample(rng);
            let epsilon: Vec<f64> = start.iter().map(|_| normal(rng)).collect();
            for sign in [1.0, -1.0] {
                let noised = start.iter().zip(&epsilon).map(|(x, e)| alpha * x + sigma * sign * e);
                batch.positions.extend(noised.map(|x| x as f32));
                let answers = start.iter().zip(&epsilon).map(|(x, e)| alpha * sign * e - sigma * x);
                batch.answers.extend(answers.map(|v| v as f32));
                batch.features.extend(shape.features(alpha, sigma));
                batch.weights.push((alpha * alpha * (1.0 + alpha / sigma)) as f32);
                total += 1.0 + alpha / sigma;
            }
        }
        let mean = (total / count as f64) as f32;
        batch.weights.iter_mut().for_each(|weight| *weight /= mean);
        batch
    }
}

/// At several τ: the root of E |score − exact|² over E |exact|², under the exact law.
pub fn relative_errors(
    network: &Network,
    mixture: &Mixture,
    exact: &ScoreModel,
    device: &Device,
) -> Result<Vec<(f64, f64)>> {
    const COUNT: usize = 4000;
    let (noise, dim): (Noise, usize) = (network.shape.noise(), mixture.dim());
    let mut rng = StdRng::seed_from_u64(0);
    let mut errors = Vec::new();
    for tau in [LOWEST, 0.01, 0.1, 0.3, 1.0] {
        let (alpha, sigma) = (noise.alpha(tau), noise.sigma(tau));
        let mut point = || {
            let start = mixture.sample(&mut rng);
            start.iter().map(|x| alpha * x + sigma * normal(&mut rng)).collect::<Vec<f64>>()
        };
        let points: Vec<Vec<f64>> = (0..COUNT).map(|_| point()).collect();
        let flat: Vec<f32> = points.concat().iter().map(|x| *x as f32).collect();
        let tensor = Tensor::<2>::from_data(TensorData::new(flat, [COUNT, dim]), device);
        let found = network.score_at(tensor, alpha, sigma).into_data().try_to_vec::<f32>()?;
        let (mut wrong, mut size) = (0.0, 0.0);
        for (point, found) in points.iter().zip(found.chunks(dim)) {
            let exact = exact.exact(&noise, tau, point).ok_or("the model has no closed form")?;
            for (exact, found) in exact.score.iter().zip(found) {
                wrong += (f64::from(*found) - exact).powi(2);
                size += exact.powi(2);
            }
        }
        errors.push((tau, (wrong / size).sqrt()));
    }
    Ok(errors)
}
