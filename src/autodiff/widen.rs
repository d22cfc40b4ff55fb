//! Runs several iterations of a long loop in one: software drivers stop a kernel after a number of
//! iterations, however short they are.

use std::collections::HashMap;

use super::depends::LONG_LOOP;
use super::ir::{
    Argument, Block, Function, FunctionId, Loop, Place, Program, Statement, Value, blocks, has_own,
};

/// Widens the innermost long loops of a program's generated functions.
pub(super) fn widen(program: &mut Program, factor: u32) {
    if factor < 2 {
        return;
    }
    for id in 0..program.functions.len() {
        let id = FunctionId(id);
        if program[id].is_users {
            continue;
        }
        let mut function = program[id].clone();
        let body = std::mem::take(&mut function.body);
        let mut widening = Widening { function, factor, map: HashMap::new() };
        let body = widening.outer(&body);
        program.functions[id.0] = Function { body, ..widening.function };
    }
}

struct Widening {
    function: Function,
    factor: u32,
    /// Values of the iteration that is being copied.
    map: HashMap<Value, Value>,
}

fn has_loop(block: &[Statement]) -> bool {
    block.iter().any(|statement| {
        matches!(statement, Statement::Loop(_))
            || blocks(statement).iter().any(|inner| has_loop(inner))
    })
}

fn is_wide(of: &Loop, factor: u32) -> bool {
    let is_continue = |statement: &Statement| matches!(statement, Statement::Continue);
    // A break within a choice of cases belongs to that.
    let is_long = of.expected.is_none_or(|count| count >= LONG_LOOP.max(factor));
    is_long && !has_loop(&of.body) && !has_own(&of.body, &is_continue)
}

impl Widening {
    fn outer(&mut self, block: &[Statement]) -> Block {
        let mut out = Block::new();
        for statement in block {
            out.push(match statement {
                Statement::Loop(of) if is_wide(of, self.factor) => self.wide(of),
                Statement::Loop(of) => {
                    Statement::Loop(Box::new(Loop { body: self.outer(&of.body), ..(**of).clone() }))
                }
                Statement::If(condition, accept, reject) => {
                    Statement::If(*condition, self.outer(accept), self.outer(reject))
                }
                Statement::Switch(selector, cases) => {
                    let cases = cases.iter();
                    let cases = cases.map(|(labels, case)| (labels.clone(), self.outer(case)));
                    Statement::Switch(*selector, cases.collect())
                }
                other => other.clone(),
            });
        }
        out
    }

    fn wide(&mut self, of: &Loop) -> Statement {
        let mut once = of.body.clone();
        once.extend(of.continuing.iter().cloned());
        if let Some(value) = of.break_if {
            once.push(Statement::If(value, vec![Statement::Break], Vec::new()));
        }
        let mut body = once.clone();
        for _ in 1..self.factor {
            self.map.clear();
            let copy = self.copy(&once);
            body.extend(copy);
        }
        let expected = of.expected.map(|count| count.div_ceil(self.factor));
        Statement::Loop(Box::new(Loop {
            id: of.id,
            body,
            continuing: Block::new(),
            break_if: None,
            expected,
        }))
    }

    fn value(&self, value: Value) -> Value {
        self.map.get(&value).copied().unwrap_or(value)
    }

    fn define(&mut self, value: Value) -> Value {
        let mut node = self.function.node(value).clone();
        node.op = node.op.map(|operand| self.value(operand));
        self.function.nodes.push(node);
        let new = Value(self.function.nodes.len() as u32 - 1);
        self.map.insert(value, new);
        new
    }

    fn place(&self, place: &Place) -> Place {
        place.map(|value| self.value(value))
    }

    fn copy(&mut self, block: &[Statement]) -> Block {
        let mut out = Block::new();
        for statement in block {
            out.push(match statement {
                Statement::Let(value) => Statement::Let(self.define(*value)),
                Statement::Store(place, value) => {
                    Statement::Store(self.place(place), self.value(*value))
                }
                Statement::Call { function, arguments, result, span } => {
                    let arguments = arguments.iter().map(|argument| match argument {
                        Argument::Value(value) => Argument::Value(self.value(*value)),
                        Argument::Pointer(place) => Argument::Pointer(self.place(place)),
                    });
                    let arguments = arguments.collect();
                    let result = result.map(|value| self.define(value));
                    Statement::Call { function: *function, arguments, result, span: span.clone() }
                }
                Statement::If(condition, accept, reject) => {
                    let condition = self.value(*condition);
                    Statement::If(condition, self.copy(accept), self.copy(reject))
                }
                Statement::Switch(selector, cases) => {
                    let selector = self.value(*selector);
                    let mut copies = Vec::new();
                    for (labels, case) in cases {
                        copies.push((labels.clone(), self.copy(case)));
                    }
                    Statement::Switch(selector, copies)
                }
                Statement::Return(value) => Statement::Return(value.map(|v| self.value(v))),
                // Innermost loops have none.
                Statement::Loop(_) | Statement::Break | Statement::Continue => statement.clone(),
            });
        }
        out
    }
}
