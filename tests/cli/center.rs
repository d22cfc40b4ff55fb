//! Coordinates far from zero, from the command line to the files.

use npyz::npz::NpzArchive;
use serde_json::Value;

use crate::program::{Folder, has_adapter};
use crate::resume::{assert_same, results, wfr};

const DATE: &str = "-((x0-2460000.5)/0.4)^2/2 - log(0.4*sqrt(2*pi))";
const START: &str = "normal(mean=2460000.5, sd=0.8)";
const OFFSET: &str = "fn log_density(x: Point) -> f32 { return -x[0] * x[0] / 0.32 - 0.0026472; }";
const FEW: [&str; 8] = ["-n", "4000", "--steps", "60", "--time", "0.5", "--ess-every", "20"];

fn of(words: &[&str], more: &[&str]) -> Vec<String> {
    words.iter().chain(&FEW).chain(more).map(|word| word.to_string()).collect()
}

fn run(folder: &Folder, words: &[String]) -> (Value, String) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = folder.wfr(&words).succeeded();
    (serde_json::from_str(&done.out).unwrap(), done.err)
}

fn close(record: &Value, name: &str, truth: f64) {
    let pick = |value: &Value| value.as_f64().or_else(|| value[0].as_f64()).unwrap();
    let (value, se) = (pick(&record[name]), pick(&record[format!("{name}_se")]));
    assert!((value - truth).abs() < 4.0 * se, "{name} is {value} ± {se}, not {truth}");
}

/// A formula by itself, a text in WGSL as it is told.
#[test]
fn a_julian_date_is_sampled_in_its_own_coordinates() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("date.wgsl", OFFSET);
    let formula = ["sample", "--density", DATE, "--dim", "1", "--initial", START];
    let text = ["sample", "date.wgsl", "--dim", "1", "--initial", START];
    let centered = of(&text, &["--center", "x0=2460000.5", "--json"]);
    for words in [of(&formula, &["--json"]), centered] {
        let (record, err) = run(&folder, &words);
        for (name, truth) in [("log_normalizer", 0.0), ("mean", 2_460_000.5), ("sd", 0.4)] {
            close(&record, name, truth);
        }
        assert!((record["right_mass"].as_f64().unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(record["center"][0], 2_460_000.5);
        let median = record["quantiles"][0][2].as_f64().unwrap();
        assert!((median - 2_460_000.5).abs() < 0.05, "{median}");
        let doubts = record["warnings"].as_array().unwrap().iter();
        assert_eq!(doubts.filter(|one| one["severity"] == "doubt").count(), 0, "{err}");
    }
    // Without the center there is nothing to be had, and the error says what to do.
    let words = of(&text, &[]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    folder.wfr(&words).failed_with(2, &["initial is too fine", "--center 'x0=2460000.5'"]);
    let done = folder.wfr(&[&formula[..], &["--center", "y=3"]].concat());
    done.failed_with(2, &["--center 'y=3' names 'y', and the coordinates are x0 to x0"]);
}

/// Wide enough to begin with, too narrow in the end.
#[test]
fn a_run_that_ends_on_a_grid_says_so_first() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let narrow = ["sample", "--density", "-((x0-2460000.5)/0.4)^2/2", "--dim", "1"];
    let near = of(&narrow, &["--initial", "normal(mean=2460000, sd=3000)", "--json"]);
    let (record, _) = run(&folder, &near);
    assert_eq!(record.get("center"), None);
    let grid = record["warnings"].as_array().unwrap().iter();
    let grid = grid.filter(|one| one["kind"] == "coarse-coordinate" && one["severity"] == "doubt");
    let first = grid.map(|one| one["text"].as_str().unwrap()).next().unwrap();
    assert!(first.contains("numbers are not trustworthy: x0 has mean 24"), "{first}");
    assert!(first.contains("--center 'x0=24"), "{first}");
}

/// `float64` where the center is not zero, and what reads it finds what was written.
#[test]
fn files_hold_the_coordinates_themselves() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let formula = ["sample", "--density", DATE, "--dim", "1", "--initial", START];
    let kept = ["--out", "date", "--frames", "3", "--plot", "--json"];
    let (record, _) = run(&folder, &of(&formula, &kept));
    let mut archive = NpzArchive::open(folder.path("date/particles.npz")).unwrap();
    for name in ["positions", "posterior"] {
        let all: Vec<f64> = archive.by_name(name).unwrap().unwrap().into_vec().unwrap();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        assert!((mean - 2_460_000.5).abs() < 0.05, "{name}: {mean}");
        assert!(all.iter().any(|x| (x * 64.0).fract() != 0.0), "{name} is on a grid");
    }
    let summary = std::fs::read_to_string(folder.path("date/summary.txt")).unwrap();
    assert!(summary.contains("\nmean  2460000."), "{summary}");
    let density = std::fs::read_to_string(folder.path("date/density.svg")).unwrap();
    assert!(density.contains("2460000") && !density.contains("2.46e6"), "{density}");
    // Drawn again from the files.
    let before = results(&folder.path("date"));
    wfr(&folder, "plot date --overwrite").succeeded();
    let after = results(&folder.path("date"));
    for name in before.keys().filter(|name| name.ends_with(".svg")) {
        assert!(before[name] == after[name], "{name}");
    }
    assert_eq!(record["center"][0], 2_460_000.5);

    // As other formats, and from a checkpoint on.
    let words = of(
        &formula,
        &["--out", "whole", "--format", "safetensors", "--checkpoint-every", "20", "--json"],
    );
    run(&folder, &words);
    let whole = results(&folder.path("whole"));
    let last = crate::resume::checkpoints(&folder.path("whole"));
    assert!(!last.is_empty());
    std::fs::remove_file(last.last().unwrap()).unwrap();
    wfr(&folder, "resume whole").succeeded();
    assert_same(&whole, &results(&folder.path("whole")));
    wfr(&folder, "plot whole").succeeded();
}

/// Modes are told apart by points that single precision could not hold.
#[test]
fn modes_far_from_zero_are_told_apart() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("modes.txt", "2459999.3\n2460001.3\n");
    let two = "log(0.3*exp(-(x0-2459999.3)^2/0.02) + 0.7*exp(-(x0-2460001.3)^2/0.02))";
    let start = "normal(mean=2460000.3, sd=1.5)";
    let words = ["sample", "--density", two, "--dim", "1", "--initial", start];
    let (record, _) = run(&folder, &of(&words, &["--mode-centres", "modes.txt", "--json"]));
    let mass = |k: usize| record["modes"][k]["mass"].as_f64().unwrap();
    assert!((mass(0) - 0.3).abs() < 0.05 && (mass(1) - 0.7).abs() < 0.05, "{record}");
    assert_eq!(record["modes"][0]["name"], "1 (2459999.30)");
}

#[test]
fn a_check_says_what_is_counted_from_where() {
    let folder = Folder::new();
    let done = folder.wfr(&["check", "--density", DATE, "--dim", "1", "--initial", START]);
    let words = "note: single precision counts x0 from 2460000.5";
    assert!(done.out.contains(words) && done.out.contains("0 errors, 0 warnings"), "{}", done.out);
    let coarse = ["check", "standard-normal", "--dim", "1"];
    let done = folder.wfr(&[&coarse[..], &["--initial", "normal(mean=1e5, sd=1)"]].concat());
    assert!(done.out.contains("warning: the initial law: x0 has mean 100000"), "{}", done.out);
    assert!(done.out.contains("128.00 steps, expected 1000 or more"), "{}", done.out);
}

/// Around 1.7e9 single precision has a number every 128: the means of a start come from a file in more.
#[test]
fn a_mixture_starts_where_its_file_says() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    folder.write("date.wgsl", OFFSET);
    folder.write("modes.txt", "1 1700000049.7 0.8\n1 1700000050.3 0.8\n");
    let text = ["sample", "date.wgsl", "--dim", "1", "--initial", "mixture(modes.txt)"];
    let (record, err) = run(&folder, &of(&text, &["--center", "x0=1700000050", "--json"]));
    for (name, truth) in [("log_normalizer", 0.0), ("mean", 1_700_000_050.0), ("sd", 0.4)] {
        close(&record, name, truth);
    }
    let doubts = record["warnings"].as_array().unwrap().iter();
    assert_eq!(doubts.filter(|one| one["severity"] == "doubt").count(), 0, "{err}");
}

/// Advice that a built-in target would refuse is no advice.
#[test]
fn a_built_in_target_is_not_told_to_take_a_center() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let start = ["sample", "ring", "--initial", "normal(mean=2460000, sd=0.4)"];
    let advice = "ring is built in and takes no center, so write the density as a formula";
    folder.wfr(&start).failed_with(2, &["initial is too fine", advice]);
}
