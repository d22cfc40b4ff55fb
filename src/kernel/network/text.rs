//! The functions of `shaders/network.wgsl` whose text depends on the layout: loops over what a lane
//! owns are written out, because registers have no index.

use std::fmt::Write as _;

use super::shape::{Blocks, Exchange, Shape};

/// All of them.
pub(super) fn functions(shape: &Shape) -> String {
    let hidden = shape.hidden;
    let mut text = workgroup_memory(shape);
    text += &product(shape, "network_to_hidden", hidden);
    text += &product(shape, "network_to_point", shape.point);
    text += &bias(shape, "network_bias", hidden);
    text += &bias(shape, "network_output_bias", shape.point);
    text += &load(shape);
    text += &direct(shape);
    text += &elementwise(shape);
    text += &finish(shape);
    text + &store_divergence(shape)
}

/// A function with its body.
fn function(name: &str, arguments: &str, body: &str) -> String {
    format!("fn {name}({arguments}) {{\n{body}}}\n")
}

/// The index of a value among those of a team: of the block `q`, the particle `g`, and 0 for its
/// value or the number of a direction from 1 on.
fn at(shape: &Shape, q: u32, g: u32, t: u32) -> u32 {
    q * shape.columns() + g * (1 + shape.tangents) + t
}

/// Memory for the columns of one block, apart for each team so that banks differ.
fn workgroup_memory(shape: &Shape) -> String {
    match shape.exchange {
        Exchange::Subgroup => String::new(),
        Exchange::Workgroup => {
            let stride = stride(shape);
            format!("var<workgroup> sh_columns: array<f32, {}>;\n", stride * shape.teams)
        }
    }
}

fn stride(shape: &Shape) -> u32 {
    shape.team * shape.columns() + 1
}

/// Hands round `count` values that `value` names by their number; their names are then those of
/// [`handed`].
fn hand_round(shape: &Shape, count: u32, value: impl Fn(u32) -> String) -> String {
    match shape.exchange {
        Exchange::Subgroup => String::new(),
        Exchange::Workgroup => {
            let mut text = format!(
                "workgroupBarrier();\nlet shared_from = seat.team * {}u;\nlet own = shared_from + \
                 seat.lane * {}u;\n",
                stride(shape),
                shape.columns()
            );
            for c in 0..count {
                let _ = writeln!(text, "sh_columns[own + {c}u] = {};", value(c));
            }
            text + "workgroupBarrier();\n"
        }
    }
}

/// The value `own`, the number `c` of those handed round, as lane `i` of the team has it.
fn handed(shape: &Shape, own: &str, c: u32, i: u32) -> String {
    match shape.exchange {
        Exchange::Subgroup => format!("subgroupBroadcast({own}, {i}u)"),
        Exchange::Workgroup => format!("sh_columns[shared_from + {}u]", i * shape.columns() + c),
    }
}

/// z ← W z from `inputs` blocks: sums of one pass are in registers, and the blocks of the source are
/// shifted through its first place.
fn product(shape: &Shape, name: &str, out: Blocks) -> String {
    let columns = shape.columns();
    let (per_pass, used) = (out.per_pass, out.count() * columns);
    let fours = shape.fours(out);
    let mut body = format!(
        "var out: Columns;\nfor (var turn = 0u; turn < {}u; turn++) {{\nvar source = *z;\n",
        out.passes
    );
    let sums = per_pass * columns;
    for k in 0..sums {
        let _ = writeln!(body, "var sum_{k} = 0.0;");
    }
    let _ = writeln!(
        body,
        "for (var block = 0u; block < inputs; block++) {{\nlet row = first + (turn * inputs + \
         block) * {fours}u + seat.lane;"
    );
    body += &hand_round(shape, columns, |c| format!("source[{c}]"));
    for k in 0..shape.team * per_pass / 4 {
        let _ = writeln!(body, "let four_{k} = weights[row + {}u];", k * shape.team);
    }
    for i in 0..shape.team {
        for c in 0..columns {
            let value = handed(shape, &format!("source[{c}]"), c, i);
            let _ = writeln!(body, "let value_{i}_{c} = {value};");
            for q in 0..per_pass {
                let k = i * per_pass + q;
                let _ = writeln!(
                    body,
                    "sum_{} += four_{}.{} * value_{i}_{c};",
                    q * columns + c,
                    k / 4,
                    ["x", "y", "z", "w"][k as usize % 4]
                );
            }
        }
    }
    for k in 0..(shape.widest() - 1) * columns {
        let _ = writeln!(body, "source[{k}] = source[{}];", k + columns);
    }
    body += "}\n";
    for k in 0..used - sums {
        let _ = writeln!(body, "out[{k}] = out[{}];", k + sums);
    }
    for k in 0..sums {
        let _ = writeln!(body, "out[{}] = sum_{k};", used - sums + k);
    }
    body += "}\n*z = out;\n";
    function(name, "seat: Seat, inputs: u32, first: u32, z: ptr<function, Columns>", &body)
}

/// Adds the numbers of the levels from `first` on to the values.
fn bias(shape: &Shape, name: &str, blocks: Blocks) -> String {
    let mut body = String::new();
    for q in 0..blocks.count() {
        let from = q * shape.team;
        let _ = writeln!(body, "let bias_{q} = levels[first + {from}u + seat.lane];");
        for g in 0..shape.groups {
            let _ = writeln!(body, "(*z)[{}] += bias_{q};", at(shape, q, g, 0));
        }
    }
    function(name, "seat: Seat, first: u32, z: ptr<function, Columns>", &body)
}

/// The positions as values; zeros as directions and beyond the dimension.
fn load(shape: &Shape) -> String {
    let mut body = String::new();
    for q in 0..shape.point.count() {
        let _ = writeln!(body, "let axis_{q} = {}u + seat.lane;", q * shape.team);
        for g in 0..shape.groups {
            let _ = writeln!(
                body,
                "(*start)[{}] = select(0.0, bitcast<f32>(state_load(min(axis_{q}, DIM - 1u), \
                 min(first + {g}u, settings.particles - 1u))), axis_{q} < DIM);",
                at(shape, q, g, 0)
            );
        }
    }
    function("network_load", "seat: Seat, first: u32, start: ptr<function, Columns>", &body)
}

/// The directions of a chunk.
fn direct(shape: &Shape) -> String {
    let mut body = String::new();
    for q in 0..shape.point.count() {
        for g in 0..shape.groups {
            for t in 0..shape.tangents {
                let _ = writeln!(
                    body,
                    "(*start)[{}] = network_direction(first + {g}u, step * FRESH, chunk * \
                     {}u + {t}u, {}u + seat.lane);",
                    at(shape, q, g, 1 + t),
                    shape.tangents,
                    q * shape.team
                );
            }
        }
    }
    let arguments = "seat: Seat, first: u32, step: u32, chunk: u32, start: ptr<function, Columns>";
    function("network_direct", arguments, &body)
}

/// Functions of each number by itself, or of each value and its derivatives.
fn elementwise(shape: &Shape) -> String {
    let (mut scale, mut add, mut activate) = (String::new(), String::new(), String::new());
    for k in 0..shape.point.count() * shape.columns() {
        let _ = writeln!(scale, "(*z)[{k}] *= by;");
    }
    for k in 0..shape.hidden.count() * shape.columns() {
        let _ = writeln!(add, "(*z)[{k}] += (*more)[{k}];");
    }
    for q in 0..shape.hidden.count() {
        for g in 0..shape.groups {
            let value = at(shape, q, g, 0);
            let _ = writeln!(activate, "let at_{value} = network_activation((*z)[{value}]);");
            let _ = writeln!(activate, "(*z)[{value}] = at_{value}.x;");
            for t in 0..shape.tangents {
                let _ = writeln!(activate, "(*z)[{}] *= at_{value}.y;", value + 1 + t);
            }
        }
    }
    let both = "z: ptr<function, Columns>, more: ptr<function, Columns>";
    function("network_scale", "by: f32, z: ptr<function, Columns>", &scale)
        + &function("network_add", both, &add)
        + &function("network_activate", "z: ptr<function, Columns>", &activate)
}

/// Stores scores, and adds to each divergence what the lane's coordinates give it.
fn finish(shape: &Shape) -> String {
    let mut body = String::new();
    for q in 0..shape.point.count() {
        let _ = writeln!(body, "let axis_{q} = {}u + seat.lane;", q * shape.team);
        for g in 0..shape.groups {
            let value = at(shape, q, g, 0);
            let _ = writeln!(
                body,
                "if (store && axis_{q} < DIM && first + {g}u < settings.particles) {{\noutputs[axis_{q} * \
                 settings.particles + first + {g}u] = scales.y * (*z)[{value}] + scales.z * \
                 (*start)[{value}];\n}}"
            );
            for k in value + 1..=value + shape.tangents {
                let _ = writeln!(
                    body,
                    "(*divergence)[{g}] += (*start)[{k}] * (scales.y * (*z)[{k}] + scales.z * \
                     (*start)[{k}]);"
                );
            }
        }
    }
    let arguments = "seat: Seat, first: u32, scales: vec3<f32>, store: bool, start: ptr<function, \
                     Columns>, z: ptr<function, Columns>, divergence: ptr<function, array<f32, \
                     GROUPS>>";
    function("network_finish", arguments, &body)
}

/// Adds up the team's shares of each divergence in the order of lanes, and stores it.
fn store_divergence(shape: &Shape) -> String {
    let mut body = String::new();
    if shape.tangents > 0 {
        body += &hand_round(shape, shape.groups, |g| format!("(*divergence)[{g}]"));
        for g in 0..shape.groups {
            let share = |i| handed(shape, &format!("(*divergence)[{g}]"), g, i);
            let sum: Vec<_> = (0..shape.team).map(share).collect();
            let _ = writeln!(body, "let sum_{g} = {};", sum.join(" + "));
            let _ = writeln!(
                body,
                "if (seat.lane == 0u && first + {g}u < settings.particles) {{\noutputs[DIM * settings.particles + \
                 first + {g}u] = DIRECTION_WEIGHT * sum_{g};\n}}"
            );
        }
    }
    let arguments = "seat: Seat, first: u32, divergence: ptr<function, array<f32, GROUPS>>";
    function("network_store_divergence", arguments, &body)
}
