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
    /// By a factor, and zero where the operand has no part in it: of [`Op::Guarded`] its adjoint.
    Guarded(Value),
    /// The factor of it, by the adjoint.
    GuardedBy(Value),
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
            Linear::Guarded(factor) => b.guarded(t, *factor),
            Linear::GuardedBy(adjoint) => b.guarded(*adjoint, t),
            Linear::Splat => b.splat(t, to),
            Linear::Swizzle(pattern) => b.value(Op::Swizzle(t, pattern.clone()), to.clone()),
            Linear::Extract(index) => b.extract(t, *index),
            Linear::ExtractAt(index) => b.value(Op::ExtractAt(t, *index), to.clone()),
            // Tangents are composed as the values are.
            Linear::Insert(_) => unreachable!("bug in wfr: a composition has its own tangent"),
        }
    }

    /// What the adjoint `bar` of the result gives to that of the operand, of type `to`. A factor that may
    /// be no number is guarded: where the adjoint is zero, so is what it gives.
    pub(super) fn transpose(&self, b: &mut Builder, bar: Value, to: &Type, guard: bool) -> Value {
        let by = Products { guard };
        match self {
            Linear::Same | Linear::Splat => reduced(b, bar, to),
            Linear::Negate => {
                let bar = b.neg(bar);
                reduced(b, bar, to)
            }
            Linear::Scale(factor) => match (to, b.ty(bar)) {
                (Type::Scalar(_), Type::Matrix(..)) => by.frobenius(b, bar, *factor),
                (Type::Scalar(_), ty @ Type::Vector(..)) => {
                    let factor = b.splat(*factor, &ty);
                    by.dot(b, bar, factor)
                }
                _ => by.each(b, bar, *factor),
            },
            Linear::Dot(with) => by.each(b, bar, *with),
            Linear::RankOne { u, v, scale } => {
                let along = by.dot(b, bar, *u);
                let (along, plain) = (by.each(b, along, *v), by.each(b, bar, *scale));
                b.add(along, plain)
            }
            Linear::Cross { with, on_left: true } => by.cross(b, *with, bar, bar),
            Linear::Cross { with, on_left: false } => by.cross(b, bar, *with, bar),
            Linear::Product { with, on_left: true } => match (to, b.ty(*with)) {
                (Type::Matrix(..), Type::Vector(..)) => by.outer(b, bar, *with, bar, to),
                (Type::Matrix(..), _) => {
                    let with = transposed(b, *with);
                    by.product(b, bar, with, bar, to)
                }
                _ => by.product(b, *with, bar, bar, to),
            },
            Linear::Product { with, on_left: false } => match (to, b.ty(*with)) {
                (Type::Matrix(..), Type::Vector(..)) => by.outer(b, *with, bar, bar, to),
                (Type::Matrix(..), _) => {
                    let with = transposed(b, *with);
                    by.product(b, with, bar, bar, to)
                }
                _ => by.product(b, bar, *with, bar, to),
            },
            Linear::Frobenius(with) => by.each(b, bar, *with),
            Linear::Guarded(factor) => b.guarded(bar, *factor),
            Linear::GuardedBy(adjoint) => b.guarded(bar, *adjoint),
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
    Products { guard: false }.frobenius(b, left, right)
}

/// Products of an adjoint and a factor, guarded or plain. Of two operands one is the adjoint `bar`.
struct Products {
    guard: bool,
}

impl Products {
    /// Component by component; a scalar goes with every component of the other.
    fn each(&self, b: &mut Builder, bar: Value, factor: Value) -> Value {
        if !self.guard {
            return b.mul(factor, bar);
        }
        let (ty, other) = (b.ty(bar), b.ty(factor));
        let ty = if matches!(ty, Type::Scalar(_)) { other } else { ty };
        if let Type::Matrix(columns, _) = ty {
            let column = |b: &mut Builder, of: Value, index: u32| match b.ty(of) {
                Type::Matrix(..) => b.extract(of, index),
                _ => of,
            };
            let mut all = Vec::new();
            for index in 0..columns {
                let (bar, factor) = (column(b, bar, index), column(b, factor, index));
                all.push(self.each(b, bar, factor));
            }
            return b.compose(all, ty);
        }
        let (bar, factor) = (b.splat(bar, &ty), b.splat(factor, &ty));
        b.guarded(bar, factor)
    }

    fn dot(&self, b: &mut Builder, bar: Value, factor: Value) -> Value {
        if !self.guard {
            return b.dot(factor, bar);
        }
        let products = self.each(b, bar, factor);
        let ty = b.ty(products);
        let ones = b.constant(1.0, &ty);
        b.dot(products, ones)
    }

    fn frobenius(&self, b: &mut Builder, bar: Value, factor: Value) -> Value {
        let mut sum = b.float(0.0);
        for column in 0..b.ty(bar).parts() {
            let (l, r) = (b.extract(bar, column), b.extract(factor, column));
            let product = self.dot(b, l, r);
            sum = b.add(sum, product);
        }
        sum
    }

    /// The product of components of two vectors, one of them of the adjoint.
    fn of(&self, b: &mut Builder, left: Value, right: Value, left_is_bar: bool) -> Value {
        let (bar, factor) = if left_is_bar { (left, right) } else { (right, left) };
        self.each(b, bar, factor)
    }

    fn cross(&self, b: &mut Builder, left: Value, right: Value, bar: Value) -> Value {
        if !self.guard {
            return b.math(MathFunction::Cross, vec![left, right]);
        }
        let ty = b.ty(bar);
        let mut turned =
            |of: Value, pattern: [u32; 3]| b.value(Op::Swizzle(of, pattern.to_vec()), ty.clone());
        let (first, second) = ([1, 2, 0], [2, 0, 1]);
        let plus = (turned(left, first), turned(right, second));
        let minus = (turned(left, second), turned(right, first));
        let plus = self.of(b, plus.0, plus.1, left == bar);
        let minus = self.of(b, minus.0, minus.1, left == bar);
        b.sub(plus, minus)
    }

    /// The matrix u vᵀ: column c is u v[c].
    fn outer(&self, b: &mut Builder, u: Value, v: Value, bar: Value, to: &Type) -> Value {
        let mut columns = Vec::new();
        for column in 0..to.parts() {
            let factor = b.extract(v, column);
            columns.push(self.of(b, u, factor, u == bar));
        }
        b.compose(columns, to.clone())
    }

    /// The product of linear algebra.
    fn product(&self, b: &mut Builder, left: Value, right: Value, bar: Value, to: &Type) -> Value {
        if !self.guard {
            return b.product(left, right, to.clone());
        }
        let is_bar = left == bar;
        match (b.ty(left), b.ty(right)) {
            // A row times the columns.
            (Type::Vector(..), Type::Matrix(columns, _)) => {
                let mut parts = Vec::new();
                for index in 0..columns {
                    let column = b.extract(right, index);
                    let products = self.of(b, left, column, is_bar);
                    let ty = b.ty(products);
                    let ones = b.constant(1.0, &ty);
                    parts.push(b.dot(products, ones));
                }
                b.compose(parts, to.clone())
            }
            (_, Type::Matrix(columns, _)) => {
                let mut all = Vec::new();
                for index in 0..columns {
                    let column = b.extract(right, index);
                    all.push(self.combined(b, left, column, is_bar, &to.part(index)));
                }
                b.compose(all, to.clone())
            }
            _ => self.combined(b, left, right, is_bar, to),
        }
    }

    /// The columns of a matrix by the numbers of a vector.
    fn combined(
        &self,
        b: &mut Builder,
        matrix: Value,
        by: Value,
        matrix_is_bar: bool,
        to: &Type,
    ) -> Value {
        let mut sum = b.zero(to.clone());
        for index in 0..b.ty(matrix).parts() {
            let (column, number) = (b.extract(matrix, index), b.extract(by, index));
            let term = self.of(b, column, number, matrix_is_bar);
            sum = b.add(sum, term);
        }
        sum
    }
}

pub(super) fn transposed(b: &mut Builder, of: Value) -> Value {
    let Type::Matrix(columns, rows) = b.ty(of) else { return of };
    b.value(Op::Math(MathFunction::Transpose, vec![of]), Type::Matrix(rows, columns))
}
