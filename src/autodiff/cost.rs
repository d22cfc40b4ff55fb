//! What a function costs, roughly: to choose between modes, and to tell.

use std::collections::HashMap;

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun};

use super::ir::{
    Block, Function, FunctionId, Op, Place, Program, Root, Statement, Step, Type, Value,
};

/// Iterations of a loop of which nothing is known.
const UNKNOWN_LOOP: f64 = 16.0;

/// Operations of a call, counted in additions.
pub(super) fn cost(program: &Program, id: FunctionId) -> f64 {
    Costs { program, known: HashMap::new() }.of(id)
}

struct Costs<'p> {
    program: &'p Program,
    known: HashMap<FunctionId, f64>,
}

impl Costs<'_> {
    fn of(&mut self, id: FunctionId) -> f64 {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let program = self.program;
        let cost = self.block(&program[id], &program[id].body);
        self.known.insert(id, cost);
        cost
    }

    fn block(&mut self, function: &Function, block: &Block) -> f64 {
        block.iter().map(|statement| self.statement(function, statement)).sum()
    }

    fn statement(&mut self, function: &Function, statement: &Statement) -> f64 {
        match statement {
            Statement::Let(value) => value_cost(function, *value),
            Statement::Store(place, _) => access(place),
            Statement::Call { function: callee, .. } => self.of(*callee),
            // The processor's vectors run both sides, and so do those of a GPU that part.
            Statement::If(_, accept, reject) => {
                1.0 + self.block(function, accept) + self.block(function, reject)
            }
            Statement::Switch(_, cases) => {
                1.0 + cases.iter().map(|(_, case)| self.block(function, case)).sum::<f64>()
            }
            Statement::Loop(of) => {
                let once = self.block(function, &of.body) + self.block(function, &of.continuing);
                of.expected.map_or(UNKNOWN_LOOP, f64::from) * once
            }
            Statement::Break | Statement::Continue | Statement::Return(_) => 0.0,
        }
    }
}

fn size(ty: &Type) -> f64 {
    match ty {
        Type::Scalar(_) => 1.0,
        Type::Vector(lanes, _) => f64::from(*lanes),
        Type::Matrix(columns, rows) => f64::from(columns * rows),
        Type::Array(element, length, _) => size(element) * f64::from(length.unwrap_or(1)),
        Type::Struct(of) => of.members.iter().map(|(_, ty)| size(ty)).sum(),
    }
}

/// Arrays that are indexed by a variable live in memory, and buffers further away.
fn access(place: &Place) -> f64 {
    let is_indexed = place.path.iter().any(|step| matches!(step, Step::At(_)));
    let one = match place.root {
        Root::Global(_) => 4.0,
        _ if is_indexed => 2.0,
        _ => 0.0,
    };
    one * size(&place.ty)
}

fn value_cost(function: &Function, value: Value) -> f64 {
    let node = function.node(value);
    let lanes = size(&node.ty);
    match &node.op {
        Op::Load(place) => access(place),
        Op::Binary(Bin::Divide | Bin::Modulo, ..) => 4.0 * lanes,
        Op::Binary(..) | Op::Unary(..) | Op::Select { .. } | Op::Convert(_) => lanes,
        Op::Guarded { .. } => 3.0 * lanes,
        Op::Math(fun, arguments) => match fun {
            Fun::Abs | Fun::Min | Fun::Max | Fun::Clamp | Fun::Saturate | Fun::Sign | Fun::Fma => {
                lanes
            }
            Fun::Dot | Fun::Cross | Fun::Transpose => {
                arguments.first().map_or(lanes, |a| size(function.ty(*a)))
            }
            Fun::Sqrt | Fun::InverseSqrt => 4.0 * lanes,
            Fun::Length | Fun::Distance | Fun::Normalize => {
                4.0 + arguments.first().map_or(lanes, |a| size(function.ty(*a)))
            }
            _ => 8.0 * lanes,
        },
        Op::ExtractAt(..) => 2.0,
        _ => 0.0,
    }
}
