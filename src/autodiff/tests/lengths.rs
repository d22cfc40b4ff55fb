//! How long derived texts are: loops stay loops where they are long.

use super::*;

/// Particles in double wells on a ring, each held to the next one.
fn lattice(dim: usize) -> String {
    let last = dim - 1;
    format!(
        "fn f(x: ptr<function, array<f32, {dim}>>) -> f32 {{
             var sum = 0.0;
             for (var i = 0u; i < {dim}u; i++) {{ let well = (*x)[i] * (*x)[i] - 1.0; sum += well * well; }}
             for (var i = 0u; i < {last}u; i++) {{ let step = (*x)[i + 1u] - (*x)[i]; sum += step * step; }}
             let around = (*x)[{last}] - (*x)[0];
             return -sum - around * around;
         }}"
    )
}

/// The same on a square, rows in rows.
fn square(side: usize) -> String {
    let (dim, last) = (side * side, side - 1);
    format!(
        "fn f(x: ptr<function, array<f32, {dim}>>) -> f32 {{
             var sum = 0.0;
             for (var r = 0u; r < {side}u; r++) {{
                 for (var c = 0u; c < {last}u; c++) {{
                     let step = (*x)[{side}u * r + c + 1u] - (*x)[{side}u * r + c];
                     sum += exp(-step * step);
                 }}
             }}
             for (var r = 0u; r < {last}u; r++) {{
                 for (var c = 0u; c < {side}u; c++) {{
                     let step = (*x)[{side}u * r + c + {side}u] - (*x)[{side}u * r + c];
                     sum += exp(-step * step);
                 }}
             }}
             return sum;
         }}"
    )
}

fn derived(text: &str) -> String {
    gradient_by(&module(text), "f", Mode::Reverse).unwrap().wgsl
}

#[test]
fn the_derivative_of_a_long_lattice_is_as_long_in_every_dimension() {
    for (text, sizes) in
        [(lattice as fn(usize) -> String, [64, 256]), (square as fn(usize) -> String, [8, 16])]
    {
        let [short, long] = sizes.map(|size| derived(&text(size)));
        assert!(long.len() < short.len() + short.len() / 20, "{short}\n{long}");
        assert!(long.lines().count() < 200, "{long}");
    }
}

/// What is known of a loop is not counted while it runs.
#[test]
fn loops_of_known_length_go_backward_without_a_count() {
    let text = derived(&lattice(64));
    assert!(text.contains("= 64u;") && text.contains("= 63u;"), "{text}");
    assert!(!text.contains("= u32();"), "{text}");
}

#[test]
fn the_derivative_of_a_short_lattice_is_written_out() {
    for dim in [3, 8, 24] {
        let text = derived(&lattice(dim));
        assert!(!text.contains("loop"), "{text}");
    }
}

#[test]
fn derivatives_of_lattices_agree_with_differences() {
    for dim in [3, 24, 33, 64] {
        check_gradient(&lattice(dim), &points(dim, 2), &[]);
    }
    for side in [3, 8] {
        check_gradient(&square(side), &points(side * side, 2), &[]);
    }
}
