//! Killed with SIGKILL again and again, at random moments and while a checkpoint is being written, a run
//! still arrives at the very results of one that nobody disturbed.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use wfr::Checkpoint;

use crate::program::{Folder, files, has_adapter};
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

/// Every kind of run, killed at random moments a few times, ends as if nobody had disturbed it.
#[test]
fn every_kind_of_run_survives_kills() {
    if !has_adapter() {
        return;
    }
    let root = env!("CARGO_MANIFEST_DIR");
    let composed = format!("--model {root}/models/left.txt --model {root}/models/right.txt");
    let kinds = [
        "sample ring -n 1000 --steps 2400 --integrator mala".to_string(),
        "sample ring -n 1000 --steps 2400 --integrator baoab --resampler residual".to_string(),
        "sample ring -n 1000 --schedule adaptive:0.999 --integrator mala".to_string(),
        "sample double-well -n 1000 --steps 2400 --flow langevin".to_string(),
        "sample double-well -n 1000 --steps 1600 --flow wfr".to_string(),
        "sample double-well -n 1000 --steps 2400 --flow path --path fisher-rao".to_string(),
        format!("compose {composed} --rule product -n 1000 --steps 2400"),
    ];
    let mut random = StdRng::seed_from_u64(5);
    let mut kills = 0;
    for kind in &kinds {
        let (calm, folder) = (Folder::new(), Folder::new());
        let line = format!("{kind} --frames 3 --posterior 100 --checkpoint-every 1 --out run");
        let line: Vec<&str> = line.split(' ').collect();
        calm.wfr(&line).succeeded();
        let path = folder.path("run");
        let mut furthest = 0;
        for _ in 0..2 {
            let mut child = match checkpoints(&path).is_empty() {
                true => start(&folder, &[&line[..], &["--overwrite"]].concat()),
                false => start(&folder, &["resume", "run"]),
            };
            std::thread::sleep(Duration::from_millis(random.random_range(300..1000)));
            // It may have come to its end.
            let _ = child.kill();
            kills += usize::from(child.wait().unwrap().code().is_none());
            let made = checkpoints(&path);
            let newest = made.last().map_or(0, |made| Checkpoint::open(made).unwrap().step());
            assert!(newest >= furthest, "{kind}: step {furthest} is lost, and {newest} the newest");
            furthest = newest;
        }
        match checkpoints(&path).is_empty() {
            true => folder.wfr(&[&line[..], &["--overwrite"]].concat()).succeeded(),
            false => folder.wfr(&["resume", "run"]).succeeded(),
        };
        assert_same(&results(&path), &results(&calm.path("run")));
    }
    println!("{kills} kills");
    assert!(kills >= kinds.len(), "{kills} kills");
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
    assert!(!run.join("particles.npz").exists() && !run.join(".next").exists());
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
        std::thread::sleep(Duration::from_millis(2));
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

/// A run and another in its place, with files that only one of them has.
const BEFORE: &str = "sample ring -n 500 --steps 96 --frames 2 --seed 1 --mode-centres before.txt \
                      --format npz,safetensors --checkpoint-every 64 --out";
const AFTER: &str = "sample ring -n 2000 --steps 1600 --frames 2 --seed 2 --mode-centres after.txt \
                     --checkpoint-every 64 --out";

/// A folder with the files that the two name.
fn with_centres() -> Folder {
    let folder = Folder::new();
    for name in ["before.txt", "after.txt"] {
        folder.write(name, "-2 0\n2 0\n");
    }
    folder
}

/// The results but for what is to replace them and what `wfr plot` adds.
fn counted(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(run);
    all.retain(|name, _| !name.starts_with(".next/") && name != "weights.svg");
    // They tell times; what metrics.jsonl tells of beside them is compared by itself.
    all.remove("metrics.jsonl").unwrap();
    let checkpoints = all.iter_mut().filter(|(name, _)| name.starts_with("checkpoints/"));
    checkpoints.for_each(|(_, bytes)| bytes.clear());
    all
}

/// Whenever a run is killed that replaces another, the folder has all of the one or all of the other.
#[test]
fn a_kill_leaves_the_run_before_or_the_one_in_its_place() {
    if !has_adapter() {
        return;
    }
    let mut random = StdRng::seed_from_u64(3);
    let folder = with_centres();
    wfr(&folder, &format!("{BEFORE} before")).succeeded();
    let began = Instant::now();
    wfr(&folder, &format!("{AFTER} after")).succeeded();
    let longest = began.elapsed().as_millis() as u64;
    let [before, after] = ["before", "after"].map(|run| {
        let path = folder.path(run);
        (counted(&path), tests(&path))
    });
    let run = folder.path("run");
    let (mut old, mut new) = (0, 0);
    for kill in 0..24 {
        let _ = std::fs::remove_dir_all(&run);
        copy(&folder.path("before"), &run);
        std::fs::write(run.join("mine.txt"), "mine").unwrap();
        let mut child = start(&folder, &words(&format!("{AFTER} run --overwrite")));
        match kill % 3 {
            0 => std::thread::sleep(Duration::from_millis(random.random_range(0..longest))),
            // While it writes the results, and while it moves them.
            1 => wait_for(&run.join(".next/particles.npz"), &mut child),
            _ => wait_for(&run.join(".next/complete.json"), &mut child),
        }
        // It may be over already.
        let _ = child.kill();
        child.wait().unwrap();
        wfr(&folder, "plot run --kinds weights").succeeded();
        let mut now = counted(&run);
        assert_eq!(now.remove("mine.txt").unwrap(), b"mine");
        let is_new = now["run.toml"] == after.0["run.toml"];
        let expected = if is_new { &after } else { &before };
        assert_same(&now, &expected.0);
        assert_eq!(tests(&run), expected.1);
        *(if is_new { &mut new } else { &mut old }) += 1;
    }
    println!("{old} kills left the run before, {new} the one in its place");
    assert!(old > 4 && new > 4, "{old} and {new}");
}

/// What is to replace a run has checkpoints of its own, from which it goes on.
#[test]
fn a_run_that_is_to_replace_another_goes_on() {
    if !has_adapter() {
        return;
    }
    let folder = with_centres();
    wfr(&folder, &format!("{BEFORE} run")).succeeded();
    wfr(&folder, &format!("{AFTER} after")).succeeded();
    let (run, next) = (folder.path("run"), folder.path("run/.next"));
    let old = counted(&run);
    // Killed before there is a checkpoint, it can begin again or be given up.
    let mut child = start(&folder, &words(&format!("{AFTER} run --overwrite")));
    wait_for(&next.join("run.toml"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = std::fs::remove_dir_all(next.join("checkpoints"));
    wfr(&folder, "resume run").failed(
        2,
        "error: run/.next holds no checkpoint to go on from; begin again with `wfr run \
         run/.next/run.toml --out run --overwrite --checkpoint-every 5m`, or remove run/.next to keep \
         the run before",
    );
    let again = "run run/.next/run.toml --out run --overwrite --checkpoint-every 64";
    let mut child = start(&folder, &words(again));
    wait_until(|| !checkpoints(&next).is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_same(&counted(&run), &old);
    let done = wfr(&folder, "resume run").succeeded();
    let told = "going on with the run in run/.next, which is to replace that in run";
    assert!(done.err.contains(told), "{}", done.err);
    assert!(!next.exists());
    assert_same(&counted(&run), &counted(&folder.path("after")));
    assert_eq!(tests(&run), tests(&folder.path("after")));
    // A run in the place of this one discards what was to replace it.
    let mut child = start(&folder, &words(&format!("{BEFORE} run --overwrite")));
    wait_for(&next.join("run.toml"), &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    wfr(&folder, &format!("{BEFORE} run --overwrite")).succeeded();
    assert!(!next.exists());
    assert_same(&counted(&run), &old);
}

/// A longer run is to replace the shorter, which stays until then.
#[test]
fn a_longer_run_that_is_killed_leaves_the_shorter() {
    if !has_adapter() {
        return;
    }
    let folder = with_centres();
    wfr(&folder, &format!("{BEFORE} run")).succeeded();
    let (run, next) = (folder.path("run"), folder.path("run/.next"));
    copy(&run, &folder.path("calm"));
    wfr(&folder, "resume calm --more-steps 1600").succeeded();
    let (old, told) = (counted(&run), tests(&run));
    let mut child = start(&folder, &words("resume run --more-steps 1600"));
    wait_until(|| checkpoints(&next).len() > 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_same(&counted(&run), &old);
    assert_eq!(tests(&run), told);
    wfr(&folder, "resume run").succeeded();
    assert_same(&counted(&run), &counted(&folder.path("calm")));
    assert_eq!(tests(&run), tests(&folder.path("calm")));
}

/// The results are not lost with the folder that was to have them.
#[test]
fn a_folder_that_goes_away_is_an_error_and_the_results_are_beside_it() {
    if !has_adapter() {
        return;
    }
    let folder = with_centres();
    wfr(&folder, &format!("{AFTER} calm")).succeeded();
    let calm = folder.path("calm");
    for (out, renamed) in [("run", true), ("gone", false)] {
        let path = folder.path(out);
        let mut command = Command::new(env!("CARGO_BIN_EXE_wfr"));
        command.args(words(&format!("{AFTER} {out}"))).current_dir(folder.path(""));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| !checkpoints(&path).is_empty());
        match renamed {
            true => std::fs::rename(&path, folder.path("other")).unwrap(),
            false => remove(&path),
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let error = format!(
            "error: {out} was removed or renamed while the run filled it; the results are in {out}-2"
        );
        assert!(said.contains(&error), "{said}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("log Z"));
        assert!(!path.exists(), "it is not made anew");
        let there = folder.path(&format!("{out}-2"));
        assert_same(&results(&there), &results(&calm));
        assert_eq!(tests(&there), tests(&calm));
        assert_eq!(checkpoints(&there).len(), 2);
    }
    assert!(!folder.path("other/particles.npz").exists());
}

/// Removes a folder that a program is filling: a file that comes meanwhile keeps it from being empty.
fn remove(folder: &Path) {
    let began = Instant::now();
    while folder.exists() {
        let removed = std::fs::remove_dir_all(folder);
        assert!(began.elapsed() < Duration::from_secs(60), "{removed:?}");
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Waits until a file is there, or the program has ended.
fn wait_for(file: &Path, child: &mut Child) {
    let began = Instant::now();
    while !file.exists()
        && began.elapsed() < Duration::from_secs(60)
        && child.try_wait().unwrap().is_none()
    {
        std::thread::sleep(Duration::from_micros(50));
    }
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
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
