//! The noise of the models, and the levels of it that a run steps through.

use clap::Args;
use wfr::diffusion::{Composition, Noise, ScoreModel, Spacing};
use wfr::{Config, Schedule};

use super::Done;
use crate::cli::numbers;
use crate::cli::run_file::Resolved;

/// The least level of networks, of the largest.
const LAST_OF_NETWORKS: f64 = 1e-3;

/// The noise and its levels.
#[derive(Debug, Args)]
#[command(next_help_heading = "Noise")]
pub(crate) struct LevelOptions {
    /// The noise of the models: vp[:BETA_MIN:BETA_MAX], sub-vp[:BETA_MIN:BETA_MAX] or
    /// ve[:SIGMA_MIN:SIGMA_MAX] [default: that of the networks, else vp:0.1:20].
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
    /// The last level of noise [default: SIGMA_MIN for ve, else 0, or 0.001 with networks].
    #[arg(long, value_name = "TAU", allow_negative_numbers = true)]
    last: Option<f64>,
}

impl LevelOptions {
    /// The noise that these models are run on.
    pub(crate) fn noise(&self, models: &[ScoreModel]) -> Noise {
        let own = models.iter().find_map(ScoreModel::noise);
        self.noise.or(own).unwrap_or_else(|| Noise::variance_preserving(0.1, 20.0))
    }

    /// The last level of this noise: networks are not trained at none at all.
    pub(crate) fn last_of(&self, noise: &Noise, models: &[ScoreModel]) -> f64 {
        let networks = models.iter().any(|model| model.noise().is_some());
        let own = match noise.begin() {
            0.0 if networks => LAST_OF_NETWORKS * noise.end(),
            begin => begin,
        };
        self.last.unwrap_or(own)
    }

    /// The levels as the schedule of a run.
    pub(crate) fn schedule(&self, composition: &Composition) -> Done<Schedule> {
        let noise = composition.noise();
        let last = self.last_of(noise, composition.models());
        Ok(noise.schedule(self.spacing(noise), last, self.steps)?)
    }

    /// Says in a run file what is used where nothing is given.
    pub(crate) fn resolve(&self, composition: &Composition, run_file: &mut Resolved) {
        let (noise, models) = (composition.noise(), composition.models());
        // The noise of a network says more than the option can.
        if models.iter().all(|model| model.noise().is_none()) {
            run_file.learn("noise.noise", noise);
        }
        run_file.learn("noise.levels", self.spacing(noise));
        run_file.learn("noise.last", self.last_of(noise, models));
    }

    fn spacing(&self, noise: &Noise) -> Spacing {
        let own = match noise {
            Noise::VarianceExploding { .. } => Spacing::Karras(7.0),
            _ => Spacing::Uniform,
        };
        self.levels.unwrap_or(own)
    }
}

/// The level of noise at the end of a run.
pub(crate) fn last(noise: &Noise, config: &Config) -> f64 {
    (noise.end() - config.schedule.time(config.schedule.steps())).max(0.0)
}
