//! Statements, types and calls.

use super::*;

const REVERSE: &[Mode] = &MODES;
const FORWARD: &[Mode] = &[Mode::Forward, Mode::Sweeps];

fn check(dim: usize, expected: &[Mode], text: &str) {
    let taken = check_gradient(text, &points(dim, 7), &[]);
    assert_eq!(taken, expected, "{text}");
}

#[test]
fn straight_code_and_variables() {
    check(2, REVERSE, "fn f(x: vec2<f32>) -> f32 { return -0.5 * dot(x, x) + x.x * x.y; }");
    check(1, REVERSE, "fn f(x: f32) -> f32 { var y = x; y = y * y + x; y *= x; return y; }");
    check(
        3,
        REVERSE,
        "fn f(x: ptr<function, vec3<f32>>) -> f32 {
             var y = *x;
             y.z = y.x * y.y;
             let before = y.z;
             y.x = before + y.z * y.z;
             y = y.zxy * 2.0;
             return dot(y, *x) + y[1];
         }",
    );
    // Variables that begin as composed constants.
    check(
        2,
        REVERSE,
        "struct Pair { a: f32, v: vec2<f32> }
         const SHIFT = 0.5;
         fn f(x: vec2<f32>) -> f32 {
             var p = Pair(2.0, vec2(SHIFT, -1.0));
             var list = array<vec2<f32>, 2>(vec2(1.0), -vec2(2.0, 3.0) * SHIFT);
             var m = mat2x2<f32>(1.0, 2.0, 3.0, 4.0);
             for (var i = 0u; i < 2u; i++) { var w = vec2(1.0, 3.0); w *= x; list[i] += w * x.yx; }
             p.v += m * x;
             return dot(p.v, list[0]) * p.a + dot(list[1], x);
         }",
    );
    // A value that is never used may do what it likes.
    check(1, REVERSE, "fn f(x: f32) -> f32 { let unused = floor(x); return x * x; }");
    check(2, REVERSE, "fn f(x: vec2<f32>) -> f32 { return 3.0; }");
}

#[test]
fn branches_and_early_returns() {
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var y = x.x;
             if (x.y > 0.2) { y = y * x.y; } else if (x.y < -0.5) { y += x.y * x.y; y *= y; }
             return y * y;
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             if (x.x > 0.5) { return x.x * x.y; }
             let y = x.x * x.x;
             if (x.y > 0.0) { return y * x.y; } else { if (x.x < -1.0) { return y; } else { return -y * x.x; } }
         }",
    );
    check(
        2,
        FORWARD,
        "fn f(x: vec2<f32>) -> f32 {
             if (x.x > 0.0) { if (x.y > 0.0) { return x.x * x.y; } }
             return x.x * x.x * x.y;
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var k = 0u;
             if (x.x > 0.0) { k = 1u; }
             if (x.y > 0.0) { k += 2u; }
             var y = x.x;
             switch k {
                 case 0u: { y = y * x.y; }
                 case 1u, 2u: { y = y * y * x.y; break; }
                 default: { y = sin(y) * x.y; }
             }
             return y * x.x;
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             let k = select(0, 1, x.x > 0.0);
             switch k { case 0: { return x.x * x.y; } default: { return x.y * x.y * x.x; } }
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 { return select(x.x * x.y, x.y * x.y, x.x > 0.0 && x.y < 1.0); }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 { let y = select(x * x, x.yx, x > vec2(0.1)); return y.x * y.y; }",
    );
}

#[test]
fn counted_loops_run_backward() {
    check(
        5,
        REVERSE,
        "fn f(x: ptr<function, array<f32, 5>>) -> f32 {
             var sum = 0.0;
             for (var i = 0u; i < 5u; i++) { sum += exp(-(*x)[i]) * (*x)[4u - i]; }
             return log(sum * sum + 1.0);
         }",
    );
    // By value, indexed by a variable.
    check(
        5,
        REVERSE,
        "fn f(x: array<f32, 5>) -> f32 {
             var sum = 0.0;
             for (var i = 1; i <= 4; i += 1) { sum += x[i] * x[i - 1] * x[0]; }
             return sum;
         }",
    );
    // Loops in loops, and a variable that each iteration begins anew.
    check(
        4,
        REVERSE,
        "const TABLE = array<f32, 4>(1.0, -2.0, 0.5, 3.0);
         fn f(x: ptr<function, array<f32, 4>>) -> f32 {
             var total = 0.0;
             for (var n = 0u; n < 3u; n++) {
                 var along = 0.0;
                 for (var i = 0u; i < 4u; i++) { along += TABLE[i] * (*x)[i] + f32(n); }
                 if (along > 1.0) { total += log(along); } else { total -= along * along; }
             }
             return total;
         }",
    );
    // Downwards, by steps, with `continue`, while the counter is used as a number.
    check(
        6,
        REVERSE,
        "fn f(x: array<f32, 6>) -> f32 {
             var sum = 0.0;
             for (var i = 5; i >= 0; i -= 2) {
                 if (x[i] > 0.5) { continue; }
                 sum += x[i] * x[i] * f32(i + 1);
             }
             return sum;
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var sum = 0.0;
             var i = 0u;
             loop { sum += x[i % 2u] * x.x; i += 1u; continuing { break if i >= 5u; } }
             return sum;
         }",
    );
}

/// Downwards to an end that counts or does not, and past it.
#[test]
fn loops_downwards_run_as_often_as_their_text_says() {
    for header in [
        "var i = 4; i >= 0; i--",
        "var i = 4; i >= 1; i -= 2",
        "var i = 3; i >= 0; i -= 2",
        "var i = 0; i >= 1; i -= 2",
        "var i = 4; i > 0; i--",
        "var i = 4; i > 1; i -= 2",
        "var i = 0; i > 3; i -= 2",
        "var i = 4u; i > 0u; i -= 2u",
        "var i = 4u; i > 0u; i--",
        "var i = 0; i != 4; i += 2",
        "var i = 4; i != 0; i--",
    ] {
        let text = format!(
            "fn f(x: ptr<function, array<f32, 5>>) -> f32 {{
                 var sum = (*x)[0];
                 for ({header}) {{ sum += (*x)[i] * (*x)[i]; }}
                 return sum;
             }}"
        );
        check(5, REVERSE, &text);
    }
}

/// Where a loop around them is written out, its copies of one loop run each as often as they do.
#[test]
fn copies_of_a_loop_have_lengths_of_their_own() {
    for inner in ["var b = 0u; b < a; b++", "var b = a; b < 4u; b++", "var b = a; b > 0u; b--"] {
        let text = format!(
            "fn pair(q: f32) -> f32 {{ return q * q * q; }}
             fn f(x: ptr<function, array<f32, 5>>) -> f32 {{
                 var sum = 0.0;
                 for (var a = 0u; a < 5u; a++) {{
                     let at = (*x)[a];
                     sum += at * at;
                     for ({inner}) {{ sum += pair(at - (*x)[b]) + sin(at * (*x)[b]); }}
                 }}
                 return sum;
             }}"
        );
        check(5, REVERSE, &text);
    }
}

/// A counter that a loop around it does not set back, or that a branch before it moved.
#[test]
fn counters_that_begin_elsewhere_are_not_taken_for_new() {
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var sum = 0.0;
             var i = 0u;
             for (var n = 0u; n < 3u; n++) {
                 for (; i < 3u * n; i++) { sum += x.x * f32(i) + x.y * x.y; }
             }
             return sum * sum;
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var sum = 0.0;
             var i = 0u;
             if (x.x > 0.0) { i = 2u; }
             if (x.y > -2.0) { for (; i < 4u; i++) { sum += x.x * f32(i) + x.y * x.y; } }
             for (; i < 6u; i++) { sum += x.x * x.y; }
             return sum * sum + f32(i);
         }",
    );
}

/// What is out of range only in iterations that do not use it, in loops that are written out.
#[test]
fn numbers_of_written_out_loops_are_not_constants_of_the_text() {
    check(
        3,
        REVERSE,
        "fn f(x: ptr<function, vec3<f32>>) -> f32 {
             var sum = 0.0;
             for (var i = 0u; i < 3u; i++) {
                 let here = (*x)[i];
                 sum += select(here / f32(i), here * here, i == 0u);
                 sum += select(here * log(f32(i)), 0.0, i == 0u);
                 sum += select((*x)[i - 1u] * here, 0.0, i == 0u);
                 sum += select((*x)[i + 1u] * here, 0.0, i == 2u) * f32(6u / max(i, 1u));
             }
             return sum;
         }",
    );
    check(
        5,
        REVERSE,
        "fn f(x: array<f32, 5>) -> f32 {
             var sum = 0.0;
             for (var i = 0; i < 5; i++) {
                 sum += select(x[i - 1] * x[i], x[i], i == 0) / select(f32(i), 2.0, i == 0);
                 sum += select(x[i + 1] * x[i], x[i], i == 4) * f32(12 / i);
             }
             return sum;
         }",
    );
}

#[test]
fn what_iterations_hand_on_is_recorded_where_they_are_counted() {
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var y = x.x;
             for (var i = 0u; i < 6u; i++) { y = sin(y) * x.y + 0.1 * y * y; }
             return y;
         }",
    );
    // A stable log-sum-exp in one pass hands on its peak.
    let one_pass = |bound: &str| {
        format!(
            "override count: u32 = 5u;
             fn f(x: vec2<f32>) -> f32 {{
                 var peak = -1e30;
                 var total = 0.0;
                 for (var k = 0u; k < {bound}; k++) {{
                     let z = x - vec2(f32(k), 0.5 * f32(k));
                     let term = -0.5 * dot(z, z);
                     let above = max(term, peak);
                     total = total * exp(peak - above) + exp(term - above);
                     peak = above;
                 }}
                 return peak + log(total);
             }}"
        )
    };
    check(2, REVERSE, &one_pass("5u"));
    check(2, FORWARD, &one_pass("count"));
}

#[test]
fn loops_with_other_exits_go_forward() {
    check(
        2,
        FORWARD,
        "fn f(x: vec2<f32>) -> f32 {
             var y = x.x;
             for (var i = 0; i < 20; i++) {
                 if (y > 2.0) { break; }
                 y = y + 0.3 + x.y * x.y;
             }
             return y * x.x;
         }",
    );
    check(
        2,
        FORWARD,
        "fn f(x: vec2<f32>) -> f32 {
             var y = x.x;
             for (var i = 0; i < 9; i++) { if (y > 1.0) { return y * y; } y += 0.5 * x.y * x.y + 0.2; }
             return y * x.x;
         }",
    );
}

#[test]
fn calls_and_pointers() {
    check(
        2,
        REVERSE,
        "fn square(y: f32) -> f32 { return y * y; }
         fn twice(y: vec2<f32>, by: f32) -> vec2<f32> { return y * by * square(by); }
         fn f(x: vec2<f32>) -> f32 { let y = twice(x, x.y); return square(y.x) + square(y.y) * x.x; }",
    );
    // A variable that changes after the call, by pointer, the same one twice.
    check(
        3,
        REVERSE,
        "fn sum(y: ptr<function, vec3<f32>>, z: ptr<function, vec3<f32>>) -> f32 {
             var s = 0.0;
             for (var i = 0u; i < 3u; i++) { s += (*y)[i] * (*z)[i] * (*z)[i]; }
             return s;
         }
         fn f(x: ptr<function, vec3<f32>>) -> f32 {
             var y = *x;
             let a = sum(&y, x);
             y.x = a * y.z;
             return a * y.y + sum(x, &y) + y.x + sum(&y, &y);
         }",
    );
    // Functions that write through pointers.
    check(
        2,
        FORWARD,
        "fn advance(y: ptr<function, vec2<f32>>, by: f32) { (*y).x += by * (*y).y; *y = (*y).yx; }
         fn f(x: vec2<f32>) -> f32 {
             var y = x;
             advance(&y, x.x);
             advance(&y, 2.0);
             return y.x * y.y;
         }",
    );
    // Values through structures and arrays.
    check(
        2,
        REVERSE,
        "struct Pair { a: f32, n: u32, v: vec2<f32>, list: array<f32, 3> }
         fn make(y: f32) -> Pair { var p: Pair; p.a = y * y; p.n = 2u; p.v = vec2(y, 1.0); p.list[1] = y; return p; }
         fn take(p: Pair) -> f32 { return p.a * p.v.x + f32(p.n) * p.list[1] * p.list[p.n]; }
         fn f(x: vec2<f32>) -> f32 {
             var p = make(x.x);
             p.list = array<f32, 3>(x.y, p.list[1] * x.y, x.x);
             let q = p;
             p.a *= 2.0;
             return take(p) * q.a + q.list[0];
         }",
    );
}

#[test]
fn matrices() {
    check(
        4,
        REVERSE,
        "fn f(x: vec4<f32>) -> f32 {
             let m = mat2x2<f32>(x.x, x.y, x.z, x.w);
             let v = m * x.xy + x.zw * m;
             let p = m * transpose(m) * x.x + m - 2.0 * m * mat2x2<f32>(1.0, 2.0, x.y, 4.0);
             return dot(v, p[1]) * p[0].y + determinant(m);
         }",
    );
    check(
        3,
        REVERSE,
        "fn f(x: vec3<f32>) -> f32 {
             let m = mat3x3<f32>(x, x.yzx * 2.0, vec3(1.0, x.x * x.y, -1.0));
             let n = mat4x4<f32>(vec4(x, 1.0), vec4(1.0, x), vec4(x.yy, x.xz), vec4(x.zyx, 0.5));
             let r = mat2x3<f32>(x, x.zyx) * x.xy;
             return determinant(m) + determinant(n) * x.x + dot(r, x) + (x * mat2x3<f32>(x, r)).y;
         }",
    );
    check(
        2,
        REVERSE,
        "fn f(x: vec2<f32>) -> f32 {
             var m = mat2x2<f32>();
             for (var i = 0u; i < 2u; i++) { m[i][1u - i] = x[i] * x.x; m[i].y += x[i]; }
             let i = select(0u, 1u, x.x > 0.0);
             return determinant(m) + m[i].x + x[i];
         }",
    );
}

#[test]
fn what_is_outside_is_constant() {
    let text = "
        @group(1) @binding(0) var<storage, read> rows: array<vec2<f32>>;
        @group(1) @binding(1) var<storage, read> y: array<f32>;
        override scale: f32 = 2.0;
        const SHIFT = 0.25;
        var<private> offset: f32;
        fn f(x: ptr<function, vec2<f32>>) -> f32 {
            var total = -0.5 * dot(*x, *x) / (scale * scale);
            for (var n = 0u; n < arrayLength(&y); n++) {
                let z = dot(rows[n], *x) + SHIFT;
                total += y[n] * z - log(1.0 + exp(z));
            }
            return total;
        }";
    let buffers = [("rows", vec![1.0, 0.5, -0.3, 2.0, 0.7, -1.1]), ("y", vec![1.0, 0.0, 1.0])];
    assert_eq!(check_gradient(text, &points(2, 5), &buffers), MODES);
}

#[test]
fn the_gradient_of_many_coordinates_comes_from_reverse_mode() {
    let text = "fn f(x: ptr<function, array<f32, 64>>) -> f32 {
        var sum = 0.0;
        for (var i = 0u; i < 63u; i++) { sum += (*x)[i] * (*x)[i + 1u] + cos((*x)[i]); }
        return sum;
    }";
    let derived = gradient(&module(text), "f").unwrap();
    assert_eq!(derived.mode, Mode::Reverse);
    assert!((2.0..6.0).contains(&derived.evaluations), "{}", derived.evaluations);
    Pair::new(text, &derived).check(&points(64, 1)[0], 1e-7);
    // The same sum with an exit that only forward mode takes.
    let text = text.replace("sum +=", "if (sum > 1e6) { break; } sum +=");
    let derived = gradient(&module(&text), "f").unwrap();
    assert_eq!(derived.mode, Mode::Sweeps);
    assert!(derived.evaluations > 64.0, "{}", derived.evaluations);
    Pair::new(&text, &derived).check(&points(64, 1)[0], 1e-7);
}

#[test]
fn a_forward_sweep_takes_called_functions_backward() {
    let text = "override count: u32 = 3u;
        fn term(x: ptr<function, array<f32, 8>>, k: u32) -> f32 {
            var square = 0.0;
            for (var i = 0u; i < 8u; i++) { let z = (*x)[i] - f32(k); square += z * z; }
            return -0.5 * square;
        }
        fn f(x: ptr<function, array<f32, 8>>) -> f32 {
            var peak = -1e30;
            var total = 0.0;
            for (var k = 0u; k < count; k++) {
                let t = term(x, k);
                let above = max(t, peak);
                total = total * exp(peak - above) + exp(t - above);
                peak = above;
            }
            return peak + log(total);
        }";
    assert_eq!(check_gradient(text, &points(8, 3), &[]), FORWARD);
    let derived = gradient(&module(text), "f").unwrap();
    assert!(derived.wgsl.contains("term_reverse("), "{}", derived.wgsl);
    assert!(derived.evaluations < 8.0, "{}", derived.evaluations);
}
