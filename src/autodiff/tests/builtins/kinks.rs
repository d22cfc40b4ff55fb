//! At kinks, ends and zeros, what the documentation of the module says.

use super::super::*;

/// The text of a function of a vector or a number, a point, and the gradient there.
#[rustfmt::skip]
const KINKS: &[(&str, &[f64], &[f64])] = &[
    // The first argument wins a tie.
    ("x: vec2<f32>|max(x.x, x.y)", &[0.5, 0.5], &[1.0, 0.0]),
    ("x: vec2<f32>|min(x.x, x.y)", &[0.5, 0.5], &[1.0, 0.0]),
    ("x: vec2<f32>|max(1.0, x.x) + min(2.0, x.y)", &[1.0, 2.0], &[0.0, 0.0]),
    ("x: vec2<f32>|max(x.x, 1.0) + min(x.y, 2.0)", &[1.0, 2.0], &[1.0, 1.0]),
    ("x: vec4<f32>|dot(max(x.xy, x.zw), vec2(1.0, 2.0))", &[1.0, 3.0, 1.0, 4.0], &[1.0, 0.0, 0.0, 2.0]),
    // The ends of clamp belong to the inside.
    ("x: vec3<f32>|clamp(x.x, x.y, x.z)", &[-1.0, -1.0, 2.0], &[1.0, 0.0, 0.0]),
    ("x: vec3<f32>|clamp(x.x, x.y, x.z)", &[2.0, -1.0, 2.0], &[1.0, 0.0, 0.0]),
    ("x: vec3<f32>|clamp(x.x, x.y, x.z)", &[-1.5, -1.0, 2.0], &[0.0, 1.0, 0.0]),
    ("x: vec3<f32>|clamp(x.x, x.y, x.z)", &[2.5, -1.0, 2.0], &[0.0, 0.0, 1.0]),
    ("x: vec3<f32>|dot(saturate(x), vec3(1.0, 2.0, 3.0))", &[0.0, 1.0, 1.5], &[1.0, 2.0, 0.0]),
    // |x|, √x and lengths where they are 0.
    ("x: f32|abs(x)", &[0.0], &[0.0]),
    ("x: f32|abs(x)", &[-0.0], &[0.0]),
    ("x: vec2<f32>|dot(abs(x), vec2(1.0, 2.0))", &[0.0, -1.0], &[0.0, -2.0]),
    ("x: f32|length(x)", &[0.0], &[0.0]),
    ("x: vec3<f32>|length(x)", &[0.0, 0.0, 0.0], &[0.0, 0.0, 0.0]),
    ("x: vec4<f32>|distance(x.xy, x.zw)", &[1.0, 2.0, 1.0, 2.0], &[0.0; 4]),
    ("x: vec2<f32>|distance(x.x, x.y)", &[1.0, 1.0], &[0.0, 0.0]),
    ("x: vec2<f32>|normalize(x).x", &[0.0, 0.0], &[0.0, 0.0]),
    ("x: f32|sqrt(x)", &[0.0], &[0.0]),
    ("x: vec2<f32>|dot(sqrt(x), vec2(1.0, 2.0))", &[0.0, 4.0], &[0.0, 0.5]),
    ("x: vec2<f32>|sqrt(dot(x, x))", &[0.0, 0.0], &[0.0, 0.0]),
    // Constant between its jumps, and at them.
    ("x: f32|sign(x)", &[0.0], &[0.0]),
    ("x: f32|sign(x) * x", &[-2.0], &[-1.0]),
    ("x: f32|sign(x) * x", &[0.0], &[0.0]),
    // Small whole exponents are products, and so have slopes where `pow` itself is undefined.
    ("x: f32|pow(x, 1.0)", &[0.0], &[1.0]),
    ("x: f32|pow(x, 2.0)", &[0.0], &[0.0]),
    ("x: f32|pow(x, 2.0)", &[-3.0], &[-6.0]),
    ("x: f32|pow(x, 3.0)", &[-2.0], &[12.0]),
    ("x: f32|pow(x, 16.0)", &[-1.0], &[-16.0]),
    ("x: f32|pow(x, 0.0)", &[0.0], &[0.0]),
    ("x: f32|pow(x, 2.5)", &[0.0], &[0.0]),
    ("x: vec2<f32>|dot(pow(x, vec2(3.0)), vec2(1.0, 2.0))", &[-1.0, 0.0], &[3.0, 0.0]),
    // Along the exponent, and along both, where the power is 0.
    ("x: vec2<f32>|pow(x.x, x.y)", &[0.0, 2.0], &[0.0, 0.0]),
    ("x: vec4<f32>|dot(pow(x.xy, x.zw), vec2(1.0))", &[0.0, 1.0, 3.0, 2.0], &[0.0, 2.0, 0.0, 0.0]),
    // At both ends and beyond, smoothstep is level.
    ("x: vec3<f32>|smoothstep(x.x, x.y, x.z)", &[0.0, 2.0, 0.0], &[0.0, 0.0, 0.0]),
    ("x: vec3<f32>|smoothstep(x.x, x.y, x.z)", &[0.0, 2.0, 2.0], &[0.0, 0.0, 0.0]),
    ("x: vec3<f32>|smoothstep(x.x, x.y, x.z)", &[0.0, 2.0, -1.0], &[0.0, 0.0, 0.0]),
    ("x: vec3<f32>|smoothstep(x.x, x.y, x.z)", &[0.0, 2.0, 3.0], &[0.0, 0.0, 0.0]),
    // Total reflection: k = 1 − 4 (1 − 0.36) is negative, and at η = 1.25 zero.
    ("x: vec3<f32>|refract(x.xy, vec2(0.0, 1.0), x.z).x", &[0.8, -0.6, 2.0], &[0.0, 0.0, 0.0]),
    ("x: f32|faceForward(vec2(x), vec2(1.0, 0.0), vec2(0.0, 1.0)).x", &[2.0], &[-1.0]),
    // The branch that is taken.
    ("x: vec2<f32>|select(x.x, x.y, x.x >= x.y)", &[1.0, 1.0], &[0.0, 1.0]),
    ("x: vec2<f32>|select(x.x, x.y, x.x > x.y)", &[1.0, 1.0], &[1.0, 0.0]),
    // Two equal peaks share.
    ("x: vec2<f32>|max(x.x, x.y) + log(exp(x.x - max(x.x, x.y)) + exp(x.y - max(x.x, x.y)))", &[3.0, 3.0], &[0.5, 0.5]),
];

#[test]
fn kinks_are_as_documented() {
    for (row, x, expected) in KINKS {
        let (parameter, expression) = row.split_once('|').unwrap();
        let text = format!("fn f({parameter}) -> f32 {{ return {expression}; }}");
        let parsed = module(&text);
        for mode in MODES {
            let derived = gradient_by(&parsed, "f", mode).unwrap();
            let pair = Pair::new(&text, &derived);
            let found = pair.derived.evaluate(x, &[]).unwrap();
            let gradient = &found.outputs[0];
            assert!(
                gradient.iter().zip(*expected).all(|(a, b)| (a - b).abs() <= 1e-15),
                "{expression} at {x:?}, {mode}: {gradient:?} is not {expected:?}\n{}",
                derived.wgsl
            );
        }
    }
}

/// `if` and `switch` on the border have the slope of the branch that is taken.
#[test]
fn branches_on_the_border() {
    let text = "fn f(x: f32) -> f32 {
        var y = 3.0 * x;
        if (x <= 1.0) { y = x * x; }
        switch (select(0, 1, x >= 1.0)) { case 1: { y *= 2.0; } default: { y = 0.0; } }
        return y;
    }";
    for mode in MODES {
        let derived = gradient_by(&module(text), "f", mode).unwrap();
        let found = Pair::new(text, &derived).derived.evaluate(&[1.0], &[]).unwrap();
        assert_eq!((found.value, &found.outputs[0][..]), (2.0, &[4.0][..]), "{mode}");
    }
}
