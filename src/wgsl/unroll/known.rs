//! Whole numbers and flags that are known while a function is read from its beginning.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use wgpu::naga::{
    BinaryOperator as Bin, Block, Expression, Function, Handle, Literal, LocalVariable, Module,
    Scalar, ScalarKind, Statement, TypeInner, UnaryOperator,
};

use super::operands;

/// A whole number, or a flag as 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: i64,
    /// The loops being written out whose turns decide it, a bit each, from the outermost on.
    pub(super) loops: u64,
}

impl Number {
    /// As a literal, if the type holds it.
    pub(super) fn literal(self, scalar: Scalar) -> Option<Literal> {
        match (scalar.kind, scalar.width) {
            (ScalarKind::Uint, 4) => u32::try_from(self.value).ok().map(Literal::U32),
            (ScalarKind::Sint, 4) => i32::try_from(self.value).ok().map(Literal::I32),
            (ScalarKind::Bool, _) => Some(Literal::Bool(self.value != 0)),
            _ => None,
        }
    }

    fn of(literal: Literal) -> Option<Number> {
        let value = match literal {
            Literal::U32(value) => value.into(),
            Literal::I32(value) => value.into(),
            Literal::Bool(flag) => flag.into(),
            _ => return None,
        };
        Some(Number { value, loops: 0 })
    }
}

pub(super) type Variables = HashMap<Handle<LocalVariable>, Number>;

/// What is known where a statement stands.
#[derive(Clone)]
pub(super) struct Known<'a> {
    module: &'a Module,
    source: &'a Function,
    /// Variables that nothing but loads and stores touch.
    plain: Rc<HashSet<Handle<LocalVariable>>>,
    variables: Variables,
    /// Of expressions that are computed when the kernel runs.
    numbers: HashMap<Handle<Expression>, Number>,
}

impl<'a> Known<'a> {
    /// What is known where a function begins.
    pub(super) fn of(module: &'a Module, source: &'a Function) -> Known<'a> {
        let is_whole = |variable: &LocalVariable| match module.types[variable.ty].inner {
            TypeInner::Scalar(scalar) => Number { value: 0, loops: 0 }.literal(scalar).is_some(),
            _ => false,
        };
        let variables = source.local_variables.iter().filter(|(_, variable)| is_whole(variable));
        let mut plain: HashSet<_> = variables.map(|(handle, _)| handle).collect();
        let mut shared = |of: Handle<Expression>| {
            if let Expression::LocalVariable(variable) = source.expressions[of] {
                plain.remove(&variable);
            }
            of
        };
        for (_, expression) in source.expressions.iter() {
            if !matches!(expression, Expression::Load { .. }) {
                let _ = operands::mapped(expression, &mut shared);
            }
        }
        operands::each(&source.body, &mut |statement| {
            if !matches!(statement, Statement::Store { .. }) {
                let _ = operands::of_statement(statement, &mut shared);
            }
        });
        let begun = |variable: Handle<LocalVariable>| match source.local_variables[variable].init {
            Some(init) => constant(module, source, init),
            None => Some(Number { value: 0, loops: 0 }),
        };
        let variables = plain.iter().filter_map(|variable| Some((*variable, begun(*variable)?)));
        let variables = variables.collect();
        Known { module, source, plain: Rc::new(plain), variables, numbers: HashMap::new() }
    }

    /// A number that the kernel would compute.
    pub(super) fn computed(&self, of: Handle<Expression>) -> Option<Number> {
        self.numbers.get(&of).copied()
    }

    /// The same or a constant.
    pub(super) fn number(&self, of: Handle<Expression>) -> Option<Number> {
        self.computed(of).or_else(|| constant(self.module, self.source, of))
    }

    /// Notes an expression where it is computed, and whether it is known there.
    pub(super) fn compute(&mut self, of: Handle<Expression>, scalar: Option<Scalar>) -> bool {
        let mut number = self.evaluated(of);
        if let (Some(number), Some(Scalar::BOOL)) = (&mut number, scalar) {
            number.value = i64::from(number.value != 0);
        }
        // What the type does not hold wraps around when the kernel runs, and is left to it.
        let held = number.zip(scalar).filter(|(number, scalar)| number.literal(*scalar).is_some());
        match held {
            Some((number, _)) => self.numbers.insert(of, number),
            None => self.numbers.remove(&of),
        };
        held.is_some()
    }

    fn evaluated(&self, of: Handle<Expression>) -> Option<Number> {
        let number = |of| self.number(of);
        match self.source.expressions[of] {
            Expression::Load { pointer } => {
                self.variables.get(&variable(self.source, pointer)?).copied()
            }
            Expression::As { expr, .. } => number(expr),
            Expression::Unary { op: UnaryOperator::LogicalNot, expr } => {
                number(expr).map(|flag| Number { value: 1 - flag.value, ..flag })
            }
            Expression::Select { condition, accept, reject } => {
                let flag = number(condition)?;
                let taken = number(if flag.value == 0 { reject } else { accept })?;
                Some(Number { loops: taken.loops | flag.loops, ..taken })
            }
            Expression::Binary { op, left, right } => {
                let (left, right) = (number(left)?, number(right)?);
                let value = binary(op, left.value, right.value)?;
                Some(Number { value, loops: left.loops | right.loops })
            }
            _ => None,
        }
    }

    /// What variables are, to be [restored](Known::restore) behind a block that may not be reached.
    /// Numbers of expressions stay: nothing else reads those of the block.
    pub(super) fn variables(&self) -> Variables {
        self.variables.clone()
    }

    pub(super) fn restore(&mut self, variables: Variables) {
        self.variables = variables;
    }

    /// Notes what is stored.
    pub(super) fn store(&mut self, pointer: Handle<Expression>, value: Handle<Expression>) {
        let Some(variable) = variable(self.source, pointer) else { return };
        match self.number(value).filter(|_| self.plain.contains(&variable)) {
            Some(number) => self.variables.insert(variable, number),
            None => self.variables.remove(&variable),
        };
    }

    /// Forgets the variables that a block may change.
    pub(super) fn forget(&mut self, block: &Block) {
        changed(self.source, block, &mut |variable| {
            self.variables.remove(&variable);
        });
    }

    /// What a turn of a loop hands on to the next one is decided by it.
    pub(super) fn hand_on(&mut self, block: &Block, loops: u64) {
        changed(self.source, block, &mut |variable| {
            if let Some(number) = self.variables.get_mut(&variable) {
                number.loops |= loops;
            }
        });
    }

    /// After a loop its turns decide nothing any more.
    pub(super) fn leave(&mut self, loops: u64) {
        let all = self.variables.values_mut().chain(self.numbers.values_mut());
        all.for_each(|number| number.loops &= !loops);
    }
}

fn binary(op: Bin, a: i64, b: i64) -> Option<i64> {
    Some(match op {
        Bin::Add => a + b,
        Bin::Subtract => a - b,
        Bin::Multiply => a.checked_mul(b)?,
        Bin::Divide if b > 0 && a >= 0 => a / b,
        Bin::Modulo if b > 0 && a >= 0 => a % b,
        Bin::And if a >= 0 && b >= 0 => a & b,
        Bin::ShiftRight if a >= 0 && (0..32).contains(&b) => a >> b,
        Bin::Less => (a < b).into(),
        Bin::LessEqual => (a <= b).into(),
        Bin::Greater => (a > b).into(),
        Bin::GreaterEqual => (a >= b).into(),
        Bin::Equal => (a == b).into(),
        Bin::NotEqual => (a != b).into(),
        _ => return None,
    })
}

fn variable(source: &Function, pointer: Handle<Expression>) -> Option<Handle<LocalVariable>> {
    match source.expressions[pointer] {
        Expression::LocalVariable(variable) => Some(variable),
        _ => None,
    }
}

fn constant(module: &Module, source: &Function, of: Handle<Expression>) -> Option<Number> {
    match source.expressions[of] {
        Expression::Literal(literal) => Number::of(literal),
        Expression::Constant(constant) => {
            match module.global_expressions[module.constants[constant].init] {
                Expression::Literal(literal) => Number::of(literal),
                _ => None,
            }
        }
        _ => None,
    }
}

fn changed(source: &Function, block: &Block, each: &mut impl FnMut(Handle<LocalVariable>)) {
    operands::each(block, &mut |statement| {
        if let Statement::Store { pointer, .. } = statement
            && let Some(variable) = variable(source, *pointer)
        {
            each(variable);
        }
    });
}
