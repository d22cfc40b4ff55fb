//! Whether a device computes what it must: known answers, resampling against its oracle, laws, the
//! same bits again, and what the engine relies on. In less than a minute, on your own adapter.
//!
//! ```no_run
//! # fn f(gpu: &wfr::Gpu) {
//! let report = wfr::selftest::run(gpu);
//! for check in report.failures() {
//!     println!("{}: {} where it should be {}", check.name, check.measured, check.expected);
//! }
//! # }
//! ```

mod answers;
mod computed;
mod finding;
mod laws;
mod numerics;
mod repeats;
mod resampling;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Instant;

use crate::error::Result;
use crate::gpu::Gpu;
#[cfg(test)]
pub(crate) use answers::normal_bound;
use finding::Finding;
pub use finding::Law;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Group {
    /// Random words, normals and scores whose values are known.
    Answers,
    /// Ancestors and fixed-point sums against the oracle, to the bit.
    Resampling,
    /// Closed forms and quadrature within four standard errors.
    Laws,
    /// The same bits again.
    Determinism,
    /// Bits, accuracy, loops, dispatches and limits that the engine relies on.
    Numerics,
}

impl Group {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Group::Answers => "known answers",
            Group::Resampling => "resampling",
            Group::Laws => "laws",
            Group::Determinism => "determinism",
            Group::Numerics => "numerics",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// What it is about.
    pub group: Group,
    /// What was looked at.
    pub name: String,
    /// Whether it is as it should be.
    pub passed: bool,
    /// What the device gave, or the error that came in its place.
    pub measured: String,
    /// What it should have given.
    pub expected: String,
}

/// All that was looked at on one device.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The device's adapter.
    pub adapter: wgpu::AdapterInfo,
    /// In the order in which they were done.
    pub checks: Vec<Check>,
    /// What it all took.
    pub seconds: f64,
}

impl Report {
    /// Whether everything is as it should be.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.passed)
    }
}

/// Checks that are made together.
struct Item {
    group: Group,
    /// What it is called when it comes to no finding.
    name: &'static str,
    run: fn(&Gpu) -> Result<Vec<Finding>>,
}

const fn item(group: Group, name: &'static str, run: fn(&Gpu) -> Result<Vec<Finding>>) -> Item {
    Item { group, name, run }
}

/// What a self-test looks at.
const ITEMS: [Item; 20] = [
    item(Group::Answers, "random words", answers::random_words),
    item(Group::Answers, "normals", answers::normal_numbers),
    item(Group::Answers, "a network's scores", answers::scores),
    item(Group::Resampling, "known ancestors", resampling::known),
    item(Group::Resampling, "ancestors", resampling::ancestors),
    item(Group::Resampling, "ancestors of a large population", resampling::large),
    item(Group::Laws, "annealed Gaussian", laws::gaussian),
    item(Group::Laws, "Gaussian in adaptive stages", laws::adaptive),
    item(Group::Laws, "double well", laws::double_well),
    item(Group::Laws, "Metropolis moves", laws::acceptance),
    item(Group::Laws, "gradient flow of KL", laws::gradient_flow),
    item(Group::Laws, "average of two models", laws::composition),
    item(Group::Determinism, "a run again", repeats::determinism),
    item(Group::Numerics, "bits of floats", numerics::bits),
    item(Group::Numerics, "computed infinities", computed::infinities),
    item(Group::Numerics, "accuracy", numerics::accuracy),
    item(Group::Numerics, "loops", numerics::loops),
    item(Group::Numerics, "dispatches", numerics::dispatches),
    item(Group::Numerics, "counts of workgroups", numerics::counts_of_workgroups),
    item(Group::Numerics, "limits", numerics::limits),
];

/// Looks at everything, one after the other; a failure stops nothing.
///
/// The device needs WebGPU's default limits. It is kept busy for some seconds, with nothing that
/// lasts more than a fraction of one on a GPU, or some seconds on a processor.
pub fn run(gpu: &Gpu) -> Report {
    run_observed(gpu, |_| ())
}

/// The same, showing each check to the observer as it is done.
pub fn run_observed(gpu: &Gpu, mut observer: impl FnMut(&Check)) -> Report {
    let started = Instant::now();
    let mut checks = Vec::new();
    for item in &ITEMS {
        for check in item.checks(gpu) {
            observer(&check);
            checks.push(check);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Report { adapter: gpu.adapter_info().clone(), checks, seconds }
}

impl Item {
    fn checks(&self, gpu: &Gpu) -> Vec<Check> {
        let failed = |measured: String| Check {
            group: self.group,
            name: self.name.into(),
            passed: false,
            measured,
            expected: "findings".into(),
        };
        match (self.run)(gpu) {
            Err(error) => vec![failed(error.to_string())],
            Ok(findings) if findings.is_empty() => vec![failed("nothing".into())],
            Ok(findings) => findings.iter().map(|finding| self.check(finding)).collect(),
        }
    }

    fn check(&self, finding: &Finding) -> Check {
        Check {
            group: self.group,
            name: finding.name.clone(),
            passed: finding.holds(),
            measured: finding.measured(),
            expected: finding.expected(),
        }
    }
}
