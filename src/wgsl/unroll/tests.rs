//! A function that is written out computes what it did before, and keeps the loops that are not for it.

use wgpu::naga::{self, Module, Statement};

use super::{operands, unrolled};
use crate::autodiff::Evaluator;
use crate::wgsl::{Linked, Source, validator};

const HEAD: &str = "const DIM: u32 = 6u;
alias Point = array<f32, DIM>;
@group(1) @binding(0) var<storage, read> rows: array<f32, 4>;
fn part(x: ptr<function, Point>, j: u32) -> f32 { return (*x)[j] * (f32(j) + 1.0); }
fn scaled(x: ptr<function, Point>, by: u32) -> f32 { return (*x)[1] * f32(by); }
";

fn linked(body: &str) -> Linked {
    let text = format!("{HEAD}fn f(x: ptr<function, Point>) -> f32 {{\nvar s = 0.0;\n{body}\n}}\n");
    Linked::new([Source::new("f.wgsl", text)])
}

fn loops(module: &Module) -> usize {
    let mut count = 0;
    for (_, function) in module.functions.iter() {
        operands::each(&function.body, &mut |statement| {
            count += usize::from(matches!(statement, Statement::Loop { .. }));
        });
    }
    count
}

fn value(module: &Module) -> f64 {
    let mut evaluator = Evaluator::new(module, "f").unwrap();
    evaluator.set_buffer("rows", vec![0.5, -1.5, 2.5, 3.25]);
    evaluator.evaluate(&[1.1, -0.7, 0.3, 2.2, -1.9, 0.6], &[]).unwrap().value
}

/// Loops that are written out: how many of them, what they compute, also as text.
#[track_caller]
fn check(body: &str, before: usize, after: usize) {
    let linked = linked(body);
    let module = linked.check().unwrap();
    assert_eq!(loops(&module), before, "{body}");
    let made = unrolled(&module);
    assert_eq!(made.is_some(), before != after, "{body}");
    let compiled = linked.compiled().unwrap();
    let made = made.unwrap_or_else(|| module.clone());
    validator().validate(&made).unwrap();
    assert_eq!(loops(&made), after, "{body}\n{compiled}");
    let written = naga::front::wgsl::parse_str(&compiled).unwrap();
    assert_eq!(loops(&written), after, "{body}\n{compiled}");
    let wanted = value(&module);
    assert!(wanted.is_finite() && wanted != 0.0, "{body}: {wanted}");
    for made in [made, written] {
        assert_eq!(value(&made).to_bits(), wanted.to_bits(), "{body}\n{compiled}");
    }
}

#[test]
fn loops_over_a_position_are_written_out_whatever_their_form() {
    for body in [
        "for (var j = 0u; j < DIM; j++) { s += (*x)[j]; } return s;",
        "for (var j = 1; j <= 5; j += 2) { s += (*x)[j] * f32(j); } return s;",
        "for (var j = 0u; j < DIM; j++) { s += part(x, j); } return s;",
        "var j = 0u; while (j < DIM) { s += (*x)[j]; j += 1u; } return s + f32(j);",
        "var j = DIM; while (j > 0u) { j -= 1u; s = s * 0.5 + (*x)[j]; } return s;",
        "var j = 0u; loop { if (j == 4u) { break; } s += (*x)[j]; j++; } return s;",
        "var j = 0u; loop { s += (*x)[j]; continuing { j++; break if j >= 5u; } } return s;",
        "for (var j = 0u; j < DIM; j++) { if (j % 2u == 0u) { continue; } s += (*x)[j]; } return s;",
        "for (var j = 0u; j < DIM; j++) { if (j > 3u) { return s; } s += (*x)[j]; } return 7.0;",
        "for (var j = 0u; j < DIM; j++) { if ((*x)[j] > 2.0) { return s; } s += (*x)[j]; } return s;",
        "for (var j = 0u; j < DIM; j++) { var t = *x; t[j] += 1.0; s += t[j] * t[0]; } return s;",
        "for (var j = 0u; j < DIM; j++) { switch j { case 2u: { s += (*x)[j]; } default: { s *= 0.5; } } }
         return s;",
        "for (var j = 0u; j < DIM; j++) { s += select(1.0, (*x)[j], j > 2u) / f32(j + 1u); } return s;",
        "let v = vec4<f32>(1.0, 2.0, 3.0, 4.0);
         for (var j = 0u; j < 4u; j++) { s += v[j] * (*x)[j]; } return s;",
        // Numbers of before the loop keep what the counter was then.
        "var j = 2u; let then = j; while (j < DIM) { s += (*x)[then] * (*x)[j]; j++; } return s;",
        // Flags that are made of numbers.
        "for (var j = 0u; j < DIM; j++) { if (!bool(j)) { s += 3.0; } s += (*x)[j]; } return s;",
        // What wraps around is left to the kernel.
        "for (var j = 0u; j < DIM; j++) { s += (*x)[j] * f32((j - 1u) >> 28u); } return s;",
        "for (var j = 0u; j < DIM; j++) { s += (*x)[j]; if (j > 6u) { s += (*x)[j]; } } return s;",
    ] {
        check(body, 1, 0);
    }
}

#[test]
fn nested_loops_are_written_out_together() {
    for body in [
        "for (var a = 0u; a < DIM; a++) { for (var b = 0u; b < a; b++) { s += (*x)[a] * (*x)[b]; } }
         return s;",
        "for (var k = 0u; k * 4u < DIM; k++) { for (var i = 0u; i < 4u; i++) {
           if (k * 4u + i < DIM) { s += (*x)[k * 4u + i] * f32(i); } } } return s;",
    ] {
        check(body, 2, 0);
    }
}

/// Rows of data, loops that only a device can end, and those that no index of an array hangs on.
#[test]
fn other_loops_stay() {
    for body in [
        "for (var r = 0u; r < 4u; r++) { s += rows[r]; } return s;",
        "for (var r = 0u; r < 4u; r++) { s += rows[r] * (*x)[2]; } return s;",
        "for (var r = 0u; r < 4u; r++) { s += scaled(x, r); } return s;",
        "for (var j = 0u; j < u32((*x)[3]); j++) { s += (*x)[j]; } return s;",
        "for (var j = 0u; j < DIM; j++) { if ((*x)[j] < -1.0) { break; } s += (*x)[j]; } return s;",
        "for (var j = 0u; j < DIM; j++) { if ((*x)[j] < 0.0) { continue; } s += (*x)[j]; } return s;",
    ] {
        check(body, 1, 1);
    }
    check(
        "for (var r = 0u; r < 4u; r++) { var t = 0.0;
           for (var j = 0u; j < DIM; j++) { t += (*x)[j]; } s += t * rows[r]; } return s;",
        2,
        1,
    );
}

/// What a turn computes is known where it goes on, too; and a turn that never goes on does not.
#[test]
fn a_loop_that_stays_ends_as_before() {
    for body in [
        "var a = 3u; var i = 0u;
         loop { let b = a + 1u; s += (*x)[0]; if (s > 9.0) { break; }
           continuing { i += b; break if i > u32((*x)[3]) + 9u; } } return s;",
        "var a = 3u;
         loop { let done = a > 2u; s += (*x)[0]; if (s > 9.0) { break; }
           continuing { break if done; } } return s;",
        "loop { s += 1.0; if ((*x)[0] > 9.0) { break; } if (DIM > 3u) { break; } let b = (*x)[1];
           continuing { s += b; } } return s;",
    ] {
        // Beside one that is written out, so that there is a copy of it.
        check(&format!("for (var j = 0u; j < DIM; j++) {{ s += (*x)[j]; }} {body}"), 2, 1);
    }
}

/// A loop that would become too long keeps its turns; those in it may be written out.
#[test]
fn a_loop_that_would_become_too_long_stays() {
    let long = "for (var a = 0u; a < 200u; a++) { for (var b = 0u; b < 200u; b++) {
        s += (*x)[(a + b) % DIM] * 0.5; s = s - 0.25 * s; } } return s;";
    let module = linked(long).check().unwrap();
    let made = unrolled(&module);
    assert!(made.is_none_or(|made| loops(&made) == 1));
}

/// Loops in loops that only a device can end are tried once each, not once for every loop around them.
#[test]
fn deep_nests_take_no_time() {
    let depth = 17;
    let open: String = (0..depth)
        .map(|k| format!("for (var i{k} = 0u; i{k} < u32((*x)[{}]); i{k}++) {{ ", k % 6))
        .collect();
    let body = format!(
        "{open} for (var j = 0u; j < DIM; j++) {{ s += (*x)[j]; }} {} return s;",
        "}".repeat(depth)
    );
    let module = linked(&body).check().unwrap();
    assert_eq!(unrolled(&module).map(|made| loops(&made)), Some(depth));
}

/// What compilers find out of range in a constant they refuse, even where it is never computed.
#[test]
fn what_is_never_reached_breaks_no_text() {
    for body in [
        "for (var j = 0u; j < 9u; j++) { if (j < DIM) { s += (*x)[j]; } } return s;",
        "for (var j = 0u; j < DIM; j++) { s += (*x)[j]; if ((*x)[j] > 1e9) { s += 1.0 / f32(j); } }
         return s;",
        "for (var j = 0u; j < DIM; j++) { s += (*x)[j];
           if ((*x)[j] > 1e9) { s += f32(7u / j + (1u << (j * 8u))) + (*x)[j * 2u]; } } return s;",
    ] {
        check(body, 1, 0);
    }
}

/// The kernels of a written text have the names that hosts know.
#[test]
fn a_kernel_keeps_its_name() {
    let text = "@group(0) @binding(0) var<storage, read_write> out: array<f32, 4>;
        @compute @workgroup_size(1) fn step() {
            var x: array<f32, 4>;
            for (var j = 0u; j < 4u; j++) { x[j] = f32(j); }
            for (var j = 0u; j < 4u; j++) { out[j] = x[j]; }
        }";
    let linked = Linked::new([Source::own("step", text)]);
    let written = naga::front::wgsl::parse_str(&linked.compiled().unwrap()).unwrap();
    assert_eq!(written.entry_points[0].name, "step");
}
