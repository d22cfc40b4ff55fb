//! `wfr compose` and the experiments with compositions: what they find, print and refuse.

use serde_json::Value;

use crate::program::{Done, Folder, has_adapter};

/// A folder with two models on the line and one in the plane.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("left.txt", "0.3 -3 0.5\n0.7 1 0.7071068\n");
    folder.write("right.txt", "0.6 -1 0.6324555\n0.4 2.5 0.5477226\n");
    folder.write("plane.txt", "1 0 0 1\n");
    folder
}

fn compose(folder: &Folder, options: &[&str]) -> Done {
    let models = ["compose", "--model", "left.txt", "--model", "right.txt", "--rule"];
    folder.wfr(&[&models[..], options].concat())
}

fn json(done: &Done) -> Value {
    assert_eq!(done.out.trim_end().lines().count(), 1, "{}", done.out);
    serde_json::from_str(&done.out).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_composition_finds_what_quadrature_does() {
    if !has_adapter() {
        return;
    }
    let folder = folder();
    let size = ["-n", "2e4", "--steps", "100", "--json"];
    let run = ["geometric", "--share", "0.4", "--out", "run"];
    let record = json(&compose(&folder, &[&run[..], &size[..]].concat()).succeeded());
    assert_eq!(folder.names(), ["left.txt", "plane.txt", "right.txt", "run"]);
    // ∫ x and ∫ 1 of q₁^0.6 q₂^0.4 by another program.
    let truth = &record["truth"];
    assert!((number(&truth["mean"][0]) - 0.4464).abs() < 1e-4, "{truth}");
    assert!((number(&truth["log_normalizer"]) + 0.6147).abs() < 1e-4, "{truth}");
    let off = number(&record["mean"][0]) - number(&truth["mean"][0]);
    assert!(off.abs() < 5.0 * number(&record["mean_se"][0]), "{off}");
    let off = number(&record["log_normalizer"]) - number(&truth["log_normalizer"]);
    assert!(off.abs() < 5.0 * number(&record["log_normalizer_se"]), "{off}");
    let modes = record["modes"].as_array().unwrap();
    assert_eq!(modes.len(), 4);
    for mode in modes {
        let off = number(&mode["mass"]) - number(&mode["exact"]);
        assert!(off.abs() < 5.0 * number(&mode["mass_se"]), "{mode}");
    }
    let composition = &record["composition"];
    assert_eq!(composition["models"], serde_json::json!(["left.txt", "right.txt"]));
    assert_eq!(composition["noise"], "vp:0.1:20");
    assert_eq!(record["integrator"], "kernel-ratio");

    // Without weights the mean is off by 0.36: 25 standard errors.
    let bare = ["geometric", "--share", "0.4", "--uncorrected"];
    let record = json(&compose(&folder, &[&bare[..], &size[..]].concat()).succeeded());
    let off = number(&record["mean"][0]) - number(&record["truth"]["mean"][0]);
    assert!(off < -20.0 * number(&record["mean_se"][0]), "{off}");
    assert_eq!(record["composition"]["corrected"], false);
}

#[test]
fn tracked_log_densities_and_rewards_are_reported() {
    if !has_adapter() {
        return;
    }
    let folder = folder();
    let size = ["-n", "4000", "--steps", "100"];
    let tracked = ["fisher-rao", "--share", "0.1:0.6", "--tracking", "ito"];
    let text = compose(&folder, &[&tracked[..], &size[..]].concat()).succeeded().out;
    assert!(text.contains("fisher-rao (0.9:0.4, 0.1:0.6) of left.txt and right.txt"), "{text}");
    let row = text.lines().find(|line| line.starts_with("right.txt")).unwrap();
    let rms: f64 = row.split_whitespace().last().unwrap().parse().unwrap();
    assert!(rms > 0.1 && rms < 2.0, "{row}");

    let reward = [
        "compose",
        "--model",
        "left.txt",
        "--rule",
        "anneal",
        "--power",
        "1",
        "--reward",
        "-(x0 - c)^2/2 + 0.3*sin(2*x0)",
        "--param",
        "c=1",
        "--reward-strength",
        "0:1.5",
        "-n",
        "2e4",
        "--steps",
        "200",
        "--json",
    ];
    let record = json(&folder.wfr(&reward).succeeded());
    let off = number(&record["mean"][0]) - 0.9483;
    assert!(off.abs() < 5.0 * number(&record["mean_se"][0]), "{off}");
    assert_eq!(record["truth"], Value::Null);
}

#[test]
fn rules_take_their_own_options() {
    let folder = folder();
    let refused = |options: &[&str], error: &str| compose(&folder, options).failed(2, error);
    refused(
        &["product", "--power", "1"],
        "error: --power does not go with the rule product; leave it out",
    );
    refused(&["guidance"], "error: the rule guidance needs a number; add for instance --scale 2");
    refused(
        &["log-linear", "--exponents", "1"],
        "error: log-linear rule has numbers for 1 of the models, and there are 2; give one each",
    );
    refused(
        &["fisher-rao", "--share", "1.5"],
        "error: fisher-rao rule has the shares (-0.5, 1.5); give 0 or more each",
    );
    compose(&folder, &["mixture", "--share", "half"])
        .failed_with(2, &["--share", "= half is not a number, or numbers joined by colons"]);
    compose(&folder, &["mixture", "--share", "0.5", "--shares", "1,1"])
        .failed_with(2, &["--shares", "cannot be used with"]);
    compose(&folder, &["mixing"]).failed_with(2, &["possible values: anneal, product"]);
}

#[test]
fn models_noise_and_rewards_are_checked() {
    let folder = folder();
    folder
        .wfr(&["compose", "--rule", "product"])
        .failed(2, "error: no model is given; add --model FILE for each");
    folder
        .wfr(&["compose", "--rule", "product", "--model", "none.txt"])
        .failed_with(2, &["none.txt: cannot be read"]);
    folder.wfr(&["compose", "--rule", "product", "--model", "left.txt", "--model", "plane.txt"]).failed(
        2,
        "error: models left.txt has 1 coordinates and plane.txt has 2; compose models of one space",
    );
    compose(&folder, &["product", "--noise", "edm"])
        .failed_with(2, &["'edm' is not known; write vp, sub-vp or ve"]);
    compose(&folder, &["product", "--divergence", "hutch"])
        .failed_with(2, &["'hutch' is not known; write exact, hutchinson or hutchinson:4"]);
    compose(&folder, &["product", "--levels", "log"])
        .failed_with(2, &["'log' is not known; write uniform, geometric or karras:7"]);
    compose(&folder, &["product", "--levels", "geometric"])
        .failed_with(2, &["which equal factors never reach; give a last level above 0"]);
    compose(&folder, &["product", "--last", "2"])
        .failed(2, "error: schedule last level = 2 is not between 0 and 1, the first");
    compose(&folder, &["product", "--reward-guidance", "1"]).failed(
        2,
        "error: --reward-guidance is for a reward, and there is none; add --reward, or leave it out",
    );
    compose(&folder, &["product", "--reward", "x1"]).failed_with(4, &["`x1` is out of range"]);
    compose(&folder, &["product", "--stochasticity", "-1"])
        .failed_with(2, &["stochasticity = -1 is not between 0"]);
    if has_adapter() {
        compose(&folder, &["product", "--integrator", "mala"])
            .failed_with(2, &["= mala does not run a diffusion backward"]);
        let tracked = ["fisher-rao", "--tracking", "kernel-ratio", "--stochasticity", "0.5"];
        compose(&folder, &tracked).failed_with(2, &["kernel-ratio needs stochasticity = 1"]);
    }
}

#[test]
fn experiments_with_compositions_run() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let run = |name: &str, options: &[&str]| {
        let done = folder.wfr(&[&["experiment", name, "--json"][..], options].concat());
        json(&done.succeeded())
    };
    let small = ["-n", "2000", "--steps", "40"];
    let transfer = run("transfer", &[&small[..], &["--closed-form"]].concat());
    // 5 sd of P(x > 0)-like masses of 2000 particles.
    for row in transfer["rows"].as_array().unwrap() {
        if row["name"].as_str().unwrap().starts_with("mode ") {
            let off = number(&row["found"][0]["value"]) - number(&row["exact"]);
            assert!(off.abs() < 5.0 * number(&row["found"][0]["se"]), "{row}");
        }
    }
    let points = run("ablation", &[&small[..], &["--points", "1"]].concat());
    assert_eq!(points.as_array().map(Vec::len), Some(16));
    let stress = run("stress", &["-n", "500", "--steps", "20", "--dims", "10"]);
    let rows = stress.as_array().unwrap();
    assert_eq!(rows.len(), 10);
    // Weights by the score of the mixture are the even ones.
    assert!(number(&rows[2]["ess"]) > 2.0 * number(&rows[5]["ess"]), "{stress}");
    let overhead = run("overhead", &["-n", "500", "--steps", "20", "--dims", "2,4"]);
    let resamplings = |row: &Value| row["resamplings"].as_u64().unwrap();
    let rows = overhead.as_array().unwrap();
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| (resamplings(row) > 0) == (row["way"] == "weights, resampled")));
    let robustness = run("robustness", &["-n", "1000", "--steps", "20"]);
    assert_eq!(robustness.as_array().map(Vec::len), Some(55));
    assert_eq!(
        folder.names(),
        [
            "wfr-ablation-1d.png",
            "wfr-ablation-2d.png",
            "wfr-robustness.png",
            "wfr-stress.png",
            "wfr-transfer.png"
        ]
    );
    folder
        .wfr(&["experiment", "ablation", "--points", "0"])
        .failed(2, "error: --points = 0 is not between 1 and 99");
}
