//! The way back: every statement adds to the adjoints of what it used.

use std::collections::HashMap;

use wgpu::naga::BinaryOperator as Bin;

use super::super::Refusal;
use super::super::ir::{
    Argument, Block, FunctionId, Loop, Op, Place, Root, Scalar, Span, Statement, Step, Type, U32,
    Value,
};
use super::super::rules;
use super::super::shape::{self, Counted};
use super::{Level, Writer};

/// What a variable of a block is when the block begins, from what it was before the statement.
type Begin<'b, W> = &'b mut dyn FnMut(&mut W, u32, Option<Value>) -> Option<Value>;

impl Writer<'_> {
    pub(super) fn back(&mut self, block: &[Statement]) -> Result<(), Refusal> {
        for (i, statement) in block.iter().enumerate().rev() {
            match statement {
                Statement::Let(value) => self.back_value(*value)?,
                Statement::Store(place, value) => {
                    if !self.activity.place(place) {
                        continue;
                    }
                    let adjoint = self.adjoint_place(place);
                    self.add_place(*value, &adjoint);
                    self.b.set_zero(adjoint);
                }
                Statement::Return(Some(value)) => {
                    let seed = self.seed.expect("bug in wfr: no seed");
                    let ty = self.b.function.parameters[seed as usize].ty.clone();
                    let seed = self.b.value(Op::Parameter(seed), ty);
                    self.add(*value, seed);
                }
                Statement::Call { function, arguments, result, span } => {
                    self.back_call(i, *function, arguments, *result, span)?;
                }
                Statement::If(condition, accept, reject) => {
                    let condition = self.value(*condition);
                    let rest = &block[i + 1..];
                    let accept = self.back_branch(i, accept, statement, rest)?;
                    let reject = self.back_branch(i, reject, statement, rest)?;
                    self.b.push(Statement::If(condition, accept, reject));
                }
                Statement::Switch(selector, cases) => {
                    let selector = self.value(*selector);
                    let mut written = Vec::new();
                    for (labels, case) in cases {
                        let rest = &block[i + 1..];
                        written.push((labels.clone(), self.back_branch(i, case, statement, rest)?));
                    }
                    self.b.push(Statement::Switch(selector, written));
                }
                Statement::Loop(of) => self.back_loop(i, of, &block[..i], &block[i + 1..])?,
                Statement::Return(None) | Statement::Break | Statement::Continue => {}
            }
        }
        Ok(())
    }

    fn back_value(&mut self, value: Value) -> Result<(), Refusal> {
        if !self.activity.value(value) {
            return Ok(());
        }
        let node = self.source.node(value).clone();
        self.b.span = node.span.clone();
        if node.ty.is_composite() {
            let Some(bar) = self.adjoint_values.get(&value).cloned() else { return Ok(()) };
            match &node.op {
                Op::Load(place) => {
                    let to = self.adjoint_place(place);
                    self.b.accumulate_place(&to, &bar);
                }
                Op::Compose(parts) => {
                    for (part, operand) in parts.iter().enumerate() {
                        self.add_place(*operand, &bar.at(Step::Part(part as u32)));
                    }
                }
                Op::Extract(of, part) => {
                    let to = self.adjoint_variable(*of).at(Step::Part(*part));
                    self.b.accumulate_place(&to, &bar);
                }
                _ => return Err(Refusal::new("a composite value of this kind", node.span)),
            }
            self.b.set_zero(bar);
            return Ok(());
        }
        let Some(bar) = self.take(value) else { return Ok(()) };
        match &node.op {
            Op::Load(place) => {
                let to = self.adjoint_place(place);
                self.b.accumulate(to, bar);
            }
            Op::Extract(of, part) if self.source.ty(*of).is_composite() => {
                let to = self.adjoint_variable(*of).at(Step::Part(*part));
                self.b.accumulate(to, bar);
            }
            op => {
                let operands = op.operands();
                let mapped: Vec<_> = operands.iter().map(|operand| self.value(*operand)).collect();
                let activity = self.activity.clone();
                let wanted = |i: usize| operands.get(i).is_some_and(|o| activity.value(*o));
                let result = self.value(value);
                let maps = rules::partials(&mut self.b, op, &mapped, result, &wanted, &node.span)?;
                let guard = self
                    .finite
                    .as_ref()
                    .is_some_and(|finite| !finite.has_finite_slopes(&self.source, value));
                for (i, map) in maps {
                    let ty = self.source.ty(operands[i]).clone();
                    let part = map.transpose(&mut self.b, bar, &ty, guard);
                    self.add(operands[i], part);
                }
            }
        }
        Ok(())
    }

    fn back_call(
        &mut self,
        i: usize,
        callee: FunctionId,
        arguments: &[Argument],
        result: Option<Value>,
        span: &Span,
    ) -> Result<(), Refusal> {
        for (i, argument) in arguments.iter().enumerate() {
            if let Argument::Pointer(place) = argument
                && self.activity.place(place)
                && self.program.writes(callee, i as u32)
            {
                let name = &self.program[callee].name;
                let message = format!("`{name}` writes through a pointer");
                return Err(Refusal::new(message, span.clone()));
            }
        }
        let Some(result) = result.filter(|result| self.activity.value(*result)) else {
            return Ok(());
        };
        let mask = self.activity.mask(arguments);
        let seed = if self.source.ty(result).is_composite() {
            let Some(bar) = self.adjoint_values.get(&result).cloned() else { return Ok(()) };
            let seed = self.b.load(bar.clone());
            self.b.set_zero(bar);
            seed
        } else {
            let Some(seed) = self.take(result) else { return Ok(()) };
            seed
        };
        let adjoint = self.reverse.derive(self.program, self.activities, callee, &mask)?;
        let saved = self.levels.last().and_then(|level| level.saves.get(&i).cloned());
        let saved = saved.unwrap_or_default();
        let mut passed = Vec::new();
        for argument in arguments {
            passed.push(match argument {
                Argument::Value(value) => Argument::Value(self.value(*value)),
                Argument::Pointer(place) => match place.root {
                    // The variable has changed since: a copy of what it was.
                    Root::Local(local) if saved.locals.contains_key(&local) => {
                        let ty = self.source.locals[local as usize].ty.clone();
                        let copy = self.b.local(ty.clone(), None);
                        self.b.store(Place::local(copy, ty), saved.locals[&local]);
                        let place = self.place(place);
                        Argument::Pointer(place.with_root(Root::Local(copy)))
                    }
                    _ => Argument::Pointer(self.place(place)),
                },
            });
        }
        passed.push(Argument::Value(seed));
        let mut after = Vec::new();
        let mut roots: Vec<Root> = Vec::new();
        for (argument, active) in arguments.iter().zip(&mask) {
            if !active {
                continue;
            }
            match argument {
                Argument::Value(value) => {
                    let bar = self.b.local_place(self.source.ty(*value).clone());
                    self.b.set_zero(bar.clone());
                    passed.push(Argument::Pointer(bar.clone()));
                    after.push((argument, bar));
                }
                Argument::Pointer(place) => {
                    let adjoint = self.adjoint_place(place);
                    // Two pointers to one variable must not be written through.
                    if roots.contains(&place.root) {
                        let bar = self.b.local_place(place.ty.clone());
                        self.b.set_zero(bar.clone());
                        passed.push(Argument::Pointer(bar.clone()));
                        after.push((argument, bar));
                    } else {
                        roots.push(place.root.clone());
                        passed.push(Argument::Pointer(adjoint));
                    }
                }
            }
        }
        let call = Statement::Call {
            function: adjoint,
            arguments: passed,
            result: None,
            span: span.clone(),
        };
        self.b.push(call);
        for (argument, bar) in after {
            match argument {
                Argument::Value(value) => self.add_place(*value, &bar),
                Argument::Pointer(place) => {
                    let to = self.adjoint_place(place);
                    self.b.accumulate_place(&to, &bar);
                }
            }
        }
        Ok(())
    }

    /// Begins the run of a block inside of the statement `i`, on variables of its own.
    fn begin_again(
        &mut self,
        i: usize,
        block: &[Statement],
        statement: &[Statement],
        rest: &[Statement],
        begins: Begin<'_, Self>,
    ) {
        let saved = self.levels.last().and_then(|level| level.saves.get(&i).cloned());
        let saved = saved.unwrap_or_default();
        let mut locals = HashMap::new();
        for local in shape::touched(&self.source, block) {
            let is_stable = !shape::stores(self.program, statement, local)
                && !shape::stores(self.program, rest, local);
            if is_stable {
                continue;
            }
            let ty = self.source.locals[local as usize].ty.clone();
            let own = self.b.local(ty.clone(), None);
            if shape::reads_first(&self.source, block, local) {
                let begin = begins(self, local, saved.locals.get(&local).copied());
                if let Some(begin) = begin {
                    self.b.store(Place::local(own, ty), begin);
                }
            }
            locals.insert(local, own);
        }
        self.levels.push(Level { locals, is_again: true, ..Level::default() });
    }

    fn back_branch(
        &mut self,
        i: usize,
        block: &[Statement],
        statement: &Statement,
        rest: &[Statement],
    ) -> Result<Block, Refusal> {
        self.b.begin();
        let statement = std::slice::from_ref(statement);
        self.begin_again(i, block, statement, rest, &mut |_, _, saved| saved);
        self.sweep(block, true)?;
        self.back(block)?;
        self.levels.pop();
        Ok(self.b.end())
    }

    fn back_loop(
        &mut self,
        i: usize,
        of: &Loop,
        before: &[Statement],
        rest: &[Statement],
    ) -> Result<(), Refusal> {
        let Counted { inner, counter, .. } = shape::counted(self.program, &self.source, of)?;
        let level = self.levels.last().expect("bug in wfr: no level");
        let trips = level.saves[&i].trips.clone().expect("bug in wfr: an uncounted loop");
        if let Some(count) = self.constant_trips(of.id) {
            let count = self.b.uint(count);
            self.b.store(trips.clone(), count);
        }
        // Where the text has it, nothing has to run for it.
        let start = counter.and_then(|(local, _)| {
            let start = shape::start(self.program, &self.source, local, before)?;
            let ty = self.source.locals[local as usize].ty.clone();
            let number = match ty {
                Type::Scalar(Scalar::U32) => Op::Uint(u32::try_from(start).ok()?),
                _ => Op::Int(i32::try_from(start).ok()?),
            };
            Some(self.b.value(number, ty))
        });
        self.b.begin();
        let left = self.b.load(trips.clone());
        let zero = self.b.uint(0);
        let more = self.b.compare(Bin::Greater, left, zero);
        self.b.push(Statement::If(more, Vec::new(), vec![Statement::Break]));
        let one = self.b.uint(1);
        let k = self.b.value(Op::Binary(Bin::Subtract, left, one), U32);
        self.b.store(trips, k);
        let whole = Statement::Loop(Box::new(of.clone()));
        let number = of.id;
        let statement = std::slice::from_ref(&whole);
        self.begin_again(i, &inner, statement, rest, &mut |writer, local, saved| {
            if !shape::stores(writer.program, statement, local) {
                return saved;
            }
            if let Some((counter, step)) = counter
                && counter == local
            {
                return Some(writer.counter_at(start.or(saved)?, step, k, local));
            }
            if let Some(record) = writer.records.get(&(number, local)).cloned() {
                return Some(writer.b.load(record.at(Step::At(k))));
            }
            let ty = writer.source.locals[local as usize].ty.clone();
            Some(writer.b.value(Op::Carried(number, local), ty))
        });
        self.sweep(&inner, true)?;
        self.back(&inner)?;
        self.levels.pop();
        let body = self.b.end();
        self.b.push_loop(body, Vec::new(), None, of.expected);
        Ok(())
    }

    /// start + k step, in the counter's type.
    fn counter_at(&mut self, start: Value, step: (Bin, Value), k: Value, local: u32) -> Value {
        let ty = self.source.locals[local as usize].ty.clone();
        let k = if ty == U32 { k } else { self.b.value(Op::Convert(k), ty.clone()) };
        let (op, by) = (step.0, self.value(step.1));
        let is_one = matches!(self.b.op(by), Op::Uint(1) | Op::Int(1));
        let way =
            if is_one { k } else { self.b.value(Op::Binary(Bin::Multiply, k, by), ty.clone()) };
        let is_zero = matches!(self.b.op(start), Op::Uint(0) | Op::Int(0));
        if is_zero && op == Bin::Add { way } else { self.b.value(Op::Binary(op, start, way), ty) }
    }
}
