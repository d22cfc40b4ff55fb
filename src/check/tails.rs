//! Whether the log density can be integrated: coordinates that it ignores, rays along which it does
//! not fall.

use super::finding::{Finding, Topic};
use super::sample::{Sample, affordable};
use super::text::Text;
use super::words::{digits, number, of};
use crate::autodiff::Evaluator;

/// Rays that are followed.
const RAYS: usize = 20;

/// Distances along them, in units of the points' own distance from their mean: so far out that a ray
/// across a narrow valley, as in the funnel, is past it.
const DISTANCES: [f64; 3] = [1e5, 1e6, 1e7];

/// Powers beyond the dimension up to which a tail counts as heavy: moments above the eighth.
const HEAVY: f64 = 8.0;

pub(super) fn check(
    text: &Text<'_>,
    value: &Evaluator,
    samples: &[Sample],
    center: &[f64],
    spread: &[f64],
    findings: &mut Vec<Finding>,
) {
    let finite: Vec<_> = samples.iter().filter(|sample| sample.is_finite()).collect();
    if finite.is_empty() {
        return;
    }
    let ignored = ignored(value, &finite, spread);
    if !ignored.is_empty() {
        let shown: Vec<_> = ignored.iter().take(8).map(|j| format!("x[{j}]")).collect();
        let more = if ignored.len() > 8 { ", …" } else { "" };
        let message = format!(
            "the log density does not depend on {}{more}: it has no finite integral, and no run can \
             sample it; lower --dim, or give each of them a law",
            shown.join(", ")
        );
        let place = text.definition(text.value_name());
        findings.push(Finding::warning(Topic::Tails, message).at(text, place));
    }
    rays(text, value, &finite, center, findings);
}

/// The coordinates that change nothing.
fn ignored(value: &Evaluator, samples: &[&Sample], spread: &[f64]) -> Vec<usize> {
    let is_flat = |j: &usize| samples.iter().all(|sample| sample.score[*j] == 0.0);
    let is_ignored = |j: &usize| {
        samples.iter().take(3).all(|sample| {
            [1.0, -10.0].iter().all(|step| {
                let mut x = sample.x.clone();
                x[*j] += step * spread[*j];
                value.evaluate(&x, &[]).is_ok_and(|found| found.value == sample.alone.value)
            })
        })
    };
    (0..spread.len()).filter(is_flat).filter(is_ignored).collect()
}

fn rays(
    text: &Text<'_>,
    value: &Evaluator,
    samples: &[&Sample],
    center: &[f64],
    findings: &mut Vec<Finding>,
) {
    let operations = samples.first().map_or(1, |sample| sample.alone.operations);
    let count = affordable(samples.len().min(RAYS), 4, operations * DISTANCES.len() as u64);
    let (mut rising, mut slow, mut heavy, mut slowest) = (0, 0, 0, f64::INFINITY);
    let dim = center.len() as f64;
    let mut worst: Option<(f64, Vec<f64>, f64, f64)> = None;
    for sample in samples.iter().take(count) {
        let far = |distance: f64| -> Vec<f64> {
            center.iter().zip(&sample.x).map(|(c, x)| c + distance * (x - c)).collect()
        };
        let at = |distance: f64| {
            value.evaluate(&far(distance), &[]).map_or(f64::NAN, |found| found.value)
        };
        let values = DISTANCES.map(at);
        let (near, far_off) = (values[1], values[2]);
        if far_off.is_nan() || near.is_nan() || far_off == f64::NEG_INFINITY {
            continue;
        }
        if far_off < near || near < values[0] {
            // The density falls like this power of the distance, or faster.
            let power = (near - far_off) / (DISTANCES[2] / DISTANCES[1]).ln();
            slow += usize::from(power <= 1.001 * dim);
            heavy += usize::from(power <= dim + HEAVY);
            slowest = slowest.min(power);
            continue;
        }
        rising += 1;
        let rise = far_off - near;
        if worst.as_ref().is_none_or(|(most, ..)| rise > *most) {
            worst = Some((rise, far(DISTANCES[2]), near, far_off));
        }
    }
    let place = text.definition(text.value_name());
    let Some((_, x, near, far_off)) = worst else {
        if 2 * slow > count {
            let message = format!(
                "far out the density falls only like the distance to the power −{}; its integral is \
                 finite only below −{dim}, and without one it cannot be sampled",
                digits(slowest, 2),
            );
            findings.push(Finding::warning(Topic::Tails, message).at(text, place));
            return;
        }
        if 2 * heavy > count && text.problem.initial().gaussians().is_some() {
            let message = format!(
                "far out the density falls only like the distance to the power −{}, and that of the \
                 initial law faster than any power: particles that start there do not reach the tails; \
                 start wider, with an --initial of ten times the sd, or from a law of your own with tails \
                 as heavy",
                digits(slowest, 2),
            );
            findings.push(Finding::warning(Topic::Tails, message).at(text, place));
            return;
        }
        let message = format!(
            "the log density falls along {count} rays, up to {:e} times as far out as the points",
            DISTANCES[2]
        );
        findings.push(Finding::passed(Topic::Tails, message));
        return;
    };
    let what = if far_off > near { "rises" } else { "stays the same" };
    let message = format!(
        "the log density {what} far out, along {}: it is {} at {} and {} at a tenth of the distance; a \
         density without a finite integral cannot be sampled",
        of(rising, count).replace("point", "ray"),
        number(far_off),
        text.point(&x),
        number(near)
    );
    findings.push(Finding::warning(Topic::Tails, message).at(text, place));
}
