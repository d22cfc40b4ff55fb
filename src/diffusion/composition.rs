//! Several diffusion models as one law.

mod check;
mod survey;
mod table;
mod text;

use super::{Curve, Divergence, Noise, Rule, ScoreModel};
use crate::adaptor::Adaptor;
use crate::error::Result;
use crate::initial::Initial;
use crate::integrator::Integrator;
use crate::plan::{Carries, Counts};
use crate::target::Target;
pub(crate) use survey::Survey;

/// Several diffusion models on one noise, combined by a rule: what is sampled, and how.
///
/// Particles follow the reverse SDE dx = (−f + ((1+η²)/2) g² S) dt + η g dW with the score S of the
/// combined density ρ, and carry the log-weight whose rate ψ makes the result exact: M. Skreta et
/// al., arXiv:2503.02819, and arXiv 2512.17878. No model is trained again.
///
/// ```
/// use wfr::diffusion::{Composition, Noise, Rule, ScoreModel};
/// use wfr::{Component, Problem};
///
/// # fn main() -> wfr::Result<()> {
/// let one = |mean| Component { weight: 1.0, mean: vec![mean], scale: vec![0.5] };
/// let models = vec![
///     ScoreModel::gaussian_mixture(&[one(-3.0), one(1.0)])?,
///     ScoreModel::gaussian_mixture(&[one(-1.0), one(2.5)])?,
/// ];
/// let noise = Noise::variance_preserving(0.1, 20.0);
/// let problem = Composition::new(noise, models, Rule::fisher_rao(0.5)).problem()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Composition {
    pub(crate) noise: Noise,
    pub(crate) models: Vec<ScoreModel>,
    pub(crate) rule: Rule,
    /// η.
    pub(crate) stochasticity: f64,
    pub(crate) tracking: Tracking,
    /// How divergences are found; `None` takes what suits the model.
    pub(crate) divergence: Option<Divergence>,
    /// The constants cᵢ of a drift by Σ cᵢ sᵢ in place of the score.
    pub(crate) frozen: Option<Vec<Curve>>,
    pub(crate) reward: Option<Reward>,
    /// What log-weights are multiplied by.
    pub(crate) correction: f64,
}

/// Where the log densities of models come from, where a rule needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Tracking {
    /// Evaluated where the model can; the others by [`Tracking::Ito`].
    #[default]
    Exact,
    /// The Itô density estimator along each particle's path (M. Skreta et al., arXiv:2412.17762):
    /// error of order 1/2 in the step, unbiased; needs divergences unless η = 1.
    Ito,
    /// The ratio of each model's own kernels backward and forward: errors of log densities about
    /// a third of Itô's, the same for their differences; needs η = 1.
    KernelRatio,
}

impl Tracking {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Tracking::Exact => "exact",
            Tracking::Ito => "ito",
            Tracking::KernelRatio => "kernel-ratio",
        }
    }
}

/// A tilt of the density by exp(B r(x)) with B growing from 0.
#[derive(Debug, Clone)]
pub(crate) struct Reward {
    pub(crate) target: Target,
    pub(crate) strength: Curve,
    /// λ, by which the drift follows ∇r.
    pub(crate) guidance: Option<f64>,
    /// What the host found of it, once the composition is a problem.
    pub(crate) survey: Option<Survey>,
}

impl Composition {
    /// A composition with the usual reverse SDE, η = 1, and exact weights.
    pub fn new(noise: Noise, models: Vec<ScoreModel>, rule: Rule) -> Composition {
        Composition {
            noise,
            models,
            rule,
            stochasticity: 1.0,
            tracking: Tracking::Exact,
            divergence: None,
            frozen: None,
            reward: None,
            correction: 1.0,
        }
    }

    /// The same with noise η g dW: 0 is the probability flow, 1 the reverse SDE, more mixes more.
    ///
    /// The law does not depend on it, and the weights hardly; at 0 copies that resampling makes
    /// never part.
    pub fn with_stochasticity(self, eta: f64) -> Composition {
        Composition { stochasticity: eta, ..self }
    }

    /// The same with log densities from elsewhere.
    pub fn with_tracking(self, tracking: Tracking) -> Composition {
        Composition { tracking, ..self }
    }

    /// The same with divergences found so, where any are needed: at a stochasticity other than 1
    /// with tracked log densities, or with a frozen drift. Unless set they are exact for closed forms,
    /// and for networks in as many dimensions as that is affordable in.
    pub fn with_divergence(self, divergence: Divergence) -> Composition {
        Composition { divergence: Some(divergence), ..self }
    }

    /// The same with the density tilted by exp(B(β) r(x)): r is the log density of `reward`, a
    /// formula or WGSL, and B goes from 0 to its final strength.
    ///
    /// Where r is −∞ the tilted density ends. Until the last step r counts there as 4/B below the
    /// largest r that is found where particles start, which keeps weights by kernel ratios exact; so it
    /// does where r is finite, but lower than that, and its slope does not lead back. Weights by rates
    /// do not see an edge: a sampler refuses them where it finds one.
    pub fn with_reward(self, reward: Target, strength: impl Into<Curve>) -> Composition {
        let strength = strength.into();
        Composition {
            reward: Some(Reward { target: reward, strength, guidance: None, survey: None }),
            ..self
        }
    }

    /// The same with the drift following the reward by λ g² B ∇r; η²/2 unless set, which needs no
    /// second derivative of r, and has weights of the least variance.
    pub fn with_reward_guidance(mut self, lambda: f64) -> Composition {
        if let Some(reward) = &mut self.reward {
            reward.guidance = Some(lambda);
        }
        self
    }

    /// The same with a drift by Σ cᵢ sᵢ with constants cᵢ in place of the score of ρ.
    ///
    /// The weights still make the result exact, but they need divergences and vary more: for
    /// comparison, not for use.
    pub fn with_frozen_drift(self, shares: Vec<Curve>) -> Composition {
        Composition { frozen: Some(shares), ..self }
    }

    /// The same without weights: scores are combined and nothing makes up for it, as is customary.
    ///
    /// What comes out is not ρ; for comparison.
    pub fn without_correction(self) -> Composition {
        self.with_correction(0.0)
    }

    /// The same with log-weights multiplied by a number: 1 is exact, 0 has no weights, and what is
    /// between is neither; for comparison.
    pub fn with_correction(self, correction: f64) -> Composition {
        Composition { correction, ..self }
    }

    /// The problem to sample.
    ///
    /// # Errors
    /// When there is no model, dimensions or noises differ, a number is out of its bounds, or the
    /// models cannot tell what the rule needs.
    pub fn problem(self) -> Result<crate::Problem> {
        crate::Problem::composed(self)
    }

    /// The noise of all models.
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    /// The models.
    pub fn models(&self) -> &[ScoreModel] {
        &self.models
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The number of coordinates.
    pub fn dim(&self) -> u32 {
        self.models.first().map_or(0, ScoreModel::dim)
    }

    /// Where log densities come from.
    pub fn tracking(&self) -> Tracking {
        self.tracking
    }

    /// What the host found of the reward.
    pub(crate) fn reward_survey(&self) -> Option<&Survey> {
        self.reward.as_ref()?.survey.as_ref()
    }

    /// Whether the density is tilted by a reward.
    pub fn has_reward(&self) -> bool {
        self.reward.is_some()
    }

    /// η, the noise of the particles beside that of the models.
    pub fn stochasticity(&self) -> f64 {
        self.stochasticity
    }

    /// log ρ at the end of the run, not normalised, at a point (dim,), where all models know theirs;
    /// without the reward.
    pub fn log_density(&self, x: &[f64], tau: f64, beta: f64) -> Option<f64> {
        let logs: Option<Vec<f64>> = self
            .models
            .iter()
            .map(|model| Some(model.exact(&self.noise, tau, x)?.log_density))
            .collect();
        Some(self.rule.log_density(beta, &logs?))
    }

    /// λ of the reward.
    pub(crate) fn guidance(&self) -> f64 {
        let own = self.reward.as_ref().and_then(|reward| reward.guidance);
        own.unwrap_or(0.5 * self.stochasticity.powi(2))
    }

    /// (1 + η²)/2.
    pub(crate) fn kappa(&self) -> f64 {
        0.5 * (1.0 + self.stochasticity.powi(2))
    }

    /// Whether ψ needs the Laplacian of the reward.
    pub(crate) fn needs_laplacian(&self) -> bool {
        self.reward.is_some() && self.guidance() != 0.5 * self.stochasticity.powi(2)
    }

    /// Whether steps by this integrator read log densities.
    fn needs_logs(&self, integrator: Integrator) -> bool {
        self.rule.needs_log_densities() || self.weighs_by_ratio(integrator)
    }

    /// Whether weights are ratios of kernels.
    pub(crate) fn weighs_by_ratio(&self, integrator: Integrator) -> bool {
        self.is_corrected()
            && match integrator {
                Integrator::KernelRatio => true,
                Integrator::Exponential => self.has_ratio(),
                _ => false,
            }
    }

    /// Whether particles are weighted.
    pub fn is_corrected(&self) -> bool {
        self.correction != 0.0
    }

    /// The integrator a run takes when none is asked for: the kernel ratio where it is exact, which
    /// costs nothing more, and Euler elsewhere.
    pub fn default_integrator(&self) -> Integrator {
        if self.has_ratio() { Integrator::KernelRatio } else { Integrator::Euler }
    }

    /// Whether kernel ratios are exact: log densities are evaluated, and there is noise.
    fn has_ratio(&self) -> bool {
        self.tracking == Tracking::Exact && !self.is_buffered() && self.stochasticity > 0.0
    }

    /// The models whose log densities are carried along, each in one row of the state.
    pub(crate) fn tracked(&self, integrator: Integrator) -> Vec<usize> {
        if !self.needs_logs(integrator) {
            return Vec::new();
        }
        let exact = self.tracking == Tracking::Exact;
        let known = |i: &usize| exact && self.models[*i].has_log_density();
        (0..self.models.len()).filter(|i| !known(i)).collect()
    }

    /// How networks find the divergences that enter, if any do.
    pub(crate) fn network_divergence(&self, integrator: Integrator) -> Option<Divergence> {
        let suits = Divergence::of_dim(self.dim());
        self.needs_divergence(integrator).then(|| self.divergence.unwrap_or(suits))
    }

    /// Hutchinson's directions of closed forms, whose exact divergences are left out for a study.
    fn probes(&self, needed: bool) -> Option<Divergence> {
        let wanted = needed && self.has_closed_forms();
        self.divergence.filter(|divergence| wanted && *divergence != Divergence::Exact)
    }

    /// What a particle carries.
    pub(crate) fn carries(&self, integrator: Integrator) -> Carries {
        let more = self.tracked(integrator).len() as u32;
        Carries { dim: self.dim(), more, counts: Counts::No }
    }

    /// Whether divergences of scores enter.
    pub(crate) fn needs_divergence(&self, integrator: Integrator) -> bool {
        let tracks = !self.tracked(integrator).is_empty() && self.stochasticity != 1.0;
        tracks || (self.frozen.is_some() && self.is_corrected())
    }

    /// Whether models are evaluated by kernels of their own, one step at a time.
    pub(crate) fn is_buffered(&self) -> bool {
        self.models.iter().any(ScoreModel::is_buffered)
    }

    /// Whether a model is evaluated where the particle is moved.
    pub(crate) fn has_closed_forms(&self) -> bool {
        self.models.iter().any(|model| !model.is_buffered())
    }

    /// The law at the largest noise.
    pub(crate) fn initial(&self) -> Result<Initial> {
        let dim = self.dim() as usize;
        Initial::normal(&vec![0.0; dim], &vec![self.initial_sd() as f32; dim])
    }

    fn initial_sd(&self) -> f64 {
        let degree = self.rule.exponents(0.0, self.models.len()).degree();
        self.noise.sigma(self.noise.end()) / degree.sqrt()
    }

    /// Looks for walls of the reward, where there is one.
    pub(crate) fn survey(&mut self, target: &Target, adaptor: &Adaptor) {
        let (sd, noise) = (self.initial_sd(), self.noise.sigma(self.noise.end()));
        if let Some(reward) = &mut self.reward {
            let strength = reward.strength.at(1.0);
            reward.survey = Some(Survey::of(target, adaptor, sd, noise, strength));
        }
    }

    /// The reward, or a density that is the same everywhere.
    pub(crate) fn target(&self) -> Result<Target> {
        match &self.reward {
            Some(reward) => Ok(reward.target.clone()),
            None => {
                let text = "fn log_density(x: ptr<function, Point>) -> f32 { return 0.0; }\n\
                            fn score(x: ptr<function, Point>) -> Point { return Point(); }\n";
                Target::from_wgsl(self.dim(), "no reward", text)
            }
        }
    }
}
