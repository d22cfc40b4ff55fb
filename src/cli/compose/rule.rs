//! The rule and its numbers.

use clap::{Args, ValueEnum};
use wfr::diffusion::{Composition, Curve, Noise, Rule, ScoreModel};

use super::{Done, Failure};

/// How densities are combined.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rule")]
pub(crate) struct RuleOptions {
    /// How the models' densities become one; see below.
    #[arg(long, value_name = "NAME")]
    rule: RuleName,
    /// The power of anneal and of power.
    #[arg(long, value_name = "CURVE", allow_hyphen_values = true)]
    power: Option<Curve>,
    /// The share b of the second of two models, or the position on the arc [default: 0.5].
    #[arg(long, value_name = "CURVE", allow_hyphen_values = true)]
    share: Option<Curve>,
    /// A share for each model, in place of --share [default of power: all the same].
    #[arg(long, value_name = "CURVE,…", value_delimiter = ',', conflicts_with = "share")]
    #[arg(allow_hyphen_values = true)]
    shares: Option<Vec<Curve>>,
    /// The scale of guidance.
    #[arg(long, value_name = "CURVE", allow_hyphen_values = true)]
    scale: Option<Curve>,
    /// An exponent for each model: log-linear.
    #[arg(long, value_name = "CURVE,…", value_delimiter = ',', allow_hyphen_values = true)]
    exponents: Option<Vec<Curve>>,
    /// The angle of the arc, with cosine ∫√(q1 q2); by default that of the models, where they are
    /// closed forms in one or two dimensions.
    #[arg(long, value_name = "OMEGA", allow_negative_numbers = true)]
    angle: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "kebab-case")]
enum RuleName {
    Anneal,
    Product,
    Geometric,
    Guidance,
    LogLinear,
    Mixture,
    FisherRao,
    Power,
    Arc,
}

impl RuleName {
    fn name(self) -> &'static str {
        match self {
            RuleName::Anneal => "anneal",
            RuleName::Product => "product",
            RuleName::Geometric => "geometric",
            RuleName::Guidance => "guidance",
            RuleName::LogLinear => "log-linear",
            RuleName::Mixture => "mixture",
            RuleName::FisherRao => "fisher-rao",
            RuleName::Power => "power",
            RuleName::Arc => "arc",
        }
    }

    /// The options that it takes.
    fn options(self) -> &'static [&'static str] {
        match self {
            RuleName::Anneal => &["--power"],
            RuleName::Product => &[],
            RuleName::Geometric | RuleName::Mixture | RuleName::FisherRao => {
                &["--share", "--shares"]
            }
            RuleName::Guidance => &["--scale"],
            RuleName::LogLinear => &["--exponents"],
            RuleName::Power => &["--power", "--shares"],
            RuleName::Arc => &["--share", "--angle"],
        }
    }
}

impl RuleOptions {
    /// The rule for these models, at the end of a run at the level of noise `last`.
    pub(crate) fn rule(&self, noise: &Noise, models: &[ScoreModel], last: f64) -> Done<Rule> {
        self.check_options()?;
        let share = || self.share.clone().unwrap_or(Curve::constant(0.5));
        let equal = || vec![Curve::constant(1.0 / models.len() as f64); models.len()];
        let shares = || self.shares.clone();
        Ok(match self.rule {
            RuleName::Anneal => Rule::annealed(self.needed("--power 2", &self.power)?),
            RuleName::Product => Rule::product(),
            RuleName::Geometric => match shares() {
                Some(shares) => Rule::power_mean(0.0, shares),
                None => Rule::geometric(share()),
            },
            RuleName::Guidance => Rule::guidance(self.needed("--scale 2", &self.scale)?),
            RuleName::LogLinear => {
                Rule::log_linear(self.needed("--exponents 1,0.5", &self.exponents)?)
            }
            RuleName::Mixture => match shares() {
                Some(shares) => Rule::power_mean(1.0, shares),
                None => Rule::mixture(share()),
            },
            RuleName::FisherRao => match shares() {
                Some(shares) => Rule::power_mean(0.5, shares),
                None => Rule::fisher_rao(share()),
            },
            RuleName::Power => {
                let power = self.needed("--power 0.25", &self.power)?;
                Rule::power_mean(power, shares().unwrap_or_else(equal))
            }
            RuleName::Arc => Rule::arc(share(), self.angle(noise, models, last)?),
        })
    }

    fn check_options(&self) -> Done {
        let given = [
            ("--power", self.power.is_some()),
            ("--share", self.share.is_some()),
            ("--shares", self.shares.is_some()),
            ("--scale", self.scale.is_some()),
            ("--exponents", self.exponents.is_some()),
            ("--angle", self.angle.is_some()),
        ];
        let takes = self.rule.options();
        match given.iter().find(|(option, given)| *given && !takes.contains(option)) {
            Some((option, _)) => Err(Failure::Usage(format!(
                "{option} does not go with the rule {}; leave it out",
                self.rule.name()
            ))),
            None => Ok(()),
        }
    }

    fn needed<T: Clone>(&self, example: &str, value: &Option<T>) -> Done<T> {
        value.clone().ok_or_else(|| {
            let name = self.rule.name();
            Failure::Usage(format!("the rule {name} needs a number; add for instance {example}"))
        })
    }

    fn angle(&self, noise: &Noise, models: &[ScoreModel], last: f64) -> Done<f64> {
        let own = || Composition::new(*noise, models.to_vec(), Rule::product()).angle(last);
        self.angle.or_else(own).ok_or_else(|| {
            Failure::Usage(
                "the rule arc needs an angle, which is known of two closed-form models in one or \
                 two dimensions alone; add --angle with the cosine ∫√(q1 q2)"
                    .into(),
            )
        })
    }
}
