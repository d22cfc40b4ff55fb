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
use crate::resume::{assert_same, checkpoints, results, tests};

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
    let (mut kills, mut writes) = (0, 0);
    for (folder, count) in &counts {
        assert_same(&results(&folder.path("run")), &calm.0);
        // Every test of the ESS is told once, whoever wrote it.
        assert_eq!(tests(&folder.path("run")), calm.1);
        kills += count.kills;
        writes += count.during_a_write;
    }
    println!(
        "{kills} kills survived, {writes} of them during the write of a checkpoint; {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(kills >= 40, "{kills}");
    assert!(writes >= 10, "{writes} kills came during a write");
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
            _ => wait_for_write(&path, &mut child, random.random_range(1..12)),
        }
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(ended.code().is_none(), "the run came to its end after {} kills", count.kills);
        count.kills += 1;
        count.resumed += usize::from(resumes);
        count.during_a_write += usize::from(is_half_written(&path));
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

/// Whether a checkpoint is being written, or was when the program ended.
fn is_half_written(run: &Path) -> bool {
    let entries = std::fs::read_dir(run.join("checkpoints")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with('.'))
}

/// Waits until the so many-th new checkpoint is being written.
fn wait_for_write(run: &Path, child: &mut Child, mut writes: u32) {
    let began = Instant::now();
    let mut last = checkpoints(run).pop();
    while began.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none() {
        let newest = checkpoints(run).pop();
        if newest != last {
            last = newest;
            writes = writes.saturating_sub(1);
        }
        // What an earlier kill left goes away with the first one made.
        if writes == 0 && is_half_written(run) {
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
