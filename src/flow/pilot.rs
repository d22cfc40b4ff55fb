//! A small run that estimates what the clocks of paths depend on.

use crate::config::Config;
use crate::diagnostics::{Diagnostics, Estimate};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::gpu::Gpu;
use crate::initial::Initial;
use crate::integrator::Integrator;
use crate::loss::OnLoss;
use crate::problem::Problem;
use crate::sampler::Sampler;
use crate::schedule::Schedule;
use crate::target::Target;

/// Particles of a pilot.
const PARTICLES: u32 = 4096;
/// Changes the seed, so that the run itself draws other numbers.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a small annealed run says of two laws, for [`Flow::with_log_ratio`] and
/// [`Path::arc`](crate::Path::arc).
///
/// It has at most 4096 particles, the steps of the run that it is for, and a seed that follows
/// from the run's: same settings and device, same estimates. Its errors, also those of modes that it
/// did not find, make another clock along the path, never another law at its end.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Pilot {
    /// log(Z₁/Z₀), the ratio of the normalisers of the target and the initial law.
    pub log_ratio: Estimate,
    /// ∫√(q₀q₁) of the normalised laws, between 0 and 1: the cosine of the Fisher–Rao angle.
    pub affinity: Estimate,
}

impl Pilot {
    /// What a pilot found earlier, for who has kept it.
    pub fn new(log_ratio: Estimate, affinity: Estimate) -> Pilot {
        Pilot { log_ratio, affinity }
    }

    /// Runs the pilot on the device.
    ///
    /// With Z_β = ∫ q₀^{1−β} q₁^β, which the geometric path estimates on its way, the affinity is
    /// Z_½ / √(Z₀Z₁).
    ///
    /// # Errors
    /// Those of [`Problem::new`], [`Sampler::new_async`] and [`Sampler::run_async`].
    pub async fn run_async(
        gpu: &Gpu,
        target: &Target,
        initial: &Initial,
        config: &Config,
    ) -> Result<Pilot> {
        let problem = Problem::new(target.clone(), initial.clone(), Flow::annealed())?;
        // An even number of equal steps, so that there is one at the middle.
        let steps = config.schedule.steps().next_multiple_of(2).max(64);
        let time = config.schedule.time(config.schedule.steps());
        let config = Config {
            particles: initial.pilot_particles(config.particles, PARTICLES),
            seed: config.seed ^ SEED,
            schedule: Schedule::uniform(time, steps)?,
            integrator: Some(Integrator::KernelRatio),
            on_loss: OnLoss::Drop,
            ..config.clone()
        };
        let mut sampler = Sampler::new_async(gpu, &problem, config).await?;
        sampler.advance_to(steps / 2).await?;
        let middle = look(&sampler).await?;
        sampler.run_async().await?;
        let end = look(&sampler).await?;
        if !end.value.is_finite() {
            let reason =
                format!("has no finite normaliser that a pilot could estimate: {}", end.value);
            return Err(Error::config("target", reason));
        }
        // By the Cauchy–Schwarz inequality at most 1; the two estimates are nearly independent.
        let affinity = (middle.value - 0.5 * end.value).exp().clamp(0.0, 1.0);
        let se = affinity * middle.se.hypot(0.5 * end.se);
        Ok(Pilot { log_ratio: end, affinity: Estimate { value: affinity, se } })
    }

    /// The Fisher–Rao angle Ω = arccos of the affinity, inside of what
    /// [`Path::arc`](crate::Path::arc) takes.
    pub fn arc_angle(&self) -> f64 {
        self.affinity.value.acos().max(1e-3)
    }
}

/// The current log Z, with its standard error.
async fn look(sampler: &Sampler) -> Result<Estimate> {
    let info = sampler.info().await?;
    let particles = sampler.particles().await?;
    let se = Diagnostics::new(&particles).log_normalizer_se();
    Ok(Estimate { value: info.log_normalizer, se })
}
