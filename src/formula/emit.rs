//! From the graph to WGSL: `let`s for what is used again, loops for sums, `if`s for choices.
//!
//! A value stands in the outermost loop that it can, so that nothing is computed again in a loop
//! that does not change it; and in a branch only where the other way does not need it, because a
//! branch that is not taken may hold a logarithm of a negative number.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::affine::Affine;
use super::bounds;
use super::graph::{Graph, Id, Loop, Loops, Op};
use crate::shaders::{MINUS_INFINITY, float};

/// A `let` is made of a longer expression.
const WIDTH: usize = 72;

/// How tightly the outermost operator of a text binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    /// Nothing around it: the whole of a statement.
    Alone,
    Sum,
    Product,
    Sign,
    Atom,
}

/// The function, the body of a loop, or a branch.
struct Block {
    lines: Vec<String>,
    names: HashMap<Id, String>,
    /// The depth of the loop that this is the body of, as a bit.
    variable: Loops,
    is_branch: bool,
    /// What is needed here whichever way each choice goes.
    certain: Vec<bool>,
}

struct Emitter<'a> {
    graph: &'a Graph,
    uses: Vec<u32>,
    parameters: &'a [String],
    arrays: &'a [String],
    blocks: Vec<Block>,
    names: usize,
}

/// The body of a function of `x` that returns `root`.
pub(super) fn body(graph: &Graph, root: Id, parameters: &[String], arrays: &[String]) -> String {
    let uses = graph.uses(root);
    let mut emitter = Emitter { graph, uses, parameters, arrays, blocks: Vec::new(), names: 0 };
    let (mut lines, value) = emitter.block(root, 0, false);
    lines.push(format!("return {value};"));
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "    {line}");
        text
    })
}

impl Emitter<'_> {
    /// The lines of a block and the value of `root` at their end.
    fn block(&mut self, root: Id, variable: Loops, is_branch: bool) -> (Vec<String>, String) {
        let certain = self.graph.certain(root);
        let names = HashMap::new();
        self.blocks.push(Block { lines: Vec::new(), names, variable, is_branch, certain });
        let value = self.value(root, Binding::Alone);
        (self.blocks.pop().map(|block| block.lines).unwrap_or_default(), value)
    }

    /// The place in `blocks` where a value that depends on `loops` is computed.
    fn place(&self, loops: Loops) -> usize {
        let mut place = self.blocks.len() - 1;
        while place > 0 {
            let block = &self.blocks[place];
            if block.is_branch || block.variable & loops != 0 {
                break;
            }
            place -= 1;
        }
        place
    }

    fn name_of(&self, id: Id) -> Option<&String> {
        self.blocks.iter().rev().find_map(|block| block.names.get(&id))
    }

    /// The text of a value, in parentheses where it binds less tightly than `least`.
    fn value(&mut self, id: Id, least: Binding) -> String {
        if let Some(name) = self.name_of(id) {
            return name.clone();
        }
        let op = self.graph.op(id);
        let again = self.uses[id.place()] > 1;
        let outside = self.place(self.graph.loops(id)) + 1 < self.blocks.len();
        let is_statement = matches!(op, Op::Where(..) | Op::Loop { .. });
        if is_statement || (!op.is_trivial() && (again || outside)) {
            return self.bind(id);
        }
        let (text, binding) = self.expression(id);
        if text.len() > WIDTH && !op.is_trivial() && least > Binding::Alone {
            return self.declare(id, &text);
        }
        if binding < least { format!("({text})") } else { text }
    }

    /// Computes a value in the block where it belongs, and gives its name.
    fn bind(&mut self, id: Id) -> String {
        let place = self.place(self.graph.loops(id));
        // Blocks further in are not open yet where this value stands.
        let inner = self.blocks.split_off(place + 1);
        let name = match self.name_of(id).cloned() {
            Some(name) => name,
            None => match self.graph.op(id) {
                Op::Loop { kind, depth, low, high, body } => {
                    let (low, high) = (low.clone(), high.clone());
                    self.repeat(id, *kind, *depth, &low, &high, *body)
                }
                Op::Where(..) => self.choose(id),
                _ => {
                    let (text, _) = self.expression(id);
                    self.declare(id, &text)
                }
            },
        };
        self.blocks.extend(inner);
        name
    }

    fn line(&mut self, line: String) {
        if let Some(block) = self.blocks.last_mut() {
            block.lines.push(line);
        }
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn name(&mut self, id: Id, name: &str) {
        if let Some(block) = self.blocks.last_mut() {
            block.names.insert(id, name.to_string());
        }
    }

    fn declare(&mut self, id: Id, text: &str) -> String {
        let name = match self.graph.op(id) {
            Op::Coordinate(index) if index.constant().is_some() => format!("x{}", index.constant),
            _ => self.fresh(),
        };
        self.line(format!("let {name} = {text};"));
        self.name(id, &name);
        name
    }

    fn expression(&mut self, id: Id) -> (String, Binding) {
        let graph = self.graph;
        match graph.op(id) {
            Op::Literal(bits) if f64::from_bits(*bits) == f64::NEG_INFINITY => {
                (format!("{MINUS_INFINITY}()"), Binding::Atom)
            }
            Op::Literal(bits) if f64::from_bits(*bits) == f64::INFINITY => {
                (format!("-{MINUS_INFINITY}()"), Binding::Sign)
            }
            Op::Literal(bits) => {
                let text = float(f64::from_bits(*bits) as f32);
                let binding = if text.starts_with('-') { Binding::Sign } else { Binding::Atom };
                (text, binding)
            }
            Op::Parameter(place) => (self.parameters[*place].clone(), Binding::Atom),
            Op::Variable(depth) => (format!("f32({})", bounds::variable(*depth)), Binding::Atom),
            Op::Coordinate(index) => {
                (format!("(*x)[{}]", bounds::index(index, self.arrays)), Binding::Atom)
            }
            Op::Data { array, row, column } => {
                let name = &self.arrays[*array];
                let row = bounds::index(row, self.arrays);
                let text = match column {
                    None => format!("{name}[{row}]"),
                    Some(column) => {
                        let row = if row.contains(' ') { format!("({row})") } else { row };
                        format!(
                            "{name}[{row} * {name}_columns + {}]",
                            bounds::index(column, self.arrays)
                        )
                    }
                };
                (text, Binding::Atom)
            }
            Op::Negate(part) => (format!("-{}", self.value(*part, Binding::Atom)), Binding::Sign),
            Op::Sum(terms) => {
                (self.chain(terms, ["+", "-"], [Binding::Sum, Binding::Product]), Binding::Sum)
            }
            Op::Product(factors) => {
                let bindings = [Binding::Product, Binding::Sign];
                (self.chain(factors, ["*", "/"], bindings), Binding::Product)
            }
            Op::Call(function, arguments) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|part| self.value(*part, Binding::Sum)).collect();
                let text = format!("{function}({})", arguments.join(", "));
                (text, Binding::Atom)
            }
            Op::Where(..) | Op::Loop { .. } => (self.bind(id), Binding::Atom),
        }
    }

    /// Operands from left to right, in several `let`s where they are long. The first one may bind
    /// as tightly as the signs, the others have to bind more tightly.
    fn chain(
        &mut self,
        parts: &[(bool, Id)],
        signs: [&str; 2],
        [first, others]: [Binding; 2],
    ) -> String {
        let mut text = String::new();
        for (at, (inverse, part)) in parts.iter().enumerate() {
            let part = self.value(*part, if at == 0 { first } else { others });
            if at == 0 {
                text = part;
                continue;
            }
            if text.len() + part.len() > WIDTH {
                let name = self.fresh();
                self.line(format!("let {name} = {text};"));
                text = name;
            }
            let _ = write!(text, " {} {part}", signs[usize::from(*inverse)]);
        }
        text
    }

    fn repeat(
        &mut self,
        id: Id,
        kind: Loop,
        depth: usize,
        low: &Affine,
        high: &Affine,
        body: Id,
    ) -> String {
        let (lines, value) = self.block(body, 1 << depth, false);
        let name = self.fresh();
        let i = bounds::variable(depth);
        let (start, step) = match kind {
            Loop::Sum => ("0.0f".into(), format!("{name} += {value};")),
            Loop::Product => ("1.0f".into(), format!("{name} *= {value};")),
            Loop::Max => (float(f32::MIN), format!("{name} = max({name}, {value});")),
            Loop::Min => (float(f32::MAX), format!("{name} = min({name}, {value});")),
        };
        self.line(format!("var {name} = {start};"));
        let low = bounds::index(low, self.arrays);
        self.line(format!(
            "for (var {i} = {low}; {}; {i}++) {{",
            bounds::before(&i, high, self.arrays)
        ));
        self.indented(lines);
        self.line(format!("    {step}"));
        self.line("}".into());
        self.name(id, &name);
        name
    }

    fn choose(&mut self, id: Id) -> String {
        let graph = self.graph;
        let Op::Where(comparison, [left, right, so, not]) = graph.op(id) else {
            unreachable!("bug in wfr: a choice is a where")
        };
        // What is needed anyhow is not left to the branches.
        for part in graph.reachable(&[*so, *not]) {
            let needed = self.blocks.iter().any(|block| block.certain[part.place()]);
            if needed && self.uses[part.place()] > 1 && !graph.op(part).is_trivial() {
                self.value(part, Binding::Sum);
            }
        }
        let left = self.value(*left, Binding::Product);
        let right = self.value(*right, Binding::Product);
        let condition = format!("{left} {} {right}", comparison.sign());
        let ready = |id: &Id| graph.op(*id).is_trivial() || self.name_of(*id).is_some();
        if ready(so) && ready(not) {
            let (so, not) = (self.value(*so, Binding::Sum), self.value(*not, Binding::Sum));
            return self.declare(id, &format!("select({not}, {so}, {condition})"));
        }
        let (so_lines, so) = self.block(*so, 0, true);
        let (not_lines, not) = self.block(*not, 0, true);
        let name = self.fresh();
        self.line(format!("var {name} = 0.0f;"));
        self.line(format!("if ({condition}) {{"));
        self.indented(so_lines);
        self.line(format!("    {name} = {so};"));
        self.line("} else {".into());
        self.indented(not_lines);
        self.line(format!("    {name} = {not};"));
        self.line("}".into());
        self.name(id, &name);
        name
    }

    fn indented(&mut self, lines: Vec<String>) {
        for line in lines {
            self.line(format!("    {line}"));
        }
    }
}
