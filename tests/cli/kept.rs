//! The folder of results: what is in it, that it can be made again, and that nothing is replaced.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use npyz::npz::NpzArchive;
use serde_json::Value;

use crate::program::{Folder, has_adapter};

const RING: [&str; 6] = ["sample", "ring", "-n", "3000", "--steps", "40"];

fn run(folder: &Folder, rest: &[&str]) -> Value {
    let done = folder.wfr(&[&RING[..], rest, &["--json"]].concat()).succeeded();
    serde_json::from_str(&done.out).unwrap()
}

/// All files of a folder with their contents.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file());
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
    };
    files.map(read).collect()
}

fn column<T: npyz::Deserialize>(path: &Path, name: &str) -> (Vec<u64>, Vec<T>) {
    let mut archive = NpzArchive::open(path).unwrap();
    let array = archive.by_name(name).unwrap().unwrap_or_else(|| panic!("there is no {name}"));
    (array.shape().to_vec(), array.into_vec().unwrap())
}

#[test]
fn a_folder_holds_the_particles_and_what_they_tell() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let record = run(&folder, &["--out", "run"]);
    let names: Vec<String> = files(&folder.path("run")).into_keys().collect();
    let expected = [
        ".lock",
        "frames.npz",
        "metrics.jsonl",
        "particles.npz",
        "run.toml",
        "summary.json",
        "summary.txt",
    ];
    assert_eq!(names, expected);

    let path = folder.path("run/particles.npz");
    let (shape, positions) = column::<f32>(&path, "positions");
    assert_eq!(shape, [3000, 2]);
    let (_, log_weights) = column::<f32>(&path, "log_weights");
    let (_, ancestors) = column::<u32>(&path, "ancestors0");
    assert!(ancestors.len() == 3000 && ancestors.iter().all(|a| *a < 3000));
    // The weighted mean is the one in the record.
    let weights: Vec<_> = log_weights.iter().map(|lw| f64::from(*lw).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let products = weights.iter().zip(positions.chunks(2)).map(|(w, x)| w * f64::from(x[0]));
    let mean = products.sum::<f64>() / sum;
    assert!((mean - record["mean"][0].as_f64().unwrap()).abs() < 1e-9);
    // Draws of equal weight are particles, and their mean is near: each particle comes as often as its
    // share says or once more or less, hence an error below 1.5 · 0.5/√3000 = 0.014; four of these.
    let (shape, posterior) = column::<f32>(&path, "posterior");
    assert_eq!(shape, [3000, 2]);
    let drawn = posterior.chunks(2).map(|x| f64::from(x[0])).sum::<f64>() / 3000.0;
    assert!((drawn - mean).abs() < 0.056, "{drawn} is not near {mean}");

    let (_, time) = column::<f64>(&path, "stage_time");
    assert_eq!((time.first(), time.last()), (Some(&0.0), Some(&4.0)));
    let (_, log_z) = column::<f64>(&path, "stage_log_normalizer");
    assert_eq!(log_z.last().copied(), record["log_normalizer"].as_f64());
    let (_, resampled) = column::<bool>(&path, "stage_resampled");
    let count = resampled.iter().filter(|resampled| **resampled).count();
    assert_eq!(count as u64, record["resamplings"].as_u64().unwrap());

    // The summary is the record without the times.
    let summary = std::fs::read_to_string(folder.path("run/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let mut printed = record.clone();
    for key in ["setup_s", "elapsed_s", "cpu_s", "particle_steps_per_s"] {
        assert!(printed.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    assert_eq!(summary, printed);
    let text = std::fs::read_to_string(folder.path("run/summary.txt")).unwrap();
    assert!(text.contains("\nlog Z") && !text.contains("particle-steps/s"), "{text}");
}

#[test]
fn the_resolved_run_file_makes_the_same_bytes() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    run(&folder, &["--seed", "3", "--out", "first"]);
    folder.wfr(&["run", "first/run.toml", "--out", "again"]).succeeded();
    let (mut first, mut again) = (files(&folder.path("first")), files(&folder.path("again")));
    // It tells the time.
    assert!(first.remove("metrics.jsonl").is_some() && again.remove("metrics.jsonl").is_some());
    for (name, bytes) in &first {
        assert!(again[name] == *bytes, "{name} differs");
    }
    assert_eq!(first.len(), again.len());
    run(&folder, &["--seed", "4", "--out", "other"]);
    assert!(files(&folder.path("other"))["particles.npz"] != first["particles.npz"]);
}

#[test]
fn files_are_replaced_only_when_asked() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    std::fs::create_dir(folder.path("run")).unwrap();
    folder.write("run/particles.npz", "old");
    folder.write("run/particles.safetensors", "old");
    folder.write("run/weights.svg", "old");
    folder.write("run/mine.txt", "mine");
    assert_eq!(folder.wfr(&[&RING[..], &["--out", "run"]].concat()).code, 2);
    assert_eq!(files(&folder.path("run"))["particles.npz"], b"old");
    run(&folder, &["--out", "run", "--overwrite"]);
    assert!(NpzArchive::open(folder.path("run/particles.npz")).is_ok());
    let files = files(&folder.path("run"));
    assert_eq!(files["mine.txt"], b"mine");
    // What this run does not make is not of this run.
    assert!(!files.contains_key("particles.safetensors") && !files.contains_key("weights.svg"));
}

#[test]
fn less_can_be_kept() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    run(&folder, &["--out", "all", "--frames", "0"]);
    run(&folder, &["--out", "some", "--thin", "7", "--posterior", "50", "--frames", "0"]);
    assert!(!folder.path("some/frames.npz").exists());
    let of = |out: &str, name: &str| column::<f32>(&folder.path(out).join("particles.npz"), name);
    let (_, all) = of("all", "positions");
    let (shape, some) = of("some", "positions");
    assert_eq!(shape, [429, 2]);
    assert!(some.chunks(2).eq(all.chunks(2).step_by(7)));
    assert_eq!(of("some", "posterior").0, [50, 2]);
}

/// Another program sees the tests of the ESS while the run goes on.
#[test]
fn a_run_can_be_followed() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wfr"))
        .args(["sample", "ring", "-n", "20000", "--steps", "4e6", "--out", "run", "-q"])
        .current_dir(folder.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let lines = loop {
        let text = std::fs::read_to_string(folder.path("run/metrics.jsonl")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines: Vec<Value> =
            whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if lines.len() > 3 || began.elapsed() > Duration::from_secs(120) {
            break lines;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines[0]["event"], "start");
    assert_eq!((&lines[0]["particles"], &lines[0]["steps"]), (&20_000.into(), &4_000_000.into()));
    assert!(lines[1..].iter().all(|line| line["event"] == "test"), "{lines:?}");
    assert!(lines.len() > 3 && lines[2]["step"].as_u64() > lines[1]["step"].as_u64());
}
