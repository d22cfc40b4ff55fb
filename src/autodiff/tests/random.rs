//! Random programs, whose derivatives are found by running them over numbers that carry theirs: an
//! evaluator that knows nothing of naga, of the language of `ir` or of its rules.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::autodiff::{hessian_vector, laplacian};

mod jets;
mod programs;
mod text;

use programs::{Draw, Program};

/// What reverse mode may give as its reason, all of it documented.
const REASONS: [&str; 8] = [
    "a loop with two exits",
    "a loop without a test at its head",
    "a loop that breaks in the middle",
    "a loop that returns",
    "branches that leave from several depths",
    "a switch that leaves in the middle",
    "writes through a pointer",
    "a loop whose number of iterations is not constant hands on",
];

/// How often each kind of program came.
#[derive(Default)]
struct Seen {
    programs: Cell<u32>,
    reversed: Cell<u32>,
    moved: Cell<u32>,
    looped: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

fn near(found: f64, expected: f64, scale: f64, what: &str, text: &str) {
    assert!(
        (found - expected).abs() <= 1e-9 * (1.0 + scale),
        "{what}: {found} is not {expected}\n{text}"
    );
}

fn unit(dim: usize, j: usize) -> Vec<f64> {
    (0..dim).map(|k| f64::from(u8::from(k == j))).collect()
}

/// A point away from borders, where rounding does not choose the branch, with the slopes there.
fn point(program: &Program, k: usize) -> Option<(Vec<f64>, f64, Vec<f64>, f64)> {
    let dim = program.position().size();
    let x = points(dim, k + 1).pop().expect("a point");
    let (mut slopes, mut scale) = (Vec::new(), 1.0_f64);
    let mut value = 0.0;
    for j in 0..dim {
        let (found, largest) = jets::run(program, &x, &unit(dim, j));
        // Nor where long loops make much of rounding.
        if largest.nearest < 1e-9 || largest.slope > 1e4 {
            return None;
        }
        scale = scale.max(largest.slope).max(largest.value);
        slopes.push(found.1);
        value = found.0;
    }
    Some((x, value, slopes, scale))
}

fn first_derivatives(program: &Program, text: &str, seen: &Seen) {
    let parsed = module(text);
    let known: Vec<_> = (0..2).filter_map(|k| point(program, 3 * k)).collect();
    count(&seen.programs);
    seen.looped.set(seen.looped.get() + u32::from(text.contains("for (")));
    if known.iter().any(|(_, _, slopes, _)| slopes.iter().any(|slope| *slope != 0.0)) {
        count(&seen.moved);
    }
    for mode in MODES {
        let derived = match gradient_by(&parsed, "f", mode) {
            Ok(derived) => derived,
            Err(refusal) => {
                let message = refusal.message();
                assert!(mode == Mode::Reverse && !program.is_plain, "{mode}: {message}\n{text}");
                let is_known = REASONS.iter().any(|reason| message.contains(reason));
                assert!(is_known, "{message}\n{text}");
                continue;
            }
        };
        if mode == Mode::Reverse {
            count(&seen.reversed);
        }
        // Parsed and checked once more.
        let pair = Pair::new(text, &derived);
        let shown = format!("{text}\n{}", derived.wgsl);
        for (x, value, slopes, scale) in &known {
            let original = pair.original.evaluate(x, &[]).unwrap();
            near(original.value, *value, *scale, "original", &shown);
            let found = pair.derived.evaluate(x, &[]).unwrap();
            near(found.value, *value, *scale, "value", &shown);
            for (j, (found, slope)) in found.outputs[0].iter().zip(slopes).enumerate() {
                near(*found, *slope, *scale, &format!("{mode}, at {x:?}, along {j}"), &shown);
            }
        }
    }
}

/// The Laplacian is the derivative of the slope along a direction, and the Hessian times a vector
/// that of the gradient: each is differentiated once more.
fn second_derivatives(program: &Program, text: &str) {
    let parsed = module(text);
    let dim = program.position().size();
    let (second, product) =
        (laplacian(&parsed, "f").unwrap(), hessian_vector(&parsed, "f").unwrap());
    let (second, product) = (Pair::new(text, &second), Pair::new(text, &product));
    let Some((x, _, slopes, mut scale)) = point(program, 2) else { return };
    let mut sum = 0.0;
    for j in 0..dim {
        let (found, largest) = jets::run(program, &x, &unit(dim, j));
        sum += found.2;
        scale = scale.max(largest.curvature);
    }
    let found = second.derived.evaluate(&x, &[]).unwrap();
    near(found.outputs[1][0], sum, scale * dim as f64, "Laplacian", &second.shown);
    let v: Vec<f64> = (0..dim).map(|j| 0.5 - 0.25 * (j % 4) as f64).collect();
    let (along, largest) = jets::run(program, &x, &v);
    let found_product = product.derived.evaluate(&x, &[&v]).unwrap();
    let twice: f64 = found_product.outputs[2].iter().zip(&v).map(|(h, v)| h * v).sum();
    near(twice, along.2, scale.max(largest.curvature) * dim as f64, "vᵀHv", &product.shown);
    for j in 0..dim {
        near(found.outputs[0][j], slopes[j], scale, "gradient", &second.shown);
        near(found_product.outputs[1][j], slopes[j], scale, "gradient", &product.shown);
    }
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
}

/// Shorter lists and smaller words are simpler programs, so that failures shrink.
fn words() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..720_720_u32, 60..900)
}

#[test]
fn random_programs_have_the_slopes_of_their_own_evaluation() {
    let seen = Seen::default();
    let result = runner(400).run(&words(), |words| {
        let program = Draw::program(&words);
        first_derivatives(&program, &program.wgsl(), &seen);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let [programs, reversed, moved, looped] =
        [&seen.programs, &seen.reversed, &seen.moved, &seen.looped].map(Cell::get);
    println!("{programs} programs, {reversed} by reverse mode, {moved} moved, {looped} with loops");
    // None of this is empty.
    assert!(reversed > programs / 3 && reversed < programs);
    assert!(moved > programs / 2 && looped > programs / 3);
}

#[test]
fn random_programs_have_the_curvatures_of_their_own_evaluation() {
    let result = runner(80).run(&words(), |words| {
        let program = Draw::program(&words);
        second_derivatives(&program, &program.wgsl());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
