//! `wfr check`: what can be said of a density before it is sampled.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use wfr::check::{Agreement, Check, Finding, Report, Severity};
use wfr::{Config, ErrorKind, Flow, Gpu, Problem, Score};

use super::console;
use super::failure::{Done, Failure};
use super::numbers;
use super::options::{DeviceOptions, ProblemOptions};
use super::run::Device;

const EXAMPLES: &str = "\
Examples:
  wfr check mine.wgsl --dim 2
  wfr check mine.wgsl --dim 2 --set depth=8 --initial 'uniform(low=-3, high=3)' --points 1000
  wfr check funnel --json

Points are drawn from the initial law, where a run starts. The host evaluates the density there in
double precision, the GPU in single precision; a score by hand is compared with the derivative of
the log density and with differences. The exit code is 4 when there is an error among the findings.";

/// Checks a density before it is sampled: its score, range, precision, tails and cost.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    problem: ProblemOptions,
    /// How many points to check at; fewer are taken where an evaluation is long.
    #[arg(long, value_name = "N", default_value = "200")]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    points: u32,
    /// The seed of the points: those that a run with this seed starts from.
    #[arg(long, value_name = "SEED", default_value = "0", allow_negative_numbers = true)]
    seed: u64,
    #[command(flatten)]
    device: DeviceOptions,
    /// Print one JSON object with all findings and numbers.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    let target = arguments.problem.target()?;
    let initial = arguments.problem.initial(target.dim())?;
    let problem = Problem::new(target, initial, Flow::annealed())?;
    let mut device = Device::new(arguments.device.adapter.as_deref());
    // Only for its limits.
    let config = Config { particles: 1000, ..Config::default() };
    let gpu = match device.for_run(&problem, &config) {
        Ok(gpu) => Some(gpu),
        Err(Failure::Wfr(error)) if is_bare(&error) && arguments.device.adapter.is_none() => None,
        Err(failure) => return Err(failure),
    };
    let check = Check { points: arguments.points, seed: arguments.seed, ..Check::default() };
    let report = check.run(&problem, gpu)?;
    if arguments.json {
        console::print_json(&Record::new(&problem, &check, gpu, &report))?;
    } else {
        console::print(&text(&problem, &report))?;
    }
    if report.count(Severity::Error) > 0 { Err(Failure::Found) } else { Ok(()) }
}

/// Whether the machine has no adapter.
fn is_bare(error: &wfr::Error) -> bool {
    matches!(error.kind(), ErrorKind::NoAdapter { .. })
}

fn text(problem: &Problem, report: &Report) -> String {
    let target = problem.target();
    let (name, dim) = (target.name(), target.dim());
    let dimensions = if dim == 1 { "dimension" } else { "dimensions" };
    let mut text = format!(
        "{name} in {dim} {dimensions}, {} points of {}\n",
        report.points,
        problem.initial().description()
    );
    let mut topic = None;
    for finding in &report.findings {
        if topic.replace(finding.topic) != Some(finding.topic) {
            let _ = write!(text, "\n{}\n", finding.topic);
        }
        let mark = match finding.severity {
            Severity::Passed => "✓ ".to_string(),
            other => format!("{other}: "),
        };
        let place = finding.location.as_ref().map_or_else(String::new, |at| format!("{at}: "));
        let _ = writeln!(text, "  {mark}{place}{}", finding.message);
        for line in finding.excerpt.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    let count = |severity, word: &str| match report.count(severity) {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let (errors, warnings) = (count(Severity::Error, "error"), count(Severity::Warning, "warning"));
    let _ = writeln!(text, "\n{errors}, {warnings}");
    text
}

#[derive(Serialize)]
struct Record<'a> {
    version: &'static str,
    target: &'a str,
    dim: u32,
    initial: &'a str,
    seed: u64,
    points: u32,
    adapter: Option<&'a str>,
    errors: usize,
    warnings: usize,
    findings: Vec<FindingRecord<'a>>,
    score: ScoreRecord<'a>,
    support: SupportRecord,
    precision: Option<PrecisionRecord<'a>>,
    loop_iterations: u64,
    fused_steps: u32,
    cost: Option<CostRecord>,
}

#[derive(Serialize)]
struct FindingRecord<'a> {
    severity: String,
    topic: String,
    message: &'a str,
    source: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    excerpt: Option<&'a str>,
}

#[derive(Serialize)]
struct ScoreRecord<'a> {
    origin: &'static str,
    mode: Option<String>,
    evaluations: Option<f64>,
    against_derivative: Option<AgreementRecord<'a>>,
    against_differences: Option<AgreementRecord<'a>>,
}

#[derive(Serialize)]
struct AgreementRecord<'a> {
    points: u32,
    apart: u32,
    coordinates: &'a [u32],
    worst: Option<WorstRecord<'a>>,
}

#[derive(Serialize)]
struct WorstRecord<'a> {
    relative: f64,
    x: &'a [f64],
    coordinate: Option<u32>,
    found: f64,
    expected: f64,
}

#[derive(Serialize)]
struct SupportRecord {
    finite: u32,
    minus_infinity: u32,
    not_a_number: u32,
    without_score: u32,
}

#[derive(Serialize)]
struct PrecisionRecord<'a> {
    nats: f64,
    log_density: AgreementRecord<'a>,
    score: AgreementRecord<'a>,
}

#[derive(Serialize)]
struct CostRecord {
    ns_per_evaluation: f64,
    standard_normal_ns: f64,
    evaluations: u32,
}

impl<'a> Record<'a> {
    fn new(
        problem: &'a Problem,
        check: &Check,
        gpu: Option<&'a Gpu>,
        report: &'a Report,
    ) -> Record<'a> {
        let (origin, mode, evaluations) = match problem.score() {
            Score::Derived { mode, evaluations, .. } => {
                ("derived", Some(mode.to_string()), Some(evaluations))
            }
            _ => ("written", None, None),
        };
        let precision = report.precision.as_ref();
        Record {
            version: env!("CARGO_PKG_VERSION"),
            target: problem.target().name(),
            dim: problem.target().dim(),
            initial: problem.initial().description(),
            seed: check.seed,
            points: report.points,
            adapter: gpu.map(|gpu| gpu.adapter_info().name.as_str()),
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            findings: report.findings.iter().map(FindingRecord::new).collect(),
            score: ScoreRecord {
                origin,
                mode,
                evaluations,
                against_derivative: report
                    .score
                    .against_derivative
                    .as_ref()
                    .map(AgreementRecord::new),
                against_differences: report
                    .score
                    .against_differences
                    .as_ref()
                    .map(AgreementRecord::new),
            },
            support: SupportRecord {
                finite: report.support.finite,
                minus_infinity: report.support.minus_infinity,
                not_a_number: report.support.not_a_number,
                without_score: report.support.without_score,
            },
            precision: precision.map(|found| PrecisionRecord {
                nats: found.nats,
                log_density: AgreementRecord::new(&found.value),
                score: AgreementRecord::new(&found.score),
            }),
            loop_iterations: report.loops.iterations,
            fused_steps: report.loops.fused_steps,
            cost: report.cost.map(|cost| CostRecord {
                ns_per_evaluation: cost.ns,
                standard_normal_ns: cost.normal_ns,
                evaluations: cost.evaluations,
            }),
        }
    }
}

impl<'a> FindingRecord<'a> {
    fn new(finding: &'a Finding) -> FindingRecord<'a> {
        let at = finding.location.as_ref();
        FindingRecord {
            severity: finding.severity.to_string(),
            topic: finding.topic.to_string(),
            message: &finding.message,
            source: at.map(|at| at.source.as_str()),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
            excerpt: Some(finding.excerpt.as_str()).filter(|excerpt| !excerpt.is_empty()),
        }
    }
}

impl<'a> AgreementRecord<'a> {
    fn new(found: &'a Agreement) -> AgreementRecord<'a> {
        AgreementRecord {
            points: found.points,
            apart: found.apart,
            coordinates: &found.coordinates,
            worst: found.worst.as_ref().map(|worst| WorstRecord {
                relative: worst.error,
                x: &worst.x,
                coordinate: worst.coordinate,
                found: worst.found,
                expected: worst.expected,
            }),
        }
    }
}
