//! The functions of `shaders/network.wgsl` and of the file of its form whose text depends on the
//! layout: loops over what a lane owns are written out, because registers have no index.

mod lanes;
mod teams;

use std::fmt::Write as _;

use super::shape::{Blocks, Form, Shape};

/// All of them. `windows`: how many uniforms hold the weights of each layer, or none, where one
/// variable holds all.
pub(super) fn functions(shape: &Shape, windows: &[u32]) -> String {
    let mut text = numbers("Columns", shape.hidden.count(), shape.columns());
    text += &numbers("Points", shape.point.count(), shape.columns());
    text += &match shape.form {
        Form::Teams => teams::functions(shape),
        Form::Lanes => lanes::functions(shape, windows),
    };
    text += &load(shape);
    text += &scale(shape);
    text + &finish(shape)
}

/// A function with its body.
fn function(name: &str, arguments: &str, body: &str) -> String {
    format!("fn {name}({arguments}) {{\n{body}}}\n")
}

/// The components of a vector.
const COMPONENTS: [&str; 4] = ["x", "y", "z", "w"];

/// The columns of a neuron as vectors: how wide each is.
fn vectors(columns: u32) -> impl Iterator<Item = u32> {
    (0..columns.div_ceil(4)).map(move |v| (columns - 4 * v).min(4))
}

/// The type of so many numbers.
fn vector(width: u32) -> String {
    if width == 1 { "f32".to_string() } else { format!("vec{width}<f32>") }
}

/// A structure of the columns of `count` neurons.
fn numbers(name: &str, count: u32, columns: u32) -> String {
    let mut text = format!("struct {name} {{\n");
    for (v, width) in vectors(columns).enumerate() {
        let _ = writeln!(text, "vector_{v}: array<{}, {count}>,", vector(width));
    }
    text + "}\n"
}

/// One column of the neuron `q` in a structure: of the particle `g`, its value for `t` = 0, else the
/// derivative along a direction.
fn column(shape: &Shape, name: &str, q: u32, g: u32, t: u32) -> String {
    let c = g * (1 + shape.tangents) + t;
    let alone = c.is_multiple_of(4) && c + 1 == shape.columns();
    let component = if alone { "" } else { [".x", ".y", ".z", ".w"][c as usize % 4] };
    format!("{name}.vector_{}[{q}]{component}", c / 4)
}

/// Moves the numbers of all passes but one to the front of a structure, so that loops over passes
/// find theirs there.
fn rotated(shape: &Shape, blocks: Blocks, name: &str) -> String {
    let mut text = String::new();
    for (v, _) in vectors(shape.columns()).enumerate() {
        for q in blocks.per_pass..blocks.count() {
            let to = q - blocks.per_pass;
            let _ = writeln!(text, "{name}.vector_{v}[{to}] = {name}.vector_{v}[{q}];");
        }
    }
    text
}

/// A loop over the passes of a point, with the axes of each.
fn over_axes(shape: &Shape, body: &str) -> String {
    let Blocks { per_pass, passes, .. } = shape.point;
    let mut text = format!("for (var round = 0u; round < {passes}u; round++) {{\n");
    for q in 0..per_pass {
        let from = q * shape.team;
        let step = per_pass * shape.team;
        let _ = writeln!(text, "let axis_{q} = round * {step}u + {from}u + seat.lane;");
    }
    text + body + "}\n"
}

/// The positions as values, zeros beyond the dimension; and the directions of a chunk.
fn load(shape: &Shape) -> String {
    let Blocks { per_pass, passes, .. } = shape.point;
    let mut body = rotated(shape, shape.point, "(*start)");
    for q in 0..per_pass {
        let start = |g, t| column(shape, "(*start)", (passes - 1) * per_pass + q, g, t);
        for g in 0..shape.groups {
            let _ = writeln!(
                body,
                "{} = select(0.0, bitcast<f32>(state_load(min(axis_{q}, DIM - 1u), min(first + \
                 {g}u, settings.particles - 1u))), axis_{q} < DIM);",
                start(g, 0)
            );
            for t in 0..shape.tangents {
                let _ = writeln!(
                    body,
                    "{} = network_direction(first + {g}u, step * FRESH, chunk * {}u + {t}u, \
                     axis_{q});",
                    start(g, 1 + t),
                    shape.tangents
                );
            }
        }
    }
    let arguments = "seat: Seat, first: u32, step: u32, chunk: u32, start: ptr<function, Points>";
    function("network_load", arguments, &over_axes(shape, &body))
}

fn scale(shape: &Shape) -> String {
    let mut body = String::new();
    for (v, _) in vectors(shape.columns()).enumerate() {
        for q in 0..shape.point.count() {
            let _ = writeln!(body, "(*point).vector_{v}[{q}] *= by;");
        }
    }
    function("network_scale", "by: f32, point: ptr<function, Points>", &body)
}

/// The activation of so many neurons of a lane.
fn activate(shape: &Shape, name: &str, count: u32) -> String {
    let mut text = String::new();
    for q in 0..count {
        for g in 0..shape.groups {
            let value = column(shape, name, q, g, 0);
            let _ = writeln!(text, "let at_{q}_{g} = network_activation({value});");
            let _ = writeln!(text, "{value} = at_{q}_{g}.x;");
            for t in 1..=shape.tangents {
                let _ = writeln!(text, "{} *= at_{q}_{g}.y;", column(shape, name, q, g, t));
            }
        }
    }
    text
}

/// Stores scores, and adds to each divergence what the lane's coordinates give it.
fn finish(shape: &Shape) -> String {
    let mut body = String::new();
    for q in 0..shape.point.per_pass {
        for g in 0..shape.groups {
            let score = |t| {
                let [z, start] = ["(*z)", "(*start)"].map(|name| column(shape, name, q, g, t));
                (format!("scales.y * {z} + scales.z * {start}"), start)
            };
            let _ = writeln!(
                body,
                "if (store && axis_{q} < DIM && first + {g}u < settings.particles) {{\noutputs[axis_{q} * \
                 settings.particles + first + {g}u] = {};\n}}",
                score(0).0
            );
            for t in 1..=shape.tangents {
                let (score, start) = score(t);
                let _ = writeln!(body, "(*divergence)[{g}] += {start} * ({score});");
            }
        }
    }
    body += &rotated(shape, shape.point, "(*start)");
    body += &rotated(shape, shape.point, "(*z)");
    let arguments = "seat: Seat, first: u32, scales: vec3<f32>, store: bool, start: ptr<function, \
                     Points>, z: ptr<function, Points>, divergence: ptr<function, array<f32, \
                     GROUPS>>";
    function("network_finish", arguments, &over_axes(shape, &body))
}

/// Stores the divergence of each particle of a team, `sum` of its number.
fn store_divergence(shape: &Shape, before: &str, sum: impl Fn(u32) -> String) -> String {
    let mut body = String::new();
    if shape.tangents > 0 {
        body += before;
        for g in 0..shape.groups {
            let _ = writeln!(
                body,
                "if (seat.lane == 0u && first + {g}u < settings.particles) {{\noutputs[DIM * \
                 settings.particles + first + {g}u] = DIRECTION_WEIGHT * ({});\n}}",
                sum(g)
            );
        }
    }
    let arguments = "seat: Seat, first: u32, divergence: ptr<function, array<f32, GROUPS>>";
    function("network_store_divergence", arguments, &body)
}
