//! The WGSL of formulas on the device against `reference/formula.rs`.

use super::run_snippet;
use crate::formula::random;
use crate::reference;
use crate::reference::formula::Data;
use crate::shaders::Prelude;
use crate::target::Target;
use crate::testing::{self, noise};

/// The parameter of all formulas here.
const C: f64 = 0.75;
const POINTS: u32 = 64;

fn target(dim: u32, text: &str) -> crate::Result<Target> {
    let target = Target::from_formula(dim, text)?;
    if text.contains('c') && target.clone().set("c", C).is_ok() {
        target.set("c", C)
    } else {
        Ok(target)
    }
}

/// The values of all targets at all points, target by target.
fn on_device(gpu: &crate::Gpu, dim: u32, texts: &[String], points: &[f32]) -> Vec<Vec<f32>> {
    // A variable rather than an override, which would need a pipeline's constants.
    let mut text = format!("var<private> formula_c: f32 = {C:?}f;\n");
    let mut body = String::from("var x: Point;\n");
    for j in 0..dim {
        body += &format!("x[{j}] = bitcast<f32>(inputs[{dim}u * i + {j}u]);\n");
    }
    for (k, own) in texts.iter().enumerate() {
        let own = own.replace("override formula_c: f32;\n", "");
        text += &own.replace("fn log_density(", &format!("fn density_{k}("));
        let place = format!("{}u * i + {k}u", texts.len());
        body += &format!("outputs[{place}] = bitcast<u32>(density_{k}(&x));\n");
    }
    let prelude = Prelude::default().dimension(dim).text(&text);
    let inputs: Vec<u32> = points.iter().map(|x| x.to_bits()).collect();
    let count = (points.len() / dim as usize) as u32;
    let values = run_snippet(gpu, prelude, &[], &body, count, texts.len() as u32, &inputs);
    let column = |k| values.iter().skip(k).step_by(texts.len()).map(|bits| f32::from_bits(*bits));
    (0..texts.len()).map(|k| column(k).collect()).collect()
}

fn texts(targets: &[Target]) -> Vec<String> {
    targets.iter().map(|target| target.wgsl().to_string()).collect()
}

/// Points with coordinates between −3 and 3.
fn points(dim: u32) -> Vec<f32> {
    let words = noise(dim, (dim * POINTS) as usize);
    words.into_iter().map(|word| (f64::from(word) / 4_294_967_296.0 * 6.0 - 3.0) as f32).collect()
}

fn exact(target: &Target, x: &[f32]) -> f64 {
    let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    reference::formula::log_density(target, &x).unwrap()
}

/// Every function, and the forms that plain WGSL would get wrong.
#[test]
fn formulas_on_the_device_equal_the_host() {
    let Some(gpu) = testing::gpu() else { return };
    // With how much error, relative to the value or to 1: WGSL asks little of some functions.
    const FINE: f64 = 2e-5;
    const COARSE: f64 = 2e-3;
    let cases = [
        ("-(x0^4/4 - x0^2/2 + c*x0) - x1^2/2", FINE),
        ("-x0^2 - 2^-1*x1**2", FINE),
        // Powers of negative numbers.
        ("x0^3 + x1^5 - x2^7/100", FINE),
        ("(x0^3)^-1*x0^4 + (x1 - 4)^-3", FINE),
        ("abs(x0)^0.5 + (x1^2)^1.5 + (1 + x2^2)^-0.5 + (x0^2 + 1)^-2.5", FINE),
        ("(1 + x0^2)^0.3 + (1 + x1^2)^x2 + 2^x0 + (x0^2 + 1)^c", 1e-4),
        ("sum(i, abs(x0)^i)", 1e-4),
        // What overflows unless the largest exponent is taken out.
        ("log(exp(100*x0) + exp(-100*x1))", FINE),
        ("log(0.3*exp(-50*x0^2) + 0.7*exp(-50*(x1 - c)^2)/c)", FINE),
        ("log(sum(i, exp(90*x[i])))", FINE),
        ("log(sum(i, (i + 1)*exp(-60*x[i]^2))/dim + exp(-70*x0^2))", FINE),
        ("log(2 + exp(90*x0)*exp(50*x1))", FINE),
        ("log(exp(90*x0)*(exp(90*x1) + 2*exp(-90*x1))/(1 + exp(80*x2)))", FINE),
        ("logsumexp(100*x0, -100*x1, 30)", FINE),
        ("logsumexp(i, 100*x[i] + c)", FINE),
        ("logsumexp(i, 1, 2, -100*x[i]^2)", FINE),
        ("softplus(100*x0) + log_sigmoid(100*x1)", FINE),
        ("log1p(exp(60*x0)) + log1p(3*exp(60*x1))", FINE),
        ("log(logistic(60*x0)) + log(1 - sigmoid(7*x1))", FINE),
        ("logistic(90*x0) - logistic(x1)", FINE),
        // Small arguments keep their digits.
        ("1e6*log1p(1e-6*x0) + 1e6*expm1(1e-6*x1)", FINE),
        ("log1p(x0^2) + expm1(x1) + expm1(x2/20) + log1p(x0/40)", 1e-4),
        ("exp(x0) + log(x1^2 + 1) + log2(x0^2 + 1) + log10(x2^2 + 1)", 1e-4),
        ("sqrt(x0^2 + 1) + abs(x1) + sign(x2)", FINE),
        ("sin(x0) + cos(x1) + tan(x2/3)", COARSE),
        ("asin(x0/4) + acos(x1/4) + atan(x2)", COARSE),
        ("atan2(x0, x1)", COARSE),
        ("sinh(x0) + cosh(x1) + tanh(x2)", COARSE),
        ("min(x0, x1, x2) + 10*max(x0, x1, c)", FINE),
        ("hypot(x0, x1, x2) + norm(x0)", FINE),
        ("max(i, x[i]) - 3*min(i, x[i]) + prod(i, 2 + x[i])", FINE),
        ("where(x0 > 0, log(x0), x0) + where(x1 <= c, 1, x1^2)", FINE),
        ("sum(i, where(x[i] < 0, -x[i]^2, where(x[i] > 1, sqrt(x[i] - 1), c)))", FINE),
        ("sum(i, sum(j, i + 1, dim - 1, (x[i] - x[j])^2*(i - j)))", FINE),
        ("sum(i, 0, dim - 2, 10*(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)", FINE),
        ("sum(i, sum(j, 0, i - 2, x[j]*x[i])) + sum(i, x[dim-1-i]*i)", FINE),
        ("x0 - x1 - x2 - (x0 - (x1 - x2))*2 + x0/(1 + x1^2)/2 + x0/((1 + x1^2)/2)", FINE),
        ("-(-x0)*-x1 - -x2", FINE),
    ];
    for dim in [3, 5] {
        let targets: Vec<_> = cases.iter().map(|(text, _)| target(dim, text).unwrap()).collect();
        let points = points(dim);
        let values = on_device(&gpu, dim, &texts(&targets), &points);
        for (k, (text, bound)) in cases.iter().enumerate() {
            for (x, value) in points.chunks(dim as usize).zip(&values[k]) {
                let exact = exact(&targets[k], x);
                assert!(exact.is_finite(), "{text} at {x:?}");
                let error = (f64::from(*value) - exact).abs();
                assert!(
                    error <= bound * exact.abs().max(1.0),
                    "{text} is {value} instead of {exact} at {x:?}\n{}",
                    targets[k].wgsl()
                );
            }
        }
    }
}

/// Trees without regard to sense: where a value is finite and does not hang on the last digits of
/// the arguments, the device agrees, up to a few cases of cancellation within.
#[test]
fn random_formulas_on_the_device_equal_the_host() {
    let Some(gpu) = testing::gpu() else { return };
    let dim = 3;
    let points = points(dim);
    let formulas = (0..400).map(|seed| random::print(&random::expr(seed, dim), dim));
    let targets: Vec<_> = formulas.filter_map(|text| target(dim, &text).ok()).take(120).collect();
    assert_eq!(targets.len(), 120);
    let values = on_device(&gpu, dim, &texts(&targets), &points);
    let (mut compared, mut wrong) = (0, Vec::new());
    for (target, values) in targets.iter().zip(&values) {
        for (x, value) in points.chunks(dim as usize).zip(values) {
            let at =
                |factor: f64| -> Vec<f64> { x.iter().map(|x| f64::from(*x) * factor).collect() };
            let oracle = |x: &[f64]| {
                reference::formula::value(target.formula().unwrap(), x, &[C], Data::default())
            };
            let (here, moved) = (oracle(&at(1.0)), oracle(&at(1.0 + 1e-5)));
            let exact = here.value;
            let spread = (moved.value - exact).abs();
            // A comparison with NaN and a maximum of it are what each device makes of them.
            if !(here.largest < 1e6 && spread < 1e-3 * exact.abs().max(1.0)) {
                continue;
            }
            compared += 1;
            let error = (f64::from(*value) - exact).abs();
            if error.is_nan() || error > 1e-2 * exact.abs().max(1.0) {
                wrong.push(format!(
                    "{} is {value}, not {exact}",
                    target.wgsl().lines().next().unwrap()
                ));
            }
        }
    }
    println!("{compared} compared, {} differ", wrong.len());
    assert!(compared > 3000, "{compared} of {} are compared", values.len() * POINTS as usize);
    assert!(wrong.len() * 200 < compared, "{} of {compared}: {wrong:#?}", wrong.len());
}

/// Data arrays, with the shapes that they have.
#[test]
fn data_on_the_device_equal_the_host() {
    let Some(gpu) = testing::gpu() else { return };
    let text =
        "-sum(n in data.y, (data.y[n] - sum(j, data.X[n, j]*x[j]))^2) + data.y[2] + data.X[1, 0]";
    let (y, table) = (vec![0.5, -1.0, 2.0], vec![1.0, 2.0, 3.0, -1.0, 0.25, 4.0]);
    let mut target = Target::from_formula(2, text).unwrap();
    for (name, value) in [("y_rows", 3), ("y_columns", 1), ("X_rows", 3), ("X_columns", 2)] {
        target = target.set(&format!("data_{name}"), f64::from(value)).unwrap();
    }
    target = target.with_storage(y.clone()).unwrap().with_storage(table.clone()).unwrap();
    target.check_formula().unwrap();
    let mut device = target.wgsl().to_string();
    for (name, value) in target.constants() {
        let declared = format!("override {name}: u32;");
        device = device.replace(&declared, &format!("const {name}: u32 = {value}u;"));
    }
    for (binding, name, values) in [(0, "data_y", y), (1, "data_X", table)] {
        let declared =
            format!("@group(1) @binding({binding}) var<storage, read> {name}: array<f32>;");
        let list: Vec<_> = values.iter().map(|value: &f32| format!("{value:?}f")).collect();
        let array = format!("array<f32, {}>", values.len());
        let own = format!("var<private> {name}: {array} = {array}({});", list.join(", "));
        device = device.replace(&declared, &own);
    }
    let points = points(2);
    let values = on_device(&gpu, 2, &[device], &points);
    for (x, value) in points.chunks(2).zip(&values[0]) {
        let exact = exact(&target, x);
        assert!((f64::from(*value) - exact).abs() < 2e-5 * exact.abs().max(1.0), "{value} {exact}");
    }
}
