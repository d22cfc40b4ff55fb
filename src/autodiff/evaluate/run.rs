//! One evaluation, statement by statement.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun, RelationalFunction};

use super::super::Refusal;
use super::super::ir::{
    Argument, Block, Function, Loop, Op, Place, Root, Scalar, Selector, Statement, Step, Type,
    Value,
};
use super::arithmetic::{binary, bitcast, convert, math, product, unary};
use super::datum::{Datum, at, each, numbers, part_of, read, words, zero};
use super::{Flow, Frame, Passed, Pointer, Run};

/// Operations for each loop iteration that is allowed: calls can multiply them without a loop.
const OPERATIONS: u64 = 100;

impl<'e> Run<'e> {
    pub(super) fn call(
        &mut self,
        function: &'e Function,
        passed: Vec<Passed>,
    ) -> Result<Option<Datum>, Refusal> {
        let values = vec![None; function.nodes.len()];
        let mut frame = Frame { function, values, locals: Vec::new(), passed };
        for local in &function.locals {
            let begin = match local.init {
                Some(init) => self.value(&mut frame, init)?,
                None => zero(&local.ty),
            };
            frame.locals.push(Rc::new(RefCell::new(begin)));
        }
        match self.block(&mut frame, &function.body)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(None),
        }
    }

    fn block(&mut self, frame: &mut Frame<'e>, block: &'e Block) -> Result<Flow, Refusal> {
        for statement in block {
            match self.statement(frame, statement)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(
        &mut self,
        frame: &mut Frame<'e>,
        statement: &'e Statement,
    ) -> Result<Flow, Refusal> {
        match statement {
            Statement::Let(value) => {
                let datum = self.compute(frame, *value)?;
                frame.values[value.0 as usize] = Some(datum);
            }
            Statement::Store(place, value) => {
                let datum = self.value(frame, *value)?;
                let pointer = self.pointer(frame, place)?;
                let mut cell = pointer.cell.borrow_mut();
                *part_of(&mut cell, &pointer.path) = datum;
            }
            Statement::Call { function, arguments, result, .. } => {
                let mut passed = Vec::new();
                for argument in arguments {
                    passed.push(match argument {
                        Argument::Value(value) => Passed::Value(self.value(frame, *value)?),
                        Argument::Pointer(place) => Passed::Pointer(self.pointer(frame, place)?),
                    });
                }
                let returned = self.call(&self.evaluator.program[*function], passed)?;
                if let (Some(result), Some(returned)) = (result, returned) {
                    frame.values[result.0 as usize] = Some(returned);
                }
            }
            Statement::If(condition, accept, reject) => {
                let chosen = match self.value(frame, *condition)? {
                    Datum::Bool(true) => accept,
                    _ => reject,
                };
                return self.block(frame, chosen);
            }
            Statement::Switch(selector, cases) => {
                let selector = match self.value(frame, *selector)? {
                    Datum::Int(value) => Selector::Int(value),
                    Datum::Uint(value) => Selector::Uint(value),
                    _ => return Ok(Flow::Next),
                };
                let of = |label: Option<Selector>| {
                    cases.iter().find(|(labels, _)| labels.contains(&label))
                };
                let case = of(Some(selector)).or_else(|| of(None));
                let Some((_, block)) = case else { return Ok(Flow::Next) };
                return Ok(match self.block(frame, block)? {
                    Flow::Break => Flow::Next,
                    other => other,
                });
            }
            Statement::Loop(of) => {
                let before = self.found.iterations;
                let flow = self.run_loop(frame, of)?;
                let count = self.found.iterations - before;
                match self.found.loops.get_mut(&frame.function.name) {
                    Some(known) => *known += count,
                    None => {
                        self.found.loops.insert(frame.function.name.clone(), count);
                    }
                }
                return Ok(flow);
            }
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
            Statement::Return(value) => {
                let value = value.map(|value| self.value(frame, value)).transpose()?;
                return Ok(Flow::Return(value));
            }
        }
        Ok(Flow::Next)
    }

    fn run_loop(&mut self, frame: &mut Frame<'e>, of: &'e Loop) -> Result<Flow, Refusal> {
        loop {
            self.found.iterations += 1;
            let most = self.evaluator.most_iterations;
            if self.found.iterations > most {
                let message = format!("more than {most} loop iterations");
                return Err(Refusal::new(message, None));
            }
            match self.block(frame, &of.body)? {
                Flow::Break => return Ok(Flow::Next),
                Flow::Return(value) => return Ok(Flow::Return(value)),
                Flow::Next | Flow::Continue => {}
            }
            self.block(frame, &of.continuing)?;
            if let Some(break_if) = of.break_if
                && self.value(frame, break_if)? == Datum::Bool(true)
            {
                return Ok(Flow::Next);
            }
        }
    }

    fn value(&mut self, frame: &mut Frame<'e>, value: Value) -> Result<Datum, Refusal> {
        match &frame.values[value.0 as usize] {
            Some(known) => Ok(known.clone()),
            None => self.compute(frame, value),
        }
    }

    fn index(&mut self, frame: &mut Frame<'e>, value: Value) -> Result<usize, Refusal> {
        Ok(match self.value(frame, value)? {
            Datum::Uint(index) => index as usize,
            Datum::Int(index) => usize::try_from(index).unwrap_or(0),
            _ => 0,
        })
    }

    fn pointer(&mut self, frame: &mut Frame<'e>, place: &Place) -> Result<Pointer, Refusal> {
        let mut pointer = match &place.root {
            Root::Local(local) => {
                Pointer { cell: frame.locals[*local as usize].clone(), path: Vec::new() }
            }
            Root::Parameter(index) => match &frame.passed[*index as usize] {
                Passed::Pointer(pointer) => pointer.clone(),
                Passed::Value(_) => return Err(Refusal::new("a value is no pointer", None)),
            },
            Root::Global(name) => {
                return Err(Refusal::new(format!("`{name}` is outside of the function"), None));
            }
        };
        for step in &place.path {
            let index = match step {
                Step::Part(index) => *index as usize,
                Step::At(value) => self.index(frame, *value)?,
            };
            pointer.path.push(index);
        }
        Ok(pointer)
    }

    /// Reads a buffer: out of its bounds there is 0, as naga's checks have it.
    fn global(
        &mut self,
        frame: &mut Frame<'e>,
        name: &str,
        place: &Place,
    ) -> Result<Datum, Refusal> {
        let evaluator = self.evaluator;
        let (buffer, ty) = (evaluator.buffers.get(name), evaluator.program.variables.get(name));
        let (Some(buffer), Some(ty)) = (buffer, ty) else {
            let message = format!("the contents of `{name}` are not given");
            return Err(Refusal::new(message, None));
        };
        let (mut ty, mut start) = (ty.clone(), 0);
        for step in &place.path {
            let index = match step {
                Step::Part(index) => *index as usize,
                Step::At(value) => self.index(frame, *value)?,
            };
            let Type::Array(element, ..) = &ty else {
                if index >= ty.parts() as usize {
                    return Ok(zero(&place.ty));
                }
                start += (0..index as u32).map(|part| words(&ty.part(part))).sum::<usize>();
                ty = ty.part(index as u32);
                continue;
            };
            let element = (**element).clone();
            start += index * words(&element);
            ty = element;
        }
        let mut next = start..;
        let mut word = || next.next().and_then(|at| buffer.get(at)).copied().unwrap_or(0.0);
        Ok(read(&ty, &mut word))
    }

    fn compute(&mut self, frame: &mut Frame<'e>, value: Value) -> Result<Datum, Refusal> {
        let function = frame.function;
        let node = function.node(value);
        self.found.operations += match &node.ty {
            Type::Scalar(_) => 1,
            ty => u64::from(ty.parts()),
        };
        let most = self.evaluator.most_iterations.saturating_mul(OPERATIONS);
        if self.found.operations > most {
            return Err(Refusal::new(format!("more than {most} operations"), node.span.clone()));
        }
        let result = match &node.op {
            Op::Float(number) => return Ok(Datum::Float(f64::from(*number))),
            Op::Int(number) => return Ok(Datum::Int(*number)),
            Op::Uint(number) => return Ok(Datum::Uint(*number)),
            Op::Bool(flag) => return Ok(Datum::Bool(*flag)),
            Op::Name(name) => match self.evaluator.globals.get(name) {
                Some(datum) => return Ok(datum.clone()),
                None => {
                    let message = format!("`{name}` has no value; set it");
                    return Err(Refusal::new(message, node.span.clone()));
                }
            },
            Op::Zero => return Ok(zero(&node.ty)),
            Op::Parameter(index) => match &frame.passed[*index as usize] {
                Passed::Value(datum) => return Ok(datum.clone()),
                Passed::Pointer(_) => return Err(Refusal::new("a pointer is no value", None)),
            },
            Op::Load(place) => {
                if let Root::Global(name) = &place.root {
                    return self.global(frame, name, place);
                }
                let pointer = self.pointer(frame, place)?;
                let mut cell = pointer.cell.borrow_mut();
                return Ok(part_of(&mut cell, &pointer.path).clone());
            }
            Op::ArrayLength(place) => {
                let Root::Global(name) = &place.root else { return Ok(Datum::Uint(0)) };
                let length = self.evaluator.buffers.get(name).map_or(0, Vec::len);
                let element = words(&place.ty.part(0)).max(1);
                return Ok(Datum::Uint((length / element) as u32));
            }
            Op::Unary(op, a) => {
                let a = self.value(frame, *a)?;
                each(&[a], &|x| unary(*op, &x[0]))
            }
            Op::Binary(op, a, b) => {
                let (ty_a, ty_b) = (function.ty(*a), function.ty(*b));
                let (a, b) = (self.value(frame, *a)?, self.value(frame, *b)?);
                match (op, ty_a, ty_b) {
                    (Bin::Multiply, Type::Matrix(..), Type::Vector(..) | Type::Matrix(..))
                    | (Bin::Multiply, Type::Vector(..), Type::Matrix(..)) => {
                        product(&a, &b, ty_a, ty_b)
                    }
                    _ => each(&[a, b], &|x| binary(*op, &x[0], &x[1])),
                }
            }
            Op::Math(fun, arguments) => {
                let mut data = Vec::new();
                for argument in arguments {
                    data.push(self.value(frame, *argument)?);
                }
                if *fun == Fun::Pow && self.found.negative_base.is_none() {
                    let bases = data.first().map(numbers).unwrap_or_default();
                    let below = bases.into_iter().find(|base| *base < 0.0);
                    self.found.negative_base = below.map(|base| (node.span.clone(), base));
                }
                match math(*fun, &data) {
                    Some(datum) => {
                        let is_power = matches!(fun, Fun::Exp | Fun::Exp2);
                        if is_power && self.found.underflow.is_none() {
                            let vanished = numbers(&datum).contains(&0.0);
                            self.found.underflow = vanished.then(|| (node.span.clone(), 0.0));
                        }
                        datum
                    }
                    None => {
                        let name = super::super::print::math_name(*fun).unwrap_or("this function");
                        let message = format!("`{name}` cannot be evaluated on the host");
                        return Err(Refusal::new(message, node.span.clone()));
                    }
                }
            }
            Op::Relational(fun, a) => {
                let flags = match self.value(frame, *a)? {
                    Datum::All(parts) => parts,
                    one => vec![one],
                };
                match fun {
                    RelationalFunction::All => {
                        Datum::Bool(flags.iter().all(|flag| *flag == Datum::Bool(true)))
                    }
                    RelationalFunction::Any => Datum::Bool(flags.contains(&Datum::Bool(true))),
                    _ => each(&flags, &|x| match x[0] {
                        Datum::Float(x) if *fun == RelationalFunction::IsNan => {
                            Datum::Bool(x.is_nan())
                        }
                        Datum::Float(x) => Datum::Bool(x.is_infinite()),
                        _ => Datum::Bool(false),
                    }),
                }
            }
            Op::Select { reject, accept, condition } => {
                let data = [
                    self.value(frame, *reject)?,
                    self.value(frame, *accept)?,
                    self.value(frame, *condition)?,
                ];
                if let Datum::Bool(flag) = data[2] {
                    data[usize::from(flag)].clone()
                } else {
                    each(&data, &|x| {
                        if x[2] == Datum::Bool(true) { x[1].clone() } else { x[0].clone() }
                    })
                }
            }
            Op::Guarded { adjoint, factor } => {
                let data = [self.value(frame, *adjoint)?, self.value(frame, *factor)?];
                each(&data, &|x| match x[0] {
                    Datum::Float(0.0) => Datum::Float(0.0),
                    _ => binary(Bin::Multiply, &x[0], &x[1]),
                })
            }
            Op::Convert(a) => {
                let a = self.value(frame, *a)?;
                let to = match node.ty {
                    Type::Vector(_, scalar) | Type::Scalar(scalar) => scalar,
                    _ => Scalar::F32,
                };
                each(&[a], &|x| convert(&x[0], to))
            }
            Op::Bitcast(a) => {
                let a = self.value(frame, *a)?;
                let to = match node.ty {
                    Type::Vector(_, scalar) | Type::Scalar(scalar) => scalar,
                    _ => Scalar::F32,
                };
                each(&[a], &|x| bitcast(&x[0], to))
            }
            Op::Compose(parts) => {
                let mut data = Vec::new();
                for part in parts {
                    let is_flat = node.ty.lanes().is_some();
                    match self.value(frame, *part)? {
                        Datum::All(inner) if is_flat => data.extend(inner),
                        one => data.push(one),
                    }
                }
                Datum::All(data)
            }
            Op::Splat(a) => Datum::All(vec![self.value(frame, *a)?; node.ty.parts() as usize]),
            Op::Swizzle(a, pattern) => {
                let a = self.value(frame, *a)?;
                Datum::All(pattern.iter().map(|lane| at(&a, *lane as usize)).collect())
            }
            Op::Extract(a, index) => {
                let a = self.value(frame, *a)?;
                at(&a, *index as usize)
            }
            Op::ExtractAt(a, index) => {
                let index = self.index(frame, *index)?;
                let a = self.value(frame, *a)?;
                at(&a, index)
            }
            Op::Result | Op::Carried(..) => {
                return Err(Refusal::new("a value before its time", node.span.clone()));
            }
        };
        self.watch(&result, &node.span);
        Ok(result)
    }

    fn watch(&mut self, datum: &Datum, span: &Option<Range<usize>>) {
        match datum {
            Datum::Float(value) => {
                let (found, value) = (&mut self.found, *value);
                let note = |first: &mut Option<_>| {
                    if first.is_none() {
                        *first = Some((span.clone(), value));
                    }
                };
                if !value.is_finite() {
                    note(&mut found.non_finite);
                }
                if !value.is_finite() || value.abs() > f64::from(f32::MAX) {
                    note(&mut found.overflow);
                } else if value.abs() > found.largest {
                    found.largest = value.abs();
                    found.largest_at = span.clone();
                } else if value != 0.0 && value.abs() < f64::from(f32::MIN_POSITIVE) {
                    note(&mut found.underflow);
                }
            }
            Datum::All(parts) => parts.iter().for_each(|part| self.watch(part, span)),
            _ => {}
        }
    }
}
