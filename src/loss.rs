//! Particles that are lost by numbers that are not finite: how many, when, why, and what then.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// What happens when a particle is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnLoss {
    /// Goes on without it: its weight is zero from then on. A warning tells the first.
    #[default]
    Drop,
    /// Stops with [`ErrorKind::NonFinite`](crate::ErrorKind::NonFinite) after the submission in which
    /// it was lost.
    Stop,
}

impl OnLoss {
    /// Both.
    pub const ALL: [OnLoss; 2] = [OnLoss::Drop, OnLoss::Stop];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            OnLoss::Drop => "drop",
            OnLoss::Stop => "stop",
        }
    }
}

impl fmt::Display for OnLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OnLoss {
    type Err = Error;

    fn from_str(name: &str) -> Result<OnLoss> {
        crate::config::named("on_loss", name, &OnLoss::ALL, OnLoss::name)
    }
}

/// Why a particle is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The initial law drew a coordinate that is not finite, or, in a composition, a move gave one from
    /// a finite place with a finite drift. Other moves that would are refused.
    Position,
    /// The score, or the drift made of it, is not finite where a step begins; in a composition, also
    /// where it ends, or the kernels' ratio is not finite.
    Score,
    /// The log density or ψ is NaN or +∞ where a step begins, as far as the weight needs it, or the
    /// reaction's log ratio.
    /// −∞ is a legal log density: the weight is zero and nothing is lost.
    Weight,
}

impl Cause {
    pub(crate) const ALL: [Cause; 3] = [Cause::Position, Cause::Score, Cause::Weight];

    /// What is not finite.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Position => "position",
            Cause::Score => "score",
            Cause::Weight => "weight",
        }
    }

    /// What to do about it.
    fn way_out(self) -> &'static str {
        match self {
            Cause::Position => "use smaller steps, or leave taming on",
            Cause::Score => "check the score there",
            Cause::Weight => "check the log density there; where the density is zero its log is −∞",
        }
    }
}

/// Above this share of the population a run that loses particles says so first of all.
const MANY: f64 = 0.01;

/// Above this share a run fails.
const MOST: f64 = 0.5;

/// How many losses there were since time zero, by cause: a particle counts once, when it is lost, and
/// its slot again if it is lost after a resampling has filled it anew. A long run may have more losses
/// than particles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// By their position, see [`Cause::Position`].
    pub position: u64,
    /// By their score, see [`Cause::Score`].
    pub score: u64,
    /// By their weight, see [`Cause::Weight`].
    pub weight: u64,
}

impl Lost {
    /// By any cause.
    pub fn total(&self) -> u64 {
        self.position + self.score + self.weight
    }

    /// Losses per particle of the population, above 1 where slots were lost again and again.
    pub fn share(&self, particles: u32) -> f64 {
        self.total() as f64 / f64::from(particles.max(1))
    }

    /// Whether they are more than a hundredth of the population: the particles left are a doubtful
    /// sample.
    pub fn are_many(&self, particles: u32) -> bool {
        self.share(particles) > MANY
    }

    /// Whether they are more than half of the population: what is left is no sample of the target, and
    /// a run ends with [`ErrorKind::MostLost`](crate::ErrorKind::MostLost).
    pub fn are_most(&self, particles: u32) -> bool {
        self.share(particles) > MOST
    }

    fn by(&self, cause: Cause) -> u64 {
        match cause {
            Cause::Position => self.position,
            Cause::Score => self.score,
            Cause::Weight => self.weight,
        }
    }
}

/// `12 by their position, 1 by its weight`.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes = Cause::ALL.into_iter().filter(|cause| self.by(*cause) > 0);
        let told: Vec<_> = causes
            .map(|cause| {
                let whose = if self.by(cause) == 1 { "its" } else { "their" };
                format!("{} by {whose} {}", self.by(cause), cause.name())
            })
            .collect();
        f.write_str(&told.join(", "))
    }
}

/// The loss of one particle.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Loss {
    /// Steps done with the one that lost it; 0 for a particle that was drawn so.
    pub step: u32,
    /// Which of the N particles.
    pub slot: u32,
    /// Why.
    pub cause: Cause,
    /// Where the number is not finite that it was lost by; for [`Cause::Position`], where the move
    /// began. All coordinates are finite: one that was not when it was drawn is 0.
    pub position: Vec<f32>,
}

/// The coordinates that a text shows.
const SHOWN: usize = 8;

/// `the log density is not finite at x = (0.5, -1.25); check ...`.
impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.position.iter().take(SHOWN).map(|x| format!("{x:?}")).collect();
        let more = match self.position.len() {
            all if all > SHOWN => format!(", … of {all} coordinates"),
            _ => String::new(),
        };
        let x = format!("x = ({}{more})", shown.join(", "));
        match (self.cause, self.step) {
            (Cause::Position, 0) => {
                return write!(f, "the initial law draws positions that are not finite; check it");
            }
            (Cause::Position, _) => write!(f, "the move from {x} leaves all numbers behind")?,
            (Cause::Score, _) => write!(f, "the score is not finite at {x}")?,
            (Cause::Weight, _) => {
                write!(f, "the log density or what it gives is not a number at {x}")?
            }
        }
        write!(f, "; {}", self.cause.way_out())
    }
}

/// The lost particles of a run.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Losses {
    /// Since time zero.
    pub lost: Lost,
    /// By the steps done with the one that lost them, for the steps that lost any, in order: counts by
    /// position, score and weight.
    pub by_step: Vec<(u32, [u32; 3])>,
    /// Of the first step that lost any the particle in the lowest slot.
    pub first: Option<Loss>,
}

/// `12 by their score in a population of 2000, the first in step 3: the score is not finite at …`.
pub(crate) fn described(lost: &Lost, particles: u32, first: Option<&Loss>) -> String {
    let counted = format!("{lost} in a population of {particles}");
    match first {
        Some(first) => format!("{counted}, the first in step {}: {first}", first.step),
        None => counted,
    }
}

impl Losses {
    /// How many of how many, by which cause, and when and where the first was lost; nothing where none
    /// was.
    pub fn described(&self, particles: u32) -> Option<String> {
        (self.lost.total() > 0).then(|| described(&self.lost, particles, self.first.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_lost_none_are_not_told() {
        let lost = Lost { position: 0, score: 12, weight: 1 };
        assert_eq!(lost.to_string(), "12 by their score, 1 by its weight");
        assert_eq!(lost.total(), 13);
    }

    #[test]
    fn more_losses_than_particles_are_told_as_losses_in_a_population() {
        let lost = Lost { score: 27_442, ..Lost::default() };
        let first = Loss { step: 3, slot: 7, cause: Cause::Score, position: vec![-1.5] };
        let losses = Losses { lost, by_step: Vec::new(), first: Some(first) };
        assert_eq!(
            losses.described(20_000).unwrap(),
            "27442 by their score in a population of 20000, the first in step 3: the score is not \
             finite at x = (-1.5); check the score there"
        );
        assert_eq!(Losses::default().described(20_000), None);
        let of = |weight: u64| Lost { weight, ..Lost::default() };
        assert!(!of(200).are_many(20_000) && of(201).are_many(20_000));
        assert!(!of(10_000).are_most(20_000) && of(10_001).are_most(20_000));
    }

    #[test]
    fn a_loss_tells_where_in_full_precision() {
        let mut loss =
            Loss { step: 3, slot: 7, cause: Cause::Score, position: vec![0.1, -16_777_217.0] };
        let text = loss.to_string();
        assert_eq!(
            text,
            "the score is not finite at x = (0.1, -16777216.0); check the score there"
        );
        loss.position = vec![1.0; 20];
        assert!(loss.to_string().contains("1.0, … of 20 coordinates)"), "{loss}");
    }

    #[test]
    fn policies_go_by_their_names() {
        for policy in OnLoss::ALL {
            assert_eq!(policy.name().parse::<OnLoss>().unwrap(), policy);
        }
        let error = "ignore".parse::<OnLoss>().unwrap_err().to_string();
        assert_eq!(error, "on_loss 'ignore' is not known; use one of drop, stop");
    }
}
