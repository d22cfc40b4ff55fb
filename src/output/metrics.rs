//! A run as a stream of lines of JSON, which another program can follow while it goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wfr::Lost;

use super::Stage;
use crate::bounded;
use crate::cli::{Done, Failure};

/// `metrics.jsonl`: an object a line; `event` says which.
///
/// `start` has the version, the adapter, the seed, the particles and the most steps there can be; `test` is
/// one ESS test with the seconds since the start of sampling at which it was seen; `losses`, with how
/// many particles were lost so far by each cause, comes when there are more of them; `resumed` says where
/// a run that was cut went on; `done` closes a run, `complete` or stopped before its end.
///
/// A line that cannot be written, on a full disk for instance, stops no run: it is tried again.
pub(crate) struct Metrics {
    path: PathBuf,
    file: File,
    written: Written,
    /// Bytes of whole lines.
    bytes: u64,
    /// Whether the last line could not be written.
    fails: bool,
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) lines: usize,
    /// ESS tests among them.
    pub(crate) tests: usize,
    /// Losses written last: by position, score and weight.
    pub(crate) lost: [u64; 3],
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
    Resumed(&'a Resumed),
    Losses {
        elapsed_s: f64,
        step: u32,
        position: u64,
        score: u64,
        weight: u64,
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

/// Where a run goes on that was cut.
#[derive(Debug, Serialize)]
pub(crate) struct Resumed {
    pub(crate) step: u32,
    pub(crate) elapsed_s: f64,
    pub(crate) version: &'static str,
    pub(crate) adapter: String,
    /// The most there can be.
    pub(crate) steps: u32,
}

impl Metrics {
    /// Makes the file, which replaces an older one, and writes the first line.
    pub(crate) fn start(path: &Path, start: &Start) -> Done<Metrics> {
        // Where there is a link, it is replaced and not followed.
        if path.symlink_metadata().is_ok() {
            fs::remove_file(path).map_err(|error| unwritten(path, &error))?;
        }
        let file = OpenOptions::new().create_new(true).append(true).open(path);
        let file = file.map_err(|error| unwritten(path, &error))?;
        let written = Written::default();
        let mut metrics =
            Metrics { path: path.to_path_buf(), file, written, bytes: 0, fails: false };
        metrics.line(&Line::Start(start)).map_err(|error| unwritten(path, &error))?;
        Ok(metrics)
    }

    /// Goes on after what was written at a checkpoint; what is there beyond, and half a line, is cut.
    ///
    /// A file that has less, because somebody changed it, is begun again: all tests come once more.
    pub(crate) fn resume(
        path: &Path,
        written: Written,
        start: &Start,
        resumed: &Resumed,
    ) -> Done<Metrics> {
        let failed = |error: io::Error| unwritten(path, &error);
        let mut metrics = match whole_lines(path, written.lines).map_err(failed)? {
            Some(bytes) => {
                let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
                file.set_len(bytes).map_err(failed)?;
                Metrics { path: path.to_path_buf(), file, written, bytes, fails: false }
            }
            None => {
                log::warn!(
                    "{} has less than the checkpoint knows of; it is begun again",
                    path.display()
                );
                Metrics::start(path, start)?
            }
        };
        metrics.line(&Line::Resumed(resumed)).map_err(failed)?;
        Ok(metrics)
    }

    /// How far it has come, with all of it on the disk as far as that can be.
    pub(crate) fn sync(&self) -> Written {
        // Should the disk lose lines of it, a run that goes on begins the file again.
        if let Err(error) = self.file.sync_data() {
            log::debug!("{}: {error}", self.path.display());
        }
        self.written
    }

    /// Writes the tests that are new, of all there were; where that fails, they are tried again at
    /// the next call.
    pub(crate) fn tests<T>(&mut self, tests: &[T], elapsed_s: f64)
    where
        for<'a> &'a T: Into<Stage>,
    {
        for test in &tests[self.written.tests.min(tests.len())..] {
            match self.line(&Line::Test { elapsed_s, stage: &test.into() }) {
                Ok(()) => self.written.tests += 1,
                Err(error) => {
                    if !self.fails {
                        log::warn!("{}; the run goes on", unwritten(&self.path, &error));
                    }
                    self.fails = true;
                    return;
                }
            }
        }
        self.fails = false;
    }

    /// Writes how many were lost after so many steps, where there are more than before.
    pub(crate) fn losses(&mut self, step: u32, lost: Lost, elapsed_s: f64) {
        let Lost { position, score, weight } = lost;
        let now = [position, score, weight];
        // A line that fails is told of with the tests', and tried again.
        if now != self.written.lost
            && self.line(&Line::Losses { elapsed_s, step, position, score, weight }).is_ok()
        {
            self.written.lost = now;
        }
    }

    /// Writes the last line, and sees to it that all are on the disk.
    pub(crate) fn done(&mut self, end: &Stage, complete: bool, elapsed_s: f64) -> Done {
        let line = self.line(&Line::Done { complete, elapsed_s, stage: end });
        line.and_then(|()| self.file.sync_all()).map_err(|error| unwritten(&self.path, &error))
    }

    /// One write per line, so that who reads along sees whole lines.
    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            // Half a line must not stay before the next; making a file shorter needs no room.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.bytes += text.len() as u64;
        self.written.lines += 1;
        Ok(())
    }
}

/// Whether a run's stream says that it was done to its end.
pub(crate) fn is_done(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Event {
        event: String,
        complete: Option<bool>,
    }
    let last = bounded::text(path, bounded::TABLE).ok().and_then(|text| {
        let last = text.lines().next_back()?;
        serde_json::from_str::<Event>(last).ok()
    });
    last.is_some_and(|last| last.event == "done" && last.complete == Some(true))
}

/// How many bytes the first lines of a file have; nothing where it has not so many.
fn whole_lines(path: &Path, count: usize) -> io::Result<Option<u64>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::new(file);
    let (mut bytes, mut line) = (0, Vec::new());
    for _ in 0..count {
        line.clear();
        bytes += file.read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
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

    fn stage(step: u32) -> Test {
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
    }

    fn start() -> Start {
        Start {
            version: "0",
            target: "ring".into(),
            adapter: "a \"b\"".into(),
            seed: u64::MAX,
            particles: 10,
            steps: 4,
        }
    }

    fn resumed(step: u32) -> Resumed {
        Resumed { step, elapsed_s: 0.25, version: "0", adapter: "a".into(), steps: 4 }
    }

    fn lines(path: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The events in order, and the steps of the tests.
    fn events(path: &Path) -> Vec<String> {
        let of = |line: serde_json::Value| match line["event"].as_str().unwrap() {
            "test" => line["step"].to_string(),
            event => event.to_string(),
        };
        lines(path).into_iter().map(of).collect()
    }

    #[test]
    fn what_came_after_a_checkpoint_is_cut_and_written_again_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let all = [stage(0), stage(1), stage(2)];
        let lost = Lost { score: 7, ..Lost::default() };
        let mut metrics = Metrics::start(&path, &start()).unwrap();
        metrics.tests(&all[..2], 0.1);
        let at_checkpoint = metrics.sync();
        assert_eq!(at_checkpoint, Written { lines: 3, tests: 2, ..Written::default() });
        metrics.losses(2, lost, 0.2);
        metrics.tests(&all, 0.2);
        drop(metrics);
        // The kill came in the middle of a line.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"event\":\"te").unwrap();
        let resume = |at| Metrics::resume(&path, at, &start(), &resumed(16)).unwrap();
        let mut metrics = resume(at_checkpoint);
        metrics.losses(2, lost, 0.3);
        metrics.tests(&all, 0.3);
        let again = metrics.sync();
        metrics.done(&stage(3).0, true, 0.4).unwrap();
        assert_eq!(events(&path), ["start", "0", "1", "resumed", "losses", "2", "done"]);
        assert_eq!(lines(&path)[3]["step"], 16);
        assert!(is_done(&path));
        // The line of the end goes too, and losses that are known are not told again.
        let mut metrics = resume(again);
        metrics.losses(3, lost, 0.5);
        metrics.done(&stage(3).0, false, 0.5).unwrap();
        let expected = ["start", "0", "1", "resumed", "losses", "2", "resumed", "done"];
        assert_eq!(events(&path), expected);
        assert!(!is_done(&path));
        // A file that lost lines is made anew, with every test.
        std::fs::write(&path, "{}\n{}").unwrap();
        resume(again).tests(&all, 0.6);
        assert_eq!(events(&path), ["start", "resumed", "0", "1", "2"]);
        std::fs::remove_file(&path).unwrap();
        resume(again).tests(&all, 0.6);
        assert_eq!(events(&path), ["start", "resumed", "0", "1", "2"]);
    }

    #[test]
    fn every_test_is_a_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut metrics = Metrics::start(&path, &start()).unwrap();
        metrics.tests(&[stage(0)], 0.1);
        metrics.tests(&[stage(0), stage(1), stage(2)], 0.2);
        metrics.tests(&[stage(0), stage(1), stage(2)], 0.3);
        metrics.losses(2, Lost::default(), 0.3);
        let lost = Lost { score: 7, ..Lost::default() };
        metrics.losses(3, lost, 0.35);
        metrics.losses(3, lost, 0.36);
        metrics.done(&stage(3).0, false, 0.4).unwrap();
        let lines = lines(&path);
        let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["start", "test", "test", "test", "losses", "done"]);
        assert_eq!((&lines[4]["step"], &lines[4]["score"]), (&3.into(), &7.into()));
        assert_eq!(lines[0]["seed"], u64::MAX);
        let seen = lines[1..].iter().map(|l| (l["step"].as_u64(), l["elapsed_s"].as_f64()));
        assert_eq!(
            seen.map(|(s, e)| (s.unwrap(), e.unwrap())).collect::<Vec<_>>(),
            [(0, 0.1), (1, 0.2), (2, 0.2), (3, 0.35), (3, 0.4)]
        );
        assert!(lines[1]["cess"].is_null() && lines[5]["complete"] == false);
    }
}
