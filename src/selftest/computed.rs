//! Infinities and not-a-numbers that the device computes itself. A compiler that takes every number for
//! finite answers the tests of `shaders/float.wgsl` beforehand, or drops the arm of a choice that is
//! −∞: then particles outside of the support keep their weight, and lost ones are never found.

use super::finding::Finding;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::snippet::Snippet;
use crate::shaders::{self, Prelude};

/// What no compiler knows: all pairs of these are loaded.
const LOADED: [f32; 9] = [f32::INFINITY, f32::NEG_INFINITY, 0.0, 1.0, -1.0, 2.5, 3e38, -3e38, 0.25];

/// Words that the kernel writes for a pair.
const WORDS: u32 = 5;

/// One word that is zero and is loaded.
const HIDDEN: &str = "fn float_hidden_zero() -> u32 { return inputs[0]; }
    fn kind(x: f32) -> u32 {
        return select(0u, 1u, float_is_non_finite(x))
            + select(0u, 2u, float_is_minus_infinity(x))
            + select(0u, 4u, float_is_lost(x));
    }\n";

pub(super) const BODY: &str = "
    let a = bitcast<f32>(inputs[2u * i + 1u]);
    let b = bitcast<f32>(inputs[2u * i + 2u]);
    let chosen = select(a, float_minus_infinity(), a < b);
    outputs[5u * i] = kind(chosen);
    outputs[5u * i + 1u] = kind(chosen + 0.5 * b);
    outputs[5u * i + 2u] = kind(a * b);
    outputs[5u * i + 3u] = kind(a - b);
    let none = select(a, float_nan(), a < b);
    outputs[5u * i + 4u] = select(kind(none + b), 8u, float_is_lost(none));";

/// The twin of `kind`.
fn kind(x: f32) -> u32 {
    let (is_none, is_minus_infinity) = (!x.is_finite(), x == f32::NEG_INFINITY);
    u32::from(is_none)
        + 2 * u32::from(is_minus_infinity)
        + 4 * u32::from(is_none && !is_minus_infinity)
}

/// The twin of [`BODY`].
fn expected(a: f32, b: f32) -> [u32; WORDS as usize] {
    let (chosen, none) = if a < b { (f32::NEG_INFINITY, f32::NAN) } else { (a, a) };
    let found = if kind(none) & 4 != 0 { 8 } else { kind(none + b) };
    [kind(chosen), kind(chosen + 0.5 * b), kind(a * b), kind(a - b), found]
}

/// What the tests of the library say of computed numbers, on this device.
pub(super) fn infinities(gpu: &Gpu) -> Result<Vec<Finding>> {
    told(gpu, &shaders::file("float").text, BODY)
}

/// The same with texts of `float.wgsl` and of the kernel as a compiler might take them.
pub(super) fn told(gpu: &Gpu, float: &str, body: &str) -> Result<Vec<Finding>> {
    let pairs: Vec<_> = LOADED.iter().flat_map(|a| LOADED.map(|b| (*a, b))).collect();
    let mut inputs = vec![0];
    inputs.extend(pairs.iter().flat_map(|(a, b)| [a.to_bits(), b.to_bits()]));
    let functions = &format!("{HIDDEN}{float}");
    let (count, inputs) = (pairs.len() as u32, &inputs[..]);
    let pairwise = Snippet { functions, body, count, words: WORDS, inputs, ..Snippet::default() };
    let ours = pairwise.run(gpu, Prelude::default())?;
    let exact: Vec<_> = pairs.iter().flat_map(|(a, b)| expected(*a, *b)).collect();
    let column = |of: &[u32], j: u32| -> Vec<u32> {
        of.iter().skip(j as usize).step_by(WORDS as usize).copied().collect()
    };
    let finding = |(j, name)| Finding::words(name, column(&ours, j), column(&exact, j));
    let mut findings: Vec<_> = [
        (0, "−∞ through a select"),
        (1, "−∞ through arithmetic"),
        (2, "computed products that are infinite or no number"),
        (3, "computed differences that are infinite or no number"),
        (4, "computed not-a-numbers"),
    ]
    .map(finding)
    .into();
    let body = "outputs[i] = kind(log(bitcast<f32>(inputs[i])));";
    let zero = Snippet { functions, body, count: 1, words: 1, inputs: &[0], ..Snippet::default() };
    let zero = zero.run(gpu, Prelude::default())?;
    findings.push(Finding::words("log of zero is −∞", zero, vec![kind(f32::NEG_INFINITY)]));
    Ok(findings)
}
