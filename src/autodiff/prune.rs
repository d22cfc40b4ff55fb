//! Leaves out what nothing needs.

use std::collections::HashSet;

use super::ir::{
    Argument, Block, Function, FunctionId, Op, Place, Program, Root, Statement, Value, has_own,
};

/// What is needed of a function so far.
struct Needs<'p> {
    program: &'p Program,
    function: &'p Function,
    values: HashSet<Value>,
    locals: HashSet<u32>,
    changed: bool,
}

/// Removes the values and the stores that neither the result nor a pointer parameter needs. Loops
/// that do nothing needed go too: they are taken to end.
pub(super) fn prune(program: &mut Program, id: FunctionId) {
    let body = {
        let function = &program[id];
        let (values, locals) = (HashSet::new(), HashSet::new());
        let mut needs = Needs { program, function, values, locals, changed: true };
        while std::mem::take(&mut needs.changed) {
            needs.block(&function.body);
        }
        needs.kept(&function.body)
    };
    program.functions[id.0].body = body;
}

impl Needs<'_> {
    fn value(&mut self, value: Value) {
        let function = self.function;
        // Not by recursion: a sum of many terms is as deep as it is long.
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if !self.values.insert(value) {
                continue;
            }
            self.changed = true;
            open.extend(function.op(value).operands());
            if let Op::Load(place) | Op::ArrayLength(place) = function.op(value) {
                self.root(place);
            }
        }
    }

    fn root(&mut self, place: &Place) {
        if let Root::Local(local) = place.root {
            self.changed |= self.locals.insert(local);
        }
    }

    fn place(&mut self, place: &Place) {
        self.root(place);
        place.indices().for_each(|index| self.value(index));
    }

    fn leads_out(&self, place: &Place) -> bool {
        match &place.root {
            Root::Local(local) => self.locals.contains(local),
            Root::Parameter(_) => true,
            Root::Global(_) => false,
        }
    }

    fn is_needed(&self, statement: &Statement) -> bool {
        match statement {
            Statement::Let(value) => self.values.contains(value),
            Statement::Store(place, _) => self.leads_out(place),
            Statement::Call { function, arguments, result, .. } => {
                let writes = arguments.iter().enumerate().any(|(i, argument)| match argument {
                    Argument::Pointer(place) => {
                        self.leads_out(place) && self.program.writes(*function, i as u32)
                    }
                    Argument::Value(_) => false,
                });
                writes || result.is_some_and(|result| self.values.contains(&result))
            }
            Statement::Return(_) => true,
            // They follow the loop that they belong to.
            Statement::Break | Statement::Continue => false,
            _ => super::ir::blocks(statement)
                .iter()
                .any(|block| block.iter().any(|inner| self.is_needed(inner))),
        }
    }

    fn block(&mut self, block: &Block) {
        for statement in block.iter().rev() {
            if self.is_needed(statement) {
                self.statement(statement);
            }
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Let(value) => self.value(*value),
            Statement::Store(place, value) => {
                self.place(place);
                self.value(*value);
            }
            Statement::Call { arguments, .. } => {
                for argument in arguments {
                    match argument {
                        Argument::Value(value) => self.value(*value),
                        Argument::Pointer(place) => self.place(place),
                    }
                }
            }
            Statement::Return(value) => value.iter().for_each(|value| self.value(*value)),
            Statement::If(condition, accept, reject) => {
                self.value(*condition);
                self.block(accept);
                self.block(reject);
            }
            Statement::Switch(selector, cases) => {
                self.value(*selector);
                cases.iter().for_each(|(_, block)| self.block(block));
            }
            Statement::Loop(of) => {
                self.block(&of.continuing);
                self.block(&of.body);
                of.break_if.iter().for_each(|value| self.value(*value));
                self.exits(&of.body);
            }
            Statement::Break | Statement::Continue => {}
        }
    }

    /// The conditions under which a loop that is needed ends an iteration or itself.
    fn exits(&mut self, block: &Block) {
        for statement in block {
            match statement {
                Statement::If(condition, accept, reject)
                    if has_exit(accept) || has_exit(reject) =>
                {
                    self.value(*condition);
                    self.exits(accept);
                    self.exits(reject);
                }
                Statement::Switch(selector, cases)
                    if cases.iter().any(|(_, block)| has_exit(block)) =>
                {
                    self.value(*selector);
                    cases.iter().for_each(|(_, block)| self.exits(block));
                }
                _ => {}
            }
        }
    }

    fn kept(&self, block: &Block) -> Block {
        let mut kept = Block::new();
        for statement in block {
            let stays = self.is_needed(statement)
                || matches!(statement, Statement::Break | Statement::Continue)
                || matches!(statement, Statement::If(_, a, r) if has_exit(a) || has_exit(r))
                || matches!(statement, Statement::Switch(_, cases)
                    if cases.iter().any(|(_, block)| has_exit(block)));
            if !stays {
                continue;
            }
            kept.push(match statement {
                Statement::If(condition, accept, reject) => {
                    Statement::If(*condition, self.kept(accept), self.kept(reject))
                }
                Statement::Switch(selector, cases) => {
                    let cases = cases.iter();
                    let cases = cases.map(|(labels, block)| (labels.clone(), self.kept(block)));
                    Statement::Switch(*selector, cases.collect())
                }
                Statement::Loop(of) => {
                    let mut of = of.clone();
                    of.body = self.kept(&of.body);
                    of.continuing = self.kept(&of.continuing);
                    Statement::Loop(of)
                }
                other => other.clone(),
            });
        }
        kept
    }
}

/// Whether a block has a `break` or a `continue` that belongs to the loop around it.
fn has_exit(block: &Block) -> bool {
    has_own(block, &|statement| matches!(statement, Statement::Break | Statement::Continue))
}
