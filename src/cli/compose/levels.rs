//! The noise of the models, and the levels of it that a run steps through.

use clap::Args;
use wfr::diffusion::{Noise, Spacing};
use wfr::{Config, Schedule};

use super::Done;
use crate::cli::numbers;

/// The noise and its levels.
#[derive(Debug, Args)]
#[command(next_help_heading = "Noise")]
pub(crate) struct LevelOptions {
    /// The noise of the models: vp[:BETA_MIN:BETA_MAX], sub-vp[:BETA_MIN:BETA_MAX] or
    /// ve[:SIGMA_MIN:SIGMA_MAX] [default: vp:0.1:20].
    #[arg(long, value_name = "NOISE")]
    noise: Option<Noise>,
    /// How many steps from the largest noise to the last level.
    #[arg(long, value_name = "K", default_value = "400")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    steps: u32,
    /// How the levels of noise lie: uniform, geometric or karras[:RHO] [default: uniform; karras for
    /// ve].
    #[arg(long, value_name = "NAME")]
    levels: Option<Spacing>,
    /// The last level of noise [default: 0; SIGMA_MIN for ve].
    #[arg(long, value_name = "TAU", allow_negative_numbers = true)]
    last: Option<f64>,
}

impl LevelOptions {
    /// The noise.
    pub(crate) fn noise(&self) -> Noise {
        self.noise.unwrap_or_else(|| Noise::variance_preserving(0.1, 20.0))
    }

    /// The last level of this noise.
    pub(crate) fn last_of(&self, noise: &Noise) -> f64 {
        self.last.unwrap_or_else(|| noise.begin())
    }

    /// The levels as the schedule of a run.
    pub(crate) fn schedule(&self, noise: &Noise) -> Done<Schedule> {
        let own = match noise {
            Noise::VarianceExploding { .. } => Spacing::Karras(7.0),
            _ => Spacing::Uniform,
        };
        let spacing = self.levels.unwrap_or(own);
        Ok(noise.schedule(spacing, self.last_of(noise), self.steps)?)
    }
}

/// The level of noise at the end of a run.
pub(crate) fn last(noise: &Noise, config: &Config) -> f64 {
    (noise.end() - config.schedule.time(config.schedule.steps())).max(0.0)
}
