//! Whether a composition fits together, and settings suit it.

use super::{Composition, Reward, Tracking};
use crate::config::Config;
use crate::diffusion::Curve;
use crate::error::{Error, Result};
use crate::integrator::Integrator;
use crate::kernel::network;

impl Composition {
    pub(crate) fn check(&self) -> Result<()> {
        self.noise.check()?;
        let Some(first) = self.models.first() else {
            return Err(Error::config("models", "has no model; give one at least"));
        };
        if self.models.len() > 16 {
            let reason = format!("has {} models; at most 16 are composed", self.models.len());
            return Err(Error::config("models", reason));
        }
        if let Some(other) = self.models.iter().find(|model| model.dim() != first.dim()) {
            let reason = format!(
                "{} has {} coordinates and {} has {}; compose models of one space",
                first.name(),
                first.dim(),
                other.name(),
                other.dim()
            );
            return Err(Error::config("models", reason));
        }
        for (_, network) in self.networks() {
            if network.noise() != self.noise {
                let reason = format!(
                    "{} was trained on the noise {} and the composition has {}; use the networks' \
                     own",
                    network.name(),
                    network.noise(),
                    self.noise
                );
                return Err(Error::config("noise", reason));
            }
        }
        for model in &self.models {
            model.check_error()?;
        }
        self.rule.check(self.models.len())?;
        if !(0.0..=10.0).contains(&self.stochasticity) {
            let reason = format!(
                "= {} is not between 0, the probability flow, and 10; 1 is the reverse SDE",
                self.stochasticity
            );
            return Err(Error::config("stochasticity", reason));
        }
        if !self.correction.is_finite() {
            let reason = format!("= {} is not a number; 1 is exact", self.correction);
            return Err(Error::config("correction", reason));
        }
        if let Some(frozen) = &self.frozen
            && (frozen.len() != self.models.len() || !frozen.iter().all(Curve::is_finite))
        {
            let reason = format!(
                "has the shares ({}) for {} models; give one finite number each",
                Curve::list(frozen),
                self.models.len()
            );
            return Err(Error::config("frozen drift", reason));
        }
        if let Some(reward) = &self.reward {
            reward.check(self.dim())?;
        }
        Ok(())
    }

    /// Whether the integrator suits, and the settings do.
    pub(crate) fn check_config(&self, config: &Config, integrator: Integrator) -> Result<()> {
        let refused = |reason: String| Err(Error::config("integrator", reason));
        if matches!(integrator, Integrator::Strang | Integrator::Mala | Integrator::Baoab) {
            return refused(format!(
                "= {integrator} does not run a diffusion backward; use euler, exponential or \
                 kernel-ratio"
            ));
        }
        if integrator == Integrator::KernelRatio && self.stochasticity == 0.0 {
            return refused("= kernel-ratio needs noise, and stochasticity = 0 leaves none".into());
        }
        if self.weighs_by_ratio(integrator)
            && self.is_buffered()
            && (self.stochasticity != 1.0 || self.frozen.is_some())
        {
            return refused(
                "= kernel-ratio with models in buffers needs stochasticity = 1 and the score's own \
                 drift; use euler"
                    .into(),
            );
        }
        if self.is_corrected()
            && !self.weighs_by_ratio(integrator)
            && let Some(survey) = self.reward_survey().filter(|survey| survey.has_edges())
        {
            return refused(format!(
                "= {integrator} weighs by rates, which miss the edge of a reward, and this one {survey}; use \
                 kernel-ratio"
            ));
        }
        network::check(self.divergence, self.dim())?;
        if config.preconditioner.is_some() {
            let reason = "is not for compositions, whose noise is the models'; leave it out";
            return Err(Error::config("preconditioner", reason));
        }
        if self.tracking == Tracking::KernelRatio && self.stochasticity != 1.0 {
            let reason = format!(
                "= kernel-ratio needs stochasticity = 1, and it is {}; use ito",
                self.stochasticity
            );
            return Err(Error::config("tracking", reason));
        }
        if self.needs_divergence(integrator)
            && let Some(model) = self.models.iter().find(|model| !model.has_divergence())
        {
            let reason = format!(
                "{} tells no divergence, which log densities tracked at stochasticity = {} and \
                 frozen drifts need; let it, or use stochasticity = 1",
                model.name(),
                self.stochasticity
            );
            return Err(Error::config("models", reason));
        }
        self.noise.levels(&config.schedule).map(|_| ())
    }
}

impl Reward {
    fn check(&self, dim: u32) -> Result<()> {
        if self.target.dim() != dim {
            let reason = format!(
                "has {} coordinates and the models have {dim}; give one of the same space",
                self.target.dim()
            );
            return Err(Error::config("reward", reason));
        }
        if !self.strength.is_finite() || self.guidance.is_some_and(|lambda| !lambda.is_finite()) {
            return Err(Error::config("reward", "has a strength that is not a finite number"));
        }
        Ok(())
    }
}
