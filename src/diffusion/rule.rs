//! How the densities of several models become one.

use std::f64::consts::FRAC_PI_2;
use std::fmt;

use super::Curve;
use crate::error::{Error, Result};

/// What density is made of the models' q₁ … q_M at each level of noise.
///
/// All parameters may change with the schedule's β. Two families hold them all: the *log-linear*
/// ρ = Π qᵢ^{aᵢ}, and the *power mean* ρ = (Σ Aᵢ qᵢ^p)^{1/p}, which tends to the log-linear one for
/// p → 0. In neither does the weight need a divergence of a score: M. Skreta et al.,
/// arXiv:2503.02819; the power means are of arXiv 2512.17878 with S. Amari's α = 1 − 2p.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    name: &'static str,
    family: Family,
}

#[derive(Debug, Clone, PartialEq)]
enum Family {
    /// One exponent for all models that there are.
    Same(Curve),
    /// An exponent for each model.
    LogLinear(Vec<Curve>),
    /// p and the weights Aᵢ.
    Mean { power: Curve, shares: Vec<Curve> },
    /// The Fisher–Rao arc of two models: its position and angle.
    Arc { position: Curve, angle: f64 },
}

/// A rule's numbers at one level of noise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exponents {
    /// p of a power mean; 0 for the log-linear family.
    pub(crate) power: f64,
    /// aᵢ, or log Aᵢ of a power mean.
    pub(crate) each: Vec<f64>,
}

/// Stands for log 0 of a share.
const LOG_FLOOR: f64 = -60.0;
/// The largest |p| and exponent: powers of densities stay far inside single precision.
const MOST: f64 = 32.0;
/// Exponents p that change stay this far from 0, where a power mean has another form.
const LEAST_POWER: f64 = 0.01;

impl Rule {
    /// q^β of one model, or (Π qᵢ)^β of several: β > 1 sharpens, β < 1 flattens.
    pub fn annealed(power: impl Into<Curve>) -> Rule {
        Rule { name: "anneal", family: Family::Same(power.into()) }
    }

    /// The product Π qᵢ.
    pub fn product() -> Rule {
        Rule { name: "product", family: Family::Same(Curve::constant(1.0)) }
    }

    /// The geometric average q₁^{1−b} q₂^b.
    pub fn geometric(share: impl Into<Curve>) -> Rule {
        let family = Family::LogLinear(pair(share));
        Rule { name: "geometric", family }
    }

    /// Classifier-free guidance q₁^{1−γ} q₂^γ: q₁ the unconditional model, q₂ the conditional one,
    /// and the scale γ usually above 1. J. Ho, T. Salimans, arXiv:2207.12598.
    pub fn guidance(scale: impl Into<Curve>) -> Rule {
        Rule { name: "guidance", family: Family::LogLinear(pair(scale)) }
    }

    /// Π qᵢ^{aᵢ} with any exponents, one per model.
    pub fn log_linear(exponents: Vec<Curve>) -> Rule {
        Rule { name: "log-linear", family: Family::LogLinear(exponents) }
    }

    /// The mixture (1−b) q₁ + b q₂, p = 1. Its drift weighs the models by their part in the density
    /// at each point: M. Skreta et al., arXiv:2412.17762.
    pub fn mixture(share: impl Into<Curve>) -> Rule {
        Rule { name: "mixture", ..Rule::power_mean(1.0, pair(share)) }
    }

    /// The Fisher–Rao mixture ((1−b)√q₁ + b√q₂)², p = 1/2.
    pub fn fisher_rao(share: impl Into<Curve>) -> Rule {
        Rule { name: "fisher-rao", ..Rule::power_mean(0.5, pair(share)) }
    }

    /// The Fisher–Rao arc, (A₁√q₁ + A₂√q₂)² with A₁ = sin((1−b)Ω)/sin Ω and A₂ = sin(bΩ)/sin Ω: at
    /// constant speed on the sphere of square roots if cos Ω = ∫√(q₁q₂).
    ///
    /// It is the curve of [`Rule::fisher_rao`] with another clock.
    pub fn arc(position: impl Into<Curve>, angle: f64) -> Rule {
        Rule { name: "arc", family: Family::Arc { position: position.into(), angle } }
    }

    /// The power mean (Σ Aᵢ qᵢ^p)^{1/p} with a share Aᵢ ≥ 0 per model; p = 1 is the mixture, 1/2
    /// the Fisher–Rao mixture, 0 the geometric average and −1 the harmonic one.
    pub fn power_mean(power: impl Into<Curve>, shares: Vec<Curve>) -> Rule {
        Rule { name: "power", family: Family::Mean { power: power.into(), shares } }
    }

    /// The rule's one-word name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many models it takes; `None` for any number.
    pub(crate) fn models(&self) -> Option<usize> {
        match &self.family {
            Family::Same(_) => None,
            Family::LogLinear(each) | Family::Mean { shares: each, .. } => Some(each.len()),
            Family::Arc { .. } => Some(2),
        }
    }

    /// Whether weights and scores depend on the log densities of the models, not on scores alone.
    pub(crate) fn needs_log_densities(&self) -> bool {
        !self.is_log_linear() || !self.is_constant()
    }

    /// Whether it is a product of powers.
    pub(crate) fn is_log_linear(&self) -> bool {
        match &self.family {
            Family::Same(_) | Family::LogLinear(_) => true,
            Family::Mean { power, .. } => power.is_constant() && power.at(0.0) == 0.0,
            Family::Arc { .. } => false,
        }
    }

    fn is_constant(&self) -> bool {
        match &self.family {
            Family::Same(power) => power.is_constant(),
            Family::LogLinear(each) => each.iter().all(Curve::is_constant),
            Family::Mean { power, shares } => {
                power.is_constant() && shares.iter().all(Curve::is_constant)
            }
            Family::Arc { position, .. } => position.is_constant(),
        }
    }

    /// Its numbers at β, for so many models.
    pub(crate) fn exponents(&self, beta: f64, models: usize) -> Exponents {
        let log = |share: f64| share.ln().max(LOG_FLOOR);
        match &self.family {
            Family::Same(power) => Exponents { power: 0.0, each: vec![power.at(beta); models] },
            Family::LogLinear(each) => {
                Exponents { power: 0.0, each: each.iter().map(|a| a.at(beta)).collect() }
            }
            Family::Mean { power, shares } if self.is_log_linear() => {
                let total: f64 = shares.iter().map(|share| share.at(beta)).sum();
                let each = shares.iter().map(|share| share.at(beta) / total).collect();
                Exponents { power: power.at(beta), each }
            }
            Family::Mean { power, shares } => {
                let each = shares.iter().map(|share| log(share.at(beta))).collect();
                Exponents { power: power.at(beta), each }
            }
            Family::Arc { position, angle } => {
                let b = position.at(beta);
                let weight = |part: f64| log((part * angle).sin() / angle.sin());
                Exponents { power: 0.5, each: vec![weight(1.0 - b), weight(b)] }
            }
        }
    }

    /// log ρ of the rule from the models' log densities.
    pub fn log_density(&self, beta: f64, logs: &[f64]) -> f64 {
        self.exponents(beta, logs.len()).log_density(logs)
    }

    pub(crate) fn check(&self, models: usize) -> Result<()> {
        let out = |reason: String| Err(Error::config(format!("{} rule", self.name), reason));
        if let Some(wanted) = self.models().filter(|wanted| *wanted != models) {
            return out(format!(
                "has numbers for {wanted} of the models, and there are {models}; give one each"
            ));
        }
        let curves: Vec<&Curve> = match &self.family {
            Family::Same(power) => vec![power],
            Family::LogLinear(each) => each.iter().collect(),
            Family::Mean { power, shares } => [power].into_iter().chain(shares).collect(),
            Family::Arc { position, .. } => vec![position],
        };
        for curve in curves {
            let (low, high) = curve.range();
            if !curve.is_finite() || low < -MOST || high > MOST {
                return out(format!("has the parameter {curve}, not between −{MOST} and {MOST}"));
            }
        }
        match &self.family {
            Family::Same(_) | Family::LogLinear(_) => {
                let total: f64 = self.exponents(0.0, models).each.iter().sum();
                if total <= 0.0 {
                    return out(format!(
                        "has exponents of sum {total} at the largest noise, where they have to \
                         leave a normal law; give a sum above 0"
                    ));
                }
            }
            Family::Mean { power, shares: each } => {
                if each.iter().any(|share| share.range().0 < 0.0) {
                    let list = Curve::list(each);
                    return out(format!("has the shares ({list}); give 0 or more each"));
                }
                if each.iter().map(|share| share.range().1).sum::<f64>() <= 0.0 {
                    return out("has no share above 0; give one at least".into());
                }
                let (low, high) = power.range();
                if low != high && low < LEAST_POWER && high > -LEAST_POWER {
                    return out(format!(
                        "has p = {power}, which comes closer to 0 than {LEAST_POWER} on its way; \
                         keep p on one side, or constant at 0"
                    ));
                }
                if low == high && low != 0.0 && low.abs() < LEAST_POWER {
                    return out(format!("has p = {power}; give 0, or {LEAST_POWER} and more"));
                }
            }
            Family::Arc { position, angle } => {
                let (low, high) = position.range();
                if low < 0.0 || high > 1.0 {
                    return out(format!("has the position {position}; give numbers from 0 to 1"));
                }
                if !(*angle > 0.0 && *angle <= FRAC_PI_2) {
                    return out(format!("has the angle {angle}, which is not above 0 up to π/2"));
                }
            }
        }
        Ok(())
    }
}

impl Exponents {
    /// log ρ of the models' log densities.
    pub(crate) fn log_density(&self, logs: &[f64]) -> f64 {
        let p = self.power;
        if p == 0.0 {
            return self.each.iter().zip(logs).map(|(a, log)| a * log).sum();
        }
        let terms: Vec<f64> = self.each.iter().zip(logs).map(|(a, log)| a + p * log).collect();
        let peak = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (peak + terms.iter().map(|term| (term - peak).exp()).sum::<f64>().ln()) / p
    }

    /// The sum of exponents, the sharpness of ρ against that of the models; 1 for a power mean.
    pub(crate) fn degree(&self) -> f64 {
        if self.power == 0.0 { self.each.iter().sum() } else { 1.0 }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.family {
            Family::Same(_) if self.name == "product" => f.write_str("product"),
            Family::Same(power) => write!(f, "{} {power}", self.name),
            Family::LogLinear(each) => write!(f, "{} ({})", self.name, Curve::list(each)),
            Family::Mean { power, shares } if self.name == "power" => {
                write!(f, "power mean p = {power} ({})", Curve::list(shares))
            }
            Family::Mean { shares, .. } => write!(f, "{} ({})", self.name, Curve::list(shares)),
            Family::Arc { position, angle } => write!(f, "arc {position} of angle {angle}"),
        }
    }
}

/// Two shares from that of the second.
fn pair(share: impl Into<Curve>) -> Vec<Curve> {
    let share = share.into();
    vec![share.complement(), share]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGS: [f64; 2] = [-1.3, 0.4];

    fn pair_of(rule: &Rule) -> f64 {
        rule.check(2).unwrap();
        rule.log_density(0.5, &LOGS)
    }

    fn assert_close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn rules_meet_where_they_are_the_same() {
        let halves = || vec![0.6.into(), 0.4.into()];
        let power = |p: f64| pair_of(&Rule::power_mean(p, halves()));
        assert_close(power(1.0), pair_of(&Rule::mixture(0.4)));
        assert_close(power(0.5), pair_of(&Rule::fisher_rao(0.4)));
        assert_close(power(0.0), pair_of(&Rule::geometric(0.4)));
        assert_close(pair_of(&Rule::guidance(0.4)), pair_of(&Rule::geometric(0.4)));
        assert_close(pair_of(&Rule::guidance(1.0)), LOGS[1]);
        assert_close(pair_of(&Rule::product()), LOGS[0] + LOGS[1]);
        assert_close(pair_of(&Rule::annealed(2.0)), 2.0 * (LOGS[0] + LOGS[1]));
        // At β = 1/2 a line is at its middle.
        let line = Curve::linear(0.1, 0.7);
        assert_close(pair_of(&Rule::mixture(line)), pair_of(&Rule::mixture(0.4)));
        // The power mean rises with p, towards the larger density.
        let means: Vec<f64> = [-32.0, -1.0, 0.0, 0.25, 1.0, 32.0].map(power).to_vec();
        assert!(means.windows(2).all(|pair| pair[0] < pair[1]), "{means:?}");
        assert!(means[0] - LOGS[0] < 0.05 && LOGS[1] - means[5] < 0.05, "{means:?}");
    }

    /// The arc's ends are the models, and in between it is a Fisher–Rao mixture with another share.
    #[test]
    fn the_arc_is_the_fisher_rao_curve() {
        let angle = 1.1_f64;
        for (b, end) in [(0.0, LOGS[0]), (1.0, LOGS[1])] {
            assert!((pair_of(&Rule::arc(b, angle)) - end).abs() < 1e-12, "{b}");
        }
        let [from, to] = [0.7, 0.3].map(|part: f64| (part * angle).sin() / angle.sin());
        let share = to / (from + to);
        let scale = 2.0 * (from + to).ln();
        assert_close(pair_of(&Rule::arc(0.3, angle)), pair_of(&Rule::fisher_rao(share)) + scale);
    }

    /// A share of 0 leaves a model out, at any power.
    #[test]
    fn a_share_of_zero_is_the_other_model() {
        for p in [1.0, 0.5, 0.25, 0.0] {
            let rule = Rule::power_mean(p, vec![0.0.into(), 1.0.into()]);
            assert!((pair_of(&rule) - LOGS[1]).abs() < 1e-9, "{p}: {}", pair_of(&rule));
        }
    }

    #[test]
    fn log_densities_are_needed_where_weights_depend_on_them() {
        let needs = |rule: Rule| rule.needs_log_densities();
        assert!(!needs(Rule::annealed(2.0)) && !needs(Rule::product()));
        assert!(!needs(Rule::guidance(2.5)) && !needs(Rule::geometric(Curve::linear(0.4, 0.4))));
        assert!(!needs(Rule::power_mean(0.0, vec![0.6.into(), 0.4.into()])));
        assert!(needs(Rule::annealed(Curve::linear(1.0, 2.0))));
        assert!(needs(Rule::mixture(0.4)) && needs(Rule::fisher_rao(0.4)));
        assert!(needs(Rule::arc(0.4, 1.0)) && needs(Rule::power_mean(-1.0, vec![1.0.into(); 2])));
    }

    #[test]
    fn rules_say_what_they_are() {
        let line = Curve::linear(0.25, 0.5);
        let texts = [
            Rule::annealed(2.0),
            Rule::product(),
            Rule::geometric(line.clone()),
            Rule::guidance(2.5),
            Rule::log_linear(vec![0.5.into(), line.clone()]),
            Rule::mixture(0.25),
            Rule::fisher_rao(0.5),
            Rule::arc(line.clone(), 1.0),
            Rule::power_mean(-1.0, vec![line, 1.0.into()]),
        ]
        .map(|rule| rule.to_string());
        assert_eq!(
            texts,
            [
                "anneal 2",
                "product",
                "geometric (0.75:0.5, 0.25:0.5)",
                "guidance (-1.5, 2.5)",
                "log-linear (0.5, 0.25:0.5)",
                "mixture (0.75, 0.25)",
                "fisher-rao (0.5, 0.5)",
                "arc 0.25:0.5 of angle 1",
                "power mean p = -1 (0.25:0.5, 1)",
            ]
        );
    }
}
