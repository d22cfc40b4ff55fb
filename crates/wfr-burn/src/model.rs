//! A score model as a function of burn tensors.

use std::fmt;

use burn::tensor::Tensor;
use wfr::ModelCall;
use wfr::diffusion::{Outputs, ScoreModel};

/// The level of noise at which scores are asked, x_τ = α x₀ + σ ε.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Level {
    /// Steps done.
    pub step: u32,
    /// τ.
    pub tau: f64,
    /// α(τ).
    pub alpha: f64,
    /// σ(τ).
    pub sigma: f64,
}

/// What a model knows at N particles.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The score (N, dim), ∇ log q of the noised law.
    pub score: Tensor<2>,
    /// The divergence of the score (N,), where the model said that it has it.
    pub divergence: Option<Tensor<1>>,
    /// The log density (N,), where the model said that it has it.
    pub log_density: Option<Tensor<1>>,
}

/// A score model: positions (N, dim) of all particles and their level of noise to scores (N, dim).
///
/// It is asked for all particles at once, with a tensor of
/// [`Shared::device`](crate::Shared::device), and answers with f32 tensors of that device without
/// gradients; split the rows where a network's layers would not fit.
pub struct Model<'a> {
    name: String,
    dim: u32,
    outputs: Outputs,
    evaluate: Box<Evaluate<'a>>,
}

type Evaluate<'a> = dyn Fn(Tensor<2>, &Level) -> Evaluation + 'a;

impl<'a> Model<'a> {
    /// A model that tells its score alone.
    pub fn new(
        name: impl Into<String>,
        dim: u32,
        score: impl Fn(Tensor<2>, &Level) -> Tensor<2> + 'a,
    ) -> Model<'a> {
        Model::with_outputs(name, dim, Outputs::default(), move |positions, level| Evaluation {
            score: score(positions, level),
            divergence: None,
            log_density: None,
        })
    }

    /// A model that tells more than its score: what `outputs` says, at every particle.
    pub fn with_outputs(
        name: impl Into<String>,
        dim: u32,
        outputs: Outputs,
        evaluate: impl Fn(Tensor<2>, &Level) -> Evaluation + 'a,
    ) -> Model<'a> {
        Model { name: name.into(), dim, outputs, evaluate: Box::new(evaluate) }
    }

    /// Its place in a composition.
    ///
    /// # Errors
    /// Those of [`ScoreModel::external`].
    pub fn score_model(&self) -> wfr::Result<ScoreModel> {
        ScoreModel::external(self.name.clone(), self.dim, self.outputs)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim as usize
    }

    /// The numbers it answers per particle.
    pub(crate) fn rows(&self) -> usize {
        let Outputs { divergence, log_density } = self.outputs;
        self.dim() + usize::from(divergence) + usize::from(log_density)
    }

    pub(crate) fn outputs(&self) -> Outputs {
        self.outputs
    }

    pub(crate) fn evaluate(&self, positions: Tensor<2>, level: &Level) -> Evaluation {
        (self.evaluate)(positions, level)
    }
}

impl Level {
    pub(crate) fn of(call: &ModelCall<'_>) -> Level {
        Level { step: call.step, tau: call.tau, alpha: call.alpha, sigma: call.sigma }
    }
}

impl fmt::Debug for Model<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("dim", &self.dim)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
