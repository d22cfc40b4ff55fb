//! The memory of this process, as the system counts it.

use std::env;
use std::process::Command;

/// Says that this process is a test's own.
const ALONE: &str = "WFR_TEST_ALONE";

/// Runs a test, by its full name, in a process of its own: those of one binary share another's memory.
/// There the allocator keeps one heap; it would add one, for good, whenever two threads meet, which
/// says nothing of who keeps what.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--include-ignored", "--nocapture"]);
    let output = child.env(ALONE, "").env("MALLOC_ARENA_MAX", "1").output().unwrap();
    let (told, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    print!("{told}");
    assert!(output.status.success() && told.contains(" 1 passed"), "{told}{errors}");
}

/// Bytes of this process that are in memory; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

/// Samples of the memory over something that goes on for long.
#[derive(Default)]
pub struct Samples(Vec<u64>);

impl Samples {
    /// Takes one.
    pub fn take(&mut self) {
        self.0.extend(resident());
    }

    /// The peak of the second half over the peak of the first: what goes on growing, in bytes.
    ///
    /// The first half may grow: a driver compiles, and an allocator finds its size.
    pub fn growth(&self) -> i64 {
        let (first, second) = self.0.split_at(self.0.len() / 2);
        let peak = |samples: &[u64]| samples.iter().copied().max().unwrap_or(0) as i64;
        peak(second) - peak(first)
    }

    /// Prints the course, and holds the growth of the second half against a bound.
    #[track_caller]
    pub fn assert_flat(&self, what: &str, bound: i64) {
        let mib = |bytes: i64| bytes as f64 / f64::from(1 << 20);
        let ends = [self.0.first(), self.0.last()].map(|end| end.copied().unwrap_or(0) as i64);
        println!(
            "{what}: {} samples of the memory, {:.1} MiB to {:.1} MiB; the second half grew by {:.2} MiB",
            self.0.len(),
            mib(ends[0]),
            mib(ends[1]),
            mib(self.growth()),
        );
        assert!(self.growth() <= bound, "{what} grew by {:.2} MiB", mib(self.growth()));
    }
}

/// What grows is seen, and what jumps once at the beginning is not.
#[test]
fn growth_is_told_from_a_start() {
    assert_eq!(Samples(vec![10, 50, 60, 58, 60, 59]).growth(), 0);
    assert_eq!(Samples(vec![10, 20, 30, 40, 50, 60]).growth(), 30);
    let before = resident();
    let held = vec![1_u8; 64 << 20];
    let after = resident();
    assert_eq!(held.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 64 << 20);
    assert!(before.zip(after).is_none_or(|(before, after)| after >= before + (60 << 20)));
}
