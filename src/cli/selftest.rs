//! `wfr selftest`: whether the adapters here compute what they must.

use clap::Args;
use serde::Serialize;
use wfr::selftest::{self, Check, Report};
use wfr::{Gpu, wgpu};

use super::console;
use super::failure::{Done, Failure};
use super::numbers::seconds;
use super::options::DeviceOptions;
use super::table::Table;
use super::version;

const DETAILS: &str = "\
It looks at random words, normals and a network's scores whose values are known; at resampling,
whose ancestors and fixed-point sums must be those of the oracle to the bit; at laws in closed
form and by quadrature, each within four standard errors of its run; at the same run done again,
in other submissions and other workgroups, whose bits must be the same; and at what the engine
relies on: bits of floats, the accuracy that WGSL promises, loops, dispatches and limits. It takes
some seconds on a GPU, and less than a minute on the processor.

When something fails, the exit code is 1, and a block says what to report.";

/// Looks whether an adapter computes what it must, and says what to report when it does not.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    device: DeviceOptions,
    /// Look at every adapter that `wfr adapters` lists.
    #[arg(long, conflicts_with = "adapter")]
    all: bool,
    /// Print one JSON object with all checks.
    #[arg(long)]
    json: bool,
}

/// Everything that was done.
#[derive(Serialize)]
struct Record {
    passed: bool,
    build: Vec<(&'static str, String)>,
    system: String,
    adapters: Vec<Tested>,
}

/// One adapter.
#[derive(Serialize)]
struct Tested {
    adapter: Adapter,
    passed: bool,
    seconds: f64,
    /// Why there are no checks, where the adapter gave no device.
    error: Option<String>,
    checks: Vec<Line>,
}

#[derive(Serialize)]
struct Adapter {
    name: String,
    backend: String,
    kind: String,
    driver: String,
    vendor: u32,
    device: u32,
}

/// One check.
#[derive(Clone, Serialize)]
struct Line {
    group: &'static str,
    name: String,
    passed: bool,
    measured: String,
    expected: String,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Done {
    // The library's error says what to install when there is none.
    let chosen = wfr::block_on(wfr::adapter(arguments.device.adapter.as_deref()))?;
    let adapters = match arguments.all {
        true => wfr::block_on(wfr::adapters()),
        false => vec![chosen],
    };
    console::warn_debug_build();
    let mut tested = Vec::new();
    for adapter in &adapters {
        tested.push(look(adapter, arguments.json)?);
    }
    let passed = tested.iter().all(|one| one.passed);
    let record = Record { passed, build: version::facts(), system: system(), adapters: tested };
    if arguments.json {
        console::print_json(&record)?;
    } else if !passed {
        console::print(&record.to_report())?;
    }
    if passed {
        return Ok(());
    }
    let failed = record.adapters.iter().filter(|one| !one.passed);
    let names: Vec<_> = failed.map(|one| one.adapter.name.as_str()).collect();
    Err(Failure::SelfTest(format!("the self-test failed on {}", names.join(", "))))
}

/// Tests one adapter, and prints each check as it is done unless the JSON tells them all.
fn look(adapter: &wgpu::Adapter, json: bool) -> Done<Tested> {
    let shown = |text: &str| if json { Ok(()) } else { console::print(text) };
    let adapter_of = Adapter::of(&adapter.get_info());
    shown(&format!("{adapter_of}\n"))?;
    let gpu = match wfr::block_on(Gpu::request(adapter, adapter.limits())) {
        Ok(gpu) => gpu,
        Err(error) => {
            let error = error.to_string();
            shown(&format!("  FAILED  {error}\n"))?;
            return Ok(Tested::without_device(adapter_of, error));
        }
    };
    let (mut group, mut outcome) = (None, Ok(()));
    let report = selftest::run_observed(&gpu, |check| {
        let heading = match group.replace(check.group) {
            Some(before) if before == check.group => String::new(),
            _ => format!("{}\n", check.group),
        };
        let line = Line::of(check);
        if outcome.is_ok() {
            outcome = shown(&format!("{heading}{line}\n"));
        }
    });
    outcome?;
    let tested = Tested::of(adapter_of, &report);
    shown(&format!("{}\n", tested.verdict()))?;
    Ok(tested)
}

impl Tested {
    fn of(adapter: Adapter, report: &Report) -> Tested {
        Tested {
            adapter,
            passed: report.passed(),
            seconds: report.seconds,
            error: None,
            checks: report.checks.iter().map(Line::of).collect(),
        }
    }

    fn without_device(adapter: Adapter, error: String) -> Tested {
        Tested { adapter, passed: false, seconds: 0.0, error: Some(error), checks: Vec::new() }
    }

    fn verdict(&self) -> String {
        let (all, time) = (self.checks.len(), seconds(self.seconds));
        match self.checks.iter().filter(|line| !line.passed).count() {
            0 => format!("{all} checks in {time}: all as they should be\n"),
            failed => format!("{all} checks in {time}: {failed} FAILED\n"),
        }
    }
}

impl Adapter {
    fn of(info: &wgpu::AdapterInfo) -> Adapter {
        Adapter {
            name: info.name.clone(),
            backend: info.backend.to_string(),
            kind: format!("{:?}", info.device_type),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
            vendor: info.vendor,
            device: info.device,
        }
    }
}

impl std::fmt::Display for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Adapter { name, backend, kind, driver, .. } = self;
        write!(f, "{name} ({backend}, {kind}), driver {driver}")
    }
}

impl Line {
    fn of(check: &Check) -> Line {
        Line {
            group: check.group.name(),
            name: check.name.clone(),
            passed: check.passed,
            measured: check.measured.clone(),
            expected: check.expected.clone(),
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Line { name, measured, expected, .. } = self;
        let verdict = if self.passed { "ok" } else { "FAILED" };
        write!(f, "  {verdict:<6}  {name:<58}  {measured}; expected {expected}")
    }
}

impl Record {
    /// What somebody needs who looks for the fault elsewhere: facts, and all that failed.
    fn to_report(&self) -> String {
        let mut text = "What to report, with the whole output above:\n\n".to_string();
        let mut table = Table::new(2);
        table.row(["wfr", env!("CARGO_PKG_VERSION")].map(String::from));
        for (name, value) in &self.build {
            table.row([name.to_string(), value.clone()]);
        }
        table.row(["system".to_string(), self.system.clone()]);
        text.push_str(&table.text());
        for tested in self.adapters.iter().filter(|tested| !tested.passed) {
            let Adapter { vendor, device, .. } = tested.adapter;
            text.push_str(&format!(
                "\n{}, vendor {vendor:#06x}, device {device:#06x}\n",
                tested.adapter
            ));
            tested.error.iter().for_each(|error| text.push_str(&format!("  FAILED  {error}\n")));
            for line in tested.checks.iter().filter(|line| !line.passed) {
                text.push_str(&format!("{line}\n"));
            }
        }
        text
    }
}

/// The operating system in words.
fn system() -> String {
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.unwrap_or_default().trim_matches('"');
    let kernel = read("/proc/sys/kernel/osrelease");
    [os, architecture, name, kernel.trim()].join(" ").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let line = |name: &str, passed| Line {
            group: "known answers",
            name: name.into(),
            passed,
            measured: "3 of 12 words differ".into(),
            expected: "the same 12 words".into(),
        };
        let adapter = || Adapter {
            name: "Rasteriser 3".into(),
            backend: "vulkan".into(),
            kind: "Cpu".into(),
            driver: "raster 1.2".into(),
            vendor: 0x1af4,
            device: 7,
        };
        let checks = vec![line("words", false), line("normals", true)];
        let tested =
            Tested { adapter: adapter(), passed: false, seconds: 1.0, error: None, checks };
        let dumb = Tested::without_device(adapter(), "it gives no device".into());
        let build = vec![("profile", "release".to_string())];
        Record { passed: false, build, system: "linux".into(), adapters: vec![tested, dumb] }
    }

    #[test]
    fn a_report_has_the_facts_and_every_failure() {
        let text = record().to_report();
        for fact in [
            concat!("wfr      ", env!("CARGO_PKG_VERSION")),
            "profile  release",
            "system   linux",
            "Rasteriser 3 (vulkan, Cpu), driver raster 1.2, vendor 0x1af4, device 0x0007",
            "3 of 12 words differ; expected the same 12 words",
            "FAILED  it gives no device",
        ] {
            assert!(text.contains(fact), "{fact}: {text}");
        }
        assert!(!text.contains("normals"), "{text}");
    }

    #[test]
    fn one_failure_among_many_is_told_at_the_end() {
        let record = record();
        assert_eq!(record.adapters[0].verdict(), "2 checks in 1.00 s: 1 FAILED\n");
        assert_eq!(Failure::SelfTest(String::new()).report(), std::process::ExitCode::from(1));
    }
}
