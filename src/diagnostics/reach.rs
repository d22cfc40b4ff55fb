//! Whether particles reach as far out as the target does.
//!
//! Given the direction from the center to a particle, the law of its distance t is known up to a
//! factor, π(c + t v) t^{d−1}, and quadrature says how much of it lies beyond the distance that 98 %
//! of the particles stay within. Tails that a start does not have show as mass beyond, or where that is
//! little, as a part of the variance that the particles lack: it grows with t² and shows first.

use crate::autodiff::Evaluator;

/// Rays that are followed, and the fewest that say something.
const RAYS: usize = 24;
const FEWEST: usize = 6;
/// Operations that the host spends on them.
const BUDGET: u64 = 20_000_000;
/// The share of the weight beyond the distance.
const BEYOND: f64 = 0.02;
/// The outer part of the variance ends where the target has so many particles left to expect: what is
/// seen less often, right particles lack too.
const EXPECTED: f64 = 10.0;
/// A lack of variance, as a fraction of all, that is worth a doubt, in how many standard errors.
const LACK: f64 = 0.1;
const SURE: f64 = 4.0;
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
    /// The part of the variance, in all coordinates' deviations together, that the particles lack beyond
    /// the distance, up to where ten of them would be expected.
    pub lack: f64,
    /// The standard error of `lack`, from rays and from the number of families.
    pub lack_se: f64,
}

impl Reach {
    /// Of weighted particles about their mean; nothing where the host finds too little.
    pub(super) fn of(
        host: &Evaluator,
        (dim, positions): (usize, &[f32]),
        weights: &[f64],
        (mean, sd): (&[f64], &[f64]),
        families: f64,
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
        let (mut rays, mut spent): (Vec<Vec<f64>>, u64) = (Vec::new(), 0);
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
            if rays.is_empty() {
                at(length, &mut spent);
                let of_a_ray = spent * grid.nodes.len() as u64;
                if of_a_ray * FEWEST as u64 > BUDGET {
                    return None;
                }
            }
            if spent > BUDGET {
                break;
            }
            rays.extend(grid.law(dim, |t| at(t, &mut spent)));
        }
        if rays.len() < FEWEST {
            return None;
        }
        let shares = rays.iter().map(|law| grid.sum(law, bound, f64::INFINITY, 0));
        let (target, se) = mean_and_error(shares);
        let end = grid.end(&rays, EXPECTED / families);
        let outer = rays.iter().map(|law| grid.sum(law, bound, end, 2));
        let (outer, outer_se) = mean_and_error(outer);
        let fourth = mean_and_error(rays.iter().map(|law| grid.sum(law, bound, end, 4))).0;
        let of_particles = |low: f64, high: f64| -> f64 {
            let within = order.iter().filter(|(t, _)| *t > low && *t <= high);
            within.map(|(t, i)| weights[*i] * t * t).sum()
        };
        let all = of_particles(0.0, end.max(bound));
        Some(Reach {
            rays: rays.len(),
            target,
            particles: beyond,
            se,
            lack: (outer - of_particles(bound, end)) / all,
            lack_se: (outer_se.powi(2) + fourth / families).sqrt() / all,
        })
    }

    /// Whether the target reaches farther than `families` of particles would miss by chance.
    pub(super) fn is_short(&self, families: f64) -> bool {
        let chance = (self.particles / families).sqrt();
        let is_sure = self.target - self.particles > 3.0 * self.se;
        is_sure && self.target > 2.0 * self.particles + 4.0 * chance
    }

    /// Whether the particles lack a part of the variance.
    pub(super) fn lacks_variance(&self) -> bool {
        self.lack > LACK && self.lack > SURE * self.lack_se
    }
}

/// The mean of some numbers and its standard error.
fn mean_and_error(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let all: Vec<f64> = numbers.collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let squares: f64 = all.iter().map(|one| (one - mean).powi(2)).sum();
    (mean, (squares / (n * (n - 1.0))).sqrt())
}

/// Distances along a ray: the node, and its width in the logarithm.
struct Grid {
    nodes: Vec<(f64, f64)>,
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
        Grid { nodes }
    }

    /// The masses of π(t) t^{d−1} at the nodes, which sum to 1; nothing where there is none.
    fn law(&self, dim: usize, mut log_density: impl FnMut(f64) -> f64) -> Option<Vec<f64>> {
        let logs: Vec<f64> = self
            .nodes
            .iter()
            .map(|(t, step)| log_density(*t) + dim as f64 * t.ln() + step.ln())
            .collect();
        let peak = logs.iter().copied().filter(|log| log.is_finite()).reduce(f64::max)?;
        let mass = |log: &f64| if log.is_finite() { (log - peak).exp() } else { 0.0 };
        let all: f64 = logs.iter().map(mass).sum();
        Some(logs.iter().map(|log| mass(log) / all).collect())
    }

    /// The sum of tⁿ times the mass at distances t above `low` and up to `high`.
    fn sum(&self, law: &[f64], low: f64, high: f64, power: i32) -> f64 {
        let within = self.nodes.iter().zip(law).filter(|((t, _), _)| *t > low && *t <= high);
        within.map(|((t, _), mass)| t.powi(power) * mass).sum()
    }

    /// The farthest distance beyond which the mean of the laws has this share; 0 where there is none.
    fn end(&self, laws: &[Vec<f64>], share: f64) -> f64 {
        let mut left = 0.0;
        for (k, (t, _)) in self.nodes.iter().enumerate().rev() {
            left += laws.iter().map(|law| law[k]).sum::<f64>() / laws.len() as f64;
            if left >= share {
                return *t;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;
    use crate::random::Random;

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
        Reach::of(&host, (dim, &positions), &weights, moments, 5000.0, |_| true).unwrap()
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
