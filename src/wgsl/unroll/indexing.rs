//! What decides which part of an array that is no buffer is meant.

use std::collections::HashMap;

use wgpu::naga::{AddressSpace, Expression, Function, Handle, Module, Statement};

use super::operands;

type Indexing = HashMap<Handle<Function>, Vec<bool>>;

/// Which parameters of a function index arrays, in it or in what it calls.
pub(super) fn parameters(module: &Module, known: &Indexing, function: &Function) -> Vec<bool> {
    let mut is_index = vec![false; function.arguments.len()];
    let mut mark = |of| marked(function, of, &mut is_index);
    operands::each(&function.body, &mut |statement| match statement {
        Statement::Emit(range) => {
            for handle in range.clone() {
                if let Expression::Access { base, index } = function.expressions[handle]
                    && !is_in_buffer(module, function, base)
                {
                    mark(index);
                }
            }
        }
        Statement::Call { function: called, arguments, .. } => {
            let indexing = known.get(called).map(Vec::as_slice).unwrap_or_default();
            let passed = arguments.iter().zip(indexing).filter(|(_, is_index)| **is_index);
            passed.for_each(|(argument, _)| mark(*argument));
        }
        _ => {}
    });
    is_index
}

/// Marks the parameters that a whole number is computed from.
fn marked(function: &Function, of: Handle<Expression>, is_index: &mut [bool]) {
    match function.expressions[of] {
        Expression::FunctionArgument(at) => is_index[at as usize] = true,
        Expression::Binary { left, right, .. } => {
            marked(function, left, is_index);
            marked(function, right, is_index);
        }
        Expression::As { expr, .. } => marked(function, expr, is_index),
        _ => {}
    }
}

/// Whether a part of an array lies in a buffer, or in memory of the workgroup.
pub(super) fn is_in_buffer(module: &Module, function: &Function, base: Handle<Expression>) -> bool {
    match function.expressions[base] {
        Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
            is_in_buffer(module, function, base)
        }
        Expression::Load { pointer } => is_in_buffer(module, function, pointer),
        Expression::GlobalVariable(variable) => {
            module.global_variables[variable].space != AddressSpace::Private
        }
        _ => false,
    }
}
