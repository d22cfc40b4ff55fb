//! `wfr check`: what it finds in good and in bad densities.

use serde_json::Value;

use crate::program::{Done, Folder, has_adapter};

/// Checks a density in two dimensions.
fn check(text: &str) -> Done {
    let folder = Folder::new();
    folder.write("mine.wgsl", text);
    folder.wfr(&["check", "mine.wgsl", "--dim", "2"])
}

/// This run ended with that code, and its report has each of these.
#[track_caller]
fn reports(done: &Done, code: i32, words: &[&str]) {
    assert_eq!(done.code, code, "{}{}", done.out, done.err);
    for word in words {
        assert!(done.out.contains(word), "{word}:\n{}", done.out);
    }
    assert!(!done.err.contains("panicked"), "{}", done.err);
}

#[test]
fn every_built_in_density_is_clean() {
    let folder = Folder::new();
    for entry in wfr::catalogue() {
        let dims = if entry.name == "lennard-jones" { ["3", "9"] } else { ["2", "8"] };
        for dim in dims {
            let done = folder.wfr(&["check", entry.name, "--dim", dim, "--points", "50"]);
            reports(&done, 0, &[entry.name, "at all 50 points", "0 errors, 0 warnings"]);
            assert!(!done.out.contains("note: ") || !has_adapter(), "{}", done.out);
        }
    }
}

#[test]
fn a_wrong_coordinate_of_a_score_is_an_error_at_its_function() {
    let done = check(
        "fn log_density(x: Point) -> f32 {\n    return -0.5 * dot(x, x);\n}\n\
         fn score(x: Point) -> Point {\n    return vec2(-x.x, x.y);\n}\n",
    );
    let words = [
        "error: mine.wgsl:4:4: `score` is wrong along x[1] at all 200 points: at x = [",
        "central differences say the same; correct it, or leave it out to have it derived",
        "4 | fn score(x: Point) -> Point {",
        "1 error, 0 warnings",
    ];
    reports(&done, 4, &words);
    let done = check(
        "fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x); }\n\
         fn score(x: Point) -> Point { return x; }\n",
    );
    reports(&done, 4, &["`score` is wrong along every coordinate at all 200 points"]);
    // Where there is no derivative, differences tell.
    let done = check(
        "fn log_density(x: Point) -> f32 { return -dot(x, x) - floor(x.x); }\n\
         fn score(x: Point) -> Point { return vec2(-2.0 * x.x, -3.0 * x.y); }\n",
    );
    let words = ["`floor` jumps", "wrong along x[1]", "the slope by central differences is"];
    reports(&done, 4, &words);
}

#[test]
fn a_number_beyond_single_precision_is_shown_at_its_line() {
    let text = "fn log_density(x: Point) -> f32 {\n    let wall = exp(x.x * x.x * 20.0);\n    \
                return -log(wall) - x.y * x.y;\n}\n";
    let place = "mine.wgsl:2:16: ";
    let line = "2 |     let wall = exp(x.x * x.x * 20.0);";
    if has_adapter() {
        let done = check(text);
        let words = ["in single precision the", place, line, "is beyond its largest number"];
        reports(&done, 4, &words);
    }
    let folder = Folder::new();
    folder.write("mine.wgsl", text);
    let done = folder.wfr_without_adapter(&["check", "mine.wgsl", "--dim", "2"]);
    assert!(done.out.contains("leaves the range of single precision"), "{}", done.out);
    assert!(done.out.contains(place) && done.out.contains(line), "{}", done.out);
}

/// The line is that of the WGSL which the formula became, and is named so.
#[test]
fn a_number_of_a_formula_is_shown_in_its_wgsl() {
    let run = ["check", "--dim", "1", "--density", "-x0^2 - exp(20*x0^2)*1e-30"];
    let done = Folder::new().wfr_without_adapter(&run);
    assert!(done.out.contains("leaves the range of single precision"), "{}", done.out);
    assert!(done.out.contains("formula.wgsl:"), "{}", done.out);
    assert!(done.out.contains("exp("), "{}", done.out);
}

#[test]
fn a_vanishing_exponential_is_told_from_a_support() {
    let done = check(
        "fn log_density(x: Point) -> f32 {\n    return log(exp(-300.0 * dot(x, x)));\n}\n\
         fn score(x: Point) -> Point { return -600.0 * x; }\n",
    );
    assert!(done.out.contains("an exponential is 0 even in double precision"), "{}", done.out);
    assert!(done.out.contains("warning: mine.wgsl:2:16: "), "{}", done.out);
    let done = check(
        "fn log_density(x: Point) -> f32 {\n    var bits = 0xff800000u;\n    \
         return select(-dot(x, x), bitcast<f32>(bits), x.x < 0.0);\n}\n",
    );
    reports(&done, 0, &["note: mine.wgsl:3:31: the log density is −∞ at ", "0 warnings"]);
}

#[test]
fn a_region_without_numbers_is_an_error() {
    let done =
        check("fn log_density(x: Point) -> f32 {\n    return log(x.x) - x.x - x.y * x.y;\n}\n");
    let words = ["error: mine.wgsl:2:12: the log density is not a number at 101 of 200 points"];
    reports(&done, 4, &words);
    let done = check(
        "fn log_density(x: Point) -> f32 {\n    return -pow(x.x, 2.0) - x.y * x.y;\n}\n\
         fn score(x: Point) -> Point { return -2.0 * x; }\n",
    );
    let words = [
        "warning: mine.wgsl:2:13: `pow` has a base below zero at 101 of 200 points",
        "x * x for pow(x, 2.0)",
        "by a power of what is below zero",
    ];
    reports(&done, 4, &words);
}

#[test]
fn loops_that_the_software_driver_ends_are_an_error() {
    let folder = Folder::new();
    folder.write(
        "mine.wgsl",
        "fn log_density(x: Point) -> f32 {\n    var sum = 0.0;\n    \
         for (var i = 0u; i < 70000u; i++) {\n        sum += 1e-5;\n    }\n    \
         return -sum - dot(x, x);\n}\nfn score(x: Point) -> Point { return -2.0 * x; }\n",
    );
    let run = ["check", "mine.wgsl", "--dim", "2", "--points", "8"];
    let done = folder.wfr_without_adapter(&run);
    let words = ["mine.wgsl:1:4: an evaluation takes 70001 loop iterations", "65535"];
    reports(&done, 4, &words);
    folder.write(
        "endless.wgsl",
        "fn log_density(x: Point) -> f32 {\n    var sum = x.x;\n    \
         while (sum < 1e30) { sum -= 1.0; }\n    return -sum;\n}\n\
         fn score(x: Point) -> Point { return -2.0 * x; }\n",
    );
    let done = folder.wfr_without_adapter(&["check", "endless.wgsl", "--dim", "2"]);
    reports(&done, 4, &["endless.wgsl:1:4: more than 1048576 loop iterations in one evaluation"]);
}

#[test]
fn arrays_indexed_by_value_are_a_warning() {
    let folder = Folder::new();
    folder.write(
        "mine.wgsl",
        "fn half_square(y: Point) -> f32 {\n    var sum = 0.0;\n    \
         for (var i = 0u; i < DIM; i++) {\n        sum += y[i] * y[i];\n    }\n    \
         return 0.5 * sum;\n}\n\
         fn log_density(x: ptr<function, Point>) -> f32 {\n    return -half_square(*x);\n}\n",
    );
    let run = |dim| folder.wfr(&["check", "mine.wgsl", "--dim", dim]);
    let words = [
        "warning: mine.wgsl:4:16: `half_square` indexes its parameter `y`, an array of 8 held by \
         value",
        "take `y: ptr<function, Point>`",
        "0 errors, 1 warning\n",
    ];
    reports(&run("8"), 0, &words);
    reports(&run("4"), 0, &["0 errors, 0 warnings\n"]);
}

#[test]
fn densities_without_an_integral_are_a_warning() {
    let of = |body: &str| check(&format!("fn log_density(x: Point) -> f32 {{ return {body}; }}\n"));
    reports(&of("-x.x * x.x"), 0, &["does not depend on x[1]", "1 warning"]);
    reports(&of("-x.x * x.x + 0.1 * x.y * x.y"), 0, &["rises far out, along ", "1 warning"]);
    reports(&of("-log(1.0 + length(x))"), 0, &["to the power −1; ", "only below −2", "1 warning"]);
    // A Cauchy law has an integral.
    // Light enough that a normal start reaches them, and too heavy for it.
    reports(&of("-6.0 * log(1.0 + dot(x, x))"), 0, &["0 errors, 0 warnings"]);
    let heavy = ["to the power −3, and that of the initial law faster", "1 warning"];
    reports(&of("-1.5 * log(1.0 + dot(x, x))"), 0, &heavy);
}

#[test]
fn what_cancels_in_single_precision_is_a_warning() {
    if !has_adapter() {
        return;
    }
    let done = check(
        "fn log_density(x: Point) -> f32 {\n    let y = x + 10000.0;\n    \
         return 2e8 + 2e4 * (x.x + x.y) - dot(y, y);\n}\n",
    );
    let words = ["single precision is too coarse for the log density", "cancel", "1 warning\n"];
    reports(&done, 0, &words);
}

#[test]
fn invalid_text_ends_the_check_as_it_ends_a_run() {
    let done = check("fn log_density(x: Point) -> f32 {\n    return foo(x);\n}\n");
    done.failed_with(4, &["mine.wgsl:2:12: no definition in scope for identifier: `foo`"]);
    let folder = Folder::new();
    folder
        .wfr_without_adapter(&["check", "ring", "--points", "0"])
        .failed(2, "error: points = 0 is not between 1 and 100000");
    folder.wfr(&["check", "ring", "--adapter", "abacus"]).failed_with(3, &[]);
}

#[test]
fn the_record_has_every_number() {
    let folder = Folder::new();
    let done = folder.wfr(&["check", "ring", "--points", "20", "--seed", "5", "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.out.lines().count(), 1);
    let record: Value = serde_json::from_str(&done.out).unwrap();
    let keys: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "adapter",
        "cost",
        "dim",
        "errors",
        "findings",
        "fused_steps",
        "initial",
        "loop_iterations",
        "points",
        "precision",
        "score",
        "seed",
        "support",
        "target",
        "version",
        "warnings",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&record["points"], &record["support"]["finite"]), (&20.into(), &20.into()));
    assert_eq!(record["score"]["origin"], "written");
    assert_eq!(record["score"]["against_derivative"]["apart"], 0);
    assert_eq!(record["score"]["against_differences"]["points"], 20);
    let finding = &record["findings"][0];
    assert_eq!((&finding["severity"], &finding["topic"]), (&"passed".into(), &"text".into()));
    if has_adapter() {
        assert!(record["precision"]["score"]["worst"]["relative"].as_f64().unwrap() < 1e-3);
        assert!(record["cost"]["ns_per_evaluation"].as_f64().unwrap() > 0.0);
    }
}

/// The whole report, where nothing in it depends on the machine.
#[test]
fn the_report_reads_well() {
    let folder = Folder::new();
    folder.write(
        "mine.wgsl",
        "fn log_density(x: Point) -> f32 {\n    return -0.5 * x.x * x.x;\n}\n\
         fn score(x: Point) -> Point {\n    return vec2(-x.x, 1.0);\n}\n",
    );
    let run = ["check", "mine.wgsl", "--dim", "2", "--initial", "uniform(low=0, high=1)"];
    let done = folder.wfr_without_adapter(&[&run[..], &["--points", "4"]].concat());
    assert_eq!(done.code, 4, "{}", done.err);
    assert_eq!(done.out, include_str!("../golden/check_report.txt"), "{}", done.out);
}
