//! Writing functions: values with the obvious simplifications, statements in nested blocks.

use wgpu::naga::{BinaryOperator as Bin, MathFunction, UnaryOperator};

use super::ir::{
    Block, Function, Local, Node, Op, Parameter, Place, Program, Root, Scalar, Span, Statement,
    Step, Type, U32, Value,
};

/// A function that is being written.
pub(super) struct Builder {
    pub(super) function: Function,
    /// The blocks that are open, the innermost last.
    open: Vec<Block>,
    /// Where in the user's text the values that follow come from.
    pub(super) span: Span,
}

impl Builder {
    pub(super) fn new(name: String, comment: String) -> Builder {
        let function = Function { comment, ..Function::new(name) };
        Builder { function, open: vec![Block::new()], span: None }
    }

    pub(super) fn finish(mut self, program: &mut Program) -> super::ir::FunctionId {
        self.function.body = self.open.pop().unwrap_or_default();
        debug_assert!(self.open.is_empty(), "bug in wfr: a block is still open");
        program.push(self.function)
    }

    pub(super) fn parameter(&mut self, name: &str, ty: Type, is_pointer: bool) -> u32 {
        let is_taken = |name: &str| self.function.parameters.iter().any(|p| p.name == name);
        let mut name = name.to_string();
        while is_taken(&name) {
            name.push('1');
        }
        self.function.parameters.push(Parameter { name, ty, is_pointer });
        self.function.parameters.len() as u32 - 1
    }

    pub(super) fn local(&mut self, ty: Type, init: Option<Value>) -> u32 {
        self.function.locals.push(Local { ty, init });
        self.function.locals.len() as u32 - 1
    }

    pub(super) fn local_place(&mut self, ty: Type) -> Place {
        let local = self.local(ty.clone(), None);
        Place::local(local, ty)
    }

    pub(super) fn push(&mut self, statement: Statement) {
        self.open.last_mut().expect("bug in wfr: no block is open").push(statement);
    }

    pub(super) fn begin(&mut self) {
        self.open.push(Block::new());
    }

    pub(super) fn end(&mut self) -> Block {
        self.open.pop().expect("bug in wfr: no block is open")
    }

    /// A new value, computed here.
    pub(super) fn value(&mut self, op: Op, ty: Type) -> Value {
        let is_constant = op.is_constant();
        self.function.nodes.push(Node { op, ty, span: self.span.clone() });
        let value = Value(self.function.nodes.len() as u32 - 1);
        if !is_constant {
            self.push(Statement::Let(value));
        }
        value
    }

    /// A value that a statement defines.
    pub(super) fn result(&mut self, ty: Type) -> Value {
        self.function.nodes.push(Node { op: Op::Result, ty, span: self.span.clone() });
        Value(self.function.nodes.len() as u32 - 1)
    }

    pub(super) fn ty(&self, value: Value) -> Type {
        self.function.ty(value).clone()
    }

    pub(super) fn op(&self, value: Value) -> &Op {
        self.function.op(value)
    }

    pub(super) fn float(&mut self, value: f32) -> Value {
        self.value(Op::Float(value), super::ir::F32)
    }

    pub(super) fn uint(&mut self, value: u32) -> Value {
        self.value(Op::Uint(value), U32)
    }

    pub(super) fn zero(&mut self, ty: Type) -> Value {
        if ty.is_float() { self.float(0.0) } else { self.value(Op::Zero, ty) }
    }

    /// The same number in every component.
    pub(super) fn constant(&mut self, number: f32, ty: &Type) -> Value {
        let value = self.float(number);
        self.splat(value, ty)
    }

    /// A scalar in the shape of a vector; other types pass.
    pub(super) fn splat(&mut self, value: Value, ty: &Type) -> Value {
        if ty.lanes().is_some() && self.ty(value).lanes().is_none() {
            self.value(Op::Splat(value), ty.clone())
        } else {
            value
        }
    }

    fn is_number(&self, value: Value, number: f32) -> bool {
        match self.op(value) {
            Op::Float(found) => *found == number,
            Op::Splat(inner) => self.is_number(*inner, number),
            Op::Zero => number == 0.0,
            _ => false,
        }
    }

    pub(super) fn is_zero(&self, value: Value) -> bool {
        self.is_number(value, 0.0)
    }

    /// The wider of the two types of an arithmetic operation.
    fn joined(&self, a: Value, b: Value) -> Type {
        let (ty, other) = (self.ty(a), self.ty(b));
        if matches!(ty, Type::Scalar(_)) { other } else { ty }
    }

    fn floats(&self, a: Value, b: Value) -> Option<(f32, f32)> {
        match (self.op(a), self.op(b)) {
            (Op::Float(a), Op::Float(b)) => Some((*a, *b)),
            _ => None,
        }
    }

    /// Never folds to what WGSL cannot write.
    fn folded(&mut self, value: f32) -> Option<Value> {
        value.is_finite().then(|| self.float(value))
    }

    pub(super) fn add(&mut self, a: Value, b: Value) -> Value {
        if self.is_zero(a) {
            return b;
        }
        if self.is_zero(b) {
            return a;
        }
        if let Some((x, y)) = self.floats(a, b)
            && let Some(folded) = self.folded(x + y)
        {
            return folded;
        }
        if let Op::Unary(UnaryOperator::Negate, b) = *self.op(b) {
            return self.sub(a, b);
        }
        let ty = self.joined(a, b);
        self.value(Op::Binary(Bin::Add, a, b), ty)
    }

    pub(super) fn sub(&mut self, a: Value, b: Value) -> Value {
        if self.is_zero(b) {
            return a;
        }
        if self.is_zero(a) {
            return self.neg(b);
        }
        if let Some((x, y)) = self.floats(a, b)
            && let Some(folded) = self.folded(x - y)
        {
            return folded;
        }
        let ty = self.joined(a, b);
        self.value(Op::Binary(Bin::Subtract, a, b), ty)
    }

    /// The product, a scalar with each component; not that of matrices and vectors.
    pub(super) fn mul(&mut self, a: Value, b: Value) -> Value {
        let ty = self.joined(a, b);
        if self.is_zero(a) || self.is_zero(b) {
            return self.zero(ty);
        }
        if self.is_number(a, 1.0) {
            return self.splat(b, &ty);
        }
        if self.is_number(b, 1.0) {
            return self.splat(a, &ty);
        }
        if self.is_number(a, -1.0) {
            let b = self.splat(b, &ty);
            return self.neg(b);
        }
        if self.is_number(b, -1.0) {
            let a = self.splat(a, &ty);
            return self.neg(a);
        }
        if let Some((x, y)) = self.floats(a, b)
            && let Some(folded) = self.folded(x * y)
        {
            return folded;
        }
        self.value(Op::Binary(Bin::Multiply, a, b), ty)
    }

    /// The product of an adjoint and a factor of the same type: zero where the adjoint is.
    pub(super) fn guarded(&mut self, adjoint: Value, factor: Value) -> Value {
        let is_constant = matches!(self.op(factor), Op::Float(_) | Op::Zero);
        if is_constant || self.is_zero(adjoint) {
            return self.mul(factor, adjoint);
        }
        let ty = self.ty(adjoint);
        self.value(Op::Guarded { adjoint, factor }, ty)
    }

    /// The product of linear algebra, with the type it has.
    pub(super) fn product(&mut self, a: Value, b: Value, ty: Type) -> Value {
        self.value(Op::Binary(Bin::Multiply, a, b), ty)
    }

    pub(super) fn div(&mut self, a: Value, b: Value) -> Value {
        if self.is_zero(a) {
            let ty = self.joined(a, b);
            return self.zero(ty);
        }
        if self.is_number(b, 1.0) {
            return a;
        }
        let ty = self.joined(a, b);
        self.value(Op::Binary(Bin::Divide, a, b), ty)
    }

    pub(super) fn neg(&mut self, a: Value) -> Value {
        match *self.op(a) {
            Op::Float(number) => self.float(-number),
            Op::Zero => a,
            Op::Unary(UnaryOperator::Negate, inner) => inner,
            _ => {
                let ty = self.ty(a);
                // WGSL has no negative of a matrix.
                if let Type::Matrix(..) = ty {
                    let minus = self.float(-1.0);
                    return self.value(Op::Binary(Bin::Multiply, a, minus), ty);
                }
                self.value(Op::Unary(UnaryOperator::Negate, a), ty)
            }
        }
    }

    /// A comparison; of vectors component by component.
    pub(super) fn compare(&mut self, op: Bin, a: Value, b: Value) -> Value {
        let ty = match self.ty(a).lanes() {
            Some(lanes) => Type::Vector(lanes, Scalar::Bool),
            None => super::ir::BOOL,
        };
        self.value(Op::Binary(op, a, b), ty)
    }

    pub(super) fn select(&mut self, reject: Value, accept: Value, condition: Value) -> Value {
        if self.is_zero(reject) && self.is_zero(accept) {
            return reject;
        }
        let ty = self.ty(accept);
        self.value(Op::Select { reject, accept, condition }, ty)
    }

    /// A function that keeps the type of its first argument.
    pub(super) fn math(&mut self, fun: MathFunction, arguments: Vec<Value>) -> Value {
        let ty = self.ty(arguments[0]);
        self.value(Op::Math(fun, arguments), ty)
    }

    pub(super) fn dot(&mut self, a: Value, b: Value) -> Value {
        if self.is_zero(a) || self.is_zero(b) {
            return self.float(0.0);
        }
        self.value(Op::Math(MathFunction::Dot, vec![a, b]), super::ir::F32)
    }

    pub(super) fn extract(&mut self, of: Value, index: u32) -> Value {
        match self.op(of).clone() {
            Op::Compose(parts) if parts.len() as u32 == self.ty(of).parts() => {
                parts[index as usize]
            }
            Op::Splat(value) => value,
            Op::Zero => {
                let ty = self.ty(of).part(index);
                self.zero(ty)
            }
            _ => {
                let ty = self.ty(of).part(index);
                self.value(Op::Extract(of, index), ty)
            }
        }
    }

    pub(super) fn compose(&mut self, parts: Vec<Value>, ty: Type) -> Value {
        self.value(Op::Compose(parts), ty)
    }

    pub(super) fn load(&mut self, place: Place) -> Value {
        let ty = place.ty.clone();
        self.value(Op::Load(place), ty)
    }

    pub(super) fn store(&mut self, place: Place, value: Value) {
        self.push(Statement::Store(place, value));
    }

    /// Adds a value to what is in a place.
    pub(super) fn accumulate(&mut self, place: Place, value: Value) {
        if self.is_zero(value) {
            return;
        }
        if place.ty.is_composite() {
            let from = self.local_place(place.ty.clone());
            self.store(from.clone(), value);
            return self.accumulate_place(&place, &from);
        }
        let before = self.load(place.clone());
        let after = self.add(before, value);
        self.store(place, after);
    }

    /// Adds what is in one place to what is in another, part by part.
    pub(super) fn accumulate_place(&mut self, to: &Place, from: &Place) {
        if !to.ty.has_float() {
            return;
        }
        if !to.ty.is_composite() {
            let value = self.load(from.clone());
            return self.accumulate(to.clone(), value);
        }
        // Long arrays by a loop, so that the text stays short.
        if let Type::Array(_, Some(length), _) = to.ty
            && length > 8
        {
            let (to, from) = (to.clone(), from.clone());
            return self.count_up(length, move |builder, index| {
                builder.accumulate_place(&to.at(Step::At(index)), &from.at(Step::At(index)));
            });
        }
        for part in 0..to.ty.parts() {
            self.accumulate_place(&to.at(Step::Part(part)), &from.at(Step::Part(part)));
        }
    }

    /// `for (var i = 0u; i < count; i++)`.
    pub(super) fn count_up(&mut self, count: u32, body: impl FnOnce(&mut Builder, Value)) {
        let (counter, index) = self.begin_count(count);
        body(self, index);
        self.end_count(&counter, count);
    }

    /// Opens the body of such a loop: its counter and what that is.
    pub(super) fn begin_count(&mut self, count: u32) -> (Place, Value) {
        let counter = self.local_place(U32);
        let start = self.uint(0);
        self.store(counter.clone(), start);
        self.begin();
        let index = self.load(counter.clone());
        let end = self.uint(count);
        let more = self.compare(Bin::Less, index, end);
        self.push(Statement::If(more, Vec::new(), vec![Statement::Break]));
        (counter, index)
    }

    /// Closes it.
    pub(super) fn end_count(&mut self, counter: &Place, count: u32) {
        let inner = self.end();
        self.begin();
        let index = self.load(counter.clone());
        let one = self.uint(1);
        let next = self.value(Op::Binary(Bin::Add, index, one), U32);
        self.store(counter.clone(), next);
        let continuing = self.end();
        self.push_loop(inner, continuing, None, Some(count));
    }

    pub(super) fn push_loop(
        &mut self,
        body: Block,
        continuing: Block,
        break_if: Option<Value>,
        expected: Option<u32>,
    ) {
        let id = self.function.loops;
        self.function.loops += 1;
        let of = super::ir::Loop { id, body, continuing, break_if, expected };
        self.push(Statement::Loop(Box::new(of)));
    }

    pub(super) fn set_zero(&mut self, place: Place) {
        let zero = self.zero(place.ty.clone());
        self.store(place, zero);
    }

    /// What a pointer parameter points to.
    pub(super) fn pointee(&self, parameter: u32) -> Place {
        let ty = self.function.parameters[parameter as usize].ty.clone();
        Place { root: Root::Parameter(parameter), path: Vec::new(), ty }
    }
}
