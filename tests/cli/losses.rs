//! What the program says of particles that are lost, and of a weight that gathers on one of them.

use serde_json::Value;

use crate::program::{Done, Folder, has_adapter};

/// A standard normal that is not a number beyond x0 = 2.2: less than half of the particles are lost.
const SPOILT: &str = "fn log_density(x: Point) -> f32 {
    var nan = 0x7fc00000u;
    return select(-0.5 * dot(x, x), bitcast<f32>(nan), x.x > 2.2);
}
fn score(x: Point) -> Point { return -x; }\n";

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap()
}

const RUN: [&str; 7] = ["sample", "spoilt.wgsl", "--dim", "2", "-n", "2000", "--steps=32"];

#[test]
fn lost_particles_are_told_once_and_kept_in_the_record() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("spoilt.wgsl", SPOILT);
    let done = folder.wfr(&[&RUN[..], &["--json", "--out", "run"]].concat()).succeeded();
    assert_eq!(done.err.matches("particles are lost by step ").count(), 1, "{}", done.err);
    let told = "the first in step 1: the log density or what it gives is not a number at x = (";
    assert!(done.err.contains(told), "{}", done.err);
    let record = json(&done);
    let losses = &record["losses"];
    assert!(losses["weight"].as_u64() > Some(200), "{losses}");
    assert_eq!((&losses["position"], &losses["score"]), (&Value::from(0), &Value::from(0)));
    let rows = losses["by_step"].as_array().unwrap();
    let sum: u64 = rows.iter().map(|row| row[3].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), losses["weight"].as_u64());
    assert_eq!(
        (&losses["first"]["step"], &losses["first"]["cause"]),
        (&1.into(), &"weight".into())
    );
    assert!(losses["first"]["position"][0].as_f64() > Some(2.2), "{losses}");
    let warnings = record["warnings"].to_string();
    assert!(warnings.contains("many particles were lost, so that all numbers are"), "{warnings}");
    assert!(warnings.contains(" by their weight in a population of 2000, the first"), "{warnings}");
    let summary = std::fs::read_to_string(folder.path("run/summary.txt")).unwrap();
    assert!(summary.starts_with("warning: many particles were lost, so that"), "{summary}");
    let metrics = std::fs::read_to_string(folder.path("run/metrics.jsonl")).unwrap();
    let line = metrics.lines().rfind(|line| line.contains("\"losses\"")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["weight"], losses["weight"]);
}

/// Where most of the population is lost there is no result: exit code 1, and what is left is marked.
#[test]
fn a_run_that_loses_most_fails_and_marks_what_it_keeps() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("spoilt.wgsl", &SPOILT.replace("x.x > 2.2", "x.x > -0.5"));
    let told = ["more than half of the particles are lost: ", "by their weight in a population of"];
    folder.wfr(&RUN).failed_with(1, &told);
    let kept = folder.wfr(&[&RUN[..], &["--out", "run", "--plot"]].concat());
    kept.failed_with(1, &[&told[..], &["what is left is in run, marked as failed"]].concat());
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let summary = read("run/summary.txt");
    assert!(summary.starts_with("warning: the run failed, and these numbers are not"), "{summary}");
    let record: Value = serde_json::from_str(&read("run/summary.json")).unwrap();
    let failed = record["failed"].as_str().unwrap();
    assert!(failed.starts_with("more than half of the particles are lost: "), "{failed}");
    assert!(read("run/report.html").contains("the run failed, and these numbers are not"));
    assert!(folder.path("run/particles.npz").exists());
}

#[test]
fn a_run_stops_at_a_loss_where_it_should() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("spoilt.wgsl", SPOILT);
    let stopped = folder.wfr(&[&RUN[..], &["--on-non-finite", "stop"]].concat());
    stopped.failed_with(
        1,
        &["particles are lost: ", "the first in step 1, slot ", "or go on without such particles"],
    );
}

#[test]
fn a_weight_that_gathers_on_one_particle_is_told_when_it_happens() {
    if !has_adapter() {
        return;
    }
    let sharp =
        ["sample", "--density=-5e7*(x0 - 3)^2", "--dim=1", "-n=500", "--steps=32", "--json"];
    let done = Folder::new().wfr(&sharp).succeeded();
    assert_eq!(done.err.matches("% of the weight, ESS ").count(), 1, "{}", done.err);
    let warnings = json(&done)["warnings"].to_string();
    assert!(warnings.contains("the weight gathered on one particle: at step "), "{warnings}");
}
