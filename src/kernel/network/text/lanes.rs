//! The text of `network/lanes`: products with all inputs written out, so that only weights are loaded.

use std::fmt::Write as _;

use super::super::shape::{Blocks, Shape};
use super::{
    COMPONENTS, activate, column, function, numbers, rotated, store_divergence, vector, vectors,
};

/// `windows`: how many uniforms hold the weights of each layer, if one does not hold them all.
pub(super) fn functions(shape: &Shape, windows: &[u32]) -> String {
    let (hidden, point) = (shape.hidden, shape.point);
    let mut text = numbers("HiddenPass", hidden.per_pass, shape.columns());
    text += &numbers("PointPass", point.per_pass, shape.columns());
    let layer = |name: &str, ty: &str, inputs: Blocks, weights: &[String]| {
        let arguments = format!(
            "seat: Seat, first: u32, biases: u32, even: bool, z: ptr<function, {ty}>, out: \
             ptr<function, Columns>, kept: ptr<function, Columns>"
        );
        let end = hidden_end(shape);
        function(name, &arguments, &product(shape, inputs, hidden, weights, "HiddenPass", &end))
    };
    let mut names = names(windows);
    let from_point = names.next().unwrap_or_else(|| vec!["weights".to_string()]);
    let mut last = from_point.clone();
    text += &layer("network_from_point", "Points", point, &from_point);
    let mut calls = String::new();
    if windows.is_empty() {
        text += &layer("network_to_hidden", "Columns", hidden, &from_point);
        calls += &format!(
            "for (var l = 1u; l <= HIDDEN_LAYERS; l++) {{\n{}}}\n",
            call("network_to_hidden", "INPUT_WEIGHTS + (l - 1u) * LAYER_WEIGHTS", "l")
        );
    }
    for (l, weights) in (1..).zip(names) {
        if l <= shape.hidden_layers {
            let name = format!("network_to_hidden_{l}");
            text += &layer(&name, "Columns", hidden, &weights);
            let _ = write!(calls, "{{\n{}}}\n", call(&name, "0u", &format!("{l}u")));
        }
        last = weights;
    }
    let arguments =
        "seat: Seat, biases: u32, z: ptr<function, Columns>, kept: ptr<function, Columns>";
    text += &function("network_hidden_layers", arguments, &calls);
    text += &function(
        "network_to_point",
        "seat: Seat, first: u32, biases: u32, z: ptr<function, Columns>, out: ptr<function, Points>",
        &product(shape, hidden, point, &last, "PointPass", &end(shape, point)),
    );
    text + &store_divergence(shape, "", |g| format!("(*divergence)[{g}]"))
}

/// The variables that hold each layer's weights.
fn names(windows: &[u32]) -> impl Iterator<Item = Vec<String>> {
    let mut numbers = 0..;
    windows.iter().map(move |count| {
        numbers.by_ref().take(*count as usize).map(|k: u32| format!("weights_{k}")).collect()
    })
}

/// Takes z through the hidden layer `l`, whose weights begin at `first`.
fn call(name: &str, first: &str, l: &str) -> String {
    format!(
        "var next: Columns;\n{name}(seat, {first}, biases + {l} * LAYER_BIASES, ({l} & 1u) == 0u, z, \
         &next, kept);\n*z = next;\n"
    )
}

/// out ← W z + b. Each round makes the next `per_pass` outputs: they are shifted through the last
/// places of `made` as they come, and then as one through those of `out`, by `end`. Of the weights of
/// a round, each uniform of the layer has an equal share.
fn product(
    shape: &Shape,
    inputs: Blocks,
    out: Blocks,
    weights: &[String],
    ty: &str,
    end: &str,
) -> String {
    let outputs = shape.outputs(inputs, out);
    let turns = out.per_pass / outputs / weights.len() as u32;
    let mut body =
        format!("for (var round = 0u; round < {}u; round++) {{\nvar made = {ty}();\n", out.passes);
    for name in weights {
        let _ = writeln!(
            body,
            "for (var turn = 0u; turn < {turns}u; turn++) {{\nlet row = first + (round * {turns}u + \
             turn) * {}u + seat.reader;",
            shape.fours(inputs, out)
        );
        body += &sums(shape, inputs, outputs, name);
        let turn = Blocks { size: out.per_pass, per_pass: outputs, passes: out.per_pass / outputs };
        body += &rotated(shape, turn, "made");
        body += &joined(shape, turn, "made", |v, q| format!("sum_{q}_{v}"));
        body += "}\n";
    }
    body += &biases(shape, out);
    body + end + "}\n"
}

/// The sums of so many outputs over all inputs.
fn sums(shape: &Shape, inputs: Blocks, outputs: u32, weights: &str) -> String {
    let mut text = String::new();
    for q in 0..outputs {
        for (v, width) in vectors(shape.columns()).enumerate() {
            let _ = writeln!(text, "var sum_{q}_{v} = {}();", vector(width));
        }
        for i in 0..inputs.size {
            let number = q * inputs.size + i;
            let (four, component) = (number / 4, COMPONENTS[number as usize % 4]);
            let (load, reader) = (four / shape.readers, four % shape.readers);
            if number.is_multiple_of(4 * shape.readers) {
                let from = load * shape.readers;
                let _ = writeln!(text, "let four_{load} = {weights}[row + {from}u];");
            }
            let _ = writeln!(
                text,
                "let weight_{q}_{i} = subgroupBroadcast(four_{load}.{component}, {reader}u);"
            );
            for (v, _) in vectors(shape.columns()).enumerate() {
                let _ = writeln!(text, "sum_{q}_{v} += weight_{q}_{i} * (*z).vector_{v}[{i}];");
            }
        }
    }
    text
}

/// Adds biases to the values that were made.
fn biases(shape: &Shape, out: Blocks) -> String {
    let mut text = String::new();
    for q in 0..out.per_pass {
        let (load, reader) = (q / shape.readers, q % shape.readers);
        if reader == 0 {
            let _ = writeln!(
                text,
                "let biases_{load} = levels[biases + round * {}u + {q}u + seat.reader];",
                out.per_pass
            );
        }
        let _ = writeln!(text, "let bias_{q} = subgroupBroadcast(biases_{load}, {reader}u);");
        for g in 0..shape.groups {
            let _ = writeln!(text, "{} += bias_{q};", column(shape, "made", q, g, 0));
        }
    }
    text
}

/// Lets what was made join `out`.
fn end(shape: &Shape, out: Blocks) -> String {
    rotated(shape, out, "(*out)")
        + &joined(shape, out, "(*out)", |v, q| format!("made.vector_{v}[{q}]"))
}

/// Writes the last places of a structure.
fn joined(shape: &Shape, out: Blocks, name: &str, from: impl Fn(usize, u32) -> String) -> String {
    let mut text = String::new();
    for (v, _) in vectors(shape.columns()).enumerate() {
        for q in 0..out.per_pass {
            let to = (out.passes - 1) * out.per_pass + q;
            let _ = writeln!(text, "{name}.vector_{v}[{to}] = {};", from(v, q));
        }
    }
    text
}

/// The same after the activation; in a residual network what went into the block's first layer is
/// added before that, where a block ends, and goes into the next one.
fn hidden_end(shape: &Shape) -> String {
    let hidden = shape.hidden;
    let mut text = String::new();
    if shape.residual {
        for (v, width) in vectors(shape.columns()).enumerate() {
            for q in 0..hidden.per_pass {
                let (made, kept) =
                    (format!("made.vector_{v}[{q}]"), format!("(*kept).vector_{v}[{q}]"));
                let _ = writeln!(text, "{made} += select({}(), {kept}, even);", vector(width));
                let _ = writeln!(text, "let kept_{v}_{q} = select({kept}, {made}, even);");
            }
        }
        text += &rotated(shape, hidden, "(*kept)");
        text += &joined(shape, hidden, "(*kept)", |v, q| format!("kept_{v}_{q}"));
    }
    text += &activate(shape, "made", hidden.per_pass);
    text + &end(shape, hidden)
}
