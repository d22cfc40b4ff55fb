//! Slopes along a direction, Laplacians, Hessians times vectors.

use super::*;
use crate::autodiff::{directional, hessian_vector, laplacian};

const FUNCTIONS: &[(usize, &str)] = &[
    (1, "fn f(x: f32) -> f32 { return exp(sin(x)) * x; }"),
    (
        3,
        "fn f(x: vec3<f32>) -> f32 { return exp(-0.5 * dot(x, x)) * x.y + length(x) * x.z / (1.0 + x.x * x.x); }",
    ),
    (
        6,
        "fn term(y: f32, z: f32) -> f32 { if (y > z) { return y * y * z; } return sin(y * z); }
         fn f(x: ptr<function, array<f32, 6>>) -> f32 {
             var sum = 0.0;
             for (var i = 1u; i < 6u; i++) { sum += term((*x)[i], (*x)[i - 1u]) + abs((*x)[i]) * (*x)[0]; }
             return log(1.0 + sum * sum);
         }",
    ),
    (
        2,
        "override count: u32 = 4u;
         fn f(x: vec2<f32>) -> f32 {
             var peak = -1e30;
             var total = 0.0;
             for (var k = 0u; k < count; k++) {
                 let z = x - vec2(f32(k), 0.5);
                 let t = -0.5 * dot(z, z);
                 let above = max(t, peak);
                 total = total * exp(peak - above) + exp(t - above);
                 peak = above;
             }
             return peak + log(total);
         }",
    ),
    (2, "fn f(x: vec2<f32>) -> f32 { return 7.0; }"),
    (2, "fn f(x: vec2<f32>) -> f32 { return 3.0 * x.x - x.y; }"),
];

fn hessian(f: &dyn Fn(&[f64]) -> f64, x: &[f64], i: usize, j: usize) -> f64 {
    slope(&|x| slope(f, x, j), x, i)
}

fn near(what: &str, found: f64, expected: f64, shown: &str) {
    let bound = 2e-6 * (1.0 + expected.abs());
    assert!((found - expected).abs() <= bound, "{what}: {found} is not {expected}\n{shown}");
}

#[test]
fn directions_laplacians_and_hessians_agree_with_differences() {
    for (dim, text) in FUNCTIONS {
        let parsed = module(text);
        let along = directional(&parsed, "f").unwrap();
        let second = laplacian(&parsed, "f").unwrap();
        let product = hessian_vector(&parsed, "f").unwrap();
        for x in points(*dim, 4) {
            let v: Vec<f64> = (0..*dim).map(|j| 0.7 - 0.4 * j as f64).collect();
            let pair = Pair::new(text, &along);
            let f = |x: &[f64]| pair.original.evaluate(x, &[]).unwrap().value;
            let gradient: Vec<f64> = (0..*dim).map(|j| slope(&f, &x, j)).collect();
            let found = pair.derived.evaluate(&x, &[&v]).unwrap();
            let expected: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
            near("value", found.value, f(&x), text);
            near("slope", found.outputs[1][0], expected, &along.wgsl);

            let pair = Pair::new(text, &second);
            let found = pair.derived.evaluate(&x, &[]).unwrap();
            let expected: f64 = (0..*dim).map(|j| hessian(&f, &x, j, j)).sum();
            near("value", found.value, f(&x), text);
            near("Laplacian", found.outputs[1][0], expected, &second.wgsl);
            for (found, expected) in found.outputs[0].iter().zip(&gradient) {
                near("gradient", *found, *expected, &second.wgsl);
            }

            let pair = Pair::new(text, &product);
            let found = pair.derived.evaluate(&x, &[&v]).unwrap();
            for (i, slope) in gradient.iter().enumerate() {
                let expected: f64 = (0..*dim).map(|j| hessian(&f, &x, i, j) * v[j]).sum();
                near("product", found.outputs[2][i], expected, &product.wgsl);
                near("gradient", found.outputs[1][i], *slope, &product.wgsl);
            }
        }
    }
}
