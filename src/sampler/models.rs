//! Models outside of the step kernel: their place in the loop, and what was tracked of them.

use super::{Buffers, Info, Sampler};
use crate::diffusion::Composition;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::particles::Particles;

/// What external models are asked before a step: their scores at all particles of now.
///
/// Model i writes into `outputs[i]`, on the same device: rows of N f32, one per coordinate of the
/// score, then one for the divergence and one for the log density, where it said that it has them.
#[derive(Debug)]
#[non_exhaustive]
pub struct ModelCall<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Steps done.
    pub step: u32,
    /// τ, the level of noise.
    pub tau: f64,
    /// α(τ).
    pub alpha: f64,
    /// σ(τ).
    pub sigma: f64,
    /// The particles.
    pub particles: Buffers<'a>,
    /// A buffer for each external model, in the order of the composition.
    pub outputs: Vec<&'a wgpu::Buffer>,
}

/// The log densities of a model that were carried along.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tracked {
    /// The model's place in the composition.
    pub model: usize,
    /// log q of every particle (N,), as tracked.
    pub log_densities: Vec<f32>,
    /// Their weighted mean error and root mean square error, where the model has a closed form.
    pub error: Option<(f64, f64)>,
}

impl Sampler {
    /// Runs to the end of the schedule, and asks the external models before every step.
    ///
    /// `models` fills the outputs of its [`ModelCall`] on the device, by submissions of its own.
    ///
    /// # Errors
    /// As [`Sampler::run_async`], and those of `models`.
    pub async fn run_with_async(
        &mut self,
        mut models: impl FnMut(&ModelCall<'_>) -> Result<()>,
    ) -> Result<Info> {
        while self.encoded < self.steps() {
            if let Some(call) = self.model_call() {
                models(&call)?;
            }
            self.submit(1)?;
            // Far enough apart to keep the device busy.
            if self.encoded.is_multiple_of(16) {
                self.gpu.wait_async().await?;
            }
        }
        self.gpu.wait_async().await?;
        let info = self.info().await?;
        self.check_most_lost(&info).await?;
        Ok(info)
    }

    /// What external models have to be asked before the next [`Sampler::encode`], which then
    /// records one step; `None` where there are none or the schedule has ended.
    pub fn model_call(&self) -> Option<ModelCall<'_>> {
        if self.externals.is_empty() || self.encoded >= self.steps() {
            return None;
        }
        let noise = self.composition.as_ref()?.noise();
        let tau = noise.level(&self.config.schedule, self.encoded);
        Some(ModelCall {
            gpu: &self.gpu,
            step: self.encoded,
            tau,
            alpha: noise.alpha(tau),
            sigma: noise.sigma(tau),
            particles: self.buffers(),
            outputs: self.externals.iter().map(|i| &self.state.outputs[*i]).collect(),
        })
    }

    /// The log densities of models that were carried along each particle's path, where the rule
    /// needs them and the model does not evaluate them; in the order of the composition.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceLost`](crate::ErrorKind) and [`ErrorKind::Device`](crate::ErrorKind).
    pub async fn tracked(&self) -> Result<Vec<Tracked>> {
        let Some(composition) = &self.composition else { return Ok(Vec::new()) };
        let models = composition.tracked(self.integrator);
        if models.is_empty() {
            return Ok(Vec::new());
        }
        let particles = self.particles().await?;
        let tau = composition.noise().level(&self.config.schedule, self.encoded);
        let mut all = Vec::new();
        for (row, model) in (self.dim..).zip(models) {
            let log_densities: Vec<f32> = self.row(row).await?;
            let error = error(composition, model, tau, &particles, &log_densities);
            all.push(Tracked { model, log_densities, error });
        }
        Ok(all)
    }

    /// A run that nobody gives scores to cannot go on.
    pub(super) fn check_asked(&self) -> Result<()> {
        if self.externals.is_empty() {
            return Ok(());
        }
        let reason = "has external models, which the host program evaluates; use Sampler::run_with";
        Err(Error::config("models", reason))
    }

    /// Steps that one call may record, of those asked for.
    pub(super) fn recordable(&self, steps: u32) -> u32 {
        if self.externals.is_empty() { steps } else { steps.min(1) }
    }
}

/// The weighted mean of the error of tracked log densities, and its root mean square.
fn error(
    composition: &Composition,
    model: usize,
    tau: f64,
    particles: &Particles,
    tracked: &[f32],
) -> Option<(f64, f64)> {
    let model = &composition.models()[model];
    let mut sums = (0.0, 0.0);
    for (i, (weight, log)) in particles.weights().iter().zip(tracked).enumerate() {
        if *weight == 0.0 {
            continue;
        }
        let x: Vec<f64> = particles.position(i).iter().map(|x| f64::from(*x)).collect();
        let off = f64::from(*log) - model.exact(composition.noise(), tau, &x)?.log_density;
        sums = (sums.0 + weight * off, sums.1 + weight * off * off);
    }
    Some((sums.0, sums.1.sqrt()))
}
