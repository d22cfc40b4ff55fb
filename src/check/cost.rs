//! What an evaluation costs: loop iterations, and time on the device.

use super::finding::{Finding, Topic};
use super::sample::Sample;
use super::text::Text;
use super::words::digits;
use super::{Cost, LoopNumbers};
use crate::driver::SOFTWARE_LOOP_CAP;
use crate::error::Result;
use crate::flow::Flow;
use crate::gpu::Gpu;
use crate::initial::Initial;
use crate::kernel::check::nanoseconds;
use crate::kernel::loops;
use crate::problem::Problem;
use crate::target::Target;

/// Invocations that are timed, and evaluations in each.
const LANES: u32 = 100_000;
const REPEATS: u32 = 8;

/// Operations of one timed dispatch, at most.
const OPERATIONS: u64 = 400_000_000;

pub(super) fn loops(
    text: &Text<'_>,
    gpu: Option<&Gpu>,
    samples: &[Sample],
    findings: &mut Vec<Finding>,
) -> LoopNumbers {
    let most = samples.iter().max_by_key(|sample| sample.both.iterations);
    let iterations = most.map_or(0, |sample| sample.both.iterations);
    let dim = text.problem.target().dim();
    let fused_steps = loops::most_fused(SOFTWARE_LOOP_CAP, iterations, dim, 0);
    let numbers = LoopNumbers { iterations, fused_steps };
    let (words, cap) = (iterations, SOFTWARE_LOOP_CAP);
    let is_software = gpu.is_none_or(|gpu| gpu.loop_cap().is_some());
    if fused_steps == 0 {
        let message = format!(
            "an evaluation takes {words} loop iterations, and Mesa's software driver silently stops \
             a kernel at {cap}"
        );
        let finding = match (gpu, is_software) {
            (_, false) => Finding::note(Topic::Cost, message + "; a GPU has no such bound"),
            (Some(_), _) => {
                let way_out = ": it cannot run this target; shorten its loops, or use a GPU";
                Finding::error(Topic::Cost, message + way_out)
            }
            (None, _) => Finding::error(Topic::Cost, message + "; shorten its loops, or use a GPU"),
        };
        let longest = most.and_then(|sample| {
            sample.both.loops.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name)
        });
        let place = longest.and_then(|name| text.definition(name));
        findings.push(finding.at(text, place));
    } else {
        let room = if is_software {
            let steps =
                if fused_steps == 1 { "one step".into() } else { format!("{fused_steps} steps") };
            format!("; the software driver's bound of {cap} leaves room for {steps} in one kernel")
        } else {
            String::new()
        };
        let message = match iterations {
            0 => "an evaluation has no loops".to_string(),
            1 => format!("an evaluation takes one loop iteration{room}"),
            _ => format!("an evaluation takes {words} loop iterations{room}"),
        };
        findings.push(Finding::passed(Topic::Cost, message));
    }
    numbers
}

/// Whether the device can evaluate at all.
pub(super) fn fits(gpu: &Gpu, numbers: &LoopNumbers, dim: u32) -> bool {
    let one = loops::evaluations(numbers.iterations, 1, dim);
    gpu.loop_cap().is_none_or(|cap| one.iterations <= u64::from(cap))
}

pub(super) fn time(
    text: &Text<'_>,
    gpu: &Gpu,
    samples: &[Sample],
    findings: &mut Vec<Finding>,
) -> Result<Cost> {
    let problem = text.problem;
    let dim = problem.target().dim();
    let both = |of: fn(&Sample) -> u64| samples.iter().map(of).max().unwrap_or(1).max(1);
    let operations = both(|sample| sample.both.operations);
    let iterations = both(|sample| sample.both.iterations);
    let within = |repeats: &u32| {
        loops::evaluations(iterations, *repeats, dim).iterations <= u64::from(SOFTWARE_LOOP_CAP)
    };
    let repeats = (1..=REPEATS).rev().find(within).unwrap_or(1);
    let least = u64::from(LANES) / 100;
    let lanes = OPERATIONS / (operations * u64::from(repeats));
    let lanes = lanes.clamp(least, u64::from(LANES)) as u32;
    let points: Vec<f32> = samples
        .iter()
        .filter(|sample| sample.is_finite())
        .flat_map(|sample| sample.x.iter().map(|x| *x as f32))
        .collect();
    let ns = nanoseconds(gpu, problem, &points, lanes, repeats)?;
    let sd = vec![1.0; dim as usize];
    let initial = Initial::normal(&vec![0.0; dim as usize], &sd)?;
    let normal = Problem::new(Target::standard_normal(dim)?, initial, Flow::langevin())?;
    let normal_ns = nanoseconds(gpu, &normal, &points, lanes, repeats)?;
    let evaluations = lanes * repeats;
    let message = format!(
        "log density and score take {} ns per evaluation on {}, {} times as long as a standard \
         normal law in as many dimensions",
        digits(ns, 2),
        gpu.adapter_info().name,
        digits(ns / normal_ns, 2)
    );
    findings.push(Finding::passed(Topic::Cost, message));
    Ok(Cost { ns, normal_ns, evaluations })
}
