//! Expressions and statements with other operands, as far as kernels use them.

use wgpu::naga::{Block, Expression, Handle, Statement};

type Of = Handle<Expression>;

/// The same expression of other operands; nothing, if kernels use none of the kind.
pub(super) fn mapped(of: &Expression, place: &mut impl FnMut(Of) -> Of) -> Option<Expression> {
    use Expression as E;
    let mut each = |operand: &Option<Of>| operand.map(&mut *place);
    Some(match of {
        E::Literal(_)
        | E::Constant(_)
        | E::Override(_)
        | E::ZeroValue(_)
        | E::FunctionArgument(_)
        | E::GlobalVariable(_)
        | E::LocalVariable(_)
        | E::CallResult(_)
        | E::WorkGroupUniformLoadResult { .. } => of.clone(),
        E::Math { fun, arg, arg1, arg2, arg3 } => {
            let (arg1, arg2, arg3) = (each(arg1), each(arg2), each(arg3));
            E::Math { fun: *fun, arg: place(*arg), arg1, arg2, arg3 }
        }
        E::Compose { ty, components } => {
            E::Compose { ty: *ty, components: components.iter().map(|of| place(*of)).collect() }
        }
        E::Access { base, index } => E::Access { base: place(*base), index: place(*index) },
        E::AccessIndex { base, index } => E::AccessIndex { base: place(*base), index: *index },
        E::Splat { size, value } => E::Splat { size: *size, value: place(*value) },
        E::Swizzle { size, vector, pattern } => {
            E::Swizzle { size: *size, vector: place(*vector), pattern: *pattern }
        }
        E::Load { pointer } => E::Load { pointer: place(*pointer) },
        E::Unary { op, expr } => E::Unary { op: *op, expr: place(*expr) },
        E::Binary { op, left, right } => {
            E::Binary { op: *op, left: place(*left), right: place(*right) }
        }
        E::Select { condition, accept, reject } => E::Select {
            condition: place(*condition),
            accept: place(*accept),
            reject: place(*reject),
        },
        E::Relational { fun, argument } => E::Relational { fun: *fun, argument: place(*argument) },
        E::As { expr, kind, convert } => {
            E::As { expr: place(*expr), kind: *kind, convert: *convert }
        }
        E::ArrayLength(of) => E::ArrayLength(place(*of)),
        _ => return None,
    })
}

/// The same statement of other operands; nothing, if functions with arrays have none of the kind, or if
/// it has blocks.
pub(super) fn of_statement(of: &Statement, place: &mut impl FnMut(Of) -> Of) -> Option<Statement> {
    use Statement as S;
    Some(match of {
        S::Break | S::Continue | S::Kill | S::ControlBarrier(_) | S::MemoryBarrier(_) => of.clone(),
        S::Return { value } => S::Return { value: value.map(place) },
        S::Store { pointer, value } => S::Store { pointer: place(*pointer), value: place(*value) },
        S::WorkGroupUniformLoad { pointer, result } => {
            S::WorkGroupUniformLoad { pointer: place(*pointer), result: place(*result) }
        }
        S::Call { function, arguments, result } => S::Call {
            function: *function,
            arguments: arguments.iter().map(|of| place(*of)).collect(),
            result: result.map(place),
        },
        _ => return None,
    })
}

/// Goes through the statements of a block and of those in it.
pub(super) fn each(block: &[Statement], see: &mut impl FnMut(&Statement)) {
    for statement in block {
        see(statement);
        blocks(statement).into_iter().for_each(|block| each(block, see));
    }
}

fn blocks(of: &Statement) -> Vec<&Block> {
    match of {
        Statement::Block(block) => vec![block],
        Statement::If { accept, reject, .. } => vec![accept, reject],
        Statement::Switch { cases, .. } => cases.iter().map(|case| &case.body).collect(),
        Statement::Loop { body, continuing, .. } => vec![body, continuing],
        _ => Vec::new(),
    }
}

/// Whether [`of_statement`] knows all statements of a block that have no blocks.
pub(super) fn are_known(block: &Block) -> bool {
    let mut are_known = true;
    each(block, &mut |statement| {
        are_known &= match statement {
            Statement::Emit(_) | Statement::Block(_) | Statement::If { .. } => true,
            Statement::Switch { .. } | Statement::Loop { .. } => true,
            other => of_statement(other, &mut |of| of).is_some(),
        };
    });
    are_known
}
