//! What the program says against its own numbers: nothing on right runs, and something on wrong ones.
//!
//! `scripts/warning-rates` counts both over many seeds.

use serde_json::Value;

use crate::program::{Folder, has_adapter};

fn record(line: &[&str]) -> Value {
    let done = Folder::new().wfr(&[&["sample", "--json"], line].concat()).succeeded();
    serde_json::from_str(&done.out).unwrap()
}

/// The kinds of the warnings of this severity.
fn kinds<'r>(record: &'r Value, severity: &str) -> Vec<&'r str> {
    let all = record["warnings"].as_array().unwrap().iter();
    let of = all.filter(|one| one["severity"] == severity);
    of.map(|one| one["kind"].as_str().unwrap()).collect()
}

const SMALL: [&str; 4] = ["-n", "4000", "--steps", "100"];

#[test]
fn right_runs_carry_no_doubt() {
    if !has_adapter() {
        return;
    }
    let half_line = ["half.wgsl", "--dim", "1", "--integrator", "mala"];
    let normal = ["--density", "-x0^2/2", "--dim", "1"];
    let jump = ["--density", "-x0^2/2 + where(x0 > 0, 1, 0)", "--dim", "1"];
    let runs: [&[&str]; 7] = [
        &jump,
        &["double-well", "--set", "a=4"],
        &["double-well", "--set", "a=4", "--integrator", "mala"],
        &["double-well", "--set", "a=4", "--integrator", "baoab"],
        &["gaussian-mixture"],
        &half_line,
        &normal,
    ];
    let folder = Folder::new();
    folder.write(
        "half.wgsl",
        "fn log_density(x: Point) -> f32 {
            var bits = 0xff800000u;
            return select(bitcast<f32>(bits), -x[0], x[0] > 0.0);
        }\n",
    );
    let mut doubts = Vec::new();
    for run in runs {
        for seed in ["1", "2"] {
            let line = [&["sample", "--json", "--seed", seed], run, &SMALL].concat();
            let record: Value = serde_json::from_str(&folder.wfr(&line).succeeded().out).unwrap();
            let found = kinds(&record, "doubt").join(", ");
            if !found.is_empty() {
                doubts.push(format!("{} {seed}: {found}", run.join(" ")));
            }
            assert!(record["checks"]["identities"]["z"].is_number(), "{record}");
        }
    }
    assert!(doubts.is_empty(), "{doubts:?}");
}

/// Each was printed without a word.
#[test]
fn wrong_runs_say_so() {
    if !has_adapter() {
        return;
    }
    let formula = |text: &'static str| ["--density", text, "--dim", "1", "-n", "10000"];
    let doubtful: [(&str, Vec<&str>); 7] = [
        // Jumps, of which no score knows.
        (
            "identities",
            [&formula("-x0^2/2 + where(x0 > 0, 3, 0)")[..], &["--flow", "langevin"]].concat(),
        ),
        ("few-families", vec!["double-well", "-n", "20", "--steps", "20"]),
        ("tails", [&formula("-log(1 + x0^2)")[..], &["--steps", "100"]].concat()),
        ("identities", [&formula("-(x0/1000)^2/2")[..], &["--flow", "langevin"]].concat()),
        ("identities", [&formula("-(x0/0.001)^2/2")[..], &["--flow", "langevin"]].concat()),
        // Nearly -1e7 - x0^2/2, with a constant that no rule takes off.
        ("precision", [&formula("-sqrt(1e14 + 1e7*x0^2)")[..], &["--steps", "50"]].concat()),
        ("precision", [&formula("-sqrt(1e14 + 1e7*x0^2)")[..], &["--integrator", "mala"]].concat()),
    ];
    for (kind, line) in doubtful {
        let record = record(&line);
        assert!(kinds(&record, "doubt").contains(&kind), "{line:?}: {}", record["warnings"]);
    }
}

#[test]
fn a_box_that_does_not_cover_the_target_is_said_at_the_top_and_in_the_label() {
    if !has_adapter() {
        return;
    }
    let cut = ["gaussian-mixture", "--initial", "uniform(low=-2, high=2)", "--integrator", "mala"];
    let done = Folder::new().wfr(&[&["sample"], &cut[..], &SMALL].concat()).succeeded();
    assert!(done.out.starts_with("note: the start does not cover the target, "), "{}", done.out);
    assert!(done.out.contains("\nlog Z inside the start's box "), "{}", done.out);
}

#[test]
fn what_cannot_be_known_is_unknown() {
    if !has_adapter() {
        return;
    }
    let one = ["double-well", "-n", "1", "--steps", "16"];
    let record = record(&one);
    assert_eq!(record["log_normalizer_se"], Value::Null);
    assert!(record["mean_se"].as_array().unwrap().iter().all(Value::is_null));
    assert!(record["quantiles_se"][0].as_array().unwrap().iter().all(Value::is_null));
    let done = Folder::new().wfr(&[&["sample"], &one[..]].concat()).succeeded();
    assert!(done.out.contains(" ± unknown"), "{}", done.out);
}

/// What a flow's errors leave out is a note after the results.
#[test]
fn flows_with_a_bias_say_so_in_one_line() {
    if !has_adapter() {
        return;
    }
    for (flow, kind) in [("langevin", "no-weights"), ("wfr", "gradient-flow")] {
        let line = [&["sample", "double-well", "--flow", flow], &SMALL[..]].concat();
        let folder = Folder::new();
        let done = folder.wfr(&line).succeeded();
        let at = done.out.find("\nnote: ").expect(&done.out);
        assert!(at > done.out.find("P(x0 > 0)").unwrap(), "{}", done.out);
        let done = folder.wfr(&[&line[..], &["--json"]].concat()).succeeded();
        let record: Value = serde_json::from_str(&done.out).unwrap();
        assert!(kinds(&record, "note").contains(&kind), "{}", record["warnings"]);
    }
}
