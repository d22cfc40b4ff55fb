//! WGSL of a user is of one particle alone: what would reach further is refused in one sentence.

use wfr::{Flow, Initial, Path, Problem, Target};

const DENSITY: &str = "fn log_density(x: Point) -> f32 { return -0.5 * dot(x, x); }";

fn normal() -> Initial {
    Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap()
}

fn problem(text: &str) -> wfr::Result<Problem> {
    let target = Target::from_wgsl(2, "hostile.wgsl", text)?;
    let data = wfr::Data::new(2, 1, vec![1.0, 2.0])?;
    let target = target.clone().with_data("y", &data).unwrap_or(target);
    Problem::new(target, normal(), Flow::annealed())
}

fn refusal(text: &str) -> String {
    problem(text).map_or_else(|error| error.to_string(), |_| "taken".into())
}

/// Texts before a density, and what is said of them.
#[test]
fn a_target_that_reaches_out_is_refused() {
    let mut cases: Vec<(String, &str)> = [
        (
            "@group(0) @binding(2) var<storage, read_write> log_weights: array<f32>;",
            "`log_weights` uses @group(0), which belongs to the engine",
        ),
        (
            "@group(2) @binding(0) var<storage, read> table: array<f32>;",
            "`table` uses @group(2), which belongs to the engine",
        ),
        (
            "@group(1) @binding(0) var<storage, read_write> y: array<f32>;",
            "`y` is no array of data, which are read only",
        ),
        ("@group(1) @binding(0) var<uniform> y: vec4<f32>;", "`y` is no array of data"),
        ("@group(1) @binding(0) var y: texture_2d<f32>;", "`y` is no array of data"),
        ("@group(1) @binding(0) var y: sampler;", "`y` is no array of data"),
        ("var<workgroup> y: array<f32, 4>;", "`y` is shared with other particles"),
        ("var<workgroup> y: atomic<u32>;", "`y` is shared with other particles"),
        ("fn f() { workgroupBarrier(); }", "a barrier meets other particles"),
        ("fn f() { if true { storageBarrier(); } }", "a barrier meets other particles"),
        ("fn f(a: f32) -> f32 { return subgroupAdd(a); }", "a subgroup operation meets other"),
        ("fn f(a: f32) -> f32 { return f(a); }", "recursive"),
        ("fn f(a: f32) -> f32 { return g(a); } fn g(a: f32) -> f32 { return f(a); }", "cyclic"),
        ("var<private> y: array<f32, 1000000000>;", "this array has 1000000000 elements"),
        ("fn f() { var a: array<f32, 1000000000>; }", "this array has 1000000000 elements"),
        (
            "const A = array<array<f32, 65536>, 4000>(); fn f(i: u32) -> f32 { return A[i][0]; }",
            "and may have 16777216",
        ),
        (
            "var<private> a: array<array<f32, 65536>, 100>;",
            "`a` the variables of the module have 26214400 bytes",
        ),
        ("enable f16;", "hostile.wgsl:1:1"),
        ("requires pointer_composite_access;", "hostile.wgsl:1:1"),
        ("@compute @workgroup_size(1) fn main() {}", "`main` is an entry point"),
        ("@fragment fn main() {}", "`main` is an entry point"),
        ("override DIM: u32 = 3;", "`DIM` is already defined in the engine's"),
        (
            "fn f(p: ptr<storage, array<f32>, read_write>) -> f32 { return (*p)[0]; }",
            "hostile.wgsl",
        ),
    ]
    .into_iter()
    .map(|(text, expected)| (format!("{text}\n{DENSITY}"), expected))
    .collect();
    // The engine's own names mean nothing here, whatever is linked around the text later.
    for name in ["state_out", "state_in", "log_weights", "control", "ancestors", "schedule"] {
        let text = format!(
            "fn log_density(x: Point) -> f32 {{ return f32({name}[0]) * dot(x, x); }}\n\
             fn score(x: Point) -> Point {{ return x; }}"
        );
        cases.push((text, "no definition in scope for identifier"));
    }
    let told = |(text, expected): (String, &str)| {
        let found = refusal(&text);
        (!found.contains(expected)).then(|| format!("{text}\n{found}\n\n"))
    };
    let wrong: String = cases.into_iter().filter_map(told).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

/// Its own memory it may use as it likes.
#[test]
fn a_target_with_private_memory_is_taken() {
    let text = format!(
        "var<private> kept: array<f32, 100>;\n\
         @group(1) @binding(0) var<storage, read> y: array<f32>;\n{DENSITY}"
    );
    assert_eq!(refusal(&text), "taken");
}

/// A velocity, a flow and a law of the start are texts of users too.
#[test]
fn other_snippets_that_reach_out_are_refused() {
    let memory = "@group(0) @binding(0) var<storage, read_write> state: array<f32>;";
    let target = || Target::from_wgsl(2, "mine.wgsl", DENSITY).unwrap();
    let expected = "`state` uses @group(0), which belongs to the engine";

    let text = format!("{memory}\nfn velocity(x: Point, beta: f32) -> Point {{ return x; }}");
    let flow = Flow::path(Path::FisherRao).with_velocity("velocity.wgsl", text);
    let error = Problem::new(target(), normal(), flow).unwrap_err().to_string();
    assert!(error.starts_with("velocity.wgsl:1:") && error.contains(expected), "{error}");

    let text = format!("{memory}\n{}", include_str!("../../examples/custom_flow.wgsl"));
    let flow = Flow::from_wgsl("flow.wgsl", text, false);
    let error = Problem::new(target(), normal(), flow).unwrap_err().to_string();
    assert!(error.starts_with("flow.wgsl:1:") && error.contains(expected), "{error}");

    let text = format!(
        "{memory}\nfn initial_sample(slot: u32) -> Point {{ return Point(); }}\n\
         fn initial_log_density_and_score(x: ptr<function, Point>, out: ptr<function, Point>) -> f32 {{\n\
             *out = *x;\n    return 0.0;\n}}"
    );
    let start = Initial::from_wgsl(2, "start.wgsl", text);
    let error = Problem::new(target(), start, Flow::annealed()).unwrap_err().to_string();
    assert!(error.starts_with("start.wgsl:1:") && error.contains(expected), "{error}");
}

/// No shader is made without the checks of its memory, its loops and its arithmetic.
#[test]
fn every_shader_is_checked() {
    let mut met = 0;
    for (path, text) in sources() {
        let is_unchecked = ["_trusted", "passthrough", "ShaderRuntimeChecks", "unsafe {"]
            .iter()
            .any(|word| text.contains(word));
        assert!(!is_unchecked, "{path} makes a shader without checks");
        met += text.matches("create_shader_module(").count();
    }
    assert!(met > 0, "the engine makes shaders");
}

/// The library and the program stay without `unsafe`.
#[test]
fn there_is_no_unsafe_code() {
    for root in ["src/lib.rs", "src/main.rs"] {
        let (_, text) = sources().into_iter().find(|(path, _)| path == root).unwrap();
        assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{root}");
    }
}

/// The texts of all of `src/`, by their paths in the repository.
fn sources() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut open, mut found) = (vec![root.join("src")], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}
