//! Splits a derived log density in what the device evaluates and a number that stays on the host.
//!
//! The number is what the log density is worth at a place where particles start: terms that the
//! position does not move, and long sums over data. In double precision it loses nothing; in single
//! precision it would cost what is left its digits.

use std::fmt::Write as _;

use wgpu::naga;

use crate::adaptor::{Adaptor, Score};
use crate::autodiff::{self, Evaluator};
use crate::initial::{Initial, Kind};
use crate::shaders::{self, Prelude};
use crate::target::Target;
use crate::wgsl::{Linked, Source};

/// Loop iterations from which on sums are in fixed point: a plain one of fewer terms loses less
/// than a thousandth.
const LONG: u64 = 1024;

/// Loop iterations of an evaluation that are enough: software drivers stop a kernel after 65,535.
const ENOUGH: u64 = 8192;

/// The most iterations that are written out as one.
const MOST_WIDE: u64 = 128;

/// Loop iterations of an evaluation above which none is split, beside two for each number of data: the
/// host would take long over what no software driver runs.
const MOST_ITERATIONS: u64 = 1 << 18;

/// Places that are looked at, and where evaluations are long.
const PLACES: usize = 8;
const FEW_PLACES: usize = 2;

/// Nats by which a log density may lie farther from zero without its constants.
const CANCELLED: f64 = 1000.0;

/// Operations of an evaluation that is not repeated to count its loops.
const LONG_EVALUATION: u64 = 10_000_000;

/// A target's adaptor and the number that its log density leaves out.
pub(crate) struct Anchor {
    pub(crate) adaptor: Adaptor,
    pub(crate) offset: f64,
}

/// The split of `target`, of which `plain` is the adaptor; none where it would change nothing, and
/// where the host cannot tell the number.
pub(crate) fn anchor(target: &Target, plain: &Adaptor, places: &[Vec<f64>]) -> Option<Anchor> {
    let Score::Derived { mode, .. } = plain.score else { return None };
    let module = target.with_sizes(target.linked().check().ok()?);
    let whole = Whole::of(target, &module)?;
    let mut valued = Vec::new();
    for x in places {
        let (value, iterations) = whole.value(x)?;
        if value.is_finite() {
            valued.push((value, x));
        }
        if valued.len() >= if iterations > ENOUGH { FEW_PLACES } else { PLACES } {
            break;
        }
    }
    // Where the log density is largest particles end.
    valued.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (value, x) = *valued.first()?;
    let mut evaluator = plain.evaluator(target).ok()?;
    evaluator.limit_iterations(2 * most_iterations(target));
    let found = evaluator.evaluate(x, &[]).ok()?;
    let factor = match found.iterations {
        0..=ENOUGH => 1,
        many => many.div_ceil(ENOUGH).min(MOST_WIDE),
    };
    let is_long = found.iterations >= LONG;
    let split = autodiff::anchored(&module, "log_density", mode, is_long, factor as u32);
    let split = split.ok()??;
    let adaptor = |references: &[u64], probes: &str| {
        let mut text = String::new();
        if !references.is_empty() {
            text += &shaders::file("long_sum").text;
        }
        for (number, reference) in references.iter().enumerate() {
            let words = [*reference as u32, (reference >> 32) as u32];
            for (name, word) in autodiff::reference(number).iter().zip(words) {
                let _ = writeln!(text, "override {name}: u32 = {word}u;");
            }
        }
        text += &split.derived.wgsl;
        plain.with_derivative(&module, target, &(text + probes), &split.derived.function)
    };
    let rounded = target.rounded();
    let mut references = vec![0; split.probes.len()];
    if !references.is_empty() {
        let unset = adaptor(&references, &split.probe_text);
        for (probe, reference) in split.probes.iter().zip(&mut references) {
            let sum = unset.function(&rounded, probe).ok()?.evaluate(x, &[]).ok()?.value;
            if !sum.is_finite() {
                return None;
            }
            // Whole, so that the text does not depend on the last digits of the host's functions;
            // modulo 2⁶⁴, as the device has it.
            *reference = (sum.round() * 4_294_967_296.0) as i128 as u64;
        }
    }
    let mut adaptor = adaptor(&references, "");
    let evaluator = adaptor.evaluator(&rounded).ok()?;
    let here = evaluator.evaluate(x, &[]).ok()?;
    let offset = value - here.value;
    // A constant that cancels others is better left where it is.
    if here.value.abs() > 2.0 * value.abs() + CANCELLED {
        return None;
    }
    // The difference has to be the same elsewhere, up to rounding.
    for (value, x) in valued.iter().skip(1) {
        let there = evaluator.evaluate(x, &[]).ok()?.value;
        let rounding = 1e-5 * (here.value.abs() + there.abs()) + 1e-14 * offset.abs();
        let apart = (value - there - offset).abs();
        if apart.is_nan() || apart > 1e-3 + rounding {
            log::debug!("{}: the log density is not split", target.name());
            return None;
        }
    }
    if here.operations > LONG_EVALUATION {
        adaptor = adaptor.with_iterations(here.iterations);
    }
    log::debug!(
        "{}: {offset} of the log density stays on the host, {} long sums",
        target.name(),
        references.len()
    );
    Some(Anchor { adaptor, offset })
}

fn numbers(target: &Target) -> u64 {
    target.storage().iter().map(|data| data.len() as u64).sum()
}

fn most_iterations(target: &Target) -> u64 {
    MOST_ITERATIONS.max(2 * numbers(target))
}

/// The log density in double precision, as it was written.
enum Whole<'t> {
    /// Formulas have numbers that are not rounded.
    Formula(&'t Target),
    Text(Box<Evaluator>),
}

impl<'t> Whole<'t> {
    fn of(target: &'t Target, module: &naga::Module) -> Option<Whole<'t>> {
        if target.is_formula() {
            return Some(Whole::Formula(target));
        }
        let mut evaluator = Evaluator::new(module, "log_density").ok()?;
        target.give(module, &mut evaluator);
        evaluator.limit_iterations(most_iterations(target));
        Some(Whole::Text(Box::new(evaluator)))
    }

    /// The value, and about how many loop iterations it takes.
    fn value(&self, x: &[f64]) -> Option<(f64, u64)> {
        match self {
            Whole::Formula(target) => {
                let center = target.origin();
                let x = x.iter().enumerate().map(|(j, x)| x + center.of_coordinate(j));
                Some((target.formula_value(&x.collect::<Vec<_>>())?, numbers(target)))
            }
            Whole::Text(evaluator) => {
                let found = evaluator.evaluate(x, &[]).ok()?;
                Some((found.value, found.iterations))
            }
        }
    }
}

/// Some places where particles start, first their center.
pub(crate) fn places(initial: &Initial, sources: &[Source]) -> Vec<Vec<f64>> {
    const COUNT: usize = 16;
    let dim = initial.dim as usize;
    let mut places: Vec<Vec<f64>> = match (&initial.kind, initial.gaussians()) {
        (Kind::Positions(positions) | Kind::Particles { positions, .. }, _) => {
            let step = (positions.len() / dim / COUNT).max(1);
            let rows = positions.chunks_exact(dim).step_by(step).take(COUNT);
            rows.map(|row| row.iter().map(|x| f64::from(*x)).collect()).collect()
        }
        (_, Some(components)) => {
            let shifted = |shift: f64| {
                components.iter().take(COUNT).map(move |component| {
                    let axes = component.mean.iter().zip(&component.scale);
                    axes.map(|(mean, scale)| mean + shift * scale).collect::<Vec<f64>>()
                })
            };
            [0.0, 0.7, -0.7].into_iter().flat_map(shifted).collect()
        }
        _ => draws(dim, sources, COUNT as u32).unwrap_or_default(),
    };
    let count = places.len().max(1) as f64;
    let mean = |j: usize| places.iter().map(|x| x[j]).sum::<f64>() / count;
    let center = (0..dim).map(mean).collect();
    places.insert(0, center);
    // What a particle can hold.
    places.iter_mut().flatten().for_each(|x| *x = f64::from(*x as f32));
    places
}

/// Draws from an initial law in WGSL, on the host.
fn draws(dim: usize, sources: &[Source], count: u32) -> Option<Vec<Vec<f64>>> {
    const NAME: &str = "anchor_draw";
    let draw = format!(
        "fn {NAME}(slot: ptr<function, f32>, out: ptr<function, Point>) -> f32 {{\n    \
         *out = initial_sample(u32(*slot));\n    return 0.0;\n}}\n"
    );
    let mut texts = vec![Prelude::default().dimension(dim as u32).seed(0).source()];
    texts.extend(shaders::files(&["types", "threefry", "normal", "float", "hidden/nothing"]));
    texts.extend(sources.iter().cloned());
    texts.push(Source::new("draw", draw));
    let module = Linked::new(texts).check().ok()?;
    let evaluator = Evaluator::new(&module, NAME).ok()?;
    let draw = |slot: u32| {
        let found = evaluator.evaluate(&[f64::from(slot)], &[]).ok()?;
        found.outputs.into_iter().next()
    };
    (0..count).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Data;

    fn split(target: &Target) -> Option<Anchor> {
        let dim = target.dim() as usize;
        let start = Initial::normal(&vec![0.5; dim], &vec![2.0; dim]).unwrap();
        let plain = Adaptor::of(target).unwrap();
        anchor(target, &plain, &places(&start, &[]))
    }

    fn formula(dim: u32, text: &str) -> Target {
        Target::from_formula(dim, text).unwrap()
    }

    fn written(text: &str) -> Target {
        let text = format!("fn log_density(x: Point) -> f32 {{ {text} }}");
        Target::from_wgsl(2, "mine.wgsl", text).unwrap()
    }

    /// The same text is left with the constant and without it.
    #[test]
    fn what_does_not_move_is_left_out_of_formulas() {
        for (with, without, constant) in [
            ("-x0^2/2 - 1e7", "-x0^2/2", -1e7),
            ("-1e7 - x0^2/2", "-(x0^2/2)", -1e7),
            ("-1e12 - x0^2/2", "-(x0^2/2)", -1e12),
            ("-(x0^2/2 + 1e9)", "-(x0^2/2)", -1e9),
            ("-(x0^2 + 3e8)/2", "-(x0^2)/2", -1.5e8),
            ("0.25*(7e7 - 2*(x0^2 + 1e6))", "0.25*(-(2*(x0^2)))", 1.7e7),
            ("where(x0 > -9, -x0^2 - 1e8, -inf)", "where(x0 > -9, -x0^2, -inf)", -1e8),
            (
                "where(x0 > -9, where(x0 < 9, -x0^2 + 1e8, -inf), log(0))",
                "where(x0 > -9, where(x0 < 9, -x0^2, -inf), log(0))",
                1e8,
            ),
            ("sum(i, 0, 99, -x0^2*i - 1e6)", "sum(i, 0, 99, -x0^2*i)", -1e8),
            ("sum(i, 0, 99, -x0^2*i - i*1e6)", "sum(i, 0, 99, -x0^2*i)", -4.95e9),
            ("log(1e30) - x0^2 - x1^2", "-x0^2 - x1^2", 30.0 * std::f64::consts::LN_10),
        ] {
            let (with, bare) = (formula(2, with), formula(2, without));
            let found = split(&with).unwrap_or_else(|| panic!("{with:?}"));
            let text = &found.adaptor.source.text;
            let expected = split(&bare).map(|found| found.adaptor.source.text);
            let plain = || Adaptor::of(&bare).unwrap().source.text;
            assert_eq!(*text, expected.unwrap_or_else(plain), "{}", with.wgsl());
            let off = (found.offset - constant).abs();
            assert!(off <= 1e-5 + 1e-15 * constant.abs(), "{} {constant}", found.offset);
        }
    }

    #[test]
    fn parameters_count_at_their_values() {
        let target = formula(1, "-c - x0^2/(2*s^2) - log(s)").set("c", 1e9 + 0.1).unwrap();
        let found = split(&target.set("s", 0.1).unwrap()).unwrap();
        assert!((found.offset + 1e9 + 0.1 - 10.0_f64.ln()).abs() < 1e-5, "{}", found.offset);
    }

    /// Of WGSL too, as far as the position has no part in it.
    #[test]
    fn what_does_not_move_is_left_out_of_texts() {
        for (text, constant) in [
            ("return 1e7 - dot(x, x);", Some(1e7)),
            ("let c = 3.0 * 1e6; return c - dot(x, x) + c;", Some(6e6)),
            ("var s = 1e7; s -= x.x * x.x; s -= x.y * x.y; return s;", Some(1e7)),
            (
                "if (x.x < -50.0) { return float_minus_infinity(); } return 1e7 - dot(x, x);",
                Some(1e7),
            ),
            ("if (x.x < -50.0) { return -1e30; } return 1e7 - dot(x, x);", Some(1e7)),
            (
                "var s = 0.0; for (var i = 0u; i < 900u; i++) { s += 1e4 - x.x * x.x; } return s;",
                Some(9e6),
            ),
            ("return select(float_minus_infinity(), 1e7 - x.x * x.x, x.x > -50.0);", Some(1e7)),
            // The position decides on these.
            ("if (x.x > 0.6) { return 1e7 - dot(x, x); } return 1e6 - dot(x, x);", None),
            ("var c = 1e6; if (x.x > 0.6) { c = 1e7; } return c - dot(x, x);", None),
            ("return select(1e6, 1e7, x.x > 0.6) - dot(x, x);", None),
            ("return 1e6 * floor(x.x) * 0.0 + 1e6 * sign(x.x) - dot(x, x);", None),
            (
                "var s = 0.0; for (var i = 0u; i < 9u; i++) { if (x.x * f32(i) > 2.0) { break; } \
                 s += 1e5; } return s - dot(x, x);",
                None,
            ),
            (
                "var s = 0.0; for (var i = 0u; i < 9u; i++) { if (x.x > 0.6) { continue; } \
                 s += 1e5; } return s - dot(x, x);",
                None,
            ),
            ("let s = 1e3 - dot(x, x); return s + 0.0 * exp(-s * s);", Some(1e3)),
            ("var s = 1e3 - dot(x, x); return s * s * -1e-3;", None),
        ] {
            let target = written(text);
            let found = split(&target).map(|found| found.offset);
            match constant {
                Some(constant) => {
                    let found = found.unwrap_or_else(|| panic!("{text}"));
                    assert!((found - constant).abs() < 1e-3, "{text}: {found}");
                }
                // Or what is the same at all places.
                None => assert_eq!(found.filter(|offset| offset.abs() > 1.0), None, "{text}"),
            }
        }
    }

    /// Whatever is left out, the rest and the number are the log density.
    #[test]
    fn the_parts_are_the_whole() {
        let y: Vec<f32> = (0..3000).map(|n| (n % 17) as f32 * 0.1).collect();
        let data = Data::new(y.len(), 1, y).unwrap();
        for text in [
            "-x0^2 - sum(n in data.y, (data.y[n] - x0)^2/2 + 7)",
            "sum(n in data.y, -softplus(x0*data.y[n]) - log(2*pi)/2) - x1^2",
            "-0.5*sum(n in data.y, (data.y[n] - x0)^2 + x1^2)*3 - 1e5",
            "where(x1 > -99, sum(n in data.y, -(data.y[n] - x0)^2*exp(-2*x1) - x1 - 3), -inf)",
            "-log(1 + sum(n in data.y, (data.y[n] - x0)^2)) - x1^2",
            "logsumexp(n in data.y, -(data.y[n] - x0)^2) - 40",
        ] {
            let target = formula(2, text).with_data("y", &data).unwrap();
            let Some(found) = split(&target) else {
                assert!(text.starts_with("-log"), "{text}");
                continue;
            };
            let evaluator = found.adaptor.evaluator(&target).unwrap();
            let plain = Adaptor::of(&target).unwrap().evaluator(&target).unwrap();
            for x in [[0.3, 0.2], [-1.0, 0.9], [2.0, -0.4]] {
                let (left, whole) = (evaluator.evaluate(&x, &[]), plain.evaluate(&x, &[]));
                let (left, whole) = (left.unwrap(), whole.unwrap());
                let off = (left.value + found.offset - whole.value).abs();
                assert!(off < 1e-5 * whole.value.abs().max(1.0), "{text} {off}");
                for (a, b) in left.outputs[0].iter().zip(&whole.outputs[0]) {
                    assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{text}: {a} {b}");
                }
            }
        }
    }
}
