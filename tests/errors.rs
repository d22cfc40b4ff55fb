//! What users read when something is wrong: their own file, line and column, and a sentence.
//!
//! `WFR_BLESS=1 cargo test --test errors` writes the golden texts anew.

mod common;
#[path = "errors/compositions.rs"]
mod compositions;
#[path = "errors/derived.rs"]
mod derived;
#[path = "errors/paths.rs"]
mod paths;

use std::path::PathBuf;

use wfr::{Adaptive, Config, Density, ErrorKind, Flow, Initial, Integrator, Problem, Reaction};
use wfr::{Sampler, Schedule, Target, Tuning, tune};

/// Compares with `tests/golden/NAME.txt`.
fn golden(name: &str, text: &str) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("WFR_BLESS").is_some() {
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected.trim_end(), "tests/golden/{name}.txt differs");
}

const SCORE: &str = "fn score(x: Point) -> Point { return -x; }\n";
const DENSITY: &str = "fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x); }\n";

fn start() -> Initial {
    Initial::normal(&[0.0, 0.0], &[1.0, 1.0]).unwrap()
}

/// The error of a problem with this target text.
fn target_error(text: &str) -> wfr::Error {
    let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap();
    Problem::new(target, start(), Flow::annealed()).unwrap_err()
}

/// The error's text, after checking that it points at `place` in the user's file.
fn located(error: &wfr::Error, place: &str) -> String {
    let found = error.location().map(ToString::to_string);
    assert_eq!(found.as_deref(), Some(place), "{error}");
    error.to_string()
}

#[test]
fn target_texts() {
    // A body on its own line 3 and further, inside of a log density that begins in line 2.
    let body = |body: &str| format!("{SCORE}fn log_density(x: Point) -> f32 {{\n{body}\n}}\n");
    let data = "@group(1) @binding(0) var<storage, read> data: array<f32>;\n";
    let cases: &[(&str, &str, String)] = &[
        (
            "missing_brace",
            "mine.wgsl:5:1",
            body("    if (x.x > 0.0) {\n    return -0.5 * dot(x, x);"),
        ),
        ("syntax", "mine.wgsl:4:1", body("    return -0.5 * dot(x, x)")),
        ("unknown_identifier", "mine.wgsl:3:12", body("    return banana(x);")),
        ("unknown_variable", "mine.wgsl:3:19", body("    return -0.5 * y.x;")),
        ("mixed_types", "mine.wgsl:4:12", body("    let n = 3u;\n    return n * x.x;")),
        (
            "mixed_types_assignment",
            "mine.wgsl:4:11",
            body("    var sum = 0.0;\n    sum = DIM;\n    return sum;"),
        ),
        (
            "mixed_types_compound",
            "mine.wgsl:4:12",
            body("    var sum = 0.0;\n    sum += DIM;\n    return sum;"),
        ),
        ("mixed_types_return", "mine.wgsl:3:12", body("    return DIM;")),
        ("mixed_types_let", "mine.wgsl:3:9", body("    let n: f32 = DIM;\n    return n;")),
        ("mixed_types_argument", "mine.wgsl:3:21", body("    return max(x.x, DIM);")),
        ("mixed_sizes", "mine.wgsl:3:19", body("    return dot(x, vec3<f32>(1.0));")),
        ("no_return", "mine.wgsl:2:1", body("    let r = dot(x, x);")),
        (
            "entry_point",
            "mine.wgsl:4:1",
            format!("{SCORE}{DENSITY}@compute @workgroup_size(64)\nfn main() {{}}\n"),
        ),
        (
            "engine_group",
            "mine.wgsl:1:23",
            format!("{}{SCORE}{DENSITY}", data.replace("group(1)", "group(0)")),
        ),
        ("binding_without_data", "mine.wgsl:1:23", format!("{data}{SCORE}{DENSITY}")),
        ("clash_with_dim", "mine.wgsl:1:7", format!("const DIM = 2u;\n{SCORE}{DENSITY}")),
    ];
    for (name, place, text) in cases {
        let error = target_error(text);
        golden(name, &located(&error, place));
    }
}

/// Formulas that are none: the sentence, and the place in the formula.
#[test]
fn formulas() {
    let deep = format!("{}x0{}", "(".repeat(20_000), ")".repeat(20_000));
    let long_line = format!("{} + y1)", "x0".to_string() + &" + x0*x1".repeat(40));
    let cases: &[(&str, &str, &str)] = &[
        ("empty", "1:1", "  "),
        ("unknown_sign", "1:4", "x0 & x1"),
        ("typographic_minus", "1:1", "−x0^2"),
        ("unknown_function", "1:2", "-expp(x0)"),
        ("unknown_function_far", "1:1", "gamma(x0)"),
        ("parameter_called", "1:8", "c*x0 + c(x1)"),
        ("coordinate_called", "1:1", "x0(x1 + 1)"),
        ("function_alone", "1:8", "x0^2 + sqrt"),
        ("missing_parenthesis", "1:2", "-(x0^2 + x1^2"),
        ("missing_parenthesis_of_call", "1:9", "x0 - exp(x1 + 1"),
        ("extra_parenthesis", "1:5", "x0^2)"),
        ("missing_operand", "1:8", "x0^2 + * x1"),
        ("missing_last_operand", "1:7", "x0^2 -"),
        ("empty_parentheses", "1:6", "x0*( )"),
        ("number_times_name", "1:3", "-2x0"),
        ("number_times_parenthesis", "1:2", "2(x0 + 1)"),
        ("parenthesis_times_parenthesis", "1:9", "(x0 + 1)(x1 + 1)"),
        ("assignment", "1:3", "c = 0.3"),
        ("comparison", "1:4", "x0 < x1"),
        ("comma", "1:4", "(x0, x1)"),
        ("coordinate_out_of_range", "1:3", "-(x5)^2"),
        ("index_out_of_range", "1:8", "sum(i, x[i+1])"),
        ("index_not_whole", "1:3", "x[0.5]"),
        ("index_of_a_coordinate", "1:3", "x[x1]"),
        ("index_unbound", "1:4", "-x[i]^2"),
        ("bare_x", "1:2", "-x^2"),
        ("index_of_a_parameter", "1:2", "c[0]"),
        ("euler", "1:1", "e^x0"),
        ("shadowed", "1:12", "sum(i, sum(i, x[i]))"),
        ("reserved_variable", "1:5", "sum(x1, x[x1])"),
        ("free_and_bound", "1:1", "i + sum(i, x[i])"),
        ("sum_without_variable", "1:5", "sum(x0 + x1)"),
        ("sum_arguments", "1:1", "sum(i, 1, x[i])"),
        ("sum_below_zero", "1:8", "sum(i, -1, 1, i)"),
        ("too_few_arguments", "1:1", "atan2(x0)"),
        ("too_many_arguments", "1:3", "1+exp(x0, x1)"),
        ("no_arguments", "1:1", "max()"),
        ("where_without_comparison", "1:9", "where(x0, 1, 2)"),
        ("where_with_equals", "1:10", "where(x0 = 1, 1, 2)"),
        ("where_arguments", "1:1", "where(x0 < 1, 2)"),
        ("where_chain", "1:14", "where(0 < x0 < 1, 1, 2)"),
        ("data_without_name", "1:1", "data[0]"),
        ("data_without_index", "1:6", "x0 * data.y"),
        ("data_indices", "1:13", "data.y[0] - data.y[0, 1]"),
        ("not_finite", "1:6", "x0 + 1/0"),
        ("too_large", "1:4", "x0*1e39"),
        ("too_near_zero", "1:4", "x0*1e-39"),
        ("negative_base", "1:1", "(-2)^x0"),
        ("second_line", "2:3", "-x0^2\n- x2^2"),
        ("too_deep", "1:101", &deep),
        ("long_line", "1:328", &long_line),
    ];
    let mut missed = String::new();
    for (name, place, text) in cases {
        let error = Target::from_formula(2, text).unwrap_err();
        let found = error.location().map(ToString::to_string).unwrap_or_default();
        if found != format!("formula:{place}") {
            missed += &format!("{name}: {place} expected\n{error}\n");
        }
        golden(&format!("formula_{name}"), &error.to_string());
    }
    assert!(missed.is_empty(), "{missed}");

    let endless = "x0+".repeat(30_000) + "x0";
    golden("formula_too_long", &Target::from_formula(2, &endless).unwrap_err().to_string());
}

/// What a formula lacks is said when it becomes a problem.
#[test]
fn formulas_without_values() {
    let error = |target: Target| Problem::new(target, start(), Flow::annealed()).unwrap_err();
    let wells = Target::from_formula(2, "-x0^2/s + log(s) - c*x1^2").unwrap();
    let half = wells.clone().set("c", 1.0).unwrap();
    golden("formula_unset_parameter", &error(half.clone()).to_string());
    golden("formula_bad_parameter", &error(half.set("s", -1.0).unwrap()).to_string());
    golden("formula_unknown_parameter", &wells.set("b", 1.0).unwrap_err().to_string());
    let data = Target::from_formula(2, "-sum(n in data.y, (data.y[n] - x0)^2)").unwrap();
    golden("formula_missing_data", &error(data).to_string());
    let text = format!("override depth: f32;\n{SCORE}{DENSITY}");
    let unset = error(Target::from_wgsl(2, "mine.wgsl", text).unwrap());
    assert!(matches!(unset.kind(), ErrorKind::InvalidConfig { .. }));
    golden("unset_override", &unset.to_string());
}

#[test]
fn missing_functions() {
    for (name, text) in [
        ("missing_log_density", SCORE.to_string()),
        (
            "wrong_signature",
            format!("{SCORE}fn log_density(x: f32, y: f32) -> f32 {{ return x; }}"),
        ),
        ("wrong_result", format!("{SCORE}fn log_density(x: Point) -> u32 {{ return 1u; }}")),
        (
            "wrong_dimension",
            format!("{SCORE}fn log_density(x: vec3<f32>) -> f32 {{ return x.z; }}"),
        ),
        (
            "array_for_a_vector",
            format!("{SCORE}fn log_density(x: array<f32, 2>) -> f32 {{ return x[1]; }}"),
        ),
        ("empty", String::new()),
    ] {
        let error = target_error(&text);
        assert!(matches!(error.kind(), ErrorKind::MissingFunction { role: "target", .. }));
        golden(name, &error.to_string());
    }
}

/// A user's name that the engine has too: the error is at the user's definition.
#[test]
fn clashes_with_the_engine() {
    for (name, column, text) in [
        ("clash_with_kernel", 4, "fn step(a: f32) -> f32 { return a; }"),
        ("clash_with_random_numbers", 4, "fn threefry(a: f32) -> f32 { return a; }"),
        ("clash_with_flow", 4, "fn flow_local(a: f32) -> f32 { return a; }"),
        ("clash_with_structure", 8, "struct Control { a: f32 }"),
        ("clash_with_buffer", 7, "const schedule = 1.0;"),
        ("clash_with_constant", 7, "const WORKGROUP = 1u;"),
        ("clash_with_settings", 7, "const settings = 1.0;"),
        ("clash_with_adaptor", 4, "fn target_score(a: f32) -> f32 { return a; }"),
    ] {
        let text = format!("{SCORE}{text}\n{DENSITY}");
        let target = Target::from_wgsl(2, "mine.wgsl", text).unwrap();
        let problem = Problem::new(target, start(), Flow::annealed());
        // What only the step kernel defines is found when that is linked.
        let error = problem.and_then(|problem| {
            let Some(gpu) = common::gpu(&problem, &Config::default()) else { return Ok(()) };
            Sampler::new(&gpu, &problem, Config::default()).map(|_| ())
        });
        let Err(error) = error else {
            assert!(common::adapter().is_none(), "{name}: no error");
            continue;
        };
        golden(name, &located(&error, &format!("mine.wgsl:2:{column}")));
    }
}

const LOCAL: &str = "struct Local { score: Point }
fn flow_local(x: ptr<function, Point>, local: ptr<function, Local>) {
    (*local).score = target_score(x);
}
";
const DRIFT: &str =
    "fn flow_drift(local: ptr<function, Local>, at: Instant) -> Point { return (*local).score; }\n";
const PSI: &str = "fn flow_psi(local: ptr<function, Local>, at: Instant) -> f32 { return 0.0; }\n";

#[test]
fn flow_texts() {
    let error = |text: String, has_path: bool| {
        let target = Target::standard_normal(2).unwrap();
        Problem::new(target, start(), Flow::from_wgsl("flow.wgsl", text, has_path)).unwrap_err()
    };
    golden("flow_without_psi", &error(format!("{LOCAL}{DRIFT}"), false).to_string());
    golden("flow_without_path", &error(format!("{LOCAL}{DRIFT}{PSI}"), true).to_string());
    let wrong = PSI.replace("at: Instant", "time: f32");
    golden("flow_wrong_signature", &error(format!("{LOCAL}{DRIFT}{wrong}"), false).to_string());
    let wrong = PSI.replace("return 0.0", "return at.bata");
    let unknown = error(format!("{LOCAL}{DRIFT}{wrong}"), false);
    golden("flow_unknown_field", &located(&unknown, "flow.wgsl:6:74"));
    let clash = format!("{LOCAL}{DRIFT}{PSI}fn threefry_rotate(a: u32) -> u32 {{ return a; }}\n");
    golden("flow_clash", &located(&error(clash, false), "flow.wgsl:7:4"));
    let clash = format!("{LOCAL}{DRIFT}{PSI}fn score(a: u32) -> u32 {{ return a; }}\n");
    golden("flow_clash_with_target", &located(&error(clash, false), "flow.wgsl:7:4"));
}

#[test]
fn initial_texts() {
    let error = |text: &str| {
        let target = Target::standard_normal(2).unwrap();
        let initial = Initial::from_wgsl(2, "start.wgsl", text);
        Problem::new(target, initial, Flow::annealed()).unwrap_err()
    };
    golden("initial_empty", &error("").to_string());
    golden(
        "initial_without_density",
        &error("fn initial_sample(slot: u32) -> Point { return Point(0.0, 0.0); }").to_string(),
    );
    let text = "fn initial_sample(slot: u32) -> Point {\n    return Point(slot, 0.0);\n}\n";
    golden("initial_mixed_types", &located(&error(text), "start.wgsl:2:12"));
}

fn normal_problem(flow: Flow) -> Problem {
    Problem::new(Target::standard_normal(2).unwrap(), start(), flow).unwrap()
}

/// The bounds of every setting, with the value that was given.
#[test]
fn settings() {
    let limits = wgpu::Limits::default();
    let check = |config: Config| {
        let error = wfr::requirements(&normal_problem(Flow::annealed()), &config, &limits);
        let error = error.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. }), "{error}");
        error.to_string()
    };
    let mut text = String::new();
    for config in [
        Config { particles: 0, ..Config::default() },
        Config { particles: 134_217_729, ..Config::default() },
        Config { ess_threshold: f32::NAN, ..Config::default() },
        Config { ess_threshold: 1.5, ..Config::default() },
        Config { friction: 0.0, ..Config::default() },
        Config { stiffness: -1.0, ..Config::default() },
        Config { preconditioner: Some(vec![1.0; 3]), ..Config::default() },
        Config { preconditioner: Some(vec![1.0, 0.0]), ..Config::default() },
        Config { ess_every: 0, ..Config::default() },
        Config { trace_rows: 0, ..Config::default() },
        Config { workgroup_size: 48, ..Config::default() },
        Config { workgroup_size: 512, ..Config::default() },
        Config { submission_limit: std::time::Duration::ZERO, ..Config::default() },
    ] {
        text += &check(config);
        text.push('\n');
    }
    for error in [
        Schedule::uniform(0.0, 10).unwrap_err(),
        Schedule::uniform(f64::INFINITY, 10).unwrap_err(),
        Schedule::uniform(1.0, 0).unwrap_err(),
        Schedule::uniform(1.0, 5_000_000).unwrap_err(),
        Schedule::geometric(2.0, 1.0, 10).unwrap_err(),
        Schedule::from_points(&[(0.0, 0.0)]).unwrap_err(),
        Schedule::from_points(&[(0.0, 0.0), (1.0, 1.5)]).unwrap_err(),
        Schedule::from_points(&[(0.0, 0.5), (1.0, 0.25)]).unwrap_err(),
        Initial::normal(&[0.0], &[1.0, 1.0]).unwrap_err(),
        Initial::normal(&[f32::NAN], &[1.0]).unwrap_err(),
        Initial::normal(&[0.0], &[0.0]).unwrap_err(),
        Initial::uniform(&[1.0], &[1.0]).unwrap_err(),
        Initial::from_positions(2, vec![0.0; 3]).unwrap_err(),
        Initial::from_positions(2, vec![0.0, f32::INFINITY]).unwrap_err(),
        "newton".parse::<Integrator>().unwrap_err(),
        "bootstrap".parse::<wfr::Resampler>().unwrap_err(),
    ] {
        assert!(matches!(error.kind(), ErrorKind::InvalidConfig { .. }), "{error}");
        text += &format!("{error}\n");
    }
    golden("settings", text.trim_end());
}

#[test]
fn things_that_do_not_fit_together() {
    let normal = |dim: u32| Target::standard_normal(dim).unwrap();
    let positions = Initial::from_positions(2, vec![0.5; 64]).unwrap();
    let mut text = String::new();
    for error in [
        Problem::new(normal(3), start(), Flow::annealed()).unwrap_err(),
        Problem::new(normal(2), positions.clone(), Flow::annealed()).unwrap_err(),
    ] {
        text += &format!("{error}\n");
    }
    golden("do_not_fit", text.trim_end());

    let problem = normal_problem(Flow::langevin());
    let config = Config { integrator: Some(Integrator::KernelRatio), ..Config::default() };
    let Some(gpu) = common::gpu(&problem, &config) else { return };
    let error = Sampler::new(&gpu, &problem, config).unwrap_err();
    golden("kernel_ratio_without_path", &error.to_string());

    // A flow of one's own: a drift and no density, then a velocity too; and no noise.
    let drift = format!("{LOCAL}{DRIFT}{PSI}");
    let velocity = "fn flow_velocity(local: ptr<function, Local>, at: Instant) -> Point {
        return (*local).score;
    }
    fn flow_log_density(local: ptr<function, Local>, at: Instant) -> f32 { return 0.0; }";
    let mut text = String::new();
    for (flow, integrator) in [
        (Flow::from_wgsl("mine.wgsl", drift.clone(), false), Integrator::Mala),
        (Flow::from_wgsl("mine.wgsl", drift.clone(), false), Integrator::Baoab),
        (Flow::from_wgsl("mine.wgsl", drift.clone() + velocity, true), Integrator::Mala),
        (Flow::from_wgsl("mine.wgsl", drift + velocity, true), Integrator::Baoab),
        (Flow::annealed().with_transport(0.0), Integrator::Exponential),
        (Flow::langevin().with_transport(0.0), Integrator::Mala),
    ] {
        let problem = normal_problem(flow);
        let config = Config { integrator: Some(integrator), ..Config::default() };
        text += &format!("{}\n", Sampler::new(&gpu, &problem, config).unwrap_err());
    }
    let reaction =
        Reaction { density: Density::Transition { components: None }, ..Reaction::default() };
    let flow = Flow::wasserstein_fisher_rao(reaction);
    let config = Config { preconditioner: Some(vec![2.0, 1.0]), ..Config::default() };
    text += &format!("{}\n", Sampler::new(&gpu, &normal_problem(flow), config).unwrap_err());
    let schedule = Schedule::adaptive(Adaptive::default()).unwrap();
    let config = Config { schedule, ..Config::default() };
    let tuned = tune(&gpu, &normal_problem(Flow::annealed()), &config, &Tuning::default());
    text += &tuned.unwrap_err().to_string();
    golden("integrators_that_do_not_fit", text.trim_end());
    let problem = Problem::new(normal(2), positions, Flow::langevin()).unwrap();
    let config = Config { particles: 33, ..Config::default() };
    let error = Sampler::new(&gpu, &problem, config).unwrap_err();
    golden("positions_of_another_number", &error.to_string());
}

#[test]
fn too_many_particles_name_the_most_that_fit() {
    let problem = normal_problem(Flow::annealed());
    let limits = wgpu::Limits::default();
    let config = Config { particles: 1 << 26, ..Config::default() };
    let error = wfr::requirements(&problem, &config, &limits).unwrap_err();
    golden("too_many_particles", &error.to_string());
    let ErrorKind::LimitExceeded { needed, available, .. } = error.kind() else {
        panic!("{error}");
    };
    assert!(needed > available);
    let most = 33_554_432;
    assert!(error.to_string().ends_with(&format!("use at most {most}")), "{error}");
    for (particles, fits) in [(most, true), (most + 1, false)] {
        let config = Config { particles, ..Config::default() };
        assert_eq!(wfr::requirements(&problem, &config, &limits).is_ok(), fits);
    }
}

/// In other than 2 to 4 dimensions a position is an array, and WGSL computes with numbers.
#[test]
fn arrays_that_are_taken_for_numbers() {
    let mut text = String::new();
    for (dim, body) in [
        (1, "    return -x * x;"),
        (1, "    let a = x[0];\n    if (x < 0.0) { return a; }\n    return -a;"),
        (
            1,
            "    for (var i = 0; i < 2; i++) {\n        if (1.0 == x) { break; }\n    }\n    return 0.0;",
        ),
        (1, "    return exp(x);"),
        (1, "    return x;"),
        (5, "    return -dot(x, x);"),
        (5, "    let y = x;\n    return select(0.0, 1.0, y > 0.0);"),
        (5, "    return x.x;"),
        (5, "    return banana(x);"),
    ] {
        let density = format!("fn log_density(x: Point) -> f32 {{\n{body}\n}}\n");
        let target = Target::from_wgsl(dim, "mine.wgsl", density).unwrap();
        let start = Initial::normal(&vec![0.0; dim as usize], &vec![1.0; dim as usize]).unwrap();
        let error = Problem::new(target, start, Flow::annealed()).unwrap_err();
        assert!(error.location().is_some(), "{error}");
        text += &format!("{error}\n");
    }
    golden("arrays_for_numbers", text.trim_end());
}

/// Log densities that are nowhere finite, or too low for single precision.
#[test]
fn weights_that_are_all_zero() {
    let hidden = "fn hidden(bits: u32) -> f32 { var b = bits; return bitcast<f32>(b); }\n";
    for (name, bits, flow) in [
        ("all_nan", "0x7fc00000u", Flow::annealed()),
        ("all_minus_infinity", "0xff800000u", Flow::annealed()),
        // −1e30.
        ("all_too_low", "0xf149f2cau", Flow::annealed()),
    ] {
        let density = format!("fn log_density(x: Point) -> f32 {{ return hidden({bits}); }}\n");
        let target =
            Target::from_wgsl(2, "mine.wgsl", format!("{hidden}{SCORE}{density}")).unwrap();
        let problem = Problem::new(target, start(), flow).unwrap();
        let config = Config {
            particles: 1000,
            schedule: Schedule::uniform(1.0, 20).unwrap(),
            ess_every: 4,
            ..Config::default()
        };
        let Some(mut sampler) = common::sampler(&problem, &config) else { return };
        let error = sampler.run().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::AllWeightsZero { .. }), "{error}");
        // Where the first one is differs in its last digits from adapter to adapter.
        let text = error.to_string();
        golden(name, text.split(" at x = (").next().unwrap());
        // It stays so.
        assert!(pollster::block_on(sampler.info()).is_err());
    }
}

/// A device that goes away in the middle of a run: an error from every call, never a panic.
#[test]
fn a_lost_device() {
    let problem = normal_problem(Flow::annealed());
    let config = Config { particles: 1000, ..Config::default() };
    let Some(mut sampler) = common::sampler(&problem, &config) else { return };
    common::advance(&mut sampler, 16);
    sampler.gpu().device.destroy();
    let lost = |what: &str, result: Result<(), wfr::Error>| match result {
        Err(error) => {
            println!("{what}: {error}");
            assert!(matches!(error.kind(), ErrorKind::DeviceLost { .. }), "{what}: {error}");
        }
        Ok(()) => panic!("{what} succeeds on a lost device"),
    };
    lost("submit", sampler.submit(16).map(|_| ()));
    lost("run", sampler.run().map(|_| ()));
    lost("info", pollster::block_on(sampler.info()).map(|_| ()));
    lost("particles", pollster::block_on(sampler.particles()).map(|_| ()));
    lost("trace", pollster::block_on(sampler.trace()).map(|_| ()));
    let gpu = sampler.gpu().clone();
    lost("new", Sampler::new(&gpu, &problem, config).map(|_| ()));
}

/// The same of a device that belongs to the host program, which keeps its own callbacks.
#[test]
fn a_lost_foreign_device() {
    let problem = normal_problem(Flow::annealed());
    let config = Config { particles: 1000, ..Config::default() };
    let Some(adapter) = common::adapter() else { return };
    let (device, queue) = pollster::block_on(adapter.request_device(&Default::default())).unwrap();
    let gpu = wfr::Gpu::from_parts(device.clone(), queue);
    let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
    common::advance(&mut sampler, 16);
    device.destroy();
    let error = sampler.run().unwrap_err();
    println!("{error}");
    assert!(matches!(error.kind(), ErrorKind::DeviceLost { .. } | ErrorKind::Device { .. }));
}

/// Reactions that do not fit: what [`wfr::requirements`] and `Problem::new` say, one a line.
#[test]
fn reactions() {
    use wfr::{Bandwidth, Density, Reaction, Realisation, Splitting};
    let limits = wgpu::Limits::default();
    let refused = |dim: u32, reaction: Reaction, transport: f32, config: Config| {
        let target = Target::standard_normal(dim).unwrap();
        let positions = vec![0.0; 10 * dim as usize];
        let initial = Initial::from_positions(dim, positions).unwrap();
        let flow = Flow::wasserstein_fisher_rao(reaction).with_transport(transport);
        let fits = Problem::new(target, initial, flow);
        let fits = fits.and_then(|problem| wfr::requirements(&problem, &config, &limits));
        fits.unwrap_err().to_string()
    };
    let config = Config { particles: 10, ..Config::default() };
    let fixed = |values: &[f32]| Bandwidth::Fixed(values.to_vec());
    let grid = |cells, bandwidth| Density::Grid { cells, bandwidth };
    let kernel = |landmarks, bandwidth| Density::Kernel { landmarks, bandwidth };
    let transition = Density::Transition { components: None };
    let of = |density: Density| Reaction { density, ..Reaction::default() };
    let scott = Bandwidth::Scott;
    let jumps = Reaction { realisation: Realisation::Jumps, ..Reaction::default() };
    let first = Splitting::TransportFirst;
    let plain = |density| Reaction { splitting: first, ..of(density) };
    let ratio = Config { integrator: Some(Integrator::KernelRatio), ..config.clone() };
    let large = Config { particles: 1 << 24, ..config.clone() };
    let texts = [
        refused(2, Reaction { rate: f32::NAN, ..Reaction::default() }, 1.0, config.clone()),
        refused(4, of(grid(None, scott.clone())), 1.0, config.clone()),
        refused(2, of(grid(Some(5000), scott.clone())), 1.0, config.clone()),
        refused(2, of(kernel(0, scott)), 1.0, config.clone()),
        refused(2, of(kernel(9, fixed(&[0.1, 0.2, 0.3]))), 1.0, config.clone()),
        refused(2, of(kernel(9, fixed(&[0.0]))), 1.0, config.clone()),
        refused(2, plain(transition.clone()), 0.0, config.clone()),
        refused(2, of(transition.clone()), 1.0, config.clone()),
        refused(2, jumps.clone(), 1.0, config.clone()),
        refused(2, Reaction { splitting: first, ..jumps }, 1.0, config),
        refused(2, plain(transition), 1.0, large),
    ];
    golden("reactions", &texts.join("\n"));
    let target = Target::standard_normal(2).unwrap();
    let flow = Flow::wasserstein_fisher_rao(Reaction::default());
    let problem = Problem::new(target, start(), flow).unwrap();
    let Some(gpu) = common::gpu(&problem, &ratio) else { return };
    let error = Sampler::new(&gpu, &problem, ratio).unwrap_err().to_string();
    golden("kernel_ratio_of_a_gradient_flow", &error);
}

/// Half of the particles start where the target has no density, so that the floor is taken: β is
/// known.
#[test]
fn an_adaptive_schedule_says_what_it_lacks() {
    let half = "fn log_density(x: Point) -> f32 {
        var minus_infinity = 0xff800000u;
        return select(-0.5 * dot(x, x), bitcast<f32>(minus_infinity), x.x < 0.0);
    }\n";
    let target = Target::from_wgsl(2, "half.wgsl", format!("{half}{SCORE}")).unwrap();
    let problem = |flow| Problem::new(target.clone(), start(), flow).unwrap();
    let adaptive = wfr::Adaptive { max_stages: 1, floor: 1e-3, ..Default::default() };
    let config = Config {
        particles: 1000,
        schedule: Schedule::adaptive(adaptive).unwrap(),
        ..Config::default()
    };
    let Some(gpu) = common::gpu(&problem(Flow::annealed()), &config) else { return };
    let run = |flow| {
        let error = Sampler::new(&gpu, &problem(flow), config.clone())?.run().unwrap_err();
        Err::<(), _>(error)
    };
    golden("stages_exhausted", &run(Flow::annealed()).unwrap_err().to_string());
    golden("adaptive_without_path", &run(Flow::langevin()).unwrap_err().to_string());
}
