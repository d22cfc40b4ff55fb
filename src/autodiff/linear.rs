//! Linear maps, forward and transposed: what every derivative is made of.
//!
//! Forward mode applies a map to a tangent, reverse mode its transpose to an adjoint, so that both
//! follow from one table of derivatives.

use wgpu::naga::MathFunction;

use super::build::Builder;
use super::ir::{Op, Step, Type, Value};

/// How a result moves with one of its operands.
#[derive(Debug, Clone)]
pub(super) enum Linear {
    Same,
    Negate,
    /// By a factor, component by component. A scalar operand moves every component of a result.
    Scale(Value),
    /// The scalar product with a vector.
    Dot(Value),
    /// t ↦ u (v·t) + scale t.
    RankOne {
        u: Value,
        v: Value,
        scale: Value,
    },
    /// The cross product with a vector, the operand being on the left or on the right of it.
    Cross {
        with: Value,
        on_left: bool,
    },
    /// A product with the other factor, the operand being on the left or on the right of it.
    Product {
        with: Value,
        on_left: bool,
    },
    /// The sum of the products with a matrix, entry by entry.
    Frobenius(Value),
    Transpose,
    /// Only where the condition chooses it.
    Where {
        condition: Value,
        accepted: bool,
    },
    Splat,
    Swizzle(Vec<u32>),
    Extract(u32),
    ExtractAt(Value),
    /// Becomes the components of the result from here on.
    Insert(u32),
}

impl Linear {
    /// The change of the result, of type `to`, under the change `t` of the operand.
    pub(super) fn apply(&self, b: &mut Builder, t: Value, to: &Type) -> Value {
        if b.is_zero(t) {
            return b.zero(to.clone());
        }
        match self {
            Linear::Same => b.splat(t, to),
            Linear::Negate => {
                let t = b.splat(t, to);
                b.neg(t)
            }
            Linear::Scale(factor) => {
                let product = b.mul(*factor, t);
                b.splat(product, to)
            }
            Linear::Dot(with) => b.dot(*with, t),
            Linear::RankOne { u, v, scale } => rank_one(b, *u, *v, *scale, t),
            Linear::Cross { with, on_left } => {
                let arguments = if *on_left { vec![t, *with] } else { vec![*with, t] };
                b.math(MathFunction::Cross, arguments)
            }
            Linear::Product { with, on_left: true } => b.product(t, *with, to.clone()),
            Linear::Product { with, on_left: false } => b.product(*with, t, to.clone()),
            Linear::Frobenius(with) => frobenius(b, *with, t),
            Linear::Transpose => transposed(b, t),
            Linear::Where { condition, accepted } => {
                let (t, zero) = (b.splat(t, to), b.zero(to.clone()));
                let (reject, accept) = if *accepted { (zero, t) } else { (t, zero) };
                b.select(reject, accept, *condition)
            }
            Linear::Splat => b.splat(t, to),
            Linear::Swizzle(pattern) => b.value(Op::Swizzle(t, pattern.clone()), to.clone()),
            Linear::Extract(index) => b.extract(t, *index),
            Linear::ExtractAt(index) => b.value(Op::ExtractAt(t, *index), to.clone()),
            // Tangents are composed as the values are.
            Linear::Insert(_) => unreachable!("bug in wfr: a composition has its own tangent"),
        }
    }

    /// What the adjoint `bar` of the result gives to that of the operand, of type `to`.
    pub(super) fn transpose(&self, b: &mut Builder, bar: Value, to: &Type) -> Value {
        match self {
            Linear::Same | Linear::Splat => reduced(b, bar, to),
            Linear::Negate => {
                let bar = b.neg(bar);
                reduced(b, bar, to)
            }
            Linear::Scale(factor) => match (to, b.ty(bar)) {
                (Type::Scalar(_), Type::Matrix(..)) => frobenius(b, *factor, bar),
                (Type::Scalar(_), ty @ Type::Vector(..)) => {
                    let factor = b.splat(*factor, &ty);
                    b.dot(factor, bar)
                }
                _ => b.mul(*factor, bar),
            },
            Linear::Dot(with) => b.mul(*with, bar),
            Linear::RankOne { u, v, scale } => rank_one(b, *v, *u, *scale, bar),
            Linear::Cross { with, on_left } => {
                let arguments = if *on_left { vec![*with, bar] } else { vec![bar, *with] };
                b.math(MathFunction::Cross, arguments)
            }
            Linear::Product { with, on_left: true } => match (to, b.ty(*with)) {
                (Type::Matrix(..), Type::Vector(..)) => outer(b, bar, *with, to),
                (Type::Matrix(..), _) => {
                    let with = transposed(b, *with);
                    b.product(bar, with, to.clone())
                }
                _ => b.product(*with, bar, to.clone()),
            },
            Linear::Product { with, on_left: false } => match (to, b.ty(*with)) {
                (Type::Matrix(..), Type::Vector(..)) => outer(b, *with, bar, to),
                (Type::Matrix(..), _) => {
                    let with = transposed(b, *with);
                    b.product(with, bar, to.clone())
                }
                _ => b.product(bar, *with, to.clone()),
            },
            Linear::Frobenius(with) => b.mul(*with, bar),
            Linear::Transpose => transposed(b, bar),
            Linear::Where { condition, accepted } => {
                let zero = b.zero(b.ty(bar));
                let (reject, accept) = if *accepted { (zero, bar) } else { (bar, zero) };
                let chosen = b.select(reject, accept, *condition);
                reduced(b, chosen, to)
            }
            Linear::Swizzle(pattern) => {
                let lanes = to.parts();
                let mut parts = Vec::new();
                for lane in 0..lanes {
                    let mut sum = b.float(0.0);
                    for (at, _) in pattern.iter().enumerate().filter(|(_, from)| **from == lane) {
                        let part = b.extract(bar, at as u32);
                        sum = b.add(sum, part);
                    }
                    parts.push(sum);
                }
                b.compose(parts, to.clone())
            }
            Linear::Extract(index) => {
                let parts = (0..to.parts())
                    .map(|part| if part == *index { bar } else { b.zero(to.part(part)) });
                let parts = parts.collect();
                b.compose(parts, to.clone())
            }
            Linear::ExtractAt(index) => {
                let place = b.local_place(to.clone());
                b.set_zero(place.clone());
                b.store(place.at(Step::At(*index)), bar);
                b.load(place)
            }
            // Vectors are composed of shorter ones, all else of whole parts.
            Linear::Insert(first) => match (to, b.ty(bar)) {
                (Type::Vector(lanes, _), Type::Vector(..)) => {
                    let parts = (0..*lanes).map(|lane| b.extract(bar, first + lane)).collect();
                    b.compose(parts, to.clone())
                }
                _ => b.extract(bar, *first),
            },
        }
    }
}

/// The sum over the components that a scalar operand moved.
fn reduced(b: &mut Builder, bar: Value, to: &Type) -> Value {
    let ty = b.ty(bar);
    if ty.lanes().is_some() && to.lanes().is_none() {
        let ones = b.constant(1.0, &ty);
        b.dot(bar, ones)
    } else {
        bar
    }
}

fn rank_one(b: &mut Builder, u: Value, v: Value, scale: Value, t: Value) -> Value {
    let along = b.dot(v, t);
    let (along, plain) = (b.mul(u, along), b.mul(scale, t));
    b.add(along, plain)
}

fn frobenius(b: &mut Builder, left: Value, right: Value) -> Value {
    let mut sum = b.float(0.0);
    for column in 0..b.ty(left).parts() {
        let (l, r) = (b.extract(left, column), b.extract(right, column));
        let product = b.dot(l, r);
        sum = b.add(sum, product);
    }
    sum
}

/// The matrix u vᵀ: column c is u v[c].
fn outer(b: &mut Builder, u: Value, v: Value, to: &Type) -> Value {
    let mut columns = Vec::new();
    for column in 0..to.parts() {
        let factor = b.extract(v, column);
        columns.push(b.mul(u, factor));
    }
    b.compose(columns, to.clone())
}

pub(super) fn transposed(b: &mut Builder, of: Value) -> Value {
    let Type::Matrix(columns, rows) = b.ty(of) else { return of };
    b.value(Op::Math(MathFunction::Transpose, vec![of]), Type::Matrix(rows, columns))
}
