//! The box that holds a target's mass, found on the host.

use wfr::autodiff::Evaluator;

use crate::cli::failure::{Done, Failure};

/// Below the peak by more than this a log density is nothing.
const DEPTH: f64 = 20.0;
/// Points per axis of a look at the density.
const POINTS: usize = 65;

/// A box: where it begins and ends along each axis.
pub(super) type Box = (Vec<f64>, Vec<f64>);

/// The log density on the host; not a number where the host cannot run it.
pub(super) fn log_density(evaluator: &Evaluator, x: &[f64]) -> f64 {
    evaluator.evaluate(x, &[]).map_or(f64::NAN, |found| found.value)
}

/// Grows a box around the origin until the density is nothing on its faces, then shrinks it to
/// where it is something. A cell is left on every side.
pub(super) fn find(evaluator: &Evaluator, dim: usize) -> Done<Box> {
    let mut half = 2.0;
    for _ in 0..24 {
        let (low, high) = (vec![-half; dim], vec![half; dim]);
        let places = look(evaluator, &low, &high);
        let peak = places.iter().map(|place| place.1).fold(f64::NEG_INFINITY, f64::max);
        let inside: Vec<_> = places.iter().filter(|place| place.1 > peak - DEPTH).collect();
        let margin = 3.0 * half / POINTS as f64;
        let reaches = |x: &Vec<f64>| x.iter().any(|x| x.abs() > half - margin);
        if peak > f64::NEG_INFINITY && !inside.iter().any(|(x, _)| reaches(x)) {
            let end = |j: usize, pick: fn(f64, f64) -> f64| {
                inside.iter().map(|(x, _)| x[j]).reduce(pick).unwrap_or(0.0)
            };
            let low = (0..dim).map(|j| end(j, f64::min) - margin).collect();
            let high = (0..dim).map(|j| end(j, f64::max) + margin).collect();
            return Ok((low, high));
        }
        half *= 1.5;
    }
    Err(Failure::Usage(format!(
        "no box up to {half:.0} from the origin holds the target's mass; give one with --box, for \
         instance --box=-3,3"
    )))
}

/// The log density at the points of a grid.
fn look(evaluator: &Evaluator, low: &[f64], high: &[f64]) -> Vec<(Vec<f64>, f64)> {
    let all = 0..POINTS.pow(low.len() as u32);
    let point = |index: usize| -> Vec<f64> {
        let axes = low.iter().zip(high).enumerate();
        let at = |(j, (low, high)): (usize, (&f64, &f64))| {
            let place = index / POINTS.pow(j as u32) % POINTS;
            low + (high - low) * place as f64 / (POINTS - 1) as f64
        };
        axes.map(at).collect()
    };
    all.map(|index| {
        let x = point(index);
        let value = log_density(evaluator, &x);
        (x, value)
    })
    .collect()
}
