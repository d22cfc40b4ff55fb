//! What the program refuses, in which words and with which exit code.

use crate::program::{Folder, has_adapter};

#[test]
fn numbers_out_of_range_are_usage_errors() {
    let folder = Folder::new();
    let sample = |option: &str, value: &str| folder.wfr(&["sample", "ring", option, value]);
    if has_adapter() {
        sample("-n", "0").failed(2, "error: particles = 0 is not between 1 and 134217728");
        sample("--ess-every", "0").failed_with(2, &["ess_every = 0"]);
        sample("--ess-threshold", "nan").failed_with(2, &["ess_threshold = NaN"]);
        sample("--submission-limit", "0.1ms")
            .failed_with(2, &["submission_limit = 100µs is not between 1 ms and 1 h"]);
    }
    sample("--submission-limit", "50").failed_with(2, &["'50'", "50ms, 0.5s, 30s, 5m, 2min or 1h"]);
    sample("--particles", "1.5").failed_with(2, &["'1.5'", "--particles", "not a whole number"]);
    sample("--particles", "-1").failed_with(2, &["'-1'", "not a whole number"]);
    sample("--time", "-1").failed(2, "error: time = -1 is not positive and finite");
    sample("--steps", "0").failed(2, "error: steps = 0 is not between 1 and 4000000");
    sample("--dim", "1").failed(2, "error: dim is 1; ring has 2 to 1024");
    sample("--seed", "-1").failed_with(2, &["--seed"]);
}

#[test]
fn schedules_are_refused_in_one_sentence() {
    let folder = Folder::new();
    folder.write("beta.txt", "0 0\n1 0.5\n0.5 1\n");
    let sample =
        |options: &[&str]| folder.wfr(&[&["sample", "ring", "--schedule"], options].concat());
    sample(&["cubic"])
        .failed(2, "error: schedule 'cubic' is not known; write linear, power:2 or sigmoid:6");
    sample(&["power:0"])
        .failed(2, "error: schedule power:0 needs a number above 0 and at most 100");
    sample(&["none.txt"]).failed_with(2, &["none.txt: cannot be read"]);
    sample(&["beta.txt"]).failed_with(2, &["beta.txt: line 3: (0.5, 1) must have a later t"]);
    sample(&["beta.txt", "--steps", "10"])
        .failed(2, "error: --steps is told by the schedule file beta.txt already; leave it out");
    sample(&["linear", "--first-step", "9"])
        .failed(2, "error: schedule first step = 9 is not between 0 and time = 4");
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let folder = Folder::new();
    folder.wfr(&["sample", "rong"]).failed_with(2, &["\"rong\" is not known", "are ring,"]);
    folder.wfr(&["smaple", "ring"]).failed_with(2, &["similar subcommand exists: 'sample'"]);
    folder
        .wfr(&["sample", "ring", "--flow", "anealed"])
        .failed_with(2, &["similar value exists: 'annealed'"]);
    folder
        .wfr(&["sample", "ring", "--resampler", "sistematic"])
        .failed_with(2, &["similar value exists: 'systematic'"]);
    folder.wfr(&["sample", "double-well", "--set", "b=1"]).failed(
        2,
        "error: double-well.b is not a parameter; known: a (default 20), c (default 0.1), \
         stiffness (default 1)",
    );
    folder
        .wfr(&["sample", "ring", "--initial", "cauchy(mean=0)"])
        .failed_with(2, &["neither normal nor uniform"]);
    folder
        .wfr(&["sample", "ring", "--components", "c.txt"])
        .failed_with(2, &["--components is for gaussian-mixture"]);
    if has_adapter() {
        folder
            .wfr(&["sample", "ring", "--adapter", "abacus"])
            .failed_with(3, &["no adapter is called 'abacus'; there are: "]);
    }
}

#[test]
fn options_of_the_reaction_need_their_flow_and_their_estimator() {
    let folder = Folder::new();
    let sample = |options: &[&str]| folder.wfr(&[&["sample", "ring"], options].concat());
    sample(&["--landmarks", "5"]).failed(
        2,
        "error: --landmarks is for the flow wfr, and the flow is annealed; add --flow wfr, or \
         leave it out",
    );
    let wfr = |options: &[&str]| sample(&[&["--flow", "wfr"], options].concat());
    wfr(&["--cells", "64"])
        .failed(2, "error: --cells does not go with the kernel estimator; leave it out");
    wfr(&["--density-estimator", "transition", "--bandwidth", "1"])
        .failed_with(2, &["--bandwidth does not go with the transition estimator"]);
    wfr(&["--reaction-rate", "-1"]).failed_with(2, &["--reaction-rate = -1"]);
    wfr(&["--bandwidth", "wide"]).failed_with(2, &["neither silverman nor scott nor numbers"]);
    wfr(&["--splitting", "lie"]).failed_with(2, &["transport-first", "strang"]);
}

#[test]
fn files_are_checked() {
    let folder = Folder::new();
    folder.write("components.txt", "1 0 0 1\n1 NaN 0 1\n");
    folder
        .wfr(&["sample", "gaussian-mixture", "--components", "components.txt"])
        .failed(2, "error: components.txt: line 2: mean_1 is NaN; expected a finite number");
    folder
        .wfr(&["sample", "none.wgsl", "--dim", "2"])
        .failed_with(2, &["none.wgsl cannot be read"]);
    folder.write("mine.wgsl", "");
    folder.wfr(&["sample", "mine.wgsl"]).failed(
        2,
        "error: mine.wgsl does not tell its number of dimensions; add for instance --dim 2",
    );
}

/// A target with two arrays, which is never run here.
const REGRESSION: &str = "\
@group(1) @binding(0) var<storage, read> X: array<f32>;
@group(1) @binding(1) var<storage, read> y: array<f32>;
fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x) * X[0] * y[0]; }
fn score(x: Point) -> Point { return -x; }
";

#[test]
fn data_are_checked() {
    let folder = Folder::new();
    folder.write("r.wgsl", REGRESSION);
    folder.write("t.csv", "X,y,who\n1,2,a\n3,NaN,b\n");
    folder.write("u.csv", "y\n1\n2\n");
    folder.write("v.csv", "a,b\n1,2\n");
    let sample = |data: &[&str]| {
        let data = data.iter().flat_map(|data| ["--data", data]);
        let arguments: Vec<&str> =
            ["sample", "r.wgsl", "--dim", "2"].into_iter().chain(data).collect();
        folder.wfr(&arguments)
    };
    sample(&["X=t.csv"]).failed(
        4,
        "error: r.wgsl:2:23: `y` has no data; add `with_data(\"y\", …)`, or --data y=FILE on the \
         command line\n\
         2 | @group(1) @binding(1) var<storage, read> y: array<f32>;\n  |                       \
         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    );
    sample(&["t.csv"]).failed(
        2,
        "error: t.csv: line 3, column `y`: is NaN; expected finite numbers, so leave out or fill \
         in what is missing",
    );
    sample(&["X=v.csv", "y=t.csv:who"])
        .failed(2, "error: t.csv: line 2, column `who`: \"a\" is not a number");
    sample(&["y=t.csv:whom"]).failed(2, "error: t.csv: has no column `whom`; it has X, y, who");
    sample(&["z=u.csv"])
        .failed(2, "error: r.wgsl.z is not an array of the target; it declares X, y");
    sample(&["v.csv"])
        .failed(2, "error: v.csv has a, b, but r.wgsl declares X, y; write --data NAME=v.csv:KEY");
    sample(&["t.csv", "u.csv"]).failed_with(2, &["column `y`: is NaN"]);
    sample(&["u.csv", "t.csv"])
        .failed(2, "error: `y` is in u.csv and in t.csv; choose with --data y=FILE");
    sample(&["y=u.csv", "y=u.csv"]).failed(2, "error: --data y is given twice; leave one out");
    sample(&["y=none.npy"]).failed_with(2, &["none.npy: cannot be read: "]);
    sample(&["y=u.txt"]).failed_with(2, &["'y=u.txt'", "does not end in .npy, .npz or .csv"]);
    sample(&["u.npy"]).failed_with(2, &["write NAME=u.npy"]);
    folder
        .wfr(&["sample", "ring", "--data", "y=u.csv"])
        .failed_with(2, &["ring.y is not an array of the target; it declares none"]);
}

#[test]
fn places_that_cannot_be_written_are_refused_before_the_run() {
    let folder = Folder::new();
    folder.write("old", "precious");
    std::fs::create_dir(folder.path("kept")).unwrap();
    folder.write("kept/summary.json", "precious");
    // A run of this size would take hours: the refusal comes before it.
    let sample = |rest: &[&str]| {
        folder.wfr(&[&["sample", "ring", "-n", "1e7", "--steps", "4e6"], rest].concat())
    };
    sample(&["--out", "old"])
        .failed(2, "error: old is a file; results go into a folder: name another with --out");
    sample(&["--out", "kept"])
        .failed(2, "error: kept holds files already; add --overwrite or name another folder");
    assert_eq!(std::fs::read_to_string(folder.path("kept/summary.json")).unwrap(), "precious");
    sample(&["--out", "none/a"]).failed_with(2, &["there is no folder none; make it first"]);
    sample(&["--out", "a.npz"]).failed_with(2, &["write for instance --out a --format npz"]);
    sample(&["--plot"]).failed_with(2, &["--plot is for what --out keeps", "add --out DIR"]);
    sample(&["--out", "a", "--thin", "0"]).failed_with(2, &["--thin 0 keeps no particle"]);
    sample(&["--out", "a", "--posterior", "1e8"]).failed_with(2, &["more than 10000000"]);
    if cfg!(target_os = "linux") && has_adapter() {
        sample(&["--out", "/proc/a"]).failed_with(2, &["/proc/a cannot be made"]);
    }
    assert_eq!(folder.names(), ["kept", "old"]);
}

#[test]
fn invalid_wgsl_is_shown_at_its_place() {
    let folder = Folder::new();
    folder.write(
        "bad.wgsl",
        "fn log_density(x: Point) -> f32 {\n    return foo(x);\n}\n\
         fn score(x: Point) -> Point { return x; }\n",
    );
    folder.wfr(&["sample", "bad.wgsl", "--dim", "2"]).failed(
        4,
        "error: bad.wgsl:2:12: no definition in scope for identifier: `foo`\n\
         2 |     return foo(x);\n  |            ^^^",
    );
    folder.write("half.wgsl", "fn score(x: Point) -> Point { return x; }\n");
    folder
        .wfr(&["sample", "half.wgsl", "--dim", "2"])
        .failed_with(4, &["half.wgsl: a target must define `fn log_density(x: Point) -> f32`"]);
    folder.write("jump.wgsl", "fn log_density(x: Point) -> f32 { return -floor(x.x); }\n");
    folder
        .wfr(&["sample", "jump.wgsl", "--dim", "2"])
        .failed_with(4, &["jump.wgsl:1:43: `floor` jumps", "write `score` by hand"]);
}

#[test]
fn a_formula_is_checked_before_the_run() {
    let folder = Folder::new();
    let density = |formula: &str, rest: &[&str]| {
        folder.wfr(&[&["sample", "--density", formula][..], rest].concat())
    };
    density("-x0^2 - 2x1^2", &["--dim", "2"]).failed(
        4,
        "error: formula:1:10: an operator is missing before `x1`; a product is `2*x1`\n\
         1 | -x0^2 - 2x1^2\n  |          ^^",
    );
    density("-x0^2 - c*x1^2", &["--dim", "2"])
        .failed(2, "error: formula.c has no value; set it, on the command line with --param c=…");
    density("-x0^2 - c*x1^2", &["--dim", "2", "--param", "d=1"])
        .failed(2, "error: formula.d is not a parameter; known: c");
    // The two names of one option.
    density("-x0^2/s - log(s)*c", &["--dim", "2", "--param", "s=-1", "--set", "c=1"])
        .failed_with(4, &["formula:1:11: this is NaN with the values of the parameters"]);
    density("-x0^2", &[]).failed(
        2,
        "error: --density does not tell the number of dimensions; add for instance --dim 2",
    );
    density("-x0^2", &["ring"])
        .failed(2, "error: --density is a target of its own, and ring is one too; leave one out");
    density("-x0^2", &["--dim", "1", "--components", "c.txt"])
        .failed_with(2, &["--components is for gaussian-mixture"]);
    density("-x0^2", &["--dim", "0"]).failed(2, "error: dim is 0; expected 1 to 1024");
    folder.wfr(&["sample"]).failed(
        2,
        "error: no target is given; name one of `wfr targets` or a .wgsl file, or write \
         --density FORMULA",
    );
    folder
        .wfr(&["compare", "--density", "-x0^2 +", "--dim", "1"])
        .failed_with(4, &["formula:1:8: the formula ends where"]);
}

#[test]
fn a_parameter_without_a_value_is_refused() {
    let folder = Folder::new();
    folder.write(
        "mine.wgsl",
        "override depth: f32;\n\
         fn log_density(x: Point) -> f32 { return -depth * dot(x, x); }\n\
         fn score(x: Point) -> Point { return -2.0 * depth * x; }\n",
    );
    folder.wfr(&["sample", "mine.wgsl", "--dim", "2"]).failed(
        2,
        "error: mine.wgsl.depth has no value; set it, on the command line with --param depth=…",
    );
}

#[test]
fn a_density_that_is_nowhere_positive_fails_the_run() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let score = "fn score(x: Point) -> Point { return -x; }\n";
    let nan = "fn log_density(x: Point) -> f32 { let zero = x.x - x.x; return zero / zero; }\n";
    folder.write("nan.wgsl", &format!("{nan}{score}"));
    // exp(1000) is +∞ in f32.
    let nowhere = "fn log_density(x: Point) -> f32 { return -exp(1000.0 + abs(x.x)); }\n";
    folder.write("nowhere.wgsl", &format!("{nowhere}{score}"));
    let sample = |target: &str| {
        folder.wfr(&["sample", target, "--dim", "2", "-n", "1000", "--steps", "20", "--json"])
    };
    sample("nan.wgsl").failed_with(
        1,
        &[
            "all weights are zero at step",
            "particles are lost, 1000 by their weight, the first in step 1: ",
            "the log density or what it gives is not a number at x = (",
        ],
    );
    sample("nowhere.wgsl").failed_with(
        1,
        &["all weights are zero at step", "the log density is −∞ at every particle"],
    );
}

#[test]
fn more_particles_than_the_adapter_holds_are_refused_with_the_largest_number() {
    if !has_adapter() {
        return;
    }
    let folder = Folder::new();
    let refused = folder.wfr(&["sample", "standard-normal", "--dim", "1024", "-n", "134217728"]);
    refused.failed_with(3, &["particles = 134217728", "use at most "]);
    let most = refused.error().rsplit("use at most ").next().unwrap();
    assert!(most.parse::<u32>().is_ok_and(|most| most < 134_217_728), "{most}");
}

/// Numbers that single precision does not hold are refused by name, and not met again in a shader.
#[test]
fn numbers_beyond_single_precision_are_refused() {
    let folder = Folder::new();
    for (line, words) in [
        (&["ring", "--time", "1e308"][..], "time = 1e308 is not between 1e-18 and 1e18"),
        (&["ring", "--initial", "normal(mean=0, sd=1e-45)"], "sd[0] = 1e-45 is not between"),
        (&["ring", "--initial", "normal(mean=0, sd=1e30)"], "sd[0] = 1e30 is not between"),
    ] {
        folder.wfr(&[&["sample"], line].concat()).failed_with(2, &[words]);
    }
    folder
        .wfr(&["experiment", "transfer", "--share", "1.5"])
        .failed_with(2, &["'1.5'", "is not between 0 and 1"]);
    // Unicode's own end of a line ends a comment in WGSL.
    let formula = ["--density", "-x0^2\u{2028}/2", "--dim", "1", "-n", "64", "--steps", "8"];
    if has_adapter() {
        folder.wfr(&[&["sample"], &formula[..]].concat()).succeeded();
    }
}

/// Names of WGSL's own in a text: the error is at the user's line, in the words of the user's name.
#[test]
fn no_error_shows_a_shader_of_the_engine() {
    let folder = Folder::new();
    let density = "fn log_density(x: Point) -> f32 { return -dot(x, x); }\n";
    for (name, declared) in [
        ("select", "const select = 3;"),
        ("u32", "alias u32 = f32;"),
        ("vec2", "struct vec2 { a: f32 }"),
        ("bitcast", "fn bitcast(x: f32) -> u32 { return 3u; }"),
        ("atomicAdd", "fn atomicAdd(x: f32) -> u32 { return 3u; }"),
        ("workgroupBarrier", "fn workgroupBarrier() { }"),
    ] {
        folder.write("mine.wgsl", &format!("{density}{declared}\n"));
        let run = folder.wfr(&["sample", "mine.wgsl", "--dim", "2", "-n", "100"]);
        let hides = format!("`{name}` hides WGSL's own `{name}`; choose another name");
        run.failed_with(4, &["error: mine.wgsl:2:", &hides, &format!("2 | {declared}")]);
    }
    // A text that is not closed goes on in the engine's.
    folder.write("v.wgsl", "fn velocity(x: Point, beta: f32) -> Point { return 0.01 * x;\n");
    let path = ["--flow", "path", "--path", "power:0.5", "--velocity", "v.wgsl", "-n", "100"];
    folder.wfr(&[&["sample", "ring"][..], &path].concat()).failed_with(
        4,
        &["error: v.wgsl:1:60: the text ends too early; a closing `}`, `)` or `;` is missing\n1 | fn"],
    );
}
