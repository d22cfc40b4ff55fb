//! What the device computes in single precision, against the host in double.

use super::PrecisionNumbers;
use super::agreement::{Agreement, Pair};
use super::finding::{Finding, Severity, Topic};
use super::sample::{Sample, usual_steepness};
use super::text::Text;
use super::words::{digits, number, of};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::check::evaluate;

/// The relative difference from which on single precision does not suffice.
const TOLERANCE: f64 = 1e-3;

/// Coordinates that a finding names.
const MOST_NAMED: usize = 6;

/// Nats below the peak from which on a log density is judged relatively, so that nearer to it the
/// tolerance is 0.1 nat, whatever its level: weights are made of its differences.
const NEAR: f64 = 100.0;

/// Loop iterations from which on a sum is long.
const MANY_TERMS: u64 = 1000;

/// A unit in the last place of single precision, relatively.
const ROUNDING: f64 = 6e-8;

pub(super) fn check(
    text: &Text<'_>,
    gpu: &Gpu,
    samples: &[Sample],
    findings: &mut Vec<Finding>,
) -> Result<PrecisionNumbers> {
    let points: Vec<f32> = samples.iter().flat_map(|s| s.x.iter().map(|x| *x as f32)).collect();
    let found = evaluate(gpu, text.problem, &points)?;
    let dim = text.problem.target().dim() as usize;
    let rows: Vec<_> = samples.iter().zip(found.chunks_exact(dim + 1)).collect();
    let before = findings.len();
    lost(text, &rows, findings);
    let usual = usual_steepness(samples);
    let values = samples.iter().map(|sample| sample.both.value).filter(|value| value.is_finite());
    let peak = values.fold(f64::NEG_INFINITY, f64::max);
    let mut numbers = PrecisionNumbers::default();
    for (sample, row) in &rows {
        if !sample.is_finite() || row.iter().any(|number| !number.is_finite()) {
            continue;
        }
        let pair = |coordinate, found: f32, expected| Pair {
            coordinate,
            found: f64::from(found),
            expected,
            slack: 0.0,
        };
        let value = Pair {
            coordinate: None,
            found: f64::from(row[0]) - peak,
            // What the device evaluates, without what stays on the host.
            expected: sample.both.value - peak,
            slack: 0.0,
        };
        if value.expected > -NEAR {
            numbers.nats = numbers.nats.max((value.found - value.expected).abs());
        }
        numbers.value.add(&sample.x, NEAR, TOLERANCE, &[value]);
        let slopes = (0..).zip(row[1..].iter().zip(&sample.score));
        let pairs: Vec<_> = slopes.map(|(j, (a, b))| pair(Some(j), *a, *b)).collect();
        numbers.score.add(&sample.x, sample.steepness().max(usual), TOLERANCE, &pairs);
    }
    if let Some(worst) = &mut numbers.value.worst {
        (worst.found, worst.expected) = (worst.found + peak, worst.expected + peak);
    }
    inaccurate(text, samples, "log density", &numbers.value, findings);
    inaccurate(text, samples, "score", &numbers.score, findings);
    if findings.len() == before && numbers.value.points > 0 {
        let message = format!(
            "single precision on {} agrees with double: the log density to {} nats, the score to {}",
            gpu.adapter_info().name,
            digits(numbers.nats, 2),
            digits(numbers.score.largest(), 2)
        );
        findings.push(Finding::passed(Topic::Precision, message));
    }
    Ok(numbers)
}

/// Whether single precision tells the places of the start and the data apart, and from where they are
/// counted.
pub(super) fn places(text: &Text<'_>, findings: &mut Vec<Finding>) {
    if let Some(found) = text.problem.initial.resolution() {
        let found = found.with_advice(text.problem.target.built_in_name());
        findings.push(Finding::warning(Topic::Precision, format!("the initial law: {found}")));
    }
    for note in text.problem.rounded_data() {
        findings.push(Finding::note(Topic::Precision, note));
    }
    let Some(center) = text.problem.center() else { return };
    let far = center.iter().enumerate().filter(|(_, center)| **center != 0.0);
    let named: Vec<_> = far.map(|(j, center)| format!("x{j} from {center}")).collect();
    let more = if named.len() > MOST_NAMED { ", …" } else { "" };
    let message = format!(
        "single precision counts {}{more}",
        named[..named.len().min(MOST_NAMED)].join(", ")
    );
    findings.push(Finding::note(Topic::Precision, message));
}

/// Points where single precision has no number and double precision has one.
fn lost(text: &Text<'_>, rows: &[(&Sample, &[f32])], findings: &mut Vec<Finding>) {
    let kinds = [
        (Severity::Error, "log density is not a number"),
        (Severity::Error, "log density is +∞"),
        (Severity::Warning, "log density is −∞"),
        (Severity::Error, "score is not finite"),
    ];
    let kind = |sample: &Sample, row: &[f32]| match row[0] {
        _ if !sample.is_finite() => None,
        value if value.is_nan() => Some(0),
        f32::INFINITY => Some(1),
        f32::NEG_INFINITY => Some(2),
        _ => row[1..].iter().any(|s| !s.is_finite()).then_some(3),
    };
    for (k, (severity, what)) in kinds.into_iter().enumerate() {
        let of_kind: Vec<_> =
            rows.iter().filter(|(sample, row)| kind(sample, row) == Some(k)).collect();
        let Some((sample, _)) = of_kind.first() else { continue };
        let mut message = format!(
            "in single precision the {what} at {}, for instance at {}, where double precision has \
             {}",
            of(of_kind.len(), rows.len()),
            text.point(&sample.x),
            match k {
                3 => "a score".into(),
                _ => number(sample.value),
            }
        );
        let mut place = None;
        if let Some((span, value)) = sample.blame(text) {
            place = span;
            message += &if value.abs() < 1.0 {
                format!(
                    "; {} on the way is too small for it: work with logarithms, or subtract the \
                     largest exponent first",
                    number(value)
                )
            } else {
                format!(
                    "; {} on the way is beyond its largest number, 3.4e38: work with logarithms, \
                     or subtract the largest exponent first",
                    number(value)
                )
            };
        }
        findings.push(Finding::new(severity, Topic::Precision, message).at(text, place));
    }
}

/// Points where single precision has a number, and a poor one.
fn inaccurate(
    text: &Text<'_>,
    samples: &[Sample],
    what: &str,
    found: &Agreement,
    findings: &mut Vec<Finding>,
) {
    let Some(worst) = found.worst.as_ref().filter(|_| found.apart > 0) else { return };
    let component = worst.coordinate.map_or_else(String::new, |j| format!("component {j} of "));
    let mut message = format!(
        "single precision is too coarse for the {what} at {}: at {} {component}it is {}, and {} in \
         double precision",
        of(found.apart as usize, found.points as usize),
        text.point(&worst.x),
        number(worst.found),
        number(worst.expected)
    );
    let off = (worst.found - worst.expected).abs();
    if worst.coordinate.is_none() {
        message += &format!(", {} nats off", digits(off, 2));
    }
    let mut place = None;
    if let Some(sample) = samples.iter().find(|sample| sample.x == worst.x) {
        let largest = sample.alone.largest.max(sample.both.largest);
        if let Some((span, value)) = sample.blame(text) {
            place = span;
            message += &format!("; {} on the way leaves its range", number(value));
        } else if worst.coordinate.is_none() && sample.alone.iterations > MANY_TERMS {
            message += "; rounding adds up over so many terms: subtract a constant from every term";
        } else if largest * ROUNDING > 0.1 * off {
            place = match largest == sample.alone.largest {
                true => sample.alone.largest_at.clone(),
                false => sample.both.largest_at.clone(),
            };
            let is_level = worst.coordinate.is_none() && worst.expected.abs() > 0.25 * largest;
            message += &match is_level {
                true => {
                    "; it holds seven digits: subtract a constant from the log density, or from \
                         every term of its sum"
                        .to_string()
                }
                false => format!(
                    "; numbers as large as {} cancel, and it holds seven digits: subtract before \
                     they grow",
                    number(largest)
                ),
            };
        }
    }
    findings.push(Finding::warning(Topic::Precision, message).at(text, place));
}

/// Without a device: what left the range of single precision.
pub(super) fn without_device(text: &Text<'_>, samples: &[Sample], findings: &mut Vec<Finding>) {
    let left =
        |sample: &&Sample| sample.is_finite() && sample.first(|f| f.overflow.clone()).is_some();
    let count = samples.iter().filter(left).count();
    let Some(sample) = samples.iter().find(left) else { return };
    let Some((span, value)) = sample.first(|found| found.overflow.clone()) else { return };
    let message = format!(
        "a number on the way leaves the range of single precision, 3.4e38, at {}: it is {} at {}; \
         work with logarithms",
        of(count, samples.len()),
        number(value),
        text.point(&sample.x)
    );
    findings.push(Finding::warning(Topic::Precision, message).at(text, span));
}
