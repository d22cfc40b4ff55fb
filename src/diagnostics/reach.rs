//! Whether particles reach as far out as the target does.
//!
//! Given the direction from the center to a particle, the law of its distance t is known up to a
//! factor, π(c + t v) t^{d−1}, and quadrature says how much of it lies beyond the distance that 98 %
//! of the particles stay within. Tails that a start does not have show as mass beyond.

use crate::autodiff::Evaluator;

/// Rays that are followed, and the fewest that say something.
const RAYS: usize = 24;
const FEWEST: usize = 6;
/// Operations that the host spends on them.
const BUDGET: u64 = 20_000_000;
/// The share of the weight beyond the distance.
const BEYOND: f64 = 0.02;
/// Steps of the distance in powers of 2: fine ones within a factor of 32 inward and 8 outward, coarse
/// ones beyond, from 2⁻²⁴ to 2³⁰ times the distance.
const FINE: f64 = 1.0 / 24.0;
const COARSE: f64 = 0.5;

/// How much of the target lies farther out than nearly all particles.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Reach {
    /// Rays that were followed.
    pub rays: usize,
    /// The share of the target beyond, in the directions of the particles.
    pub target: f64,
    /// The share of the weight beyond.
    pub particles: f64,
    /// The standard error of `target` from the differences between rays.
    pub se: f64,
}

impl Reach {
    /// Of weighted particles about their mean; nothing where the host finds too little.
    pub(super) fn of(
        host: &Evaluator,
        (dim, positions): (usize, &[f32]),
        weights: &[f64],
        (mean, sd): (&[f64], &[f64]),
        is_inside: impl Fn(&[f32]) -> bool,
    ) -> Option<Reach> {
        if sd.iter().any(|sd| !(*sd > 0.0 && sd.is_finite())) {
            return None;
        }
        let away = |i: usize| -> Vec<f64> {
            let x = &positions[i * dim..(i + 1) * dim];
            x.iter().zip(mean).map(|(x, c)| f64::from(*x) - c).collect()
        };
        let distance = |v: &[f64]| -> f64 {
            v.iter().zip(sd).map(|(v, sd)| (v / sd).powi(2)).sum::<f64>().sqrt()
        };
        let mut order: Vec<(f64, usize)> = (0..weights.len())
            .filter(|i| weights[*i] > 0.0)
            .map(|i| (distance(&away(i)), i))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut beyond, mut bound) = (0.0, f64::NAN);
        for (distance, i) in &order {
            if beyond >= BEYOND {
                bound = *distance;
                break;
            }
            beyond += weights[*i];
        }
        if bound.is_nan() || bound <= 0.0 {
            return None;
        }
        let grid = Grid::new(bound);
        let (mut shares, mut spent) = (Vec::new(), 0);
        for i in super::precision::drawn(weights, RAYS) {
            let v = away(i);
            let length = distance(&v);
            if length.is_nan() || length <= 0.0 {
                continue;
            }
            let at = |t: f64, spent: &mut u64| -> f64 {
                let x: Vec<f64> = mean.iter().zip(&v).map(|(c, v)| c + t * v / length).collect();
                let single: Vec<f32> = x.iter().map(|x| *x as f32).collect();
                if !is_inside(&single) {
                    return f64::NEG_INFINITY;
                }
                host.evaluate(&x, &[]).map_or(f64::NAN, |found| {
                    *spent += found.operations;
                    found.value
                })
            };
            if shares.is_empty() {
                at(length, &mut spent);
                let of_a_ray = spent * grid.nodes.len() as u64;
                if of_a_ray * FEWEST as u64 > BUDGET {
                    return None;
                }
            }
            if spent > BUDGET {
                break;
            }
            shares.extend(grid.share_beyond(dim, |t| at(t, &mut spent)));
        }
        let n = shares.len() as f64;
        let target = shares.iter().sum::<f64>() / n;
        let squares: f64 = shares.iter().map(|share| (share - target).powi(2)).sum();
        let se = (squares / (n * (n - 1.0))).sqrt();
        let reach = Reach { rays: shares.len(), target, particles: beyond, se };
        (shares.len() >= FEWEST).then_some(reach)
    }

    /// Whether the target reaches farther than `families` of particles would miss by chance.
    pub(super) fn is_short(&self, families: f64) -> bool {
        let chance = (self.particles / families).sqrt();
        let is_sure = self.target - self.particles > 3.0 * self.se;
        is_sure && self.target > 2.0 * self.particles + 4.0 * chance
    }
}

/// Distances along a ray: the node, and its width in the logarithm.
struct Grid {
    nodes: Vec<(f64, f64)>,
    bound: f64,
}

impl Grid {
    fn new(bound: f64) -> Grid {
        let mut nodes = Vec::new();
        let mut low = -24.0;
        while low < 30.0 {
            let step = if (-5.0..3.0).contains(&low) { FINE } else { COARSE };
            nodes.push((bound * (low + 0.5 * step).exp2(), step));
            low += step;
        }
        Grid { nodes, bound }
    }

    /// The share of π(t) t^{d−1} beyond the bound.
    fn share_beyond(&self, dim: usize, mut log_density: impl FnMut(f64) -> f64) -> Option<f64> {
        let logs: Vec<f64> = self
            .nodes
            .iter()
            .map(|(t, step)| log_density(*t) + dim as f64 * t.ln() + step.ln())
            .collect();
        let finite = || logs.iter().copied().filter(|log| log.is_finite());
        let peak = finite().reduce(f64::max)?;
        let (mut within, mut beyond) = (0.0, 0.0);
        for ((t, _), log) in self.nodes.iter().zip(&logs) {
            let mass = if log.is_finite() { (log - peak).exp() } else { 0.0 };
            if *t > self.bound { beyond += mass } else { within += mass }
        }
        Some(beyond / (within + beyond))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use crate::distance::random::Random;

    fn reach(text: &str, dim: usize, draw: impl Fn(&mut Random) -> f64) -> Reach {
        let target = Target::from_wgsl(dim as u32, "mine.wgsl", text).unwrap();
        let host = crate::check::host_density(
            &crate::Problem::new(
                target,
                crate::Initial::normal(&vec![0.0; dim], &vec![2.0; dim]).unwrap(),
                crate::Flow::annealed(),
            )
            .unwrap(),
        )
        .unwrap()
        .value;
        let n = 5000;
        let mut random = Random::new(3);
        let positions: Vec<f32> = (0..n * dim).map(|_| draw(&mut random) as f32).collect();
        let weights = vec![1.0 / n as f64; n];
        let moments = (vec![0.0; dim], vec![1.0; dim]);
        let moments = (&moments.0[..], &moments.1[..]);
        Reach::of(&host, (dim, &positions), &weights, moments, |_| true).unwrap()
    }

    const NORMAL: &str = "fn log_density(x: Point) -> f32 { var s = 0.0;
        for (var j = 0u; j < DIM; j++) { s += x[j] * x[j]; } return -0.5 * s; }";
    const CAUCHY: &str = "fn log_density(x: Point) -> f32 { return -log(1.0 + x[0] * x[0]); }";

    #[test]
    fn a_right_law_has_as_much_beyond_as_its_particles() {
        for dim in [1, 2, 20] {
            let found = reach(NORMAL, dim, |random| random.normal());
            assert!((found.target - 0.02).abs() < 0.006, "{dim}: {found:?}");
            assert!(!found.is_short(5000.0) && found.rays == RAYS, "{found:?}");
        }
        let cauchy = |random: &mut Random| random.normal() / random.normal();
        let found = reach(CAUCHY, 1, cauchy);
        assert!((found.target - 0.02).abs() < 0.006 && !found.is_short(5000.0), "{found:?}");
    }

    /// A Cauchy law that was cut at 8 lacks 8 %, and 12 % lie beyond 98 % of what is left.
    #[test]
    fn tails_that_are_cut_are_seen() {
        let cut = |random: &mut Random| loop {
            let x: f64 = random.normal() / random.normal();
            if x.abs() < 8.0 {
                return x;
            }
        };
        let found = reach(CAUCHY, 1, cut);
        assert!((found.target - 0.09).abs() < 0.02 && found.is_short(1000.0), "{found:?}");
        let narrow = reach(NORMAL, 3, |random| 0.8 * random.normal());
        assert!(narrow.is_short(1000.0), "{narrow:?}");
    }
}
