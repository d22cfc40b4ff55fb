//! Variables that sum terms up: they are set, added to, and read once at the end.

use std::collections::HashMap;

use wgpu::naga::BinaryOperator as Bin;

use super::depends::Site;
use super::ir::{Argument, Function, Op, Place, Root, Statement, Value};

/// What happens to a variable that is a sum.
pub(super) struct Sum {
    /// Where it is read at last.
    pub(super) read: Value,
    /// Statements that set it, by number, and what to.
    pub(super) sets: Vec<(usize, Value)>,
    pub(super) updates: Vec<Update>,
}

/// `sum = sum ± term ± …`
pub(super) struct Update {
    /// The number of the statement.
    pub(super) at: usize,
    /// What the sum was before.
    pub(super) before: Value,
    /// Values between that and the new sum, the new sum included.
    pub(super) between: Vec<Value>,
    /// Each with whether it is subtracted.
    pub(super) terms: Vec<(bool, Value)>,
}

/// How `local` is used, if as a sum.
pub(super) fn of(
    function: &Function,
    sites: &[Site<'_>],
    uses: &HashMap<Value, u32>,
    local: u32,
) -> Option<Sum> {
    if !function.locals[local as usize].ty.is_float() {
        return None;
    }
    let is_it = |place: &Place| place.root == Root::Local(local);
    let mut reads = Vec::new();
    let mut sum = Sum { read: Value(0), sets: Vec::new(), updates: Vec::new() };
    for (at, site) in sites.iter().enumerate() {
        match site.statement {
            Statement::Let(value) => match function.op(*value) {
                Op::Load(place) if is_it(place) => reads.push(*value),
                _ => {}
            },
            Statement::Store(place, value) if is_it(place) => {
                let mut update =
                    Update { at, before: *value, between: Vec::new(), terms: Vec::new() };
                match chain(function, uses, local, *value, &mut update) {
                    true => sum.updates.push(update),
                    false => sum.sets.push((at, *value)),
                }
            }
            Statement::Call { arguments, .. } => {
                let passed = |argument: &Argument| match argument {
                    Argument::Pointer(place) => is_it(place),
                    Argument::Value(_) => false,
                };
                if arguments.iter().any(passed) {
                    return None;
                }
            }
            _ => {}
        }
    }
    reads.retain(|read| sum.updates.iter().all(|update| update.before != *read));
    let [read] = reads[..] else { return None };
    sum.read = read;
    Some(sum)
}

/// Whether `value` is the variable plus and minus terms, none of them of use elsewhere.
fn chain(
    function: &Function,
    uses: &HashMap<Value, u32>,
    local: u32,
    value: Value,
    update: &mut Update,
) -> bool {
    if uses.get(&value).is_some_and(|count| *count > 1) {
        return false;
    }
    match function.op(value) {
        Op::Load(place) if place.root == Root::Local(local) => {
            update.before = value;
            true
        }
        Op::Binary(Bin::Add, left, right) => {
            let term = if chain(function, uses, local, *left, update) {
                *right
            } else if chain(function, uses, local, *right, update) {
                *left
            } else {
                return false;
            };
            update.between.push(value);
            update.terms.push((false, term));
            true
        }
        Op::Binary(Bin::Subtract, left, right) if chain(function, uses, local, *left, update) => {
            update.between.push(value);
            update.terms.push((true, *right));
            true
        }
        _ => false,
    }
}
