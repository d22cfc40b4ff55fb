//! What is known of a reward before a run: how high it gets, and whether it has walls.
//!
//! A wall is where the reward is −∞, or so far below what it is elsewhere that its slope does not lead
//! back. Whatever numbers it counts as before the last step, the weights stay exact.

use std::fmt;

use crate::adaptor::Adaptor;
use crate::random::Random;
use crate::slopes::gap_and_room;
use crate::target::Target;

/// Places that are looked at, at most and at least.
const MOST_PLACES: u64 = 512;
const LEAST_PLACES: u64 = 4;

/// Operations that the host may spend.
const BUDGET: u64 = 20_000_000;

/// How far below its largest value a wall counts before the last step, in nats of the tilt: e⁻⁴ is
/// little, and not so little that particles are missing where the edge lets them stay.
const FALL: f64 = 4.0;

/// The fall that no rate follows, in nats of the tilt.
const DEEP: f64 = 50.0;

/// A short way from each place, as a fraction of the start's deviation, along which slopes tell a smooth
/// reward from one that jumps.
const WAY: f64 = 0.05;

/// The least jump that counts, in nats of the tilt.
const JUMP: f64 = 0.1;

/// A reward at places where particles start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Survey {
    /// The value that a wall has before the last step.
    pub(crate) floor: f64,
    /// A place whose value is below this, even after `reach` along its slope, is a wall.
    pub(crate) wall: f64,
    /// The farthest that a slope may have to lead.
    pub(crate) reach: f64,
    /// Places in walls that are −∞ or deep.
    deep: u64,
    /// Ways from them that cross a jump.
    jumps: u64,
    places: u64,
    /// The value at one of them.
    lowest: f64,
}

impl Survey {
    /// Looks at draws from N(0, sd²); `reach_sd` is the sd of the noise, `strength` the final one.
    pub(crate) fn of(
        reward: &Target,
        adaptor: &Adaptor,
        sd: f64,
        reach_sd: f64,
        strength: f64,
    ) -> Survey {
        let dim = reward.dim() as usize;
        // From one end of the noise to the other.
        let reach = 2.0 * reach_sd * ((dim as f64).sqrt() + 4.0);
        let (found, jumps) = look(reward, adaptor, sd, JUMP / strength.abs()).unwrap_or_default();
        let values = found.iter().map(|place| place.value).filter(|value| value.is_finite());
        let best = values.fold(f64::NEG_INFINITY, f64::max);
        if best == f64::NEG_INFINITY || strength <= 0.0 {
            // Nothing is known that a finite value could be low against.
            let places = found.len() as u64;
            let deep = found.iter().filter(|place| place.value == f64::NEG_INFINITY).count() as u64;
            let lowest = f64::NEG_INFINITY;
            return Survey { floor: -FALL, wall: f64::MIN, reach, deep, jumps, places, lowest };
        }
        // A quarter of a nat is coarser than the last digits of any host's functions.
        let best = (4.0 * best).round() / 4.0;
        let floor = best - FALL / strength;
        let is_deep = |place: &&Place| place.led(reach) < best - DEEP / strength;
        let lowest = found.iter().map(|place| place.value).fold(best, f64::min);
        Survey {
            floor,
            wall: floor,
            reach,
            deep: found.iter().filter(is_deep).count() as u64,
            jumps,
            places: found.len() as u64,
            lowest,
        }
    }

    /// Whether steps that see slopes alone would miss where the reward falls.
    pub(crate) fn has_edges(&self) -> bool {
        self.deep > 0 || self.jumps > 0
    }

    /// Whether a reward of this value and slope is a wall.
    #[cfg(any(test, feature = "reference"))]
    pub(crate) fn is_wall(&self, value: f64, slope: &[f64]) -> bool {
        Place { value, slope: slope.to_vec() }.led(self.reach) < self.wall
    }
}

impl fmt::Display for Survey {
    /// "falls to −∞ at 12 of 512 places where particles start".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Survey { deep, jumps, places, lowest, .. } = self;
        if *deep == 0 {
            return write!(f, "jumps beside {jumps} of {places} places where particles start");
        }
        match *lowest == f64::NEG_INFINITY {
            true => f.write_str("is −∞")?,
            false => write!(f, "falls to {lowest:.1e}")?,
        }
        write!(f, " at {deep} of {places} places where particles start")
    }
}

struct Place {
    value: f64,
    slope: Vec<f64>,
}

impl Place {
    /// The value that the slope leads to; not a number where the slope is none.
    fn led(&self, reach: f64) -> f64 {
        if self.value == f64::NEG_INFINITY {
            return self.value;
        }
        self.value + reach * self.slope.iter().map(|s| s * s).sum::<f64>().sqrt()
    }

    /// Whether the value changes along a way by more than the slopes at both ends tell.
    fn jumps_to(&self, there: &Place, way: &[f64], least: f64) -> bool {
        let along =
            |place: &Place| -> f64 { place.slope.iter().zip(way).map(|(s, w)| s * w).sum() };
        let (gap, room) = gap_and_room(there.value - self.value, [along(self), along(there)]);
        let rounding = 1e-9 * self.value.abs();
        gap > least + rounding + room
    }
}

/// The reward at some draws, and how many short ways from them cross a jump of at least this size; nothing
/// where the host cannot evaluate it.
fn look(reward: &Target, adaptor: &Adaptor, sd: f64, least: f64) -> Option<(Vec<Place>, u64)> {
    let evaluator = adaptor.evaluator(reward).ok()?;
    // Ways have their own numbers, so that places do not depend on them.
    let (mut random, mut ways) = (Random::new(0), Random::new(1));
    let (mut places, mut jumps) = (Vec::new(), 0);
    let mut left = MOST_PLACES;
    while left > 0 {
        let x: Vec<f64> =
            (0..reward.dim()).map(|_| f64::from((sd * random.normal()) as f32)).collect();
        let found = evaluator.evaluate(&x, &[]).ok()?;
        let way: Vec<f64> = x.iter().map(|_| WAY * sd * ways.normal()).collect();
        let end: Vec<f64> = x.iter().zip(&way).map(|(x, way)| x + way).collect();
        let there = evaluator.evaluate(&end, &[]).ok()?;
        let most = (BUDGET / (2 * found.operations).max(1)).clamp(LEAST_PLACES, MOST_PLACES);
        let here = Place { value: found.value, slope: found.outputs.into_iter().next()? };
        let there = Place { value: there.value, slope: there.outputs.into_iter().next()? };
        jumps += u64::from(here.jumps_to(&there, &way, least));
        places.push(here);
        left = most.saturating_sub(places.len() as u64);
    }
    Some((places, jumps))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(text: &str, strength: f64) -> Survey {
        let reward = Target::from_formula(2, text).unwrap();
        Survey::of(&reward, &Adaptor::of(&reward).unwrap(), 1.0, 1.0, strength)
    }

    /// Offsets move the floor with the reward, and its strength the height of the floor.
    #[test]
    fn walls_are_low_and_no_slope_leads_back() {
        for (text, offset) in [
            ("where(x0 > 0.5, 0, -inf)", 0.0),
            ("where(x0 > 0.5, -x1^2/20, -1e30)", 0.0),
            ("where(x0 > 0.5, 0, -1e4 - x1^2)", 0.0),
            ("where(x0 > 0.5, 7e3, 6.9e3)", 7e3),
        ] {
            for strength in [1.0, 4.0] {
                let found = survey(text, strength);
                assert!(found.has_edges(), "{text}: {found:?}");
                assert!((found.floor - (offset - 4.0 / strength)).abs() < 0.3, "{text}");
                assert!(found.deep > 300 && found.deep < 400, "{text}: {found}");
            }
        }
        for text in
            ["-50*(x0 - 1)^2", "-1e4*max(0.5 - x0, 0)^2", "-5000*x0 - 1e6", "-(x0^2 - 1)^2 - x1^2"]
        {
            let found = survey(text, 1.0);
            assert!(!found.has_edges(), "{text}: {found:?}");
        }
        for text in ["where(x0 > 0.5, 0, -20)", "where(x0 > 0.5, 0.5, 0) - x1^2"] {
            let found = survey(text, 1.0);
            assert!(found.deep == 0 && found.jumps > 1, "{text}: {found:?}");
            assert!(found.to_string().starts_with("jumps beside "), "{found}");
        }
    }

    #[test]
    fn a_reward_that_is_nowhere_finite_has_no_reference() {
        let found = survey("where(x0 > 100, 0, -inf)", 1.0);
        assert!(found.has_edges() && found.floor == -4.0);
        assert!(found.to_string().starts_with("is −∞ at 512 of 512"), "{found}");
    }
}
