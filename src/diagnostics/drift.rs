//! Whether moves that leave the target's law alone carry the particles elsewhere.
//!
//! Metropolis moves need no score and no slope, so that the test holds at walls, at jumps and in tails,
//! and many of them in a row show what one is too short for: arms of the target that a start missed, say.
//! Coordinates count from the particles' means in their standard deviations, u, one scale before and
//! after.

use super::families::{FEWEST_FAMILIES, Families, LEVEL, Tested, worst};
use super::identities::{Points, propose};
use crate::error::Result;
use crate::random::Random;

/// The fewest and the most moves in a row, and the most particles that make them.
const FEWEST: usize = 8;
const MOST: usize = 256;
const PARTICLES: usize = 1 << 13;
/// A drift below is not worth an alarm, however sure it is.
const EFFECT: f64 = 0.05;
/// Beyond so many standard deviations a coordinate counts as being there, so that a few particles far
/// out do not decide.
const CLIP: f64 = 5.0;

/// How far Metropolis moves at the target carry the particles of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// Particles that were moved.
    pub particles: usize,
    /// Moves of each.
    pub moves: usize,
    /// The drift that counts most: of a coordinate's mean in its standard deviations, or of half of its
    /// square in variances.
    pub effect: f64,
    /// The same in standard errors, and the bound of that.
    pub z: f64,
    /// Above it by chance once in two hundred runs.
    pub threshold: f64,
    /// The coordinate.
    pub coordinate: u32,
    /// Whether it is about the spread, and not the mean.
    pub is_spread: bool,
    /// Whether the drift is beyond the bound, and beyond 0.05.
    pub is_off: bool,
}

/// Moves up to 8192 particles as often as the number of evaluations allows, 8 to 256 times: long ways show
/// more than many particles. Log density and score are asked for at points, row after row; `is_inside`
/// tells where the start has mass. Nothing where there are fewer than 30 families.
pub(super) fn drift(
    points: &Points<'_>,
    (mean, sd): (&[f64], &[f64]),
    (seed, evaluations): (u64, u64),
    is_inside: impl Fn(&[f32]) -> bool,
    mut evaluate: impl FnMut(&[f32]) -> Result<Vec<f32>>,
) -> Result<Option<Drift>> {
    let dim = points.dim;
    let every = points.weights.len().div_ceil(PARTICLES).max(1);
    let chosen: Vec<usize> = (0..points.weights.len()).step_by(every).collect();
    let moves = (evaluations as usize / chosen.len()).clamp(FEWEST, MOST);
    let total: f64 = chosen.iter().map(|i| points.weights[*i]).sum();
    let weights: Vec<f64> = chosen.iter().map(|i| points.weights[*i] / total).collect();
    let family: Vec<u32> = chosen.iter().map(|i| points.family[*i]).collect();
    let families = Families::new(&weights, &family);
    if families.effective < FEWEST_FAMILIES {
        return Ok(None);
    }
    let start: Vec<f32> =
        chosen.iter().flat_map(|i| &points.positions[i * dim..(i + 1) * dim]).copied().collect();
    let mut values: Vec<f32> = chosen.iter().map(|i| points.rows[i * (dim + 1)]).collect();
    let mut positions = start.clone();
    let mut random = Random::new(seed ^ 0xd81f7);
    let reach = 2.4 / (dim as f64).sqrt();
    for _ in 0..moves {
        let mut proposals = Vec::with_capacity(positions.len());
        for x in positions.chunks(dim) {
            propose(&mut random, x, sd, reach, &mut proposals);
        }
        let there = evaluate(&proposals)?;
        for (k, value) in values.iter_mut().enumerate() {
            let (x, row) = (&proposals[k * dim..(k + 1) * dim], there[k * (dim + 1)]);
            let log_ratio = f64::from(row) - f64::from(*value);
            let draw = random.uniform().ln();
            // NaN is refused.
            if log_ratio > draw && is_inside(x) {
                positions[k * dim..(k + 1) * dim].copy_from_slice(x);
                *value = row;
            }
        }
    }
    let u = |x: &[f32], k: usize, j: usize| {
        ((f64::from(x[k * dim + j]) - mean[j]) / sd[j]).clamp(-CLIP, CLIP)
    };
    let of = |j: usize| {
        let first = families.test(|k| u(&positions, k, j) - u(&start, k, j), 0.0);
        let half_square = |x: &[f32], k: usize| 0.5 * u(x, k, j).powi(2);
        let second = families.test(|k| half_square(&positions, k) - half_square(&start, k), 0.0);
        [first, second]
    };
    let all: Vec<Tested> = (0..dim).flat_map(of).collect();
    let threshold = families.threshold(all.len(), LEVEL);
    let is_off = |one: &Tested| one.z.abs() > threshold && one.off.abs() > EFFECT;
    let worst = worst(all.iter().map(|one| (is_off(one), one.z)));
    Ok(worst.map(|worst| Drift {
        particles: chosen.len(),
        moves,
        effect: all[worst].off,
        z: all[worst].z,
        threshold,
        coordinate: (worst / 2) as u32,
        is_spread: worst % 2 == 1,
        is_off: is_off(&all[worst]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of n draws of a law in d dimensions, whose coordinates are alike.
    fn of(
        (dim, seed): (usize, u64),
        draw: impl Fn(&mut Random) -> f64,
        log_density: impl Fn(f64) -> f64,
    ) -> Drift {
        let n = 8000;
        let mut random = Random::new(seed);
        let positions: Vec<f32> = (0..n * dim).map(|_| draw(&mut random) as f32).collect();
        let rows = |x: &[f32]| -> Vec<f32> {
            let row = |x: &[f32]| {
                let value: f64 = x.iter().map(|x| log_density(f64::from(*x))).sum();
                [vec![value as f32], vec![0.0; dim]].concat()
            };
            x.chunks(dim).flat_map(row).collect()
        };
        let own = rows(&positions);
        let (weights, family) = (vec![1.0 / n as f64; n], (0..n as u32).collect::<Vec<_>>());
        let (weights, family) = (&weights[..], &family[..]);
        let points = Points { dim, positions: &positions, rows: &own, weights, family };
        let (mean, sd) = points.moments();
        drift(&points, (&mean, &sd), (seed, 0), |_| true, |x| Ok(rows(x))).unwrap().unwrap()
    }

    fn normal(x: f64) -> f64 {
        -0.5 * x * x
    }

    fn exponential(x: f64) -> f64 {
        if x > 0.0 { -x } else { f64::NEG_INFINITY }
    }

    /// Higher by one nat on the right.
    fn stepped(x: f64) -> f64 {
        normal(x) + f64::from(u8::from(x > 0.0))
    }

    #[test]
    fn right_laws_stay_where_they_are() {
        for seed in 0..10 {
            let of_normal = of((3, seed), |random| random.normal(), normal);
            let of_exponential = of((1, seed), |random| -random.uniform().ln(), exponential);
            let of_cauchy =
                of((1, seed), |random| random.normal() / random.normal(), |x| -(1.0 + x * x).ln());
            for found in [of_normal, of_exponential, of_cauchy] {
                assert!(!found.is_off && found.moves == FEWEST, "{seed}: {found:?}");
            }
        }
    }

    #[test]
    fn wrong_laws_drift() {
        let narrow = of((2, 1), |random| 0.7 * random.normal(), normal);
        assert!(narrow.is_off && narrow.is_spread && narrow.effect > 0.2, "{narrow:?}");
        let wide = of((1, 1), |random| -1.4 * random.uniform().ln(), exponential);
        assert!(wide.is_off && wide.effect < -0.1, "{wide:?}");
        let even = of((1, 1), |random| random.normal(), stepped);
        assert!(even.is_off && !even.is_spread && even.effect > 0.15, "{even:?}");
    }
}
