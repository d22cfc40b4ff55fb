//! Kept inputs of the fuzz targets, read again, and changed a little from a fixed seed.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Longer than any input takes, on a busy machine too.
const MOST_TIME: Duration = Duration::from_secs(20);
/// The most memory of all tests of a binary together.
#[cfg(target_os = "linux")]
const MOST_KIB: u64 = 3 << 20;
/// How often the inputs are changed.
const CHANGES: usize = 300;

/// What parsers trip over.
const WORDS: [&str; 24] = [
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "4294967296",
    "18446744073709551615",
    "-9223372036854775808",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\n",
    ",",
    "=",
    "/*",
    "//",
    "\u{0}",
    "\u{2212}",
    "..",
];

/// Reads all kept inputs of a target and changes of them; says where there are none to read.
pub fn replay(target: &str, entry: fn(&[u8])) {
    let inputs = inputs(target);
    if inputs.is_empty() {
        println!("skipped: this copy of wfr comes without fuzz/corpus/{target}");
        return;
    }
    for (path, bytes) in &inputs {
        timed(entry, bytes, || path.display().to_string());
    }
    let mut random = StdRng::seed_from_u64(0x77f2);
    for _ in 0..CHANGES {
        let [one, other] = [(); 2].map(|()| &inputs[random.random_range(0..inputs.len())]);
        let bytes = changed(&mut random, &one.1, &other.1);
        timed(entry, &bytes, || format!("{} changed to {bytes:?}", one.0.display()));
    }
    check_memory(target);
}

/// The kept inputs of a target: its corpus, and what once failed.
fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let folders = ["corpus", "regressions"].map(|kept| fuzz.join(kept).join(target));
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let mut paths: Vec<_> = files.map(|file| file.expect("a readable folder").path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), fs::read(path).expect("a readable file"));
    paths.into_iter().map(read).collect()
}

fn timed(entry: fn(&[u8]), bytes: &[u8], shown: impl Fn() -> String) {
    let start = Instant::now();
    let done = std::panic::catch_unwind(|| entry(bytes));
    assert!(done.is_ok(), "panicked on {}", shown());
    let took = start.elapsed();
    assert!(took < MOST_TIME, "took {took:?} for {}", shown());
}

/// Some of the changes that a fuzzer makes.
fn changed(random: &mut StdRng, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        let length = random.random_range(0..=(bytes.len() - at).min(40));
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = random.random(),
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let part = bytes[at..at + length].to_vec();
                bytes.splice(at..at, part);
            }
            4 => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(at..at + length.min(3), word.bytes());
            }
            _ => {
                let from = random.random_range(0..=other.len());
                let to = other.len().min(from + 40);
                bytes.splice(at..at, other[from..to].to_vec());
            }
        }
    }
    bytes
}

/// Nothing that a header claims was believed.
fn check_memory(target: &str) {
    #[cfg(target_os = "linux")]
    {
        let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        let most = most.expect("a number of KiB");
        assert!(most < MOST_KIB, "{target}: up to {most} KiB were in use");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = target;
}
