//! Paths of densities and the experiment of geodesics, as the program has them.

use serde_json::Value;

use crate::program::{Folder, has_adapter};

#[test]
fn a_path_is_sampled_with_a_pilot() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let wells = ["sample", "double-well", "--set", "a=4", "-n", "2e4", "--steps", "64"];
    let run = |rest: &[&str]| folder.wfr(&[&wells[..], rest].concat()).succeeded();
    let path = ["--flow", "path", "--path", "arc", "--json"];
    let done = run(&path);
    let record: Value = serde_json::from_str(&done.out).unwrap();
    assert!(record["flow"].as_str().unwrap().starts_with("arc:0."), "{}", done.out);
    let number = |place: &Value| place.as_f64().unwrap();
    let (ratio, se) =
        (number(&record["pilot"]["log_ratio"]), number(&record["pilot"]["log_ratio_se"]));
    let (log_z, truth) =
        (number(&record["log_normalizer"]), number(&record["truth"]["log_normalizer"]));
    assert!((ratio - truth).abs() < 5.0 * se, "{ratio} ± {se}, {truth}");
    assert_eq!(number(&record["log_ratio"]), ratio);
    let error = number(&record["log_normalizer_se"]);
    assert!((log_z - truth).abs() < 5.0 * error, "{log_z} ± {error}, {truth}");
    assert!(done.err.contains("a pilot estimates log(Z1/Z0) = "), "{}", done.err);

    let done = run(&["--flow", "path", "--path", "power:1..-0.5", "--log-ratio", "2.5"]);
    assert!(done.out.contains("power:1..-0.5 flow"), "{}", done.out);
    assert!(!done.out.contains("by the pilot"), "{}", done.out);
}

#[test]
fn mixtures_travel() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("from.txt", "0.7 -1 0 0.5\n0.3 1 0 0.5\n");
    folder.write("to.txt", "0.4 -1 1 0.5\n0.6 2 0 0.5\n");
    let hybrid = ["sample", "gaussian-mixture", "--components", "to.txt", "--dim", "2"];
    let rest = ["--initial", "mixture(from.txt)", "--flow", "path", "--path", "hybrid"];
    let small = ["-n", "2e4", "--steps", "64", "--time", "1"];
    let done = folder.wfr(&[&hybrid[..], &rest, &small].concat()).succeeded();
    assert!(done.out.contains("from a mixture of 2 Gaussians, hybrid flow"), "{}", done.out);
}

#[test]
fn paths_are_refused_in_words() {
    let folder = Folder::new();
    let sample = |rest: &[&str]| folder.wfr(&[&["sample", "ring"][..], rest].concat());
    sample(&["--flow", "path"]).failed_with(2, &["--flow path needs to know which; add --path"]);
    sample(&["--path", "mixture"]).failed(2, "error: --path is for --flow path; add that");
    sample(&["--flow", "path", "--path", "straight"]).failed_with(2, &["is no path; write geo"]);
    sample(&["--flow", "path", "--path", "geometric", "--log-ratio", "1"])
        .failed_with(2, &["--log-ratio is for paths of power means"]);
    if has_adapter() {
        sample(&["--flow", "path", "--path", "hybrid"])
            .failed_with(2, &["hybrid path needs a target of Gaussian components"]);
    }
}

#[test]
fn geodesics_are_drawn() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let small = ["-n", "2000", "--steps", "40", "--looks", "10"];
    let done = folder.wfr(&[&["experiment", "geodesics"][..], &small].concat()).succeeded();
    assert_eq!(folder.names(), ["wfr-geodesics.png"]);
    let lines: Vec<&str> = done.out.lines().collect();
    for name in ["exponential", "mixture", "Fisher-Rao", "Wasserstein", "hybrid", "cone"] {
        let row = lines.iter().find(|line| line.starts_with(name)).unwrap();
        let cells: Vec<f64> = row.split_whitespace().filter_map(|cell| cell.parse().ok()).collect();
        // E x, its error, …, P(x > 0), its error, …; the exact one is 0.7068.
        let (mass, error) = (cells[4], cells[5]);
        assert!((mass - 0.7068).abs() < 5.0 * error, "{row}");
    }
    let done = folder.wfr(&["experiment", "geodesics", "--looks", "0"]);
    done.failed(2, "error: --looks = 0 is not between 1 and the 400 steps");
}
