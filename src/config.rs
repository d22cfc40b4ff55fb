//! The settings of a run.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::integrator::Integrator;
use crate::layout::MAX_PARTICLES;
use crate::loss::OnLoss;
use crate::schedule::Schedule;

/// The settings of a run: a plain struct, every field has a default.
///
/// ```
/// use wfr::{Config, Schedule};
/// let config = Config {
///     particles: 100_000,
///     schedule: Schedule::uniform(4.0, 800)?,
///     ..Config::default()
/// };
/// # Ok::<(), wfr::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Number of particles, 1 to 134 217 728 (2²⁷).
    pub particles: u32,
    /// Seed of the counter-based random numbers. Same seed and device, same bits.
    pub seed: u64,
    /// When the steps begin and end, and where on the path of densities they are.
    pub schedule: Schedule,
    /// How a step is done; `None` takes the flow's best: the kernel ratio where there is a path of
    /// densities, Euler elsewhere.
    pub integrator: Option<Integrator>,
    /// Replaces each drift coordinate D by D / (1 + h|D|), which keeps steep walls from throwing
    /// particles to infinity. A bias of order h under Euler and Strang, none where the integrator is
    /// exact.
    pub taming: bool,
    /// Mobilities m, one positive number per coordinate (dim,): its drift is m ε ∇ log ρ and its
    /// noise √(2εm) dW, as if it were measured in units of √m. `None` is 1 everywhere;
    /// [`tune`](crate::tune) finds the squares of the target's scales. It changes the variance of the
    /// results, not what they mean.
    pub preconditioner: Option<Vec<f32>>,
    /// The friction γ of [`Integrator::Baoab`], above 0: its momentum is forgotten at this rate. Near
    /// the target's frequencies, 1/scale, is best; 1.5 by default.
    pub friction: f32,
    /// The curvature κ that [`Integrator::Exponential`] solves exactly, 0 (Euler's move) or more: the
    /// precision 1/scale² of the target in units of the preconditioner; 1 by default.
    pub stiffness: f32,
    /// Resample when ESS falls below this fraction of the particles: 0 never, 1 whenever the
    /// weights differ.
    pub ess_threshold: f32,
    /// Test the ESS every so many steps; the steps between two tests run fused in one dispatch. An
    /// adaptive schedule tests once a stage instead.
    pub ess_every: u32,
    /// How ancestors are drawn.
    pub resampler: Resampler,
    /// Rows of the trace kept on the device, one per ESS test; the oldest make way.
    pub trace_rows: u32,
    /// Whether the trace of a fixed schedule tells the conditional ESS of what the log-weights gained
    /// from test to test. Off, because it is a further pass over the log-weights at every test; an
    /// adaptive schedule tells it anyway.
    pub trace_cess: bool,
    /// What happens when a particle is lost, because its position, score or weight is not finite.
    pub on_loss: OnLoss,
    /// Particles per workgroup of the step kernel. It changes speed, never results.
    pub workgroup_size: u32,
    /// How long one submission to the device may take, a millisecond to an hour: a device that draws
    /// a screen draws nothing meanwhile, and drivers reset one that is busy for seconds. Submissions
    /// are measured and cut to about half of it, a slow step into slices of the particles. It changes
    /// speed, never results.
    pub submission_limit: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            particles: 1 << 16,
            seed: 0,
            schedule: Schedule::default(),
            integrator: None,
            taming: true,
            preconditioner: None,
            friction: 1.5,
            stiffness: 1.0,
            ess_threshold: 0.5,
            ess_every: 16,
            resampler: Resampler::Systematic,
            trace_rows: 4096,
            trace_cess: false,
            on_loss: OnLoss::Drop,
            workgroup_size: 64,
            submission_limit: Duration::from_millis(100),
        }
    }
}

impl Config {
    /// Steps from one ESS test to the next: [`Config::ess_every`], or a stage of an adaptive schedule.
    pub fn test_every(&self) -> u32 {
        self.schedule.adaptivity().map_or(self.ess_every, |adaptive| adaptive.moves_per_stage)
    }

    /// Checks every field against its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        let out = |field: &str, reason: String| Err(Error::config(field, reason));
        if self.particles == 0 || self.particles > MAX_PARTICLES {
            let text = format!("= {} is not between 1 and {MAX_PARTICLES}", self.particles);
            return out("particles", text);
        }
        if !(0.0..=1.0).contains(&self.ess_threshold) {
            let text = format!(
                "= {} is not between 0 (never resample) and 1 (whenever weights differ)",
                self.ess_threshold
            );
            return out("ess_threshold", text);
        }
        if !(self.friction > 0.0 && self.friction.is_finite()) {
            return out("friction", format!("= {} is not positive and finite", self.friction));
        }
        if !(self.stiffness >= 0.0 && self.stiffness.is_finite()) {
            let text = format!("= {} is not a curvature from 0 (none) on", self.stiffness);
            return out("stiffness", text);
        }
        if self.ess_every == 0 {
            return out("ess_every", "= 0 is below 1, the fewest steps between two tests".into());
        }
        if self.trace_rows == 0 || self.trace_rows > 1 << 20 {
            let text = format!("= {} is not between 1 and 1048576", self.trace_rows);
            return out("trace_rows", text);
        }
        let limits = Duration::from_millis(1)..=Duration::from_secs(3600);
        if !limits.contains(&self.submission_limit) {
            let text = format!("= {:?} is not between 1 ms and 1 h", self.submission_limit);
            return out("submission_limit", text);
        }
        if !self.workgroup_size.is_power_of_two() || self.workgroup_size > 256 {
            let text = format!("= {} is not a power of two between 1 and 256", self.workgroup_size);
            return out("workgroup_size", text);
        }
        Ok(())
    }

    /// Checks the preconditioner against the dimension.
    pub(crate) fn check_preconditioner(&self, dim: u32) -> Result<()> {
        let Some(mobilities) = &self.preconditioner else { return Ok(()) };
        if mobilities.len() != dim as usize {
            let reason = format!(
                "has {} values but the target has {dim} coordinates; give one value per coordinate",
                mobilities.len()
            );
            return Err(Error::config("preconditioner", reason));
        }
        // Its square root and its inverse are taken in single precision.
        match mobilities.iter().position(|m| !(1e-30..=1e30).contains(m)) {
            Some(j) => {
                let reason = format!("= {} is not between 1e-30 and 1e30", mobilities[j]);
                Err(Error::config(format!("preconditioner[{j}]"), reason))
            }
            None => Ok(()),
        }
    }
}

/// How ancestors are drawn; all share one exact integer scan of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Resampler {
    /// One uniform for the whole grid (Carpenter, Clifford & Fearnhead 1999): |offspring − N·W| < 1.
    #[default]
    Systematic,
    /// One uniform per cell of the grid (Kitagawa 1996): never more variance than multinomial.
    Stratified,
    /// Independent draws (Gordon, Salmond & Smith 1993): the baseline, the largest variance.
    Multinomial,
    /// ⌊N·W⌋ copies without chance, the rest multinomial (Liu & Chen 1998).
    Residual,
}

impl Resampler {
    /// All resamplers.
    pub const ALL: [Resampler; 4] =
        [Resampler::Systematic, Resampler::Stratified, Resampler::Multinomial, Resampler::Residual];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Resampler::Systematic => "systematic",
            Resampler::Stratified => "stratified",
            Resampler::Multinomial => "multinomial",
            Resampler::Residual => "residual",
        }
    }

    /// Whether ancestors come from offspring counts alone, in order.
    pub(crate) fn is_ordered(self) -> bool {
        matches!(self, Resampler::Systematic | Resampler::Stratified)
    }
}

impl fmt::Display for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Resampler {
    type Err = Error;

    fn from_str(name: &str) -> Result<Resampler> {
        named("resampler", name, &Resampler::ALL, Resampler::name)
    }
}

/// The member of a family with the given name, or an error that lists all names.
pub(crate) fn named<T: Copy>(
    field: &str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T> {
    all.iter().copied().find(|item| name_of(*item) == name).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|item| name_of(*item)).collect();
        Error::config(field, format!("'{name}' is not known; use one of {}", names.join(", ")))
    })
}
