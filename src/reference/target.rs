//! The built-in targets on the host in f64, function for function as in `shaders/target/`: an
//! oracle for the shaders, and the true density behind a picture of a sample.

use std::f64::consts::TAU;

use crate::target::{Law, Target};
use crate::truth::lennard_jones_pair;

/// The log density of a built-in target at `x`; `None` for text from outside.
///
/// Not normalised where the shader's is not.
pub fn log_density(target: &Target, x: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), target.dim() as usize, "the point has the target's dimension");
    Some(match target.law()? {
        Law::StandardNormal => -0.5 * square(x),
        Law::DoubleWell { a, c, stiffness } => {
            let first = x[0] * x[0];
            -a * first * (0.25 * first - 0.5) - c * x[0] - 0.5 * stiffness * square(&x[1..])
        }
        Law::GaussianMixture(components) => {
            let terms: Vec<_> = components.iter().map(|c| c.log_term(x)).collect();
            mixture_log_sum(&terms)
        }
        Law::ManyWell { depth, tilt } => {
            let (wells, others) = x.split_at(x.len() / 2);
            let well = |x: &f64| x * x * (x * x - depth) - tilt * x;
            -wells.iter().map(well).sum::<f64>() - 0.5 * square(others)
        }
        Law::Funnel { spread } => {
            let others = (x.len() - 1) as f64;
            -0.5 * ((x[0] / spread).powi(2) + (-x[0]).exp() * square(&x[1..]) + others * x[0])
                - spread.ln()
                - 0.5 * x.len() as f64 * TAU.ln()
        }
        Law::Banana { spread, bend } => {
            let second = x[1] + bend * (x[0] * x[0] - spread * spread);
            -0.5 * ((x[0] / spread).powi(2) + second * second + square(&x[2..]))
                - spread.ln()
                - 0.5 * x.len() as f64 * TAU.ln()
        }
        Law::Ring { radius, width } => -0.5 * ((square(x).sqrt() - radius) / width).powi(2),
        Law::LennardJones { eps, sigma, temperature, confinement } => {
            let pairs: f64 = atom_pairs(x)
                .map(|(_, _, apart)| lennard_jones_pair(square(&apart) / (sigma * sigma)).0)
                .sum();
            -(eps * pairs + 0.5 * confinement * square(x)) / temperature
        }
    })
}

/// The gradient of the log density of a built-in target at `x`; `None` for text from outside.
pub fn score(target: &Target, x: &[f64]) -> Option<Vec<f64>> {
    assert_eq!(x.len(), target.dim() as usize, "the point has the target's dimension");
    let mut slope: Vec<f64> = x.iter().map(|x| -x).collect();
    match target.law()? {
        Law::StandardNormal => {}
        Law::DoubleWell { a, c, stiffness } => {
            slope.iter_mut().for_each(|slope| *slope *= stiffness);
            slope[0] = a * x[0] * (1.0 - x[0] * x[0]) - c;
        }
        Law::GaussianMixture(components) => {
            let terms: Vec<_> = components.iter().map(|c| c.log_term(x)).collect();
            let total = mixture_log_sum(&terms);
            slope.fill(0.0);
            for (component, term) in components.iter().zip(terms) {
                let share = (term - total).exp();
                for (i, slope) in slope.iter_mut().enumerate() {
                    let scale = component.scale[i];
                    *slope += share * (component.mean[i] - x[i]) / (scale * scale);
                }
            }
        }
        Law::ManyWell { depth, tilt } => {
            for (slope, x) in slope.iter_mut().zip(x).take(x.len() / 2) {
                *slope = 2.0 * x * (depth - 2.0 * x * x) + tilt;
            }
        }
        Law::Funnel { spread } => {
            let precision = (-x[0]).exp();
            slope.iter_mut().for_each(|slope| *slope *= precision);
            slope[0] = -x[0] / (spread * spread)
                + 0.5 * (precision * square(&x[1..]) - (x.len() - 1) as f64);
        }
        Law::Banana { spread, bend } => {
            let second = x[1] + bend * (x[0] * x[0] - spread * spread);
            slope[0] = -x[0] / (spread * spread) - 2.0 * bend * x[0] * second;
            slope[1] = -second;
        }
        Law::Ring { radius, width } => {
            let length = square(x).sqrt().max(1e-18);
            let outwards = (length - radius) / (width * width * length);
            slope.iter_mut().for_each(|slope| *slope *= outwards);
        }
        Law::LennardJones { eps, sigma, temperature, confinement } => {
            slope.iter_mut().for_each(|slope| *slope *= confinement / temperature);
            for (a, b, apart) in atom_pairs(x) {
                let (_, pair) = lennard_jones_pair(square(&apart) / (sigma * sigma));
                for (i, apart) in apart.iter().enumerate() {
                    let force = -2.0 * eps * pair * apart / (sigma * sigma * temperature);
                    slope[3 * a + i] += force;
                    slope[3 * b + i] -= force;
                }
            }
        }
    }
    Some(slope)
}

/// The pairs of atoms a > b, and how far apart they are.
fn atom_pairs(x: &[f64]) -> impl Iterator<Item = (usize, usize, [f64; 3])> + '_ {
    let apart = |a: usize, b: usize| [0, 1, 2].map(|i| x[3 * a + i] - x[3 * b + i]);
    (0..x.len() / 3).flat_map(move |a| (0..a).map(move |b| (a, b, apart(a, b))))
}

fn square(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

fn mixture_log_sum(terms: &[f64]) -> f64 {
    let peak = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    peak + terms.iter().map(|term| (term - peak).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::catalogue;

    /// Points spread over [−2, 2) by the golden ratio's multiples; none is near a kink.
    fn point(dim: usize, start: usize) -> Vec<f64> {
        let place = |i: usize| (((start * dim + i + 1) as f64) * 0.618_033_988_749_895).fract();
        (0..dim).map(|i| 4.0 * place(i) - 2.0).collect()
    }

    #[test]
    fn every_score_is_the_slope_of_its_log_density() {
        for entry in catalogue() {
            for dim in [1, 2, 3, 4, 9, 10] {
                let Ok(target) = Target::named(entry.name, Some(dim)) else { continue };
                for start in 0..20 {
                    let x = point(dim as usize, start);
                    let slope = score(&target, &x).unwrap();
                    for i in 0..x.len() {
                        let step = 1e-5;
                        let at = |shift: f64| {
                            let mut x = x.clone();
                            x[i] += shift;
                            log_density(&target, &x).unwrap()
                        };
                        let expected = (at(step) - at(-step)) / (2.0 * step);
                        let bound = 1e-6 * (1.0 + expected.abs());
                        assert!(
                            (slope[i] - expected).abs() < bound,
                            "{} {x:?} {i}: {} is not {expected}",
                            entry.name,
                            slope[i]
                        );
                    }
                }
            }
        }
    }

    /// Sums the density over a square grid, and compares log Z, P(x₀ > 0) and the moments.
    #[test]
    fn truths_agree_with_a_sum_over_the_plane() {
        for entry in catalogue() {
            let Ok(mut target) = Target::named(entry.name, Some(2)) else { continue };
            // With their own spread these two reach further than the grid.
            if let "funnel" | "banana" = entry.name {
                target = target.set("spread", 0.7).unwrap();
            }
            let truth = target.truth().unwrap();
            let (half, count) = (16.0, 1280);
            let step = 2.0 * half / f64::from(count);
            let (mut total, mut right, mut mean, mut second) = (0.0, 0.0, [0.0; 2], [0.0; 2]);
            for i in 0..count {
                for j in 0..count {
                    // Cell centres: no node lies on x₀ = 0.
                    let x = [i, j].map(|k| step * (f64::from(k) + 0.5) - half);
                    let mass = log_density(&target, &x).unwrap().exp() * step * step;
                    total += mass;
                    right += if x[0] > 0.0 { mass } else { 0.0 };
                    for axis in 0..2 {
                        mean[axis] += mass * x[axis];
                        second[axis] += mass * x[axis] * x[axis];
                    }
                }
            }
            let near = |what: &str, value: f64, expected: f64| {
                let bound = 1e-3 * expected.abs().max(1.0);
                assert!(
                    (value - expected).abs() < bound,
                    "{} {what}: {value} is not {expected}",
                    entry.name
                );
            };
            near("log Z", total.ln(), truth.log_normalizer);
            near("right", right / total, truth.right_mass);
            for axis in 0..2 {
                near("mean", mean[axis] / total, truth.mean[axis]);
                near("second moment", second[axis] / total, truth.second_moment[axis]);
            }
        }
    }

    #[test]
    fn a_mixture_is_finite_far_from_its_modes() {
        let target = Target::named("gaussian-mixture", Some(2)).unwrap();
        let x = [1e6, 0.0];
        assert!(log_density(&target, &x).unwrap().is_finite());
        assert!(score(&target, &x).unwrap()[0] < -1e6);
        assert!(log_density(&Target::from_wgsl(2, "x.wgsl", "").unwrap(), &x).is_none());
    }
}
