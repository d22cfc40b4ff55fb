//! Writes short loops out, when the text tells how often they run: parts of arrays then have fixed
//! places, the way back needs no second run, and tangents that are zero are seen to be.

use std::collections::HashMap;

use wgpu::naga::BinaryOperator as Bin;

use super::ir::{
    Argument, Block, Function, Local, Loop, Node, Op, Place, Program, Root, Scalar, Statement,
    Step, Type, Value,
};
use super::shape;

/// The most values that a loop may become where all that it indexes is short: then what is indexed
/// can live in registers, and compilers take less long than for loops that they have to keep.
const MOST_VALUES: usize = 1000;

/// The longest array that compilers keep in registers: they write out loops of as many iterations.
const LONGEST_SHORT: u32 = 32;

/// The most values of a loop that indexes a longer array. Each of its copies would go through memory
/// too, and a text that grows with the dimension takes compilers longer than it runs faster.
const MOST_VALUES_OF_LONG: usize = 64;

/// The most values of such a loop where an iteration hands on more than numbers, which reverse mode
/// takes written out alone.
const MOST_VALUES_HANDED_ON: usize = 400;

/// Writes out the loops of all functions.
pub(super) fn unroll(program: &mut Program) {
    for id in 0..program.functions.len() {
        let source = program.functions[id].clone();
        let mut unroller = Unroller {
            program,
            source: &source,
            nodes: Vec::new(),
            locals: Vec::new(),
            map: HashMap::new(),
            known: HashMap::new(),
        };
        let locals = source.locals.iter();
        let locals: Vec<_> = locals
            .map(|local| Local {
                ty: local.ty.clone(),
                init: local.init.map(|init| unroller.value(init)),
            })
            .collect();
        unroller.locals = locals;
        let mut body = Block::new();
        unroller.block(&source.body, &mut body);
        let (nodes, locals) = (unroller.nodes, unroller.locals);
        let function = &mut program.functions[id];
        (function.nodes, function.locals, function.body) = (nodes, locals, body);
        function.number_loops();
    }
}

struct Unroller<'a> {
    program: &'a Program,
    source: &'a Function,
    nodes: Vec<Node>,
    locals: Vec<Local>,
    map: HashMap<Value, Value>,
    /// What the counters are in the iteration that is being written.
    known: HashMap<u32, i64>,
}

impl Unroller<'_> {
    fn push(&mut self, op: Op, ty: Type, of: Value) -> Value {
        let span = self.source.node(of).span.clone();
        self.nodes.push(Node { op, ty, span });
        Value(self.nodes.len() as u32 - 1)
    }

    fn value(&mut self, value: Value) -> Value {
        if let Some(known) = self.map.get(&value) {
            return *known;
        }
        let node = self.source.node(value);
        let op = node.op.map(|operand| self.value(operand));
        let new = self.push(op, node.ty.clone(), value);
        self.map.insert(value, new);
        new
    }

    fn whole(&self, value: Value) -> Option<i64> {
        match &self.nodes[value.0 as usize].op {
            Op::Uint(number) => Some(i64::from(*number)),
            Op::Int(number) => Some(i64::from(*number)),
            Op::Name(name) => self.program.whole.get(name).copied(),
            _ => None,
        }
    }

    /// A number that WGSL's compiler does not know: what it computes of constants it refuses where
    /// it is out of range, even behind a condition that never holds.
    fn hidden(&mut self, number: Value, out: &mut Block) -> Value {
        let ty = self.nodes[number.0 as usize].ty.clone();
        let local = self.locals.len() as u32;
        self.locals.push(Local { ty: ty.clone(), init: None });
        let place = Place::local(local, ty.clone());
        out.push(Statement::Store(place.clone(), number));
        self.nodes.push(Node { op: Op::Load(place), ty, span: None });
        let value = Value(self.nodes.len() as u32 - 1);
        out.push(Statement::Let(value));
        value
    }

    /// Hides the operands that became numbers and were not folded, where WGSL would compute with
    /// them.
    fn hide_new(&mut self, op: &mut Op, source: &Op, out: &mut Block) {
        let is_number = |v: Value, nodes: &[Node]| {
            matches!(nodes[v.0 as usize].op, Op::Uint(_) | Op::Int(_) | Op::Float(_))
        };
        let divides = matches!(
            op,
            Op::Binary(Bin::Divide | Bin::Modulo | Bin::ShiftLeft | Bin::ShiftRight, ..)
        );
        if !divides && !op.operands().iter().all(|v| is_number(*v, &self.nodes)) {
            return;
        }
        let before = source.operands();
        let mut hidden = HashMap::new();
        for (now, then) in op.operands().into_iter().zip(before) {
            if is_number(now, &self.nodes) && !self.source.op(then).is_constant() {
                let value = self.hidden(now, out);
                hidden.insert(now, value);
            }
        }
        *op = op.map(|v| hidden.get(&v).copied().unwrap_or(v));
    }

    fn place(&mut self, place: &Place, out: &mut Block) -> Place {
        let mut mapped = place.map(|value| self.value(value));
        let mut ty = match &place.root {
            Root::Local(local) => self.source.locals[*local as usize].ty.clone(),
            Root::Parameter(index) => self.source.parameters[*index as usize].ty.clone(),
            Root::Global(_) => return mapped,
        };
        for step in &mut mapped.path {
            if let Step::At(value) = *step
                && let Some(index) = self.whole(value)
            {
                *step = match (0..i64::from(ty.parts())).contains(&index) {
                    true => Step::Part(index as u32),
                    false => Step::At(self.hidden(value, out)),
                };
            }
            ty = ty.part(if let Step::Part(part) = step { *part } else { 0 });
        }
        mapped
    }

    /// The number that an operation on known numbers gives.
    fn folded(&self, op: &Op, ty: &Type) -> Option<Op> {
        let of = |number: i64| match ty {
            Type::Scalar(Scalar::U32) => u32::try_from(number).ok().map(Op::Uint),
            Type::Scalar(Scalar::I32) => i32::try_from(number).ok().map(Op::Int),
            _ => None,
        };
        match op {
            Op::Load(place) if place.path.is_empty() => match place.root {
                Root::Local(local) => self.known.get(&local).and_then(|number| of(*number)),
                _ => None,
            },
            Op::Convert(from) => of(self.whole(*from)?),
            Op::Binary(op, left, right) => {
                let (a, b) = (self.whole(*left)?, self.whole(*right)?);
                match op {
                    Bin::Add => of(a + b),
                    Bin::Subtract => of(a - b),
                    Bin::Multiply => of(a.checked_mul(b)?),
                    Bin::Divide if b > 0 && a >= 0 => of(a / b),
                    Bin::Modulo if b > 0 && a >= 0 => of(a % b),
                    Bin::Less => Some(Op::Bool(a < b)),
                    Bin::LessEqual => Some(Op::Bool(a <= b)),
                    Bin::Greater => Some(Op::Bool(a > b)),
                    Bin::GreaterEqual => Some(Op::Bool(a >= b)),
                    Bin::Equal => Some(Op::Bool(a == b)),
                    Bin::NotEqual => Some(Op::Bool(a != b)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn block(&mut self, block: &[Statement], out: &mut Block) {
        for (i, statement) in block.iter().enumerate() {
            self.statement(&block[..i], statement, out);
        }
    }

    fn nested(&mut self, block: &[Statement]) -> Block {
        let mut out = Block::new();
        self.block(block, &mut out);
        out
    }

    fn statement(&mut self, before: &[Statement], statement: &Statement, out: &mut Block) {
        match statement {
            Statement::Let(value) => {
                let node = self.source.node(*value);
                let mut op = match &node.op {
                    Op::Load(place) => Op::Load(self.place(place, out)),
                    op => op.map(|operand| self.value(operand)),
                };
                if let Op::ExtractAt(of, index) = op
                    && let Some(part) = self.whole(index)
                    && (0..i64::from(self.nodes[of.0 as usize].ty.parts())).contains(&part)
                {
                    op = Op::Extract(of, part as u32);
                }
                if let Op::Select { reject, accept, condition } = op
                    && let Op::Bool(flag) = self.nodes[condition.0 as usize].op
                {
                    self.map.insert(*value, if flag { accept } else { reject });
                    return;
                }
                let mut op = self.folded(&op, &node.ty).unwrap_or(op);
                self.hide_new(&mut op, &node.op, out);
                let is_constant = op.is_constant();
                let new = self.push(op, node.ty.clone(), *value);
                self.map.insert(*value, new);
                if !is_constant {
                    out.push(Statement::Let(new));
                }
            }
            Statement::Store(place, value) => {
                let (place, value) = (self.place(place, out), self.value(*value));
                out.push(Statement::Store(place, value));
            }
            Statement::Call { function, arguments, result, span } => {
                let arguments = arguments
                    .iter()
                    .map(|argument| match argument {
                        Argument::Value(value) => Argument::Value(self.value(*value)),
                        Argument::Pointer(place) => Argument::Pointer(self.place(place, out)),
                    })
                    .collect();
                let result = result.map(|result| {
                    let ty = self.source.ty(result).clone();
                    let new = self.push(Op::Result, ty, result);
                    self.map.insert(result, new);
                    new
                });
                let (function, span) = (*function, span.clone());
                out.push(Statement::Call { function, arguments, result, span });
            }
            Statement::If(condition, accept, reject) => {
                let condition = self.value(*condition);
                match self.nodes[condition.0 as usize].op {
                    Op::Bool(true) => self.block(accept, out),
                    Op::Bool(false) => self.block(reject, out),
                    _ => {
                        let (accept, reject) = (self.nested(accept), self.nested(reject));
                        out.push(Statement::If(condition, accept, reject));
                    }
                }
            }
            Statement::Switch(selector, cases) => {
                let selector = self.value(*selector);
                let cases = cases.iter();
                let cases = cases.map(|(labels, case)| (labels.clone(), self.nested(case)));
                let cases = cases.collect();
                out.push(Statement::Switch(selector, cases));
            }
            Statement::Loop(of) => {
                if self.written_out(before, of, out) {
                    return;
                }
                let body = self.nested(&of.body);
                let continuing = self.nested(&of.continuing);
                let break_if = of.break_if.map(|value| self.value(value));
                let of = Loop { id: of.id, body, continuing, break_if, expected: of.expected };
                out.push(Statement::Loop(Box::new(of)));
            }
            Statement::Return(value) => {
                let value = value.map(|value| self.value(value));
                out.push(Statement::Return(value));
            }
            Statement::Break | Statement::Continue => out.push(statement.clone()),
        }
    }

    fn written_out(&mut self, before: &[Statement], of: &Loop, out: &mut Block) -> bool {
        let (program, source) = (self.program, self.source);
        let Ok(counted) = shape::counted(program, source, of) else { return false };
        let Some((counter, (op, step))) = counted.counter else { return false };
        let Some(trips) = shape::trips(program, source, &counted, before) else { return false };
        let Some(start) = shape::start(program, source, counter, before) else { return false };
        let step = self.value(step);
        let Some(step) = self.whole(step) else { return false };
        if trips as usize * size(&counted.inner) > most_values(program, source, &counted.inner) {
            return false;
        }
        let step = if op == Bin::Subtract { -step } else { step };
        let is_count = |statement: &&Statement| !matches!(statement, Statement::Store(place, _) if place.root == Root::Local(counter));
        let inner: Vec<_> = counted.inner.iter().filter(is_count).cloned().collect();
        for k in 0..i64::from(trips) {
            self.known.insert(counter, start + k * step);
            self.block(&inner, out);
        }
        self.known.remove(&counter);
        // What follows may read it.
        let ty = source.locals[counter as usize].ty.clone();
        let end = start + i64::from(trips) * step;
        let number = match ty {
            Type::Scalar(Scalar::U32) => Op::Uint(end as u32),
            _ => Op::Int(end as i32),
        };
        self.nodes.push(Node { op: number, ty: ty.clone(), span: None });
        let end = Value(self.nodes.len() as u32 - 1);
        out.push(Statement::Store(Place::local(counter, ty), end));
        true
    }
}

/// The most values that a loop with these statements may become.
fn most_values(program: &Program, source: &Function, inner: &[Statement]) -> usize {
    if !indexes_long(source, inner) {
        return MOST_VALUES;
    }
    let hands_on = |local: u32| {
        source.locals[local as usize].ty.is_composite()
            && shape::stores(program, inner, local)
            && shape::reads_first(source, inner, local)
    };
    match shape::touched(source, inner).into_iter().any(hands_on) {
        true => MOST_VALUES_HANDED_ON,
        false => MOST_VALUES_OF_LONG,
    }
}

/// Whether statements index an array of their function's by a variable that is longer than registers
/// hold, or hand one to a function.
fn indexes_long(source: &Function, block: &[Statement]) -> bool {
    let is_long = |place: &Place, is_passed: bool| {
        let mut ty = match &place.root {
            Root::Local(local) => &source.locals[*local as usize].ty,
            Root::Parameter(index) => &source.parameters[*index as usize].ty,
            Root::Global(_) => return false,
        }
        .clone();
        let long =
            |ty: &Type| matches!(ty, Type::Array(_, Some(length), _) if *length > LONGEST_SHORT);
        for step in &place.path {
            if matches!(step, Step::At(_)) && long(&ty) {
                return true;
            }
            ty = ty.part(if let Step::Part(part) = step { *part } else { 0 });
        }
        is_passed && long(&ty)
    };
    let mut found = false;
    super::ir::walk(block, &mut |statement| match statement {
        Statement::Let(value) => {
            if let Op::Load(place) = source.op(*value) {
                found |= is_long(place, false);
            }
        }
        Statement::Store(place, _) => found |= is_long(place, false),
        Statement::Call { arguments, .. } => {
            for argument in arguments {
                if let Argument::Pointer(place) = argument {
                    found |= is_long(place, true);
                }
            }
        }
        _ => {}
    });
    found
}

/// The values and stores of a block, loops counted as often as they are known to run.
fn size(block: &[Statement]) -> usize {
    let mut sum = 0;
    for statement in block {
        sum += match statement {
            Statement::Let(_) | Statement::Store(..) => 1,
            Statement::Call { .. } => 4,
            Statement::Loop(of) => {
                let times = of.expected.unwrap_or(1).max(1) as usize;
                times.saturating_mul(size(&of.body) + size(&of.continuing))
            }
            other => super::ir::blocks(other).iter().map(|inner| size(inner)).sum(),
        };
    }
    sum
}
