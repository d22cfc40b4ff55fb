//! Which values are written where they are used.

use std::collections::{HashMap, HashSet};

use super::super::ir::{self, Argument, Block, Function, Op, Statement, Value};

/// The most operations in one line.
const DEEPEST: u32 = 4;

/// What is written in place of its name: used once, in the block that computes it, and not a read
/// of memory that might change meanwhile.
pub(super) fn inlined(function: &Function) -> HashSet<Value> {
    let mut uses: HashMap<Value, u32> = HashMap::new();
    let mut home: HashMap<Value, usize> = HashMap::new();
    let mut same: HashMap<Value, bool> = HashMap::new();
    fn scan(
        function: &Function,
        block: &Block,
        number: &mut usize,
        uses: &mut HashMap<Value, u32>,
        home: &mut HashMap<Value, usize>,
        same: &mut HashMap<Value, bool>,
    ) {
        *number += 1;
        let here = *number;
        let mut used = |value: Value, home: &HashMap<Value, usize>| {
            *uses.entry(value).or_default() += 1;
            same.insert(value, home.get(&value) == Some(&here));
        };
        for statement in block {
            match statement {
                Statement::Let(value) => {
                    home.insert(*value, here);
                    for operand in function.op(*value).operands() {
                        used(operand, home);
                    }
                }
                Statement::Store(place, value) => {
                    place.indices().for_each(|index| used(index, home));
                    used(*value, home);
                }
                Statement::Call { arguments, .. } => {
                    for argument in arguments {
                        match argument {
                            Argument::Value(value) => used(*value, home),
                            Argument::Pointer(place) => {
                                place.indices().for_each(|index| used(index, home));
                            }
                        }
                    }
                }
                Statement::If(value, ..) | Statement::Switch(value, _) => used(*value, home),
                Statement::Return(Some(value)) => used(*value, home),
                Statement::Loop(of) => {
                    // The condition at the end is in a block of its own.
                    of.break_if.iter().for_each(|value| used(*value, home));
                }
                _ => {}
            }
        }
        for statement in block {
            for inner in ir::blocks(statement) {
                scan(function, inner, number, uses, home, same);
            }
        }
    }
    scan(function, &function.body, &mut 0, &mut uses, &mut home, &mut same);
    let single = uses.into_iter().filter(|(value, count)| {
        *count == 1
            && same[value]
            && !matches!(function.op(*value), Op::Load(_) | Op::Result | Op::Carried(..))
    });
    let mut inlined: HashSet<Value> = single.map(|(value, _)| value).collect();
    // Neither lines nor nesting without end.
    let mut depths: HashMap<Value, u32> = HashMap::new();
    for index in 0..function.nodes.len() as u32 {
        let operands = function.op(Value(index)).operands();
        let inner = operands.iter().filter(|operand| inlined.contains(operand));
        let depth = 1 + inner.filter_map(|operand| depths.get(operand)).max().unwrap_or(&0);
        if depth > DEEPEST {
            inlined.remove(&Value(index));
        }
        depths.insert(Value(index), if depth > DEEPEST { 0 } else { depth });
    }
    // What variables begin as is written with them, before any other line.
    let mut begins: Vec<Value> = function.locals.iter().filter_map(|local| local.init).collect();
    while let Some(value) = begins.pop() {
        begins.extend(function.op(value).operands());
        inlined.insert(value);
    }
    inlined
}
