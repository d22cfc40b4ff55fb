//! The points of the check, evaluated in double precision.

use std::ops::Range;

use super::text::Text;
use crate::autodiff::{Evaluation, Evaluator, Refusal};

/// What the host may compute in all: a second or two.
const BUDGET: u64 = 20_000_000;

/// A point and what the host finds there.
pub(super) struct Sample {
    pub(super) x: Vec<f64>,
    pub(super) value: f64,
    pub(super) score: Vec<f64>,
    /// The log density alone.
    pub(super) alone: Evaluation,
    /// With the score.
    pub(super) both: Evaluation,
}

impl Sample {
    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.score.iter().all(|s| s.is_finite())
    }

    /// The largest component of the score.
    pub(super) fn steepness(&self) -> f64 {
        self.score.iter().fold(0.0, |most, s| s.abs().max(most))
    }

    /// Where something first happened: in the log density, or else in the score.
    pub(super) fn first<T>(
        &self,
        of: impl Fn(&Evaluation) -> Option<(Option<Range<usize>>, T)>,
    ) -> Option<(Option<Range<usize>>, T)> {
        of(&self.alone).or_else(|| of(&self.both))
    }

    /// Where a number first leaves the range of single precision, above or else below, and the
    /// number; in the target's own text if it does there.
    pub(super) fn blame(&self, text: &Text<'_>) -> Option<(Option<Range<usize>>, f64)> {
        let (alone, both) = (&self.alone, &self.both);
        let all = [&alone.overflow, &both.overflow, &alone.underflow, &both.underflow];
        let is_own = |span: &Option<Range<usize>>| {
            span.as_ref().is_some_and(|span| text.place(span.clone()).is_some())
        };
        let own = all.iter().find(|found| found.as_ref().is_some_and(|(span, _)| is_own(span)));
        own.or_else(|| all.iter().find(|found| found.is_some())).and_then(|found| (*found).clone())
    }
}

/// Evaluates at one point.
pub(super) fn at(
    alone: &Evaluator,
    both: &Evaluator,
    log_offset: f64,
    x: &[f64],
) -> Result<Sample, Refusal> {
    let alone = alone.evaluate(x, &[])?;
    let both = both.evaluate(x, &[])?;
    let score = both.outputs.first().cloned().unwrap_or_default();
    let value = both.value + log_offset;
    Ok(Sample { x: x.to_vec(), value, score, alone, both })
}

/// How many of `wanted` evaluations of so many operations are worth their time, but `least`.
pub(super) fn affordable(wanted: usize, least: usize, operations: u64) -> usize {
    let most = usize::try_from(BUDGET / operations.max(1)).unwrap_or(usize::MAX);
    wanted.min(most.max(least))
}

/// The middle of the steepness over all points: what a score is large or small against.
pub(super) fn usual_steepness(samples: &[Sample]) -> f64 {
    let mut all: Vec<_> = samples.iter().filter(|s| s.is_finite()).map(Sample::steepness).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}
