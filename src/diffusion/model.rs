//! One diffusion model.

use std::path::Path;
use std::sync::Arc;

use super::mixture::{Evaluation, Mixture};
use super::{Network, Noise};
use crate::error::{Error, Result};
use crate::target::{Component, MAX_DIM, Target};

/// A diffusion model: the score ∇ log q(x, τ) of its noised law at every level of noise.
///
/// Several models are composed on one [`Noise`]; see [`Composition`](super::Composition).
#[derive(Debug, Clone)]
pub struct ScoreModel {
    name: String,
    kind: Kind,
    error: Option<ScoreError>,
}

/// An error put on the score of a closed-form model on purpose, to study what errors do:
/// s̃ = (1 + scale) s + wave sin(2x) + noise ξ, coordinate by coordinate.
///
/// Log densities and divergences stay exact; those that are tracked follow the wrong score.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScoreError {
    /// The relative error.
    pub scale: f32,
    /// The amplitude of a smooth error.
    pub wave: f32,
    /// The standard deviation of an error that is drawn anew at every point and level of noise.
    pub noise: f32,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// In closed form, evaluated where the particle is moved.
    Mixture(Mixture),
    /// Evaluated by a kernel of its own between the steps.
    Network(Arc<Network>),
    /// Filled by the host program between the steps.
    External { dim: u32, outputs: Outputs },
}

/// What an external model writes beside its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outputs {
    /// The divergence of its score.
    pub divergence: bool,
    /// Its log density.
    pub log_density: bool,
}

impl ScoreModel {
    /// A Gaussian mixture with a scale per axis: the noised law is known, with score, log density
    /// and divergence.
    ///
    /// # Errors
    /// Those of [`Target::gaussian_mixture`].
    pub fn gaussian_mixture(components: &[Component]) -> Result<ScoreModel> {
        ScoreModel::of(&Target::gaussian_mixture(components)?, "mixture".into())
    }

    /// A Gaussian mixture from a text file, as by [`Target::gaussian_mixture_from_file`].
    ///
    /// # Errors
    /// Those of [`Target::gaussian_mixture_from_file`].
    pub fn gaussian_mixture_from_file(
        path: impl AsRef<Path>,
        dim: Option<u32>,
    ) -> Result<ScoreModel> {
        let name = path.as_ref().display().to_string();
        ScoreModel::of(&Target::gaussian_mixture_from_file(path, dim)?, name)
    }

    /// A network, evaluated on the device between the steps.
    ///
    /// Its log density is not known; rules that need it track it along each particle's path.
    pub fn network(network: Network) -> ScoreModel {
        let name = network.name().into();
        ScoreModel { name, kind: Kind::Network(Arc::new(network)), error: None }
    }

    /// A model that the host program evaluates on the same device between the steps: any network
    /// that its framework can run. See [`Sampler::run_with`](crate::Sampler::run_with).
    ///
    /// # Errors
    /// When `dim` is 0 or above [`MAX_DIM`].
    pub fn external(name: impl Into<String>, dim: u32, outputs: Outputs) -> Result<ScoreModel> {
        if dim == 0 || dim > MAX_DIM {
            return Err(Error::config("dim", format!("is {dim}; expected 1 to {MAX_DIM}")));
        }
        Ok(ScoreModel { name: name.into(), kind: Kind::External { dim, outputs }, error: None })
    }

    fn of(target: &Target, name: String) -> Result<ScoreModel> {
        let (components, _) = target.gaussians().unwrap_or_default();
        Ok(ScoreModel { name, kind: Kind::Mixture(Mixture { components }), error: None })
    }

    /// The same model with a wrong score: a tool of study, for closed forms.
    pub fn with_error(self, error: ScoreError) -> ScoreModel {
        ScoreModel { error: Some(error), ..self }
    }

    /// What is wrong with its score.
    pub(crate) fn error(&self) -> Option<ScoreError> {
        self.error
    }

    pub(crate) fn check_error(&self) -> Result<()> {
        let Some(ScoreError { scale, wave, noise }) = self.error else { return Ok(()) };
        if self.is_buffered() {
            let reason = format!("is put on {}, which is no closed form; leave it out", self.name);
            return Err(Error::config("score error", reason));
        }
        if ![scale, wave, noise].into_iter().all(f32::is_finite) || noise < 0.0 {
            let reason = format!(
                "has scale {scale}, wave {wave} and noise {noise}; give finite numbers, and noise \
                 of 0 or more"
            );
            return Err(Error::config("score error", reason));
        }
        Ok(())
    }

    /// What it is called: the file it came from, or a word.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dimension of its points.
    pub fn dim(&self) -> u32 {
        match &self.kind {
            Kind::Mixture(mixture) => mixture.dim() as u32,
            Kind::Network(network) => network.dim(),
            Kind::External { dim, .. } => *dim,
        }
    }

    /// The closed form at a point (dim,) and level of noise, where there is one.
    pub fn exact(&self, noise: &Noise, tau: f64, x: &[f64]) -> Option<Evaluation> {
        match &self.kind {
            Kind::Mixture(mixture) => Some(mixture.evaluate(noise, tau, x)),
            Kind::Network(_) | Kind::External { .. } => None,
        }
    }

    /// The noise that a network was trained on; `None` for models that go with any.
    pub fn noise(&self) -> Option<Noise> {
        match &self.kind {
            Kind::Network(network) => Some(network.noise()),
            Kind::Mixture(_) | Kind::External { .. } => None,
        }
    }

    /// The components of a Gaussian mixture, the law of x₀; `None` for other models.
    pub fn components(&self) -> Option<&[Component]> {
        match &self.kind {
            Kind::Mixture(mixture) => Some(&mixture.components),
            Kind::Network(_) | Kind::External { .. } => None,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether its log density is known where its score is.
    pub fn has_log_density(&self) -> bool {
        match &self.kind {
            Kind::Mixture(_) => true,
            Kind::Network(_) => false,
            Kind::External { outputs, .. } => outputs.log_density,
        }
    }

    /// Whether the divergence of its score can be known.
    pub fn has_divergence(&self) -> bool {
        match &self.kind {
            Kind::Mixture(_) | Kind::Network(_) => true,
            Kind::External { outputs, .. } => outputs.divergence,
        }
    }

    /// Whether a row of divergences is in its buffer, where they are `needed` or not.
    pub(crate) fn writes_divergence(&self, needed: bool) -> bool {
        match &self.kind {
            Kind::Network(_) => needed,
            _ => self.has_divergence(),
        }
    }

    /// Whether its score is read from a buffer, which some other kernel fills.
    pub(crate) fn is_buffered(&self) -> bool {
        !matches!(self.kind, Kind::Mixture(_))
    }
}
