//! A run as a stream of lines of JSON, which another program can follow while it goes on.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Stage;
use crate::cli::{Done, Failure};

/// `metrics.jsonl`: an object a line; `event` says which.
///
/// `start` has the version, the adapter, the seed, the particles and the most steps there can be; `test` is
/// one ESS test with the seconds since the start of sampling at which it was seen; `done` closes a
/// run, `complete` or stopped before its end.
pub(crate) struct Metrics {
    path: PathBuf,
    file: File,
    /// ESS tests written so far.
    written: usize,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Start(&'a Start),
    Test {
        elapsed_s: f64,
        #[serde(flatten)]
        stage: &'a Stage,
    },
    Done {
        complete: bool,
        elapsed_s: f64,
        #[serde(flatten)]
        stage: &'a Stage,
    },
}

/// What is known before the first step.
#[derive(Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) version: &'static str,
    pub(crate) target: String,
    pub(crate) adapter: String,
    pub(crate) seed: u64,
    pub(crate) particles: u32,
    pub(crate) steps: u32,
}

impl Metrics {
    /// Makes the file, which replaces an older one, and writes the first line.
    pub(crate) fn start(path: &Path, start: &Start) -> Done<Metrics> {
        // Where there is a link, it is replaced and not followed.
        if path.symlink_metadata().is_ok() {
            fs::remove_file(path).map_err(|error| unwritten(path, &error))?;
        }
        let file = File::create_new(path).map_err(|error| unwritten(path, &error))?;
        let mut metrics = Metrics { path: path.to_path_buf(), file, written: 0 };
        metrics.line(&Line::Start(start))?;
        Ok(metrics)
    }

    /// Writes the tests that are new, of all there were.
    pub(crate) fn tests<T>(&mut self, tests: &[T], elapsed_s: f64) -> Done
    where
        for<'a> &'a T: Into<Stage>,
    {
        for test in &tests[self.written.min(tests.len())..] {
            self.line(&Line::Test { elapsed_s, stage: &test.into() })?;
        }
        self.written = tests.len();
        Ok(())
    }

    /// Writes the last line.
    pub(crate) fn done(&mut self, end: &Stage, complete: bool, elapsed_s: f64) -> Done {
        self.line(&Line::Done { complete, elapsed_s, stage: end })
    }

    /// One write per line, so that who reads along sees whole lines.
    fn line(&mut self, line: &Line<'_>) -> Done {
        let text =
            serde_json::to_string(line).map_err(|error| Failure::Output(error.to_string()))?;
        let written = self.file.write_all(format!("{text}\n").as_bytes());
        written.map_err(|error| unwritten(&self.path, &error))
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::Output(format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Test(Stage);

    impl From<&Test> for Stage {
        fn from(test: &Test) -> Stage {
            test.0
        }
    }

    #[test]
    fn every_test_is_a_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let stage = |step| {
            Test(Stage {
                step,
                time: 0.5,
                beta: 0.25,
                ess: 10.0,
                cess: f64::NAN,
                log_normalizer: -1.5,
                max_weight: 0.1,
                non_finite: 0,
                resampled: true,
            })
        };
        let start = Start {
            version: "0",
            target: "ring".into(),
            adapter: "a \"b\"".into(),
            seed: u64::MAX,
            particles: 10,
            steps: 4,
        };
        let mut metrics = Metrics::start(&path, &start).unwrap();
        metrics.tests(&[stage(0)], 0.1).unwrap();
        metrics.tests(&[stage(0), stage(1), stage(2)], 0.2).unwrap();
        metrics.tests(&[stage(0), stage(1), stage(2)], 0.3).unwrap();
        metrics.done(&stage(3).0, false, 0.4).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["start", "test", "test", "test", "done"]);
        assert_eq!(lines[0]["seed"], u64::MAX);
        let seen = lines[1..].iter().map(|l| (l["step"].as_u64(), l["elapsed_s"].as_f64()));
        assert_eq!(
            seen.map(|(s, e)| (s.unwrap(), e.unwrap())).collect::<Vec<_>>(),
            [(0, 0.1), (1, 0.2), (2, 0.2), (3, 0.4)]
        );
        assert!(lines[1]["cess"].is_null() && lines[4]["complete"] == false);
    }
}
