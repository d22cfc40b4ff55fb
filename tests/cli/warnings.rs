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
        for seed in ["2", "3"] {
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
    let doubtful: [(&str, Vec<&str>); 8] = [
        // Jumps, of which no score knows.
        (
            "identities",
            [&formula("-x0^2/2 + where(x0 > 0, 3, 0)")[..], &["--flow", "langevin"]].concat(),
        ),
        // Arms beyond the start, and steps that are too short to get there.
        (
            "drift",
            "banana --integrator mala --schedule adaptive -n 4000 --seed 2002".split(' ').collect(),
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

/// A score that is no derivative is what is wrong, not the particles.
#[test]
fn a_wrong_score_is_blamed_itself() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let density = "fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x); }\n";
    for (name, score) in [("wrong.wgsl", "2.0 * x"), ("right.wgsl", "-x")] {
        let score = format!("fn score(x: Point) -> Point {{ return {score}; }}\n");
        folder.write(name, &format!("{density}{score}"));
        let run = ["sample", "--json", name, "--dim", "2", "--integrator", "mala"];
        let done = folder.wfr(&[&run[..], &SMALL].concat()).succeeded();
        let record: Value = serde_json::from_str(&done.out).unwrap();
        let doubts = kinds(&record, "doubt");
        match name {
            "wrong.wgsl" => {
                assert!(doubts.contains(&"score") && !doubts.contains(&"identities"), "{doubts:?}");
                let begin =
                    "the score written in wrong.wgsl differs from the derivative of log_density at";
                assert!(done.err.contains(begin), "{}", done.err);
            }
            _ => assert!(doubts.is_empty(), "{doubts:?}"),
        }
    }
}

/// What a text in WGSL does not see of its data is refused, or noted; a formula sees all of it.
#[test]
fn data_far_from_zero_are_told() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let column = |name: &str, mean: f64, step: f64| {
        let rows: String =
            (0..50).map(|n| format!("{}\n", mean + step * (f64::from(n) - 24.5))).collect();
        folder.write(name, &format!("t\n{rows}"));
    };
    column("times.csv", 1.7e9, 1.07);
    column("dates.csv", 2_460_000.5, 1.07);
    column("years.csv", 2000.5, 1.0);
    let text = "@group(1) @binding(0) var<storage, read> t: array<f32>;
        override t_rows: u32;
        fn log_density(x: Point) -> f32 {
            var sum = -0.5 * x[0] * x[0];
            for (var n = 0u; n < t_rows; n++) {
                let r = (t[n] - t[0] - x[0]) / 100.0;
                sum -= 0.5 * r * r;
            }
            return sum;
        }\n";
    folder.write("mine.wgsl", text);
    let line = |command: &'static str, data: &'static str| {
        folder.wfr(&[&[command, "mine.wgsl", "--json", "--dim", "1", "--data", data][..]].concat())
    };
    for command in ["sample", "check"] {
        line(command, "t=times.csv").failed_with(
            2,
            &[
                "mine.wgsl.t loses its digits in single precision: its mean is 1700000000 and its standard \
                 deviation 1.544e1, where one step is 1.280e2: 0.12 steps, expected 30 or more",
                "subtract the mean from the data first, or write the density as a formula",
            ],
        );
    }
    let told = |data: &'static str| {
        let done = line("sample", data).succeeded();
        let record: Value = serde_json::from_str(&done.out).unwrap();
        let notes =
            kinds(&record, "note").into_iter().filter(|kind| *kind == "rounded-data").count();
        let report: Value = serde_json::from_str(&line("check", data).succeeded().out).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let found =
            findings.filter(|one| one["message"].as_str().unwrap().contains("mine.wgsl.t loses"));
        (notes, found.count())
    };
    assert_eq!(told("t=dates.csv"), (1, 1));
    assert_eq!(told("t=years.csv"), (0, 0));
    let formula = "-x0^2/2 - sum(n in data.t, ((data.t[n] - 1.7e9 - x0)/100)^2/2)";
    let run = ["sample", "--json", "--density", formula, "--dim", "1", "--data", "t=times.csv"];
    let record: Value = serde_json::from_str(&folder.wfr(&run).succeeded().out).unwrap();
    assert!(!kinds(&record, "note").contains(&"rounded-data"), "{record}");
}
