//! The text of `network/teams`: products of what lies in workgroup memory.

use std::fmt::Write as _;

use super::super::shape::{Blocks, Shape};
use super::{COMPONENTS, activate, column, function, store_divergence, vector, vectors};

pub(super) fn functions(shape: &Shape) -> String {
    let (hidden, point) = (shape.hidden, shape.point);
    let widest = shape.neurons(hidden).max(shape.neurons(point));
    let each = shape.columns().div_ceil(4);
    let mut text =
        format!("var<workgroup> sh_columns: array<vec4<f32>, {}>;\n", widest * each * shape.teams);
    let widths: Vec<u32> = vectors(shape.columns()).collect();
    let padded = |q: u32, v: u32| {
        let zeros = ", 0.0".repeat(4 - widths[v as usize] as usize);
        format!("vec4<f32>((*z).vector_{v}[{q}]{zeros})")
    };
    text += &share(shape, "network_share_hidden", "Columns", hidden.count(), each, padded);
    text += &share(shape, "network_share_point", "Points", point.count(), each, padded);
    text += &product(shape, "network_to_hidden", "Columns", hidden);
    text += &product(shape, "network_to_point", "Points", point);
    text += &bias(shape, "network_bias", "Columns", hidden);
    text += &bias(shape, "network_output_bias", "Points", point);
    text += &elementwise(shape);

    // The team's shares of each divergence, in the order of lanes.
    let each = shape.groups.div_ceil(4);
    let four = |_, v: u32| {
        let share = |g| if g < shape.groups { format!("(*z)[{g}]") } else { "0.0".to_string() };
        format!("vec4<f32>({})", (4 * v..4 * v + 4).map(share).collect::<Vec<_>>().join(", "))
    };
    text += &share(shape, "network_share_divergence", "array<f32, GROUPS>", 1, each, four);
    let sum = |g: u32| {
        let share = |lane: u32| {
            let from = (lane * each + g / 4) * shape.teams;
            format!("sh_columns[{from}u + seat.team].{}", COMPONENTS[g as usize % 4])
        };
        (0..shape.team).map(share).collect::<Vec<_>>().join(" + ")
    };
    text + &store_divergence(shape, "network_share_divergence(seat, divergence);\n", sum)
}

/// Writes the numbers of a lane's `count` neurons, `each` times four of them, to workgroup memory:
/// before it all that was there has been read, and after it all is there for every lane.
fn share(
    shape: &Shape,
    name: &str,
    ty: &str,
    count: u32,
    each: u32,
    four: impl Fn(u32, u32) -> String,
) -> String {
    let mut body = String::from("workgroupBarrier();\n");
    for q in 0..count {
        for v in 0..each {
            let _ = writeln!(
                body,
                "sh_columns[(({}u + seat.lane) * {each}u + {v}u) * TEAMS + seat.team] = {};",
                q * shape.team,
                four(q, v)
            );
        }
    }
    body += "workgroupBarrier();\n";
    function(name, &format!("seat: Seat, z: ptr<function, {ty}>"), &body)
}

/// z ← W z, where the z that is read lies in workgroup memory: four inputs an iteration.
fn product(shape: &Shape, name: &str, ty: &str, out: Blocks) -> String {
    let widths: Vec<u32> = vectors(shape.columns()).collect();
    let mut body = String::new();
    for q in 0..out.count() {
        for (v, width) in widths.iter().enumerate() {
            let _ = writeln!(body, "var sum_{q}_{v} = {}();", vector(*width));
        }
    }
    let each = widths.len() as u32;
    let _ = writeln!(
        body,
        "for (var four = 0u; four < fours; four++) {{\nlet row = first + four * {}u + seat.lane;\n\
         let shared_from = four * {}u + seat.team;",
        shape.neurons(out),
        4 * each * shape.teams
    );
    for q in 0..out.count() {
        let _ = writeln!(body, "let four_{q} = weights[row + {}u];", q * shape.team);
    }
    for (i, component) in (0..).zip(COMPONENTS) {
        for (v, width) in (0..).zip(&widths) {
            let from = (i * each + v) * shape.teams;
            let read = ["x", "xy", "xyz", "xyzw"][*width as usize - 1];
            let _ = writeln!(body, "let value_{i}_{v} = sh_columns[shared_from + {from}u].{read};");
        }
        for q in 0..out.count() {
            for v in 0..each {
                let _ = writeln!(body, "sum_{q}_{v} += four_{q}.{component} * value_{i}_{v};");
            }
        }
    }
    body += "}\n";
    for q in 0..out.count() {
        for v in 0..each {
            let _ = writeln!(body, "(*z).vector_{v}[{q}] = sum_{q}_{v};");
        }
    }
    let arguments = format!("seat: Seat, fours: u32, first: u32, z: ptr<function, {ty}>");
    function(name, &arguments, &body)
}

/// Adds the numbers of the levels from `first` on to the values.
fn bias(shape: &Shape, name: &str, ty: &str, blocks: Blocks) -> String {
    let mut body = String::new();
    for q in 0..blocks.count() {
        let from = q * shape.team;
        let _ = writeln!(body, "let bias_{q} = levels[first + {from}u + seat.lane];");
        for g in 0..shape.groups {
            let _ = writeln!(body, "{} += bias_{q};", column(shape, "(*z)", q, g, 0));
        }
    }
    function(name, &format!("seat: Seat, first: u32, z: ptr<function, {ty}>"), &body)
}

/// Functions of each number by itself, or of each value and its derivatives.
fn elementwise(shape: &Shape) -> String {
    let mut add = String::new();
    for (v, _) in vectors(shape.columns()).enumerate() {
        for q in 0..shape.hidden.count() {
            let _ = writeln!(add, "(*z).vector_{v}[{q}] += (*more).vector_{v}[{q}];");
        }
    }
    let activate = activate(shape, "(*z)", shape.hidden.count());
    let both = "z: ptr<function, Columns>, more: ptr<function, Columns>";
    function("network_add", both, &add)
        + &function("network_activate", "z: ptr<function, Columns>", &activate)
}
