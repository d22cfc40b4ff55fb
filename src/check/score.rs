//! The score, against the derivative of the log density and against differences of it.

use super::agreement::{Agreement, Pair, Worst};
use super::finding::{Finding, Severity, Topic};
use super::sample::{Sample, affordable};
use super::text::Text;
use super::words::{digits, number, of};
use super::{ScoreNumbers, differences};
use crate::adaptor::Score;
use crate::autodiff::{Evaluator, Refusal};

/// The relative difference from which on a slope counts as another one.
const TOLERANCE: f64 = 1e-3;

/// Slopes by differences at one point.
const COORDINATES: usize = 16;

/// Evaluations of one slope by differences, at most.
const EVALUATIONS: u64 = 35;

pub(super) fn check(
    text: &Text<'_>,
    value: &Evaluator,
    samples: &[Sample],
    spread: &[f64],
    findings: &mut Vec<Finding>,
) -> ScoreNumbers {
    let score = text.problem.score();
    let mut numbers = ScoreNumbers::default();
    findings.push(Finding::passed(Topic::Score, score.to_string()));
    let finite: Vec<_> = samples.iter().filter(|sample| sample.is_finite()).collect();
    if finite.is_empty() {
        return numbers;
    }
    if score == Score::Written {
        match text.derived().and_then(|derived| against_derivative(&derived, &finite)) {
            Ok(found) => numbers.against_derivative = Some(found),
            Err(refusal) => {
                let message = format!(
                    "the log density has no derivative to compare with, only differences: {}",
                    refusal.message()
                );
                findings.push(Finding::note(Topic::Score, message).at(text, refusal.span()));
            }
        }
    }
    numbers.against_differences = Some(against_differences(value, &finite, spread));
    report(text, &numbers, samples.len(), findings);
    numbers
}

/// What a slope is small against: a part of the largest one at the point.
fn floor(sample: &Sample) -> f64 {
    1e-3 * sample.steepness()
}

pub(super) fn against_derivative(
    derived: &Evaluator,
    samples: &[&Sample],
) -> Result<Agreement, Refusal> {
    let mut agreement = Agreement::default();
    for sample in samples {
        let found = derived.evaluate(&sample.x, &[])?;
        let slopes = found.outputs.into_iter().next().unwrap_or_default();
        if slopes.iter().any(|slope| !slope.is_finite()) {
            continue;
        }
        let pairs: Vec<_> = (0..)
            .zip(sample.score.iter().zip(&slopes))
            .map(|(j, (found, expected))| Pair {
                coordinate: Some(j),
                found: *found,
                expected: *expected,
                slack: 0.0,
            })
            .collect();
        let floor = floor(sample).max(1e-3 * largest(&slopes));
        agreement.add(&sample.x, floor, TOLERANCE, &pairs);
    }
    Ok(agreement)
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |most, number| number.abs().max(most))
}

fn against_differences(value: &Evaluator, samples: &[&Sample], spread: &[f64]) -> Agreement {
    let mut agreement = Agreement::default();
    let dim = spread.len();
    let coordinates = dim.min(COORDINATES);
    let operations = samples.first().map_or(1, |sample| sample.alone.operations);
    let cost = operations.saturating_mul(EVALUATIONS * coordinates as u64);
    for (i, sample) in samples.iter().take(affordable(samples.len(), 4, cost)).enumerate() {
        let mut pairs = Vec::new();
        // A window that moves over the coordinates from point to point.
        for k in 0..coordinates {
            let j = (i * coordinates + k) % dim;
            let mut x = sample.x.clone();
            let along = |t: f64| {
                x[j] = sample.x[j] + t;
                value.evaluate(&x, &[]).ok().map(|found| found.value)
            };
            let found = differences::slope(spread[j], sample.alone.largest, along);
            let Some((slope, error)) = found else { continue };
            let slack = 10.0 * error;
            if slack > 0.1 * floor(sample).max(slope.abs()).max(1e-12) {
                continue;
            }
            pairs.push(Pair {
                coordinate: Some(j as u32),
                found: sample.score[j],
                expected: slope,
                slack,
            });
        }
        if !pairs.is_empty() {
            let slopes: Vec<_> = pairs.iter().map(|pair| pair.expected).collect();
            let floor = floor(sample).max(1e-3 * largest(&slopes));
            agreement.add(&sample.x, floor, TOLERANCE, &pairs);
        }
    }
    agreement
}

fn report(text: &Text<'_>, numbers: &ScoreNumbers, all: usize, findings: &mut Vec<Finding>) {
    let is_written = text.problem.score() == Score::Written;
    let derivative = numbers.against_derivative.as_ref().filter(|found| found.points > 0);
    let differences = numbers.against_differences.as_ref().filter(|found| found.points > 0);
    let mut blamed = false;
    if let Some(found) = derivative {
        let what = "the derivative of the log density";
        if found.apart == 0 {
            findings.push(agrees("agrees with the derivative of the log density", found, all));
        } else {
            blamed = true;
            findings.extend(disagrees(text, found, what, differences));
        }
    }
    let Some(found) = differences else {
        if derivative.is_none() {
            let message = "no point has a slope by differences that is sure enough to compare with";
            findings.push(Finding::note(Topic::Score, message));
        }
        return;
    };
    if found.apart == 0 {
        findings.push(agrees("agrees with central differences", found, all));
    } else if !blamed && (derivative.is_none() || !is_written) {
        findings.extend(disagrees(text, found, "the slope by central differences", None));
    } else if !blamed {
        let Some(worst) = &found.worst else { return };
        let message = format!(
            "central differences are another slope at {}, most so at {}: the log density has kinks \
             or jumps there",
            of(found.apart as usize, found.points as usize),
            text.point(&worst.x)
        );
        findings.push(Finding::warning(Topic::Score, message));
    }
}

fn agrees(how: &str, found: &Agreement, all: usize) -> Finding {
    let points = found.points as usize;
    let points = if points == all { of(all, all) } else { format!("{points} points") };
    let message =
        format!("{how} at {points}; largest relative difference {}", digits(found.largest(), 2));
    Finding::passed(Topic::Score, message)
}

fn disagrees(
    text: &Text<'_>,
    found: &Agreement,
    what: &str,
    differences: Option<&Agreement>,
) -> Option<Finding> {
    let worst = found.worst.as_ref()?;
    let severity = if found.is_broken() { Severity::Error } else { Severity::Warning };
    let is_written = text.problem.score() == Score::Written;
    let who = if is_written { "`score`" } else { "the derived score" };
    let coordinates: Vec<_> = found.coordinates.iter().map(|j| format!("x[{j}]")).collect();
    let along = match coordinates.len() {
        all if all == worst.x.len() && all > 1 => "every coordinate".into(),
        many if many > 8 => format!("{many} coordinates"),
        _ => coordinates.join(", "),
    };
    let points = of(found.apart as usize, found.points as usize);
    let verdict = match severity {
        Severity::Error => format!("{who} is wrong along {along} at {points}"),
        _ => format!("{who} differs along {along} at {points}, as at a kink"),
    };
    let mut message = format!("{verdict}: {}", versus(text, worst, what));
    if let Some(differences) = differences {
        message += match differences.apart {
            0 => "; central differences side with the score: is there a kink or a jump?",
            _ => "; central differences say the same",
        };
    }
    if severity == Severity::Error && is_written {
        message += "; correct it, or leave it out to have it derived";
    } else if severity == Severity::Error {
        message += "; the log density jumps, or this is a bug in wfr";
    }
    let name = if is_written { "score" } else { text.value_name() };
    let fused = if is_written { crate::adaptor::FUSED } else { name };
    let place = text.definition(name).or_else(|| text.definition(fused));
    Some(Finding::new(severity, Topic::Score, message).at(text, place))
}

fn versus(text: &Text<'_>, worst: &Worst, what: &str) -> String {
    let (x, found, expected) = (text.point(&worst.x), number(worst.found), number(worst.expected));
    let coordinate = worst.coordinate.unwrap_or(0);
    format!("at {x} its component {coordinate} is {found}, and {what} is {expected}")
}
