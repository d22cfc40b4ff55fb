//! Which values are certainly finite, wherever the position is: reverse mode need not guard the factors
//! made of them.

use super::ir::{Argument, Function, Op, Program, Root, Statement, Value, walk};
use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun};

/// How a value grows with the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Growth {
    /// It does not depend on it, and is finite.
    Constant,
    /// No faster than the position itself.
    Linear,
    /// It may leave the range, or be no number.
    Any,
}

/// What is known of the values of a function.
#[derive(Debug, Clone)]
pub(super) struct Finite {
    growth: Vec<Growth>,
}

/// Whether a program chooses between values: where it never does, all that is computed has a part in the
/// result.
pub(super) fn chooses(program: &Program) -> bool {
    program.functions.iter().any(|function| {
        let is_choice = |op: &Op| match op {
            Op::Select { .. } => true,
            Op::Math(fun, _) => {
                matches!(fun, Fun::Min | Fun::Max | Fun::Clamp | Fun::Saturate | Fun::SmoothStep)
            }
            _ => false,
        };
        let mut found = function.nodes.iter().any(|node| is_choice(&node.op));
        walk(&function.body, &mut |statement| {
            found |= match statement {
                Statement::If(..) | Statement::Switch(..) => true,
                Statement::Loop(of) => of.expected.unwrap_or(0) == 0,
                _ => false,
            };
        });
        found
    })
}

impl Finite {
    /// Of the function that is differentiated, whose parameters are numbers, or of one that it calls.
    pub(super) fn of(program: &Program, function: &Function, is_root: bool) -> Finite {
        let outside = if is_root { Growth::Linear } else { Growth::Any };
        let mut locals = vec![Growth::Constant; function.locals.len()];
        loop {
            let growth = values(function, outside, &locals);
            let before = locals.clone();
            for (local, known) in function.locals.iter().zip(&mut locals) {
                let init = local.init.map_or(Growth::Constant, |init| growth[init.0 as usize]);
                *known = (*known).max(init);
            }
            walk(&function.body, &mut |statement| match statement {
                Statement::Store(place, value) => {
                    if let Root::Local(local) = place.root {
                        let known = &mut locals[local as usize];
                        *known = (*known).max(growth[value.0 as usize]);
                    }
                }
                Statement::Call { function: callee, arguments, .. } => {
                    for (i, argument) in arguments.iter().enumerate() {
                        if let Argument::Pointer(place) = argument
                            && let Root::Local(local) = place.root
                            && program.writes(*callee, i as u32)
                        {
                            locals[local as usize] = Growth::Any;
                        }
                    }
                }
                _ => {}
            });
            if before == locals {
                return Finite { growth };
            }
        }
    }

    /// Whether every factor in the derivative of a value is.
    pub(super) fn has_finite_slopes(&self, function: &Function, value: Value) -> bool {
        let op = function.op(value);
        let are_finite =
            || op.operands().iter().all(|operand| self.growth[operand.0 as usize] < Growth::Any);
        match op {
            Op::Binary(Bin::Divide, _, by) => is_divisor(function, *by),
            Op::Binary(Bin::Multiply, ..) => are_finite(),
            Op::Guarded { .. } => false,
            Op::Math(fun, _) => match fun {
                Fun::Min | Fun::Max | Fun::Clamp | Fun::Saturate | Fun::Transpose => true,
                Fun::Abs
                | Fun::Sin
                | Fun::Cos
                | Fun::Tanh
                | Fun::Dot
                | Fun::Cross
                | Fun::Fma
                | Fun::Mix
                | Fun::Radians
                | Fun::Degrees => are_finite(),
                _ => false,
            },
            // They hand on what they are given.
            _ => true,
        }
    }
}

/// A number of the text: where it is zero, nothing that is divided by it is a number.
fn is_divisor(function: &Function, value: Value) -> bool {
    match function.op(value) {
        Op::Float(number) => *number != 0.0,
        Op::Name(_) => true,
        Op::Splat(of) => is_divisor(function, *of),
        Op::Compose(parts) => parts.iter().all(|part| is_divisor(function, *part)),
        _ => false,
    }
}

fn values(function: &Function, outside: Growth, locals: &[Growth]) -> Vec<Growth> {
    let mut growth: Vec<Growth> = Vec::with_capacity(function.nodes.len());
    for node in &function.nodes {
        let of = |value: Value| growth.get(value.0 as usize).copied().unwrap_or(Growth::Any);
        let largest = || node.op.operands().into_iter().map(of).max().unwrap_or(Growth::Constant);
        let product = |a: Value, b: Value| match (of(a), of(b)) {
            (Growth::Constant, other) | (other, Growth::Constant) => other,
            _ => Growth::Any,
        };
        growth.push(match &node.op {
            Op::Parameter(_) => outside,
            Op::Load(place) => match place.root {
                Root::Local(local) => locals[local as usize],
                Root::Parameter(_) => outside,
                Root::Global(_) => Growth::Constant,
            },
            Op::Binary(Bin::Multiply, a, b) => product(*a, *b),
            Op::Binary(Bin::Divide, a, by) if is_divisor(function, *by) => of(*a),
            Op::Binary(Bin::Divide | Bin::Modulo, ..) => Growth::Any,
            Op::Math(fun, operands) => match fun {
                Fun::Abs | Fun::Min | Fun::Max | Fun::Clamp | Fun::Saturate => largest(),
                Fun::Sin | Fun::Cos | Fun::Tanh | Fun::Transpose => largest(),
                Fun::Dot => product(operands[0], operands[1]),
                _ => Growth::Any,
            },
            Op::Guarded { .. } | Op::Bitcast(_) | Op::Result | Op::Carried(..) => Growth::Any,
            _ => largest(),
        });
    }
    growth
}
