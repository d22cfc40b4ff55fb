//! Where the log density is finite.

use super::SupportNumbers;
use super::finding::{Finding, Topic};
use super::sample::Sample;
use super::text::Text;
use super::words::of;

pub(super) fn check(
    text: &Text<'_>,
    samples: &[Sample],
    findings: &mut Vec<Finding>,
) -> SupportNumbers {
    let all = samples.len();
    let outside = |sample: &&Sample| sample.value == f64::NEG_INFINITY;
    let lost = |sample: &&Sample| sample.value.is_nan() || sample.value == f64::INFINITY;
    let scoreless = |sample: &&Sample| sample.value.is_finite() && !sample.is_finite();
    let numbers = SupportNumbers {
        finite: samples.iter().filter(|sample| sample.value.is_finite()).count() as u32,
        minus_infinity: samples.iter().filter(outside).count() as u32,
        not_a_number: samples.iter().filter(lost).count() as u32,
        without_score: samples.iter().filter(scoreless).count() as u32,
    };
    if let Some(sample) = samples.iter().find(lost) {
        let what = if sample.value.is_nan() { "not a number" } else { "+∞" };
        let message = format!(
            "the log density is {what} at {}, for instance at {}{}",
            of(numbers.not_a_number as usize, all),
            text.point(&sample.x),
            match sample.first(|found| found.negative_base.clone()) {
                Some(_) => ", by a power of what is below zero",
                None => "; let it be −∞ outside of the support",
            }
        );
        let place = sample.first(|found| found.non_finite.clone()).and_then(|(span, _)| span);
        findings.push(Finding::error(Topic::Support, message).at(text, place));
    }
    if let Some(sample) = samples.iter().find(scoreless) {
        let j = sample.score.iter().position(|s| !s.is_finite()).unwrap_or(0);
        let message = format!(
            "the log density is finite but component {j} of the score is not at {}, for instance \
             at {}",
            of(numbers.without_score as usize, all),
            text.point(&sample.x)
        );
        let place = sample
            .first(|found| found.non_finite.clone())
            .filter(|(span, _)| span.clone().is_some_and(|span| text.place(span).is_some()))
            .or_else(|| sample.blame(text));
        let place = place.and_then(|(span, _)| span);
        findings.push(Finding::error(Topic::Support, message).at(text, place));
    }
    let initial = text.problem.initial().description();
    let outside = numbers.minus_infinity as usize;
    if outside == all && all > 0 {
        let message = format!(
            "the log density is −∞ at {} of {initial}; choose an initial law inside of the support",
            of(outside, all)
        );
        findings.push(Finding::error(Topic::Support, message));
    } else if outside > 0 {
        findings.push(partly_outside(text, samples, outside));
    }
    if numbers.finite as usize == all && numbers.without_score == 0 && all > 0 {
        let message = format!("log density and score are finite at {} of {initial}", of(all, all));
        findings.push(Finding::passed(Topic::Support, message));
    }
    numbers
}

/// What grows beyond every number.
const GROWING: [&str; 6] = ["exp", "exp2", "pow", "sinh", "cosh", "expm1"];

/// Some of the points have weight zero: by intention, or because an exponential vanished or grew beyond
/// every number.
fn partly_outside(text: &Text<'_>, samples: &[Sample], outside: usize) -> Finding {
    let all = samples.len();
    let mut points = samples.iter().filter(|sample| sample.value == f64::NEG_INFINITY);
    let vanished = points.clone().find_map(|sample| {
        let (span, _) = sample.alone.underflow.clone()?;
        Some((sample, span))
    });
    if let Some((sample, span)) = vanished {
        let message = format!(
            "the log density is −∞ at {}, as at {}, where an exponential is 0 even in double \
             precision; work with logarithms, or subtract the largest exponent first",
            of(outside, all),
            text.point(&sample.x)
        );
        return Finding::warning(Topic::Support, message).at(text, span);
    }
    let grown = points.clone().find_map(|sample| {
        let (span, value) = sample.alone.non_finite.clone()?;
        let span = span.filter(|span| value > 0.0 && text.calls(span, &GROWING))?;
        Some((sample, span))
    });
    if let Some((sample, span)) = grown {
        let message = format!(
            "the log density is −∞ at {}, as at {}, where this is infinite even in double precision; work \
             with logarithms, or subtract the largest exponent first",
            of(outside, all),
            text.point(&sample.x)
        );
        return Finding::warning(Topic::Support, message).at(text, Some(span));
    }
    let message = format!(
        "the log density is −∞ at {}: outside of the support, where a particle has weight zero",
        of(outside, all)
    );
    let place = points.next().and_then(|sample| sample.alone.non_finite.clone());
    Finding::note(Topic::Support, message).at(text, place.and_then(|(span, _)| span))
}
