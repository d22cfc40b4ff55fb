//! Derived functions on the device: the closed forms of `autodiff::tests::builtins` again, and
//! whole programs, in single precision.
//!
//! A bound has two parts: the rounding of the operations, relative to the largest slope, and what
//! the same relative change of the inputs does to the slopes, which no program of single precision
//! can be spared.

use std::fmt::Write as _;

use wgpu::naga;

use super::run_functions;
use crate::autodiff::tests::builtins::{self, Case};
use crate::autodiff::{self, Derived, Evaluator, Mode};
use crate::gpu::Gpu;
use crate::shaders::Prelude;
use crate::testing;

const COUNT: u32 = 256;

fn module(text: &str) -> naga::Module {
    naga::front::wgsl::parse_str(text)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(text)))
}

/// A number as the device has it.
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// A function of `dim` numbers with the derivative of one of them, and how the latter is called.
struct Job {
    functions: String,
    dim: usize,
    /// WGSL that calls the function for `x` and writes numbers with `put`.
    call: String,
    /// How many numbers `call` puts.
    outputs: usize,
}

/// Runs several jobs in one pipeline, because a driver that compiles slowly does so per pipeline.
/// Gives for each job and point what was put.
fn run(gpu: &Gpu, jobs: &[Job], points: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    let (mut functions, mut body) = (String::new(), String::new());
    let stride: usize = jobs.iter().map(|job| job.dim).sum();
    let words: usize = jobs.iter().map(|job| job.outputs).sum();
    let (mut from, mut to) = (0, 0);
    for job in jobs {
        functions += &job.functions;
        let Job { dim, call, outputs, .. } = job;
        let _ = write!(
            body,
            "{{
                 var x: array<f32, {dim}>;
                 for (var j = 0u; j < {dim}u; j++) {{
                     x[j] = bitcast<f32>(inputs[i * {stride}u + {from}u + j]);
                 }}
                 var next = i * {words}u + {to}u;
                 {call}
             }}\n"
        );
        (from, to) = (from + dim, to + outputs);
    }
    let rows = (0..COUNT as usize).flat_map(|i| points.iter().flat_map(move |of| &of[i]));
    let inputs: Vec<u32> = rows.map(|x| (*x as f32).to_bits()).collect();
    assert_eq!(inputs.len(), stride * COUNT as usize);
    let prelude = Prelude::default();
    let found = run_functions(gpu, prelude, &[], &functions, &body, COUNT, words as u32, &inputs);
    let numbers = |row: &[u32]| row.iter().map(|w| f64::from(f32::from_bits(*w))).collect();
    let mut all: Vec<Vec<Vec<f64>>> = vec![Vec::new(); jobs.len()];
    for row in found.chunks(words) {
        let mut rest = row;
        for (job, all) in jobs.iter().zip(&mut all) {
            let (mine, others) = rest.split_at(job.outputs);
            all.push(numbers(mine));
            rest = others;
        }
    }
    all
}

/// WGSL that puts a number, or `count` numbers of an array.
fn put(what: &str, count: Option<usize>) -> String {
    match count {
        None => format!("outputs[next] = bitcast<u32>({what}); next++;\n"),
        Some(count) => format!(
            "for (var j = 0u; j < {count}u; j++) {{ outputs[next] = bitcast<u32>({what}[j]); next++; }}\n"
        ),
    }
}

fn job_of(case: &Case, k: usize, mode: Mode) -> Job {
    let name = format!("case{k}");
    let text = case.function(&name, &vec![true; case.groups()]);
    let parsed = module(&text);
    let derived = autodiff::gradient_by(&parsed, &name, mode).unwrap();
    let dim = case.arguments.iter().map(|argument| argument.shape.size()).sum();
    let call = format!(
        "var g: array<f32, {dim}>; let value = {}(&x, &g);\n{}{}{}",
        derived.function,
        put("value", None),
        put(&format!("{name}(&x)"), None),
        put("g", Some(dim))
    );
    let functions = format!("{text}\n{}\n", derived.wgsl);
    Job { functions, dim, call, outputs: dim + 2 }
}

/// The most operations in one pipeline.
const PIPELINE: usize = 600;

fn check_cases(gpu: &Gpu, mode: Mode, cases: &[Case]) {
    let mut random = builtins::uniforms(3);
    let jobs: Vec<_> = cases.iter().enumerate().map(|(k, case)| job_of(case, k, mode)).collect();
    let inputs: Vec<Vec<Vec<Vec<f64>>>> = cases
        .iter()
        .map(|case| {
            let one = || {
                let parts = case.inputs(&mut random);
                parts.into_iter().map(|part| part.into_iter().map(single).collect()).collect()
            };
            std::iter::repeat_with(one).take(COUNT as usize).collect()
        })
        .collect();
    let points: Vec<Vec<Vec<f64>>> =
        inputs.iter().map(|of| of.iter().map(|parts| parts.concat()).collect()).collect();
    let found = run(gpu, &jobs, &points);
    for (k, case) in cases.iter().enumerate() {
        let mut worst = 0.0_f64;
        for (i, input) in inputs[k].iter().enumerate() {
            let slopes = |by: f64| {
                let moved: Vec<Vec<f64>> =
                    input.iter().map(|part| part.iter().map(|x| x * by).collect()).collect();
                (case.slopes)(&moved).concat()
            };
            let expected = slopes(1.0);
            let moved = [slopes(1.0 + 1e-5), slopes(1.0 - 1e-5)];
            let scale = expected.iter().fold(1.0, |most: f64, g| most.max(g.abs()));
            // The value beside the slopes is the function's own, whatever the device makes of it.
            let [value, own] = [found[k][i][0], found[k][i][1]];
            assert!(
                (value - own).abs() <= 1e-6 * (1.0 + own.abs()),
                "{}: {value}, {own}",
                case.name
            );
            for (j, expected) in expected.iter().enumerate() {
                let found = found[k][i][j + 2];
                let change = moved.iter().map(|m| (m[j] - expected).abs()).fold(0.0, f64::max);
                let error = (found - expected).abs() - change;
                worst = worst.max(error / scale);
                assert!(
                    error <= case.device * scale,
                    "{} by {mode}, along {j} at {input:?}: {found} is not {expected}\n{}",
                    case.name,
                    jobs[k].functions
                );
            }
        }
        println!("{} by {mode}: {worst:.1e} of {:.0e}", case.name, case.device);
    }
}

fn check_all(mode: Mode) {
    let Some(gpu) = testing::gpu() else { return };
    let mut batch = Vec::new();
    let mut size = 0;
    for case in builtins::cases() {
        let dim: usize = case.arguments.iter().map(|argument| argument.shape.size()).sum();
        // A tangent for every coordinate makes long texts of the larger matrices.
        let cost = if mode == Mode::Forward { dim * dim / 4 } else { 4 * dim };
        if mode == Mode::Forward && dim > 16 && case.arguments.len() == 2 {
            continue;
        }
        if size + cost > PIPELINE && !batch.is_empty() {
            check_cases(&gpu, mode, &std::mem::take(&mut batch));
            size = 0;
        }
        size += cost;
        batch.push(case);
    }
    check_cases(&gpu, mode, &batch);
}

#[test]
fn built_in_functions_by_reverse_mode() {
    check_all(Mode::Reverse);
}

#[test]
fn built_in_functions_by_forward_mode() {
    check_all(Mode::Forward);
}

/// Loops, arrays, calls by pointer, and a stable log-sum-exp that hands on its peak.
const PROGRAM: &str = "
struct Sum { peak: f32, total: f32 }
fn term(x: ptr<function, array<f32, 16>>, k: u32) -> f32 {
    var square = 0.0;
    for (var i = 0u; i < 16u; i++) {
        let z = (*x)[i] - 0.25 * f32((i * k) % 5u);
        square += z * z;
    }
    return -0.5 * square;
}
fn program(x: ptr<function, array<f32, 16>>) -> f32 {
    var sum = Sum(-1e30, 0.0);
    for (var k = 0u; k < 7u; k++) {
        let t = term(x, k);
        let above = max(t, sum.peak);
        sum.total = sum.total * exp(sum.peak - above) + exp(t - above);
        sum.peak = above;
    }
    var y = *x;
    for (var i = 1u; i < 16u; i++) { y[i] = 0.5 * y[i] + tanh(y[i - 1u] * (*x)[i]); }
    var chain = 0.0;
    for (var i = 0u; i < 16u; i++) {
        if (y[i] > 0.25) { chain += y[i] * y[15u - i]; } else { chain -= sqrt(1.0 + y[i] * y[i]); }
    }
    return sum.peak + log(sum.total) + 0.125 * chain;
}
";

/// Value, gradient, slope along a direction, Laplacian and Hessian times a vector of a program in 16
/// dimensions, against the same texts in double precision.
#[test]
fn a_program_of_sixteen_coordinates() {
    let Some(gpu) = testing::gpu() else { return };
    const DIM: usize = 16;
    let parsed = module(PROGRAM);
    let direction: Vec<f64> = (0..DIM).map(|j| 0.5 - 0.125 * j as f64).collect();
    let set: String = (0..DIM).map(|j| format!("v[{j}] = {:?};", direction[j])).collect();
    let v = format!("var v: array<f32, {DIM}>; {set}\n");
    let arrays = format!("var g: array<f32, {DIM}>; var h: array<f32, {DIM}>; var s: f32;\n{v}");
    let of = |derived: Derived, call: &str, put: String, outputs: usize| {
        let call = format!("{arrays} let value = {call};\n{put}");
        (Job { functions: derived.wgsl.clone(), dim: DIM, call, outputs }, derived)
    };
    let jobs = [
        of(
            autodiff::gradient(&parsed, "program").unwrap(),
            "program_gradient(&x, &g)",
            put("value", None) + &put("g", Some(DIM)),
            DIM + 1,
        ),
        of(
            autodiff::directional(&parsed, "program").unwrap(),
            "program_directional(&x, &v, &s)",
            put("value", None) + &put("s", None),
            2,
        ),
        of(
            autodiff::laplacian(&parsed, "program").unwrap(),
            "program_laplacian(&x, &g, &s)",
            put("value", None) + &put("g", Some(DIM)) + &put("s", None),
            DIM + 2,
        ),
        of(
            autodiff::hessian_vector(&parsed, "program").unwrap(),
            "program_hessian_vector(&x, &v, &g, &h)",
            put("value", None) + &put("g", Some(DIM)) + &put("h", Some(DIM)),
            2 * DIM + 1,
        ),
    ];
    let mut random = builtins::uniforms(9);
    let points: Vec<Vec<f64>> = (0..COUNT)
        .map(|_| random.by_ref().take(DIM).map(|u| single(3.0 * u - 1.5)).collect())
        .collect();
    for (mut job, derived) in jobs {
        let name = &derived.function;
        job.functions = format!("{PROGRAM}{}", job.functions);
        let found = run(&gpu, &[job], std::slice::from_ref(&points));
        let whole = module(&format!("{PROGRAM}{}", derived.wgsl));
        let evaluator = Evaluator::new(&whole, name).unwrap();
        let takes_direction = name.ends_with("directional") || name.ends_with("vector");
        let inputs: &[&[f64]] = if takes_direction { &[&direction] } else { &[] };
        let mut worst = 0.0_f64;
        for (x, found) in points.iter().zip(&found[0]) {
            let numbers = |by: f64| {
                let moved: Vec<f64> = x.iter().map(|x| x * by).collect();
                let run = evaluator.evaluate(&moved, inputs).unwrap();
                let outputs = run.outputs[inputs.len()..].concat();
                [vec![run.value], outputs].concat()
            };
            let expected = numbers(1.0);
            assert_eq!(expected.len(), found.len());
            let moved = [numbers(1.0 + 1e-5), numbers(1.0 - 1e-5)];
            let scale = expected.iter().fold(1.0, |most: f64, g| most.max(g.abs()));
            for (j, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let change = moved.iter().map(|m| (m[j] - expected).abs()).fold(0.0, f64::max);
                let error = ((found - expected).abs() - change) / scale;
                worst = worst.max(error);
                // Sums of a hundred terms, each good to an ulp or a few.
                assert!(error <= 1e-5, "{name}, {j} at {x:?}: {found} is not {expected}");
            }
        }
        println!("{name} ({}): {worst:.1e}", derived.mode);
    }
}
