//! The tilt of a composition by a reward.

use clap::Args;
use wfr::Target;
use wfr::diffusion::Curve;

use super::{Done, Failure};
use crate::cli::options::{read_wgsl, setting};

/// What the density is tilted by.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reward")]
pub(crate) struct RewardOptions {
    /// Tilt the density by exp(B r(x)): the reward r as a formula of x0, x1, …, or a file ending in
    /// .wgsl that defines log_density.
    #[arg(long, value_name = "FORMULA|FILE.wgsl", allow_hyphen_values = true)]
    reward: Option<String>,
    /// The strength B of the reward, which begins at 0 so that the largest noise stays as it is
    /// [default: 0:1].
    #[arg(long, value_name = "CURVE", allow_hyphen_values = true)]
    reward_strength: Option<Curve>,
    /// By how much particles follow the reward's gradient, λ; by default half the square of
    /// --stochasticity, where weights vary least.
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    reward_guidance: Option<f64>,
    /// Sets a parameter of the reward; repeat it for more.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting, visible_alias = "param")]
    set: Vec<(String, f64)>,
}

impl RewardOptions {
    /// The reward and its strength, where there is one.
    pub(crate) fn read(&self, dim: u32) -> Done<Option<(Target, Curve)>> {
        let Some(text) = &self.reward else {
            let given = [
                ("--reward-strength", self.reward_strength.is_some()),
                ("--set", !self.set.is_empty()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(without_reward(option)),
                None => Ok(None),
            };
        };
        let mut reward = match text.ends_with(".wgsl") {
            true => Target::from_wgsl(dim, text, read_wgsl(text)?)?,
            false => Target::from_formula(dim, text)?,
        };
        for (name, value) in &self.set {
            reward = reward.set(name, *value)?;
        }
        let strength = self.reward_strength.clone();
        Ok(Some((reward, strength.unwrap_or_else(|| Curve::linear(0.0, 1.0)))))
    }

    /// λ, where it is given.
    pub(crate) fn guidance(&self) -> Done<Option<f64>> {
        match (self.reward_guidance, &self.reward) {
            (Some(_), None) => Err(without_reward("--reward-guidance")),
            (guidance, _) => Ok(guidance),
        }
    }
}

fn without_reward(option: &str) -> Failure {
    Failure::Usage(format!(
        "{option} is for a reward, and there is none; add --reward, or leave it out"
    ))
}
