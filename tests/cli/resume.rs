//! `wfr resume`: a run that goes on is the run that was not cut, and what is no run to go on with is
//! refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::{Done, Folder, files, has_adapter};

/// The checkpoints in a folder of results, oldest first.
pub fn checkpoints(results: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(results.join("checkpoints")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_whole = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_str().unwrap().starts_with("step-"))
    };
    let mut all: Vec<_> = paths.filter(is_whole).collect();
    all.sort();
    all
}

/// The results: all files but those that tell times.
pub fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(folder);
    all.retain(|name, _| name != "metrics.jsonl" && !name.starts_with("checkpoints/"));
    all
}

/// Every file of the one is in the other to the byte, and no other.
#[track_caller]
pub fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in one {
        assert!(other.get(name) == Some(bytes), "{name} differs");
    }
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
}

/// The lines of metrics.jsonl, which are whole.
pub fn metrics(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The tests of the ESS that metrics.jsonl tells of, without their times.
pub fn tests(folder: &Path) -> Vec<Value> {
    let mut lines = metrics(folder);
    lines.retain(|line| line["event"] == "test");
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("elapsed_s").unwrap();
    }
    lines
}

/// Runs `wfr` with the words of a line.
pub fn wfr(folder: &Folder, line: &str) -> Done {
    let words: Vec<&str> = line.split_whitespace().collect();
    folder.wfr(&words)
}

/// Whatever the run computes: what comes after a checkpoint is done again to the same bytes, and the
/// pilots before it are not run again.
#[test]
fn a_run_that_goes_on_leaves_the_bytes_of_the_run_that_was_not_cut() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for name in ["left.safetensors", "right.txt"] {
        fs::copy(models.join(name), folder.path(name)).unwrap();
    }
    for (at, line) in [
        "sample ring -n 500 --steps 200 --frames 3 --plot --checkpoint-every 112",
        "sample ring -n 2000 --schedule adaptive:0.98 --frames 5 --trace-cess --checkpoint-every 64",
        "sample double-well -n 700 --steps 100 --flow wfr --density-estimator grid --checkpoint-every 48",
        "sample ring -n 1000 --steps 100 --tune --integrator mala --thin 3 --format safetensors \
         --checkpoint-every 48",
        "sample double-well -n 1000 --steps 100 --flow path --path fisher-rao --log-ratio auto \
         --checkpoint-every 48",
        "compose --model left.safetensors --model right.txt --rule geometric -n 500 --steps 40 \
         --ess-every 8 --checkpoint-every 24",
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("run-{at}");
        let path = folder.path(&out);
        let began = std::time::Instant::now();
        wfr(&folder, &format!("{line} --out {out}")).succeeded();
        let (whole, all_tests) = (results(&path), tests(&path));
        let made = checkpoints(&path);
        assert_eq!(made.len(), 2, "{line}");
        let older = made[0].display().to_string();
        let done = folder.wfr(&["resume", &out, "--checkpoint", &older]).succeeded();
        assert!(!done.err.contains("a pilot estimates"), "{line}: {}", done.err);
        println!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
        assert_same(&results(&path), &whole);
        assert_eq!(tests(&path), all_tests, "{line}");
        let events: Vec<Value> = metrics(&path).iter().map(|line| line["event"].clone()).collect();
        assert_eq!(events.iter().filter(|event| *event == "resumed").count(), 1, "{line}");
        assert_eq!(events.last().unwrap(), "done", "{line}");
        // The same checkpoints as before, and no others.
        assert_eq!(checkpoints(&path), made, "{line}");
    }
}

/// A run of two checkpoints, 64 and 96 steps.
fn finished(folder: &Folder) -> PathBuf {
    let line = "sample ring -n 500 --steps 96 --frames 4 --out run --checkpoint-every 64";
    wfr(folder, line).succeeded();
    let path = folder.path("run");
    let names: Vec<_> =
        checkpoints(&path).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["step-0000000064.safetensors", "step-0000000096.safetensors"]);
    path
}

#[test]
fn a_run_that_is_complete_can_be_made_longer() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let path = finished(&folder);
    let before = files(&path);
    let done = wfr(&folder, "resume run").succeeded();
    assert_eq!(done.out, "");
    let note = "the run in run is complete with 96 steps; for a longer one add --more-steps K";
    assert!(done.err.contains(note), "{}", done.err);
    assert_eq!(files(&path), before);

    // By steps like the last one, 4/96, to time 6.
    wfr(&folder, "resume run --more-steps 48").succeeded();
    let summary: Value =
        serde_json::from_slice(&fs::read(path.join("summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["steps"], &summary["complete"]), (&144.into(), &true.into()));
    assert!((summary["time"].as_f64().unwrap() - 6.0).abs() < 1e-12);
    let run_file = fs::read_to_string(path.join("run.toml")).unwrap();
    assert!(run_file.contains("schedule = \"inputs/schedule.txt\""), "{run_file}");
    assert!(!run_file.contains("\nsteps = ") && !run_file.contains("\ntime = "), "{run_file}");
    // Its run file is that of the longer run, which makes the same particles.
    wfr(&folder, "run run/run.toml --out again").succeeded();
    let (longer, again) = (results(&path), results(&folder.path("again")));
    for name in ["particles.npz", "summary.json", "summary.txt", "run.toml"] {
        assert!(longer[name] == again[name], "{name} differs");
    }
    assert_eq!(tests(&path), tests(&folder.path("again")));

    // And once more, by steps of another length; it is complete again then.
    wfr(&folder, "resume run --more-steps 10 --more-time 1").succeeded();
    let done = wfr(&folder, "resume run").succeeded();
    assert!(done.err.contains("is complete with 154 steps"), "{}", done.err);
}

#[test]
fn what_cannot_be_longer_is_told() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("left.txt", "0.4 -1 0.5\n0.6 1 0.5\n");
    let composed = "compose --model left.txt --rule anneal --power 1 --steps 8 --ess-every 4";
    wfr(&folder, &format!("{composed} -n 100 --out c --checkpoint-every 4")).succeeded();
    wfr(&folder, "resume c --more-steps 4").failed_with(2, &["ends at its last level of noise"]);
    let adaptive = "sample ring -n 300 --schedule adaptive --out a --checkpoint-every 16";
    wfr(&folder, adaptive).succeeded();
    wfr(&folder, "resume a --more-steps 4").failed_with(2, &["ends where its path does"]);
    finished(&folder);
    wfr(&folder, "resume run --more-steps 0")
        .failed_with(2, &["--more-steps: 0 make no longer run"]);
    wfr(&folder, "resume run --more-time 3").failed_with(2, &["--more-steps"]);
    wfr(&folder, "resume run --more-steps 5 --more-time -1").failed_with(2, &["time = -1"]);
}

#[test]
fn broken_checkpoints_are_told_and_the_good_one_before_is_offered() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let path = finished(&folder);
    let whole = results(&path);
    // Unfinished, so that there is something to resume.
    let stream = path.join("metrics.jsonl");
    let text = fs::read_to_string(&stream).unwrap();
    fs::write(&stream, text.rsplit_once("{\"event\":\"done\"").unwrap().0).unwrap();
    let made = checkpoints(&path);
    let (good, newest) = (made[0].display().to_string(), &made[1]);
    let offer = "the one before it is good: `wfr resume run --checkpoint \
                 run/checkpoints/step-0000000064.safetensors`";
    let bytes = fs::read(newest).unwrap();
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 4;
        bytes
    };
    for (broken, words) in [
        (bytes[..bytes.len() / 2].to_vec(), "cut off"),
        (bytes[..bytes.len() - 1].to_vec(), "cut off"),
        (Vec::new(), "checkpoint"),
        (flipped(bytes.len() / 2), "damaged"),
        (flipped(bytes.len() - 3), "damaged"),
        (flipped(300), "damaged"),
        (b"PK\x03\x04 something else".to_vec(), "checkpoint"),
    ] {
        fs::write(newest, broken).unwrap();
        let name = "run/checkpoints/step-0000000096.safetensors";
        wfr(&folder, "resume run").failed_with(2, &[name, offer, words]);
    }
    // Of another run.
    let other = "sample double-well -n 500 --steps 96 --out other --checkpoint-every 64";
    wfr(&folder, other).succeeded();
    fs::copy(&checkpoints(&folder.path("other"))[1], newest).unwrap();
    wfr(&folder, "resume run").failed_with(2, &["step-0000000096.safetensors", offer]);
    fs::write(newest, "").unwrap();

    // The offer is one that works, and what was broken is gone then.
    folder.wfr(&["resume", "run", "--checkpoint", &good]).succeeded();
    assert_same(&results(&path), &whole);
    assert_eq!(wfr::Checkpoint::open(newest).unwrap().step(), 96);

    for made in checkpoints(&path) {
        fs::write(made, "no").unwrap();
    }
    wfr(&folder, "resume run")
        .failed_with(2, &["no older one that is good; begin again with `wfr run"]);
    fs::remove_dir_all(path.join("checkpoints")).unwrap();
    wfr(&folder, "resume run").failed(
        2,
        "error: run holds no checkpoint to go on from; begin again with `wfr run run/run.toml --out \
         run --overwrite --checkpoint-every 5m`",
    );
    // Which works too.
    wfr(&folder, "run run/run.toml --out run --overwrite --checkpoint-every 64").succeeded();
    assert_eq!(checkpoints(&path).len(), 2);
    wfr(&folder, "resume nowhere").failed_with(2, &["nowhere/run.toml cannot be read"]);
}

#[test]
fn another_run_file_is_another_run() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let path = finished(&folder);
    let text = fs::read_to_string(path.join("run.toml")).unwrap();
    let older = checkpoints(&path)[0].display().to_string();
    for (from, to) in [
        ("seed = 0", "seed = 1"),
        ("particles = 500", "particles = 501"),
        ("integrator = \"kernel-ratio\"", "integrator = \"euler\""),
        ("steps = 96", "steps = 97"),
        ("target = \"ring\"", "target = \"double-well\""),
        ("frames = 4", "frames = 0"),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(path.join("run.toml"), text.replace(from, to)).unwrap();
        let done = folder.wfr(&["resume", "run", "--checkpoint", &older]);
        assert_eq!(done.code, 2, "{to}: {}", done.err);
    }
}

/// A run that begins where another one was must not be resumed from the other's checkpoints.
#[test]
fn a_run_in_place_of_another_removes_its_checkpoints() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let path = finished(&folder);
    fs::write(path.join("checkpoints/.1-0-step-0000000112.safetensors"), "half").unwrap();
    wfr(&folder, "sample ring -n 400 --steps 32 --out run --overwrite").succeeded();
    assert_eq!(fs::read_dir(path.join("checkpoints")).unwrap().count(), 0);
    wfr(&folder, "resume run").failed_with(2, &["holds no checkpoint"]);
}

#[test]
fn how_often_is_refused_where_it_makes_no_sense() {
    let folder = Folder::new();
    let every = |text: &str| format!("sample ring --out run --checkpoint-every {text}");
    for (text, words) in [
        ("often", "30s, 5m, 2min or 1h, or a number of steps"),
        ("0", "makes none"),
        ("0m", "is not a length of time above 0 and up to a year"),
        ("1.5", "is not a whole number"),
    ] {
        wfr(&folder, &every(text)).failed_with(2, &[words]);
    }
    wfr(&folder, "sample ring --checkpoint-every 5m")
        .failed_with(2, &["--checkpoint-every is for what --out keeps"]);
    folder.write("a.toml", "[problem]\ntarget = \"ring\"\n[results]\ncheckpoint_every = \"5d\"\n");
    wfr(&folder, "run a.toml").failed_with(2, &["a.toml:4:20: invalid value '5d' for results."]);
}

/// A density that is zero wherever particles are, but for those where it is `beside`.
fn vanishes(beside: &str) -> String {
    format!(
        "fn log_density(x: Point) -> f32 {{
    var nan = 0x7fc00000u;
    if (x.x > 0.6) {{ return {beside}; }}
    if (dot(x, x) < 100.0) {{ return float_minus_infinity(); }}
    return -dot(x, x);
}}
fn score(x: Point) -> Point {{ return Point(); }}
"
    )
}

/// The path stays at the initial law for its first half.
fn late() -> String {
    let beta = |k: u32| f64::from(k.saturating_sub(400)) / 400.0;
    (0..=800).map(|k| format!("{} {}\n", f64::from(k) / 100.0, beta(k))).collect()
}

/// What was good before all weights vanished is kept, with and without checkpoints.
#[test]
fn the_last_good_state_of_a_run_that_fails_is_kept() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("vanishes.wgsl", &vanishes("float_minus_infinity()"));
    folder.write("late.txt", &late());
    let line = "sample vanishes.wgsl --dim 2 -n 300 --schedule late.txt --initial normal(mean=0,sd=0.3) --out";
    let done = wfr(&folder, &format!("{line} plain"));
    println!("{}", done.err);
    assert_eq!(done.code, 1);
    assert!(done.error().starts_with("error: all weights are zero at step "), "{}", done.err);
    let (_, rest) = done.error().split_once("; the last good state, that of step ").unwrap();
    let (step, rest) = rest.split_once(", ").unwrap();
    assert_eq!(rest, "is in plain");
    let step: u32 = step.parse().unwrap();
    assert!(step > 0 && step.is_multiple_of(16), "{step}");
    let summary = |out: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.path(out).join("summary.json")).unwrap()).unwrap()
    };
    let plain = summary("plain");
    assert_eq!((&plain["steps"], &plain["complete"]), (&step.into(), &false.into()));
    assert!(plain["ess"].as_f64().unwrap() >= 1.0, "{plain}");
    let warning = plain["warnings"].to_string();
    assert!(warning.contains("the last good state, after step"), "{warning}");

    let done = wfr(&folder, &format!("{line} often --checkpoint-every 64"));
    assert_eq!(done.code, 1);
    assert!(done.error().ends_with(&format!("of step {step}, is in often")), "{}", done.err);
    assert_eq!(summary("often"), plain);
    let [.., last] = &checkpoints(&folder.path("often"))[..] else { panic!("there is one") };
    assert_eq!(wfr::Checkpoint::open(last).unwrap().step(), step);
    // Nothing has changed that would let it go further.
    let again = wfr(&folder, "resume often");
    assert_eq!(again.error(), done.error());

    // Where no loss is wanted, the state before the first is kept.
    folder.write("vanishes.wgsl", &vanishes("bitcast<f32>(nan)"));
    let done = wfr(&folder, &format!("{line} strict --on-non-finite stop"));
    assert_eq!(done.code, 1);
    assert!(done.error().starts_with("error: particles are lost: "), "{}", done.err);
    assert!(done.error().ends_with(", is in strict"), "{}", done.err);
    let strict = summary("strict");
    assert_eq!(strict["steps"], 400);
    assert_eq!((&strict["complete"], &strict["non_finite"]), (&false.into(), &0.into()));
}

#[test]
fn a_path_that_is_not_walked_to_its_end_leaves_what_came_so_far() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let line = "sample ring -n 1000 --schedule adaptive:0.99 --max-stages 4 --out run \
                --checkpoint-every 16";
    let done = wfr(&folder, line);
    done.failed_with(1, &["max_stages = 4", "the particles that came so far are in run"]);
    let summary = fs::read(folder.path("run/summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!((&summary["steps"], &summary["complete"]), (&64.into(), &false.into()));
    // It goes on where it is once its run file allows more stages.
    let run_file = fs::read_to_string(folder.path("run/run.toml")).unwrap();
    let more = run_file.replace("max_stages = 4", "max_stages = 1000");
    fs::write(folder.path("run/run.toml"), more).unwrap();
    wfr(&folder, "resume run").succeeded();
    wfr(&folder, "run run/run.toml --out whole").succeeded();
    let [run, whole] = ["run", "whole"].map(|out| results(&folder.path(out)));
    assert!(run["summary.json"] == whole["summary.json"]);
    assert!(run["particles.npz"] == whole["particles.npz"]);
}
