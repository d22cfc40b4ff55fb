//! Killed with SIGKILL again and again, at random moments and while a checkpoint is being written, a run
//! still arrives at the very results of one that nobody disturbed.

#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use wfr::Checkpoint;

use crate::program::{Folder, has_adapter};
use crate::resume::{assert_same, checkpoints, results, tests, wfr};

/// Kills of each of the two chains, which run side by side.
const KILLS: usize = 22;

/// A checkpoint after every block: the program is writing one most of the time. Some 500 of them, of
/// which a kill lets some ten pass.
const RUN: [&str; 14] = [
    "sample",
    "ring",
    "-n",
    "20000",
    "--steps",
    "12800",
    "--frames",
    "4",
    "--out",
    "run",
    "--checkpoint-every",
    "1",
    "--posterior",
    "500",
];

/// How kills came, and what they hit.
#[derive(Default)]
struct Count {
    kills: usize,
    /// They left a checkpoint behind that was not written to its end.
    during_a_write: usize,
    /// The run went on from a checkpoint, rather than from its start.
    resumed: usize,
}

#[test]
fn kills_cost_at_most_the_last_interval() {
    if !has_adapter() {
        return;
    }
    let began = Instant::now();
    let calm = Folder::new();
    calm.wfr(&RUN).succeeded();
    let calm = (results(&calm.path("run")), tests(&calm.path("run")));
    println!("{:.1} s for the run that nobody disturbs", began.elapsed().as_secs_f64());
    let counts = std::thread::scope(|scope| {
        let chains = [1, 2].map(|seed| scope.spawn(move || chain(seed)));
        chains.map(|chain| chain.join().unwrap())
    });
    let (mut kills, mut hits) = (0, 0);
    for (folder, count) in &counts {
        assert_same(&results(&folder.path("run")), &calm.0);
        // Every test of the ESS is told once, whoever wrote it.
        assert_eq!(tests(&folder.path("run")), calm.1);
        kills += count.kills;
        hits += count.during_a_write;
    }
    println!(
        "{kills} kills survived, {hits} of them during the write of a checkpoint; {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(kills >= 40, "{kills}");
    assert!(hits >= 10, "{hits} kills came during a write");
}

/// A run that is killed until it has had enough, and then comes to its end.
fn chain(seed: u64) -> (Folder, Count) {
    let mut random = StdRng::seed_from_u64(seed);
    let folder = Folder::new();
    let path = folder.path("run");
    let (mut count, mut furthest) = (Count::default(), 0);
    while count.kills < KILLS {
        let resumes = !checkpoints(&path).is_empty();
        let mut child = match resumes {
            true => start(&folder, &["resume", "run"]),
            // Nothing is there yet that could be lost.
            false => start(&folder, &[&RUN[..], &["--overwrite"]].concat()),
        };
        // Two in three are aimed at a write, of the first checkpoints that the program makes; the
        // others come whenever they come, from its start on.
        match count.kills % 3 {
            0 => std::thread::sleep(Duration::from_millis(random.random_range(0..2500))),
            _ => wait_for_write(&path, &mut child, random.random_range(0..12)),
        }
        let process = child.id();
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(ended.code().is_none(), "the run came to its end after {} kills", count.kills);
        count.kills += 1;
        count.resumed += usize::from(resumes);
        count.during_a_write += usize::from(writes(&path, process));
        furthest = check(&path, furthest);
    }
    folder.wfr(&["resume", "run"]).succeeded();
    assert!(count.resumed > KILLS / 2, "{} kills of runs that went on", count.resumed);
    (folder, count)
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_wfr"))
        .args(arguments)
        .current_dir(folder.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Whether this process is writing a checkpoint, or was when it ended.
fn writes(run: &Path, process: u32) -> bool {
    let hidden = format!(".{process}-");
    let entries = std::fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(&hidden))
}

/// Waits until, after so many new ones, a checkpoint is being written.
fn wait_for_write(run: &Path, child: &mut Child, mut before: u32) {
    let began = Instant::now();
    let mut last = checkpoints(run).pop();
    while began.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none() {
        let newest = checkpoints(run).pop();
        if newest != last {
            last = newest;
            before = before.saturating_sub(1);
        }
        if before == 0 && writes(run, child.id()) {
            return;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// What a kill must leave: checkpoints that are whole, of which the newest is no older than before;
/// gives its step.
fn check(run: &Path, furthest: u32) -> u32 {
    let made = checkpoints(run);
    let steps: Vec<u32> = made.iter().map(|path| Checkpoint::open(path).unwrap().step()).collect();
    let newest = steps.last().copied().unwrap_or(0);
    assert!(newest >= furthest, "step {furthest} is lost, and {newest} the newest");
    // One more than is kept, if the kill came before the oldest was removed.
    assert!(steps.len() <= 3, "{steps:?}");
    if newest > 0 {
        let text = std::fs::read_to_string(run.join("run.toml")).unwrap();
        assert!(text.contains("checkpoint_every = 1"), "{text}");
    }
    // Results come at the end.
    assert!(!run.join("particles.npz").exists());
    newest
}

/// Stopped by SIGTERM, as queues and shut-downs do it, a run keeps its state of that very step.
#[test]
fn a_run_that_is_asked_to_end_can_be_resumed_from_that_step() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let path = folder.path("run");
    // Minutes of work, and an hour between checkpoints.
    let line = "sample ring -n 20000 --steps 1e6 -v --out run --checkpoint-every 1h";
    let first = terminated(&folder, &line.split(' ').collect::<Vec<_>>());
    let [made] = &checkpoints(&path)[..] else { panic!("one checkpoint") };
    assert_eq!(Checkpoint::open(made).unwrap().step(), first);
    let second = terminated(&folder, &["resume", "run", "-v"]);
    assert!(second > first, "{second}");
    let steps: Vec<u32> =
        checkpoints(&path).iter().map(|made| Checkpoint::open(made).unwrap().step()).collect();
    assert_eq!(steps, [first, second]);
    let told = tests(&path);
    assert_eq!(told.len() as u32, second.div_ceil(16));
}

/// Compiling for many dimensions takes a while, and nothing is lost if it is not waited for.
#[test]
fn a_run_that_is_being_set_up_ends_at_once() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let line = "sample many-well --dim 64 -n 2000 --steps 1e6";
    let mut child = start(&folder, &line.split(' ').collect::<Vec<_>>());
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none());
    let asked = Instant::now();
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

/// Waits for what a run does, a minute at the most.
fn wait_until(so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Asks a run to end once it has done some steps; gives the step that its results are of.
fn terminated(folder: &Folder, arguments: &[&str]) -> u32 {
    let stream = folder.path("run/metrics.jsonl");
    let lines = || std::fs::read_to_string(&stream).map_or(0, |text| text.lines().count());
    let before = lines();
    let mut child = start(folder, arguments);
    wait_until(|| lines() >= before + 20);
    let process = child.id().to_string();
    // Batch systems send two, to the program and to its group.
    for _ in 0..2 {
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let summary = std::fs::read(folder.path("run/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["complete"], false);
    summary["steps"].as_u64().unwrap() as u32
}

/// While a run fills a folder no other begins or goes on in it, nor changes its run file; a kill frees it.
#[test]
fn a_folder_takes_one_run_at_a_time() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let path = folder.path("run");
    let line = "sample ring -n 2000 --steps 1e6 --out run --checkpoint-every 16";
    let mut child = start(&folder, &line.split(' ').collect::<Vec<_>>());
    wait_until(|| !checkpoints(&path).is_empty());
    let text = || std::fs::read_to_string(path.join("run.toml")).unwrap();
    let before = text();
    let short = "sample ring -n 100 --steps 16 --out run --overwrite";
    for line in ["resume run", "resume run --more-steps 10", short] {
        let told = "error: run is being filled by another run; wait for its end, or end it";
        wfr(&folder, line).failed(2, told);
    }
    assert_eq!(text(), before);
    assert!(child.try_wait().unwrap().is_none(), "the first run goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!checkpoints(&path).is_empty());
    wfr(&folder, short).succeeded();
}
