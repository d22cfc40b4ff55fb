//! The schedule that the device chooses while it runs.

use crate::error::{Error, Result};
use crate::schedule::{LONGEST, SHORTEST, Schedule};

/// How an adaptive schedule is chosen, for [`Schedule::adaptive`].
///
/// The run is a sequence of *stages*. At the begin of each, after the ESS test, the device chooses
/// how far the path parameter β goes: as far as the conditional effective sample size of what the
/// weights gain by it stays at [`cess`](Adaptive::cess) (Zhou, Johansen & Aston 2016). The first
/// step of the stage carries the increment of β, the others move the particles at the new β. The
/// run ends when β = 1.
///
/// A schedule that looks at the particles makes exp(log-normaliser) slightly biased, by O(1/N). A
/// second run with another seed and the [`Schedule`] of the first,
/// [`Sampler::schedule`](crate::Sampler::schedule), is unbiased with exact weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adaptive {
    /// The conditional effective sample size to keep, as a fraction of N, between 0 and 1: nearer
    /// to 1, more stages.
    pub cess: f64,
    /// Steps per stage, 1 to 1024. ESS is tested once a stage, whatever
    /// [`Config::ess_every`](crate::Config::ess_every) says.
    pub moves_per_stage: u32,
    /// The length of every step.
    pub dt: f64,
    /// A run that has not reached β = 1 after so many stages fails.
    pub max_stages: u32,
    /// The least increment of β, as a fraction of 1 − β: what is taken where even that lowers the
    /// conditional effective sample size too far, as when particles leave the target's support.
    pub floor: f64,
}

impl Default for Adaptive {
    fn default() -> Adaptive {
        Adaptive {
            cess: 0.95,
            moves_per_stage: 16,
            dt: 0.01,
            max_stages: 1000,
            floor: 2.0_f64.powi(-31),
        }
    }
}

impl Adaptive {
    /// The most steps per stage.
    pub const MAX_MOVES: u32 = 1024;

    /// Checks every field against its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        let out = |reason: String| Err(Error::config("schedule", reason));
        if !(self.cess > 0.0 && self.cess < 1.0) {
            return out(format!("adaptive: cess = {} is not between 0 and 1", self.cess));
        }
        if self.moves_per_stage == 0 || self.moves_per_stage > Adaptive::MAX_MOVES {
            return out(format!(
                "adaptive: moves_per_stage = {} is not between 1 and {}",
                self.moves_per_stage,
                Adaptive::MAX_MOVES
            ));
        }
        if !(self.dt > 0.0 && self.dt.is_finite()) {
            return out(format!("adaptive: dt = {} is not positive and finite", self.dt));
        }
        if !(SHORTEST..=LONGEST).contains(&self.dt) {
            return out(format!(
                "adaptive: dt = {:e} is not between {SHORTEST:e} and {LONGEST:e}",
                self.dt
            ));
        }
        let most = Schedule::MAX_STEPS / self.moves_per_stage;
        if self.max_stages == 0 || self.max_stages > most {
            return out(format!(
                "adaptive: max_stages = {} is not between 1 and {most}, which moves_per_stage = {} \
                 makes {} steps",
                self.max_stages,
                self.moves_per_stage,
                most * self.moves_per_stage
            ));
        }
        if !(self.floor >= 1e-30 && self.floor < 1.0) {
            return out(format!("adaptive: floor = {} is not between 1e-30 and 1", self.floor));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_is_told() {
        let of = |adaptive: Adaptive| Schedule::adaptive(adaptive).unwrap_err().to_string();
        let base = Adaptive::default();
        for (error, expected) in [
            (of(Adaptive { cess: 0.0, ..base }), "cess = 0 is not between 0 and 1"),
            (of(Adaptive { cess: f64::NAN, ..base }), "cess = NaN is not between 0 and 1"),
            (of(Adaptive { cess: 1.0, ..base }), "cess = 1 is not between 0 and 1"),
            (
                of(Adaptive { moves_per_stage: 0, ..base }),
                "moves_per_stage = 0 is not between 1 and 1024",
            ),
            (of(Adaptive { dt: -1.0, ..base }), "dt = -1 is not positive and finite"),
            (
                of(Adaptive { moves_per_stage: 1024, max_stages: 4000, ..base }),
                "max_stages = 4000 is not between 1 and 3906, which moves_per_stage = 1024 makes \
                 3999744 steps",
            ),
            (of(Adaptive { floor: 0.0, ..base }), "floor = 0 is not between 1e-30 and 1"),
        ] {
            assert_eq!(error, format!("schedule adaptive: {expected}"));
        }
    }

    #[test]
    fn its_times_are_known_and_its_betas_are_not() {
        let adaptive =
            Adaptive { moves_per_stage: 3, dt: 0.1, max_stages: 7, ..Default::default() };
        let schedule = Schedule::adaptive(adaptive).unwrap();
        assert_eq!((schedule.steps(), schedule.equal_steps()), (21, Some(0.1)));
        assert!((schedule.time(21) - 2.1).abs() < 1e-12);
        assert_eq!(schedule.description(), "adaptive:0.95");
    }
}
