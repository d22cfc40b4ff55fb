//! What can be said of a target before it is sampled.
//!
//! A [`Check`] draws points from the initial law, where a run would start, evaluates log density and
//! score there in double precision on the host and in single precision on the device, and reports
//! [`Finding`]s: a score that is no derivative, regions without a number, numbers beyond the range of
//! single precision, densities that cannot be integrated, and the cost.
//!
//! ```
//! use wfr::check::{Check, Severity, Topic};
//! use wfr::{Flow, Initial, Problem, Target};
//!
//! # fn main() -> wfr::Result<()> {
//! let text = "fn log_density(x: Point) -> f32 { return -dot(x, x); }
//!             fn score(x: Point) -> Point { return 2.0 * x; }";
//! let target = Target::from_wgsl(2, "wrong.wgsl", text)?;
//! let problem = Problem::new(target, Initial::normal(&[0.0; 2], &[1.0; 2])?, Flow::langevin())?;
//! let report = Check::default().run(&problem, None)?;
//! let wrong = report.findings.iter().find(|f| f.severity == Severity::Error).unwrap();
//! assert_eq!(wrong.topic, Topic::Score);
//! assert!(wrong.message.starts_with("`score` is wrong along every coordinate at all 200 points"));
//! # Ok(())
//! # }
//! ```

mod agreement;
mod cost;
mod differences;
mod finding;
mod lints;
mod precision;
mod sample;
mod score;
mod support;
mod tails;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use agreement::{Agreement, Worst};
pub use finding::{Finding, Severity, Topic};

use crate::adaptor::Score;
use crate::autodiff::Evaluator;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::problem::Problem;
use sample::Sample;
use text::Text;

/// The most points.
const MOST_POINTS: u32 = 100_000;

/// The fewest points, however long an evaluation is.
const FEWEST: usize = 8;

/// How to check a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Points drawn from the initial law, 1 to 100 000; fewer are taken where an evaluation is long.
    pub points: u32,
    /// The seed of the points: those that a run with this seed starts from.
    pub seed: u64,
    /// Whether to time evaluations on the device.
    pub timing: bool,
}

impl Default for Check {
    fn default() -> Check {
        Check { points: 200, seed: 0, timing: true }
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The findings, by topic.
    pub findings: Vec<Finding>,
    /// Points at which the host evaluated; 0 where the text is beyond it.
    pub points: u32,
    /// The score against derivatives.
    pub score: ScoreNumbers,
    /// Where the log density is finite.
    pub support: SupportNumbers,
    /// Single against double precision, where there is a device.
    pub precision: Option<PrecisionNumbers>,
    /// Loop iterations.
    pub loops: LoopNumbers,
    /// Time, where there is a device.
    pub cost: Option<Cost>,
}

/// The score against derivatives of the log density, in double precision.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ScoreNumbers {
    /// A score written by hand against the derivative by [`crate::autodiff`].
    pub against_derivative: Option<Agreement>,
    /// Against central differences.
    pub against_differences: Option<Agreement>,
}

/// At how many points the log density is finite, in double precision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupportNumbers {
    /// Finite.
    pub finite: u32,
    /// −∞: outside of the support.
    pub minus_infinity: u32,
    /// Not a number, or +∞.
    pub not_a_number: u32,
    /// Finite, with a score that is not.
    pub without_score: u32,
}

/// Single precision on the device against double precision on the host.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct PrecisionNumbers {
    /// The log density, relative to its distance from the highest, or to 100 nats.
    pub value: Agreement,
    /// The largest difference of the log density in nats, at points within 100 nats of the highest.
    pub nats: f64,
    /// The score, relative to its largest component.
    pub score: Agreement,
}

/// Loop iterations of one evaluation of log density and score.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopNumbers {
    /// The most over all points.
    pub iterations: u64,
    /// Steps that one kernel can fuse on Mesa's software driver, which ends it at 65535 iterations.
    pub fused_steps: u32,
}

/// Time per evaluation of log density and score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Cost {
    /// Nanoseconds on the wall: a median.
    pub ns: f64,
    /// The same of a standard normal law in as many dimensions.
    pub normal_ns: f64,
    /// Evaluations in one dispatch.
    pub evaluations: u32,
}

impl Report {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

impl Check {
    /// Checks the target of a problem, on the device too where one is given.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidConfig`] for a number of points out of range, and those of the
    /// device.
    pub fn run(&self, problem: &Problem, gpu: Option<&Gpu>) -> Result<Report> {
        if self.points == 0 || self.points > MOST_POINTS {
            let reason = format!("= {} is not between 1 and {MOST_POINTS}", self.points);
            return Err(Error::config("points", reason));
        }
        let text = Text::of(problem, self.seed)?;
        let mut report = Report::default();
        let findings = &mut report.findings;
        findings.push(Finding::passed(Topic::Text, "parses and defines what a target must define"));
        lints::arrays(&text, findings);
        precision::places(&text, findings);
        self.numbers(&text, gpu, &mut report)?;
        report.findings.sort_by_key(|finding| finding.topic);
        Ok(report)
    }

    fn numbers(&self, text: &Text<'_>, gpu: Option<&Gpu>, report: &mut Report) -> Result<()> {
        let findings = &mut report.findings;
        let evaluators = text.value().and_then(|value| Ok((value, text.engine()?)));
        let (value, engine) = match evaluators {
            Ok(found) => found,
            Err(refusal) => {
                let message = format!(
                    "{}: the host cannot evaluate this text, and no number is checked",
                    refusal.message()
                );
                findings.push(Finding::warning(Topic::Text, message).at(text, refusal.span()));
                return Ok(());
            }
        };
        let points = text.draw(self.points)?;
        let mut samples: Vec<Sample> = Vec::new();
        for x in &points {
            let spent = samples.first().map_or(1, |s| s.alone.operations + s.both.operations);
            let words = 1 << 24;
            let most = sample::affordable(points.len(), FEWEST, spent).min(words / (x.len() + 1));
            if samples.len() >= most {
                break;
            }
            match sample::at(&value, &engine, text.problem.log_offset(), x) {
                Ok(sample) => samples.push(sample),
                Err(refusal) => {
                    let message =
                        format!("{} in one evaluation, at {}", refusal.message(), text.point(x));
                    let place = text.definition(text.value_name());
                    findings.push(Finding::error(Topic::Cost, message).at(text, place));
                    return Ok(());
                }
            }
        }
        report.points = samples.len() as u32;
        let (center, spread) = moments(&samples);
        report.support = support::check(text, &samples, findings);
        lints::powers(text, &samples, findings);
        report.score = score::check(text, &value, &samples, &spread, findings);
        tails::check(text, &value, &samples, &center, &spread, findings);
        report.loops = cost::loops(text, gpu, &samples, findings);
        let Some(gpu) = gpu else {
            precision::without_device(text, &samples, findings);
            let message = "there is no adapter: single precision and time are not checked";
            findings.push(Finding::note(Topic::Precision, message));
            return Ok(());
        };
        if !cost::fits(gpu, &report.loops, text.problem.target().dim()) {
            let message = "not checked: the loops are too long for this driver";
            findings.push(Finding::note(Topic::Precision, message));
            return Ok(());
        }
        report.precision = Some(precision::check(text, gpu, &samples, findings)?);
        if self.timing && report.support.finite > report.support.without_score {
            report.cost = Some(cost::time(text, gpu, &samples, findings)?);
        }
        Ok(())
    }
}

/// A density on the host in double precision.
pub(crate) struct HostDensity {
    /// The log density alone, by the user's own function.
    pub(crate) value: Evaluator,
    /// Log density and score as the device evaluates them, without what stays on the host; nothing where
    /// the host cannot.
    pub(crate) engine: Option<Evaluator>,
    /// Log density and derived score, of a user's text that has a score of its own.
    derived: Option<Evaluator>,
}

impl HostDensity {
    /// The score of the user's own text against the derivative of the log density, at some of the
    /// points; nothing where there is no such score, or nothing to compare it with.
    pub(crate) fn own_score(
        &self,
        points: impl ExactSizeIterator<Item = Vec<f64>>,
    ) -> Option<Agreement> {
        let (engine, derived) = (self.engine.as_ref()?, self.derived.as_ref()?);
        let wanted = points.len();
        let mut samples: Vec<Sample> = Vec::new();
        for x in points {
            let spent = samples.first().map_or(1, |s| s.alone.operations + s.both.operations);
            if samples.len() >= sample::affordable(wanted, FEWEST, 2 * spent) {
                break;
            }
            samples.push(sample::at(&self.value, engine, 0.0, &x).ok()?);
        }
        let finite: Vec<&Sample> = samples.iter().filter(|sample| sample.is_finite()).collect();
        score::against_derivative(derived, &finite).ok()
    }
}

/// Nothing where the host cannot evaluate the log density.
pub(crate) fn host_density(problem: &Problem) -> Option<HostDensity> {
    let text = Text::of(problem, 0).ok()?;
    let is_own = problem.score() == Score::Written && problem.target.built_in_name().is_none();
    let derived = if is_own { text.derived().ok() } else { None };
    Some(HostDensity { value: text.value().ok()?, engine: text.engine().ok(), derived })
}

/// The mean of the points and their scale, coordinate by coordinate.
fn moments(samples: &[Sample]) -> (Vec<f64>, Vec<f64>) {
    let n = samples.len().max(1) as f64;
    let dim = samples.first().map_or(0, |sample| sample.x.len());
    let mean = |f: &dyn Fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>() / n;
    let center: Vec<_> = (0..dim).map(|j| mean(&|sample| sample.x[j])).collect();
    let spread = (0..dim).map(|j| {
        let variance = mean(&|sample| (sample.x[j] - center[j]).powi(2));
        // Of a single point, or of equal ones.
        if variance > 0.0 { variance.sqrt() } else { center[j].abs().max(1.0) }
    });
    let spread = spread.collect();
    (center, spread)
}
