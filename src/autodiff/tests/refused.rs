//! What is refused, in which words, and where in the text.

use super::*;
use crate::autodiff::{directional, hessian_vector, laplacian};

/// A text, what the message contains, and the piece of the text that it points at; it is the first
/// of its kind unless `«»` mark it.
type Row = (&'static str, &'static str, &'static str);

fn check(rows: &[Row]) {
    for (text, message, piece) in rows {
        let marked = text.find('«');
        let text = text.replace(['«', '»'], "");
        let refusal = refusal(&text);
        assert!(refusal.message().contains(message), "{refusal} in {text}");
        let span = refusal.span().unwrap_or_else(|| panic!("no place: {refusal} in {text}"));
        assert_eq!(&text[span.clone()], *piece, "{refusal} in {text}");
        if let Some(at) = marked {
            assert_eq!(span.start, at, "{text}");
        }
    }
}

#[test]
fn what_jumps() {
    check(&[
        ("fn f(x: f32) -> f32 { return floor(x) * x; }", "`floor` jumps", "floor"),
        ("fn f(x: f32) -> f32 { let y = ceil(x); return y + x; }", "`ceil` jumps", "ceil"),
        ("fn f(x: vec2<f32>) -> f32 { return dot(round(x), x); }", "`round` jumps", "round"),
        ("fn f(x: f32) -> f32 { return trunc(2.0 * x); }", "`trunc` jumps", "trunc"),
        ("fn f(x: f32) -> f32 { return fract(x); }", "`fract` jumps", "fract"),
        ("fn f(x: f32) -> f32 { return step(x, 0.5); }", "`step` jumps", "step"),
        ("fn f(x: f32) -> f32 { return x % 2.0; }", "`%` jumps", "x % 2.0"),
        ("fn f(x: f32) -> f32 { return 2.0 % x; }", "`%` jumps", "2.0 % x"),
        ("fn f(x: vec2<f32>) -> f32 { return (x % vec2(2.0)).x; }", "`%` jumps", "x % vec2(2.0)"),
        // The second is meant.
        ("fn f(x: f32) -> f32 { return floor(3.5) * floor(1.5 * 2.0) + «floor»(x); }", "`floor`", "floor"),
        // In a function that is called, through a variable, in a loop, in a branch.
        (
            "fn g(y: f32) -> f32 { return y * fract(y); }
             fn f(x: f32) -> f32 { return g(x * x); }",
            "`fract` jumps",
            "fract",
        ),
        (
            "fn g(y: ptr<function, vec2<f32>>) { (*y).x = ceil((*y).y); }
             fn f(x: vec2<f32>) -> f32 { var y = x; g(&y); return y.x; }",
            "`ceil` jumps",
            "ceil",
        ),
        (
            "fn f(x: f32) -> f32 { var s = 0.0; for (var i = 0u; i < 3u; i++) { s += floor(x); } return s; }",
            "`floor` jumps",
            "floor",
        ),
        (
            "fn f(x: f32) -> f32 { var s = x; if (x > 1.0) { s = round(x); } return s; }",
            "`round` jumps",
            "round",
        ),
    ]);
}

#[test]
fn numbers_that_become_integers_or_bits() {
    let jumps = "which jumps and has no derivative";
    check(&[
        ("fn f(x: f32) -> f32 { return f32(i32(x)); }", jumps, "i32(x)"),
        ("fn f(x: f32) -> f32 { let k = u32(x * x); return f32(k) * x; }", jumps, "u32(x * x)"),
        ("fn f(x: vec2<f32>) -> f32 { return f32(vec2<i32>(x).y); }", jumps, "vec2<i32>(x)"),
        // As an index: the result jumps with it.
        (
            "fn f(x: ptr<function, array<f32, 4>>) -> f32 { return (*x)[u32((*x)[0])]; }",
            "becomes u32",
            "u32((*x)[0])",
        ),
        // As the bound of a loop.
        (
            "fn f(x: f32) -> f32 { var s = 0.0; for (var i = 0; i < i32(x); i++) { s += x; } return s; }",
            "becomes i32",
            "i32(x)",
        ),
        ("fn f(x: f32) -> f32 { return x * f32(bitcast<u32>(x)); }", "becomes u32", "bitcast<u32>(x)"),
        (
            "fn f(x: f32) -> f32 { return x * bitcast<f32>(bitcast<u32>(x) ^ 1u); }",
            "becomes u32",
            "bitcast<u32>(x)",
        ),
    ]);
}

/// The same where it moves nothing: of constants, in what is never used, in conditions.
#[test]
fn jumps_that_move_nothing_are_accepted() {
    for text in [
        "fn f(x: f32) -> f32 { let unused = floor(x) + x % 2.0 + step(x, 0.5); return x * x; }",
        "fn f(x: f32) -> f32 { var y = fract(x); y = x; return y * y; }",
        "override c: f32 = 2.5; fn f(x: f32) -> f32 { return x * x * floor(c) * (c % 2.0); }",
        "fn f(x: f32) -> f32 { if (floor(x) > 0.0) { return x * x; } return 2.0 * x * x; }",
        "fn f(x: f32) -> f32 { return select(x, x * x, fract(x) > 0.5); }",
        "fn f(x: vec2<f32>) -> f32 { let k = select(0u, 1u, trunc(x.x) > 0.0); return x[k] * x.y; }",
        "fn f(x: f32) -> f32 { for (var i = 0u; i < u32(floor(3.5)); i++) { let z = round(x); } return x * x; }",
        "fn f(x: f32) -> f32 { return x * f32(bitcast<u32>(1.0)) * 1e-9 * x; }",
        "fn g(y: f32) -> f32 { return floor(y); } fn f(x: f32) -> f32 { let y = g(x); return x * x; }",
    ] {
        assert_eq!(check_gradient(text, &points(if text.contains("vec2") { 2 } else { 1 }, 3), &[]).len(), 3, "{text}");
    }
}

#[test]
fn what_the_language_has_no_word_for() {
    check(&[
        (
            "fn f(x: f32) -> f32 { let parts = modf(x); return parts.fract; }",
            "modf and frexp cannot be differentiated",
            "modf",
        ),
        (
            "fn f(x: f32) -> f32 { return frexp(x).fract; }",
            "modf and frexp cannot be differentiated",
            "frexp",
        ),
        (
            "fn f(x: f32) -> f32 { «var parts = modf(x);» return parts.fract; }",
            "modf and frexp cannot be differentiated",
            "parts",
        ),
        (
            "@group(0) @binding(0) var t: texture_2d<f32>;
             fn f(x: f32) -> f32 { return x * textureLoad(t, vec2(0, 0), 0).x; }",
            "a texture cannot be differentiated",
            "textureLoad",
        ),
        (
            "@group(0) @binding(0) var t: texture_2d<f32>;
             @group(0) @binding(1) var s: sampler;
             fn f(x: f32) -> f32 { return textureSampleLevel(t, s, vec2(x), 0.0).x; }",
            "a texture cannot be differentiated",
            "textureSampleLevel",
        ),
        (
            "@group(0) @binding(0) var t: texture_storage_2d<r32float, write>;
             fn f(x: f32) -> f32 { textureStore(t, vec2(0, 0), vec4(x)); return x; }",
            "a texture cannot be differentiated",
            "textureStore(t, vec2(0, 0), vec4(x))",
        ),
        (
            "@group(0) @binding(0) var<storage, read_write> hits: atomic<u32>;
             fn f(x: f32) -> f32 { return x * f32(atomicAdd(&hits, 1u)); }",
            "an atomic cannot be differentiated",
            "atomicAdd(&hits, 1u)",
        ),
        ("fn f(x: f32) -> f32 { workgroupBarrier(); return x; }", "a barrier", "workgroupBarrier()"),
        ("fn f(x: f32) -> f32 { storageBarrier(); return x; }", "a barrier", "storageBarrier()"),
        (
            "var<workgroup> shared_: f32;
             fn f(x: f32) -> f32 { return x * workgroupUniformLoad(&shared_); }",
            "workgroupUniformLoad cannot",
            "workgroupUniformLoad(&shared_)",
        ),
        ("fn f(x: f32) -> f32 { if (x > 1.0) { discard; } return x; }", "discard cannot", "discard"),
        ("fn f(x: f32) -> f32 { return dpdx(x); }", "screen derivatives", "dpdx"),
    ]);
}

#[test]
fn writes_outside_of_the_function() {
    let outside = "which is outside of the function";
    check(&[
        ("var<private> p: f32; fn f(x: f32) -> f32 { p = x; return x; }", "writes to `p`", "p = x"),
        ("var<workgroup> w: f32; fn f(x: f32) -> f32 { w += 1.0; return x; }", outside, "w += 1.0"),
        (
            "@group(0) @binding(0) var<storage, read_write> out: array<f32>;
             fn g(y: f32) { out[2] = y; }
             fn f(x: f32) -> f32 { g(x); return x; }",
            "writes to `out`",
            "out[2] = y",
        ),
    ]);
}

#[test]
fn shapes_and_names() {
    let shape = "takes an f32, a vector or an array of f32 first and returns an f32";
    check(&[
        ("fn f(x: f32) -> i32 { return 1; }", shape, "f"),
        ("fn f(x: f32) -> vec2<f32> { return vec2(x); }", shape, "f"),
        ("fn f(x: f32) { }", shape, "f"),
        ("fn f() -> f32 { return 1.0; }", shape, "f"),
        ("fn f(x: i32) -> f32 { return f32(x); }", shape, "f"),
        ("fn f(x: vec2<u32>) -> f32 { return f32(x.x); }", shape, "f"),
        ("fn f(x: mat2x2<f32>) -> f32 { return x[0].x; }", shape, "f"),
        ("fn f(x: array<vec2<f32>, 3>) -> f32 { return x[0].x; }", shape, "f"),
        (
            "fn f(x: ptr<function, vec2<f32>>) -> f32 { *x = vec2(1.0); return (*x).x; }",
            "`f` writes to its parameter `x`; copy it to a variable first",
            "f",
        ),
        (
            "fn f(x: f32, y: ptr<function, f32>) -> f32 { *y = x; return x; }",
            "`f` writes to its parameter `y`",
            "f",
        ),
        (
            "fn max(a: f32) -> f32 { return a; } fn f(x: f32) -> f32 { return x; }",
            "`max` hides WGSL's own `max`; choose another name",
            "max",
        ),
        ("const sign = 1.0; fn f(x: f32) -> f32 { return x * sign; }", "`sign` hides", "sign"),
        ("var<private> v1_: f32; fn f(x: f32) -> f32 { return x + v1_; }", "`v1_` is a name of", "v1_"),
        ("const w12_ = 2.0; fn f(x: f32) -> f32 { return x * w12_; }", "`w12_` is a name", "w12_"),
        (
            "const f_gradient = 1.0; fn f(x: f32) -> f32 { return x * f_gradient; }",
            "`f_gradient` is a name of the derivative; choose another name",
            "f_gradient",
        ),
        (
            "fn f_gradient(a: f32) -> f32 { return a; } fn f(x: f32) -> f32 { return f_gradient(x); }",
            "`f_gradient` is a name of the derivative; choose another name",
            "f_gradient",
        ),
        (
            "struct gradient_ { a: f32 } fn f(x: f32) -> f32 { return x * gradient_(2.0).a; }",
            "`gradient_` is a name of the derivative",
            "gradient_",
        ),
    ]);
    let missing = gradient(&module("fn g(x: f32) -> f32 { return x; }"), "f").unwrap_err();
    assert_eq!(missing.to_string(), "there is no function `f`");
    assert_eq!(missing.span(), None);
}

/// Names like those of the derivative that do not clash with it.
#[test]
fn names_nearby_are_accepted() {
    for text in [
        "fn f_reverse(a: f32) -> f32 { return a * a; } fn f(x: f32) -> f32 { return f_reverse(x) * x; }",
        "fn f_sweep(a: f32) -> f32 { return a * a; } fn f(x: f32) -> f32 { return f_sweep(x) * x; }",
        "const v1 = 2.0; const v_ = 3.0; const vx_ = 1.5; fn f(x: f32) -> f32 { return x * x * v1 * v_ * vx_; }",
        "fn f(x_: f32) -> f32 { let v0_ = x_ * x_; var w0_ = v0_; w0_ += x_; return w0_; }",
        "fn f(seed: f32) -> f32 { let max = seed * seed; return max * seed; }",
    ] {
        assert_eq!(check_gradient(text, &points(1, 3), &[]), MODES, "{text}");
    }
}

/// What has no gradient has no other derivative either, for the same reason at the same place.
#[test]
fn other_derivatives_refuse_alike() {
    let text = "fn f(x: vec2<f32>) -> f32 { return x.x * floor(x.y); }";
    let parsed = module(text);
    let expected = gradient(&parsed, "f").unwrap_err();
    for found in [directional, laplacian, hessian_vector] {
        assert_eq!(found(&parsed, "f").unwrap_err(), expected);
    }
    for mode in MODES {
        assert_eq!(gradient_by(&parsed, "f", mode).unwrap_err(), expected);
    }
}
#[test]
fn spans() {
    let text = "struct S { a: f32 } override o = 1.0; const C = 2.0;\nvar<private> p: f32;\nfn f(x: f32, y: S) -> f32 { var loc = x; return C * loc * o * p; }";
    let m = module(text);
    let show = |what: &str, s: naga::Span| println!("{what}: {:?}", s.to_range().map(|r| &text[r]));
    for (h, f) in m.functions.iter() { show("fn", m.functions.get_span(h)); for (l, _) in f.local_variables.iter() { show("local", f.local_variables.get_span(l)); } }
    for (h, _) in m.constants.iter() { show("const", m.constants.get_span(h)); }
    for (h, _) in m.overrides.iter() { show("override", m.overrides.get_span(h)); }
    for (h, _) in m.global_variables.iter() { show("global", m.global_variables.get_span(h)); }
    for (h, _) in m.types.iter() { show("type", m.types.get_span(h)); }
}
