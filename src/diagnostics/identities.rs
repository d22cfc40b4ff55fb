//! Two tests of particles against the density that they should have.
//!
//! Stein's identities, E ∂ⱼ log π = 0 and E (xⱼ − mⱼ) ∂ⱼ log π = −1, hold for every density that
//! vanishes at its ends. At walls it does not, and one Metropolis move takes their place: under π the
//! mean of min(1, α) (f(x′) − f(x)) is 0 for every f and every symmetric proposal x′.

use super::families::{FEWEST_FAMILIES, Families, LEVEL, Tested, worst};
use crate::random::Random;
use crate::slopes::gap_and_room;

/// Effects below are not worth an alarm, however sure they are.
const EFFECT: f64 = 0.02;
/// The share of proposals across a wall or a jump from which on Stein's identities have boundary terms
/// as large as `EFFECT`.
const WALLS: f64 = 0.001;
/// A fall of the log density along a proposal that no smooth density explains.
const FALL: f64 = 30.0;
/// Proposals up to this fraction of the longest are short: along them the scores at both ends tell a
/// smooth density from one that jumps, or that falls like a wall.
const SHORT: f64 = 0.125;
/// What a smooth density may differ by, in nats, from the line through both ends of a short proposal.
const JUMP: f64 = 0.05;
/// A fall within a short proposal that is as steep as a wall where the score does not announce it.
const STEEP: f64 = 10.0;

/// Which test was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityTest {
    /// Stein's identities.
    Stein,
    /// One Metropolis move from every particle, where there are walls.
    Move,
}

impl IdentityTest {
    /// The name in records: `stein` or `move`.
    pub fn name(self) -> &'static str {
        match self {
            IdentityTest::Stein => "stein",
            IdentityTest::Move => "move",
        }
    }
}

/// What identities of the target say of the particles.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Identities {
    /// Which ones.
    pub test: IdentityTest,
    /// Particles looked at.
    pub particles: usize,
    /// Their effective families.
    pub families: f64,
    /// How many identities were tested: two for each coordinate.
    pub tests: usize,
    /// The largest deviation in standard errors, and the bound of that.
    pub z: f64,
    /// Above it by chance once in two hundred runs.
    pub threshold: f64,
    /// How far off the identity is that counts most, as a fraction: of the standard deviation for a
    /// mean, of the variance for a spread.
    pub effect: f64,
    /// Its coordinate.
    pub coordinate: u32,
    /// Whether it is about the spread, and not the mean.
    pub is_spread: bool,
    /// Whether the deviation is beyond the bound, and the effect beyond 0.02.
    pub is_off: bool,
}

/// Particles and what the device found there.
pub(super) struct Points<'a> {
    pub(super) dim: usize,
    /// Row-major.
    pub(super) positions: &'a [f32],
    /// `dim + 1` numbers a point: log density and score.
    pub(super) rows: &'a [f32],
    /// Normalized.
    pub(super) weights: &'a [f64],
    pub(super) family: &'a [u32],
}

/// One proposal from every particle, and what the device found there.
pub(super) struct Proposals {
    /// Row-major.
    pub(super) positions: Vec<f32>,
    is_short: Vec<bool>,
}

impl Proposals {
    /// Steps of up to 1.2 standard deviations, over √d.
    pub(super) fn new(points: &Points<'_>, sd: &[f64], seed: u64) -> Proposals {
        let mut random = Random::new(seed);
        let reach = 1.2 / (points.dim as f64).sqrt();
        let mut positions = Vec::with_capacity(points.positions.len());
        let mut is_short = Vec::with_capacity(points.count());
        for x in points.positions.chunks(points.dim) {
            let fraction = propose(&mut random, x, sd, reach, &mut positions);
            is_short.push(fraction <= SHORT);
        }
        Proposals { positions, is_short }
    }
}

/// Adds a normal step from x of 1/16 to 1 times `reach` standard deviations; gives that fraction.
/// Symmetric: one length for all coordinates, by chance and not by place.
pub(super) fn propose(
    random: &mut Random,
    x: &[f32],
    sd: &[f64],
    reach: f64,
    out: &mut Vec<f32>,
) -> f64 {
    let fraction = (-4.0 * random.uniform()).exp2();
    let length = reach * fraction;
    let moved = |(x, sd): (&f32, &f64)| (f64::from(*x) + length * sd * random.normal()) as f32;
    out.extend(x.iter().zip(sd).map(moved));
    fraction
}

/// The log density at both ends of a proposal, and its slopes there times the step.
struct Rise {
    from: f64,
    to: f64,
    slopes: [f64; 2],
}

impl Rise {
    /// Whether there is no density at the end, or so much less that no slope at either end explains it. A
    /// steep hill is no wall: it is steepest at its foot.
    fn is_wall(&self) -> bool {
        let fall = self.from - self.to;
        // A slope that is not a number explains nothing.
        let is_explained = self.slopes.iter().any(|slope| fall <= 1.5 * slope.abs());
        !self.to.is_finite() || (fall > FALL && !is_explained)
    }

    /// Whether a short proposal crosses a jump, or a slope like a wall.
    fn is_jump(&self) -> bool {
        let rise = self.to - self.from;
        let rounding = 8.0 * f64::from(f32::EPSILON) * self.from.abs();
        let (gap, room) = gap_and_room(rise, self.slopes);
        let is_smooth = gap <= JUMP + rounding + room;
        let is_steep = rise < -STEEP && self.slopes[0] > 0.25 * rise;
        !is_smooth || is_steep
    }
}

impl Points<'_> {
    fn count(&self) -> usize {
        self.weights.len()
    }

    fn x(&self, i: usize, j: usize) -> f64 {
        f64::from(self.positions[i * self.dim + j])
    }

    fn value(&self, i: usize) -> f64 {
        f64::from(self.rows[i * (self.dim + 1)])
    }

    fn score(&self, i: usize, j: usize) -> f64 {
        f64::from(self.rows[i * (self.dim + 1) + 1 + j])
    }

    /// The weighted mean and the standard deviation of each coordinate.
    pub(super) fn moments(&self) -> (Vec<f64>, Vec<f64>) {
        let over = |f: &dyn Fn(usize) -> f64| -> f64 {
            self.weights.iter().enumerate().map(|(i, w)| w * f(i)).sum()
        };
        let mean: Vec<f64> = (0..self.dim).map(|j| over(&|i| self.x(i, j))).collect();
        let variance = |j: usize| over(&|i| (self.x(i, j) - mean[j]).powi(2));
        let sd = (0..self.dim).map(|j| variance(j).sqrt()).collect();
        (mean, sd)
    }

    /// How the log density goes along a proposal.
    fn rise(&self, proposals: &Proposals, there: &[f32], i: usize) -> Rise {
        let row = &there[i * (self.dim + 1)..(i + 1) * (self.dim + 1)];
        let (mut here, mut far) = (0.0, 0.0);
        for j in 0..self.dim {
            let step = f64::from(proposals.positions[i * self.dim + j]) - self.x(i, j);
            here += step * self.score(i, j);
            far += step * f64::from(row[1 + j]);
        }
        Rise { from: self.value(i), to: f64::from(row[0]), slopes: [here, far] }
    }

    /// Whether Stein's identities have boundary terms: proposals end beyond walls, or short ones cross
    /// jumps, and both count by their weight.
    fn has_walls(&self, proposals: &Proposals, there: &[f32], outside: &[bool]) -> bool {
        let (mut walls, mut short, mut jumps) = (0.0, 0.0, 0.0);
        for (i, weight) in self.weights.iter().enumerate() {
            let rise = self.rise(proposals, there, i);
            if outside[i] || rise.is_wall() {
                walls += weight;
            }
            if proposals.is_short[i] {
                short += weight;
                jumps += if rise.is_jump() { *weight } else { 0.0 };
            }
        }
        walls > WALLS || jumps > WALLS * short
    }

    /// Tests the particles: by Stein's identities, or by a move where there are walls, jumps, or scores
    /// that are no numbers. `is_inside` tells where the start has mass; nothing where there are too few
    /// families.
    pub(super) fn test(
        &self,
        proposals: &Proposals,
        there: &[f32],
        is_inside: impl Fn(&[f32]) -> bool,
    ) -> Option<Identities> {
        let families = Families::new(self.weights, self.family);
        if families.effective < FEWEST_FAMILIES {
            return None;
        }
        let ends = proposals.positions.chunks(self.dim);
        let outside: Vec<bool> = ends.map(|x| !is_inside(x)).collect();
        let (mean, sd) = self.moments();
        let has_scores = self.rows.chunks(self.dim + 1).flatten().all(|number| number.is_finite());
        let (test, all) = if !has_scores || self.has_walls(proposals, there, &outside) {
            (IdentityTest::Move, self.moves(&families, proposals, there, &outside, (&mean, &sd)))
        } else {
            (IdentityTest::Stein, self.stein(&families, (&mean, &sd)))
        };
        let tests = all.len();
        let threshold = families.threshold(tests, LEVEL);
        let is_off = |one: &(Tested, f64)| one.0.z.abs() > threshold && one.1.abs() > EFFECT;
        let worst = worst(all.iter().map(|one| (is_off(one), one.0.z)))?;
        Some(Identities {
            test,
            particles: self.count(),
            families: families.effective,
            tests,
            z: all[worst].0.z,
            threshold,
            effect: all[worst].1,
            coordinate: (worst / 2) as u32,
            is_spread: worst % 2 == 1,
            is_off: is_off(&all[worst]),
        })
    }

    /// Of each coordinate the identity of the mean and that of the spread, with their effects.
    fn stein(&self, families: &Families<'_>, (mean, sd): (&[f64], &[f64])) -> Vec<(Tested, f64)> {
        let of = |j: usize| {
            let first = families.test(|i| self.score(i, j), 0.0);
            let second = families.test(|i| (self.x(i, j) - mean[j]) * self.score(i, j), -1.0);
            [(first, first.off * sd[j]), (second, second.off)]
        };
        (0..self.dim).flat_map(of).collect()
    }

    /// The same from one move: effects are those of Stein's identities for short steps.
    fn moves(
        &self,
        families: &Families<'_>,
        proposals: &Proposals,
        there: &[f32],
        outside: &[bool],
        (mean, sd): (&[f64], &[f64]),
    ) -> Vec<(Tested, f64)> {
        let accepted: Vec<f64> = (0..self.count())
            .map(|i| {
                let log_ratio = f64::from(there[i * (self.dim + 1)]) - self.value(i);
                // NaN is outside.
                if outside[i] || log_ratio.is_nan() { 0.0 } else { log_ratio.min(0.0).exp() }
            })
            .collect();
        let of = |j: usize| {
            let end = |i: usize| f64::from(proposals.positions[i * self.dim + j]);
            let square = |i: usize| accepted[i] * (end(i) - self.x(i, j)).powi(2);
            let squares = families.mean(square).max(f64::MIN_POSITIVE);
            let first = families.test(|i| accepted[i] * (end(i) - self.x(i, j)), 0.0);
            let second = families.test(
                |i| {
                    let (from, to) = (self.x(i, j) - mean[j], end(i) - mean[j]);
                    accepted[i] * (to * to - from * from)
                },
                0.0,
            );
            [(first, 2.0 * first.off * sd[j] / squares), (second, second.off / squares)]
        };
        (0..self.dim).flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests n draws of one coordinate against a log density and its score.
    fn tested(
        draws: impl Fn(&mut Random) -> f64,
        log_density: impl Fn(f64) -> (f64, f64),
        seed: u64,
    ) -> Identities {
        let n = 20_000;
        let mut random = Random::new(seed);
        let positions: Vec<f32> = (0..n).map(|_| draws(&mut random) as f32).collect();
        let rows = |x: &[f32]| -> Vec<f32> {
            x.iter()
                .flat_map(|x| {
                    let (value, score) = log_density(f64::from(*x));
                    [value as f32, score as f32]
                })
                .collect()
        };
        let own = rows(&positions);
        let (weights, family) = (vec![1.0 / n as f64; n], (0..n as u32).collect::<Vec<_>>());
        let (weights, family) = (&weights[..], &family[..]);
        let points = Points { dim: 1, positions: &positions, rows: &own, weights, family };
        let (_, sd) = points.moments();
        let proposals = Proposals::new(&points, &sd, seed);
        let there = rows(&proposals.positions);
        points.test(&proposals, &there, |_| true).unwrap()
    }

    fn normal(x: f64) -> (f64, f64) {
        (-0.5 * x * x, -x)
    }

    fn exponential(x: f64) -> (f64, f64) {
        if x > 0.0 { (-x, -1.0) } else { (f64::NEG_INFINITY, 0.0) }
    }

    /// Two wells with steep sides, which is smooth.
    fn wells(x: f64) -> (f64, f64) {
        (-20.0 * x * x * (0.25 * x * x - 0.5), -20.0 * x * (x * x - 1.0))
    }

    #[test]
    fn a_steep_density_without_a_wall_passes() {
        // By either test: their errors are alike here.
        let rejected = |random: &mut Random| loop {
            let x = 4.0 * random.uniform() - 2.0;
            if random.uniform() < (wells(x).0 - 5.0).exp() {
                return x;
            }
        };
        let found = tested(rejected, wells, 4);
        assert!(!found.is_off, "{found:?}");
    }

    /// The same with a finite wall, whose slope beyond is no part of the law.
    fn walled(x: f64) -> (f64, f64) {
        if x > 0.0 { (-x, -1.0) } else { (-1e30, 0.0) }
    }

    #[test]
    fn right_laws_pass_and_wrong_ones_are_seen() {
        let mut alarms = 0;
        for seed in 0..20 {
            let found = tested(|random| random.normal(), normal, seed);
            assert_eq!((found.test, found.tests), (IdentityTest::Stein, 2));
            alarms += i32::from(found.is_off);
            for (law, expected) in [(exponential as fn(f64) -> _, "−∞"), (walled, "−1e30")] {
                let found = tested(|random| -random.uniform().ln(), law, seed);
                assert_eq!(found.test, IdentityTest::Move, "{expected}");
                alarms += i32::from(found.is_off);
            }
        }
        assert!(alarms <= 2, "{alarms} of 60");
        let narrow = tested(|random| 0.93 * random.normal(), normal, 1);
        assert!(narrow.is_off && narrow.is_spread && narrow.effect > 0.1, "{narrow:?}");
        let shifted = tested(|random| random.normal() + 0.1, normal, 1);
        assert!(shifted.is_off && !shifted.is_spread && shifted.effect < -0.06, "{shifted:?}");
        for law in [exponential as fn(f64) -> _, walled] {
            let found = tested(|random| -1.2 * random.uniform().ln(), law, 1);
            assert!(found.is_off && found.effect.abs() > 0.1, "{found:?}");
        }
    }

    /// A normal density that is J nats higher on the right, whose scores do not know of it.
    fn stepped<const J: i32>(x: f64) -> (f64, f64) {
        (-0.5 * x * x + if x > 0.0 { 0.1 * f64::from(J) } else { 0.0 }, -x)
    }

    /// A half-line whose wall is a steep hill.
    fn hilly(x: f64) -> (f64, f64) {
        if x > 0.0 { (-x, -1.0) } else { (-1e6 * x * x - x, -2e6 * x - 1.0) }
    }

    #[test]
    fn jumps_and_steep_walls_are_tested_by_a_move() {
        let drawn = |gain: f64| {
            move |random: &mut Random| loop {
                let x = random.normal();
                if x > 0.0 || random.uniform() < (-gain).exp() {
                    return x;
                }
            }
        };
        let mut alarms = 0;
        for seed in 0..20 {
            for (law, gain) in [(stepped::<2> as fn(f64) -> _, 0.2), (stepped::<20>, 2.0)] {
                let found = tested(drawn(gain), law, seed);
                assert_eq!(found.test, IdentityTest::Move, "a jump of {gain}");
                alarms += i32::from(found.is_off);
            }
            let found = tested(|random| -random.uniform().ln(), hilly, seed);
            assert_eq!(found.test, IdentityTest::Move, "a steep wall");
            alarms += i32::from(found.is_off);
        }
        assert!(alarms <= 2, "{alarms} of 60");
        for law in [stepped::<5> as fn(f64) -> _, stepped::<20>] {
            let found = tested(|random| random.normal(), law, 1);
            assert!(found.is_off, "{found:?}");
        }
    }

    /// Half of the particles have one ancestor: too few families for a test.
    #[test]
    fn few_families_are_not_tested() {
        let n = 1000;
        let mut random = Random::new(5);
        let positions: Vec<f32> = (0..n).map(|_| random.normal() as f32).collect();
        let rows: Vec<f32> = positions.iter().flat_map(|x| [-0.5 * x * x, -x]).collect();
        let (weights, family) = (vec![1.0 / n as f64; n], vec![3; n]);
        let (weights, family) = (&weights[..], &family[..]);
        let points = Points { dim: 1, positions: &positions, rows: &rows, weights, family };
        let proposals = Proposals::new(&points, &[1.0], 1);
        assert!(points.test(&proposals, &rows, |_| true).is_none());
    }

    /// A small effect that many particles make sure is no alarm.
    #[test]
    fn what_is_too_small_to_matter_is_no_alarm() {
        let found = tested(|random| random.normal(), |x| (-0.5 * x * x * 1.01, -1.01 * x), 2);
        assert!(!found.is_off && found.effect.abs() < 0.03, "{found:?}");
    }
}
