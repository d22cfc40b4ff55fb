//! What operators and built-in functions do to values.

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun, UnaryOperator};

use super::super::ir::{Scalar, Type};
use super::datum::{Datum, at, each, numbers};

pub(super) fn vector(numbers: Vec<f64>) -> Datum {
    Datum::All(numbers.into_iter().map(Datum::Float).collect())
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn product(a: &Datum, b: &Datum, ty_a: &Type, ty_b: &Type) -> Datum {
    let columns = |datum: &Datum| match datum {
        Datum::All(parts) => parts.iter().map(numbers).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let times = |matrix: &[Vec<f64>], v: &[f64]| -> Vec<f64> {
        let rows = matrix.first().map_or(0, Vec::len);
        let row = |r: usize| matrix.iter().zip(v).map(|(column, v)| column[r] * v).sum();
        (0..rows).map(row).collect()
    };
    match (ty_a, ty_b) {
        (Type::Matrix(..), Type::Vector(..)) => vector(times(&columns(a), &numbers(b))),
        (Type::Vector(..), _) => {
            vector(columns(b).iter().map(|column| dot(&numbers(a), column)).collect())
        }
        _ => {
            let left = columns(a);
            Datum::All(columns(b).iter().map(|column| vector(times(&left, column))).collect())
        }
    }
}

pub(super) fn unary(op: UnaryOperator, x: &Datum) -> Datum {
    match (op, x) {
        (UnaryOperator::Negate, Datum::Float(x)) => Datum::Float(-x),
        (UnaryOperator::Negate, Datum::Int(x)) => Datum::Int(x.wrapping_neg()),
        (UnaryOperator::LogicalNot, Datum::Bool(x)) => Datum::Bool(!x),
        (UnaryOperator::BitwiseNot, Datum::Int(x)) => Datum::Int(!x),
        (UnaryOperator::BitwiseNot, Datum::Uint(x)) => Datum::Uint(!x),
        (_, other) => other.clone(),
    }
}

pub(super) fn binary(op: Bin, a: &Datum, b: &Datum) -> Datum {
    match (a, b) {
        (Datum::Float(a), Datum::Float(b)) => match op {
            Bin::Add => Datum::Float(a + b),
            Bin::Subtract => Datum::Float(a - b),
            Bin::Multiply => Datum::Float(a * b),
            Bin::Divide => Datum::Float(a / b),
            Bin::Modulo => Datum::Float(a % b),
            _ => compared(op, a, b),
        },
        (Datum::Int(a), Datum::Int(b)) => match op {
            Bin::Add => Datum::Int(a.wrapping_add(*b)),
            Bin::Subtract => Datum::Int(a.wrapping_sub(*b)),
            Bin::Multiply => Datum::Int(a.wrapping_mul(*b)),
            Bin::Divide => Datum::Int(a.checked_div(*b).unwrap_or(*a)),
            Bin::Modulo => Datum::Int(a.checked_rem(*b).unwrap_or(0)),
            Bin::And => Datum::Int(a & b),
            Bin::ExclusiveOr => Datum::Int(a ^ b),
            Bin::InclusiveOr => Datum::Int(a | b),
            _ => compared(op, a, b),
        },
        (Datum::Uint(a), Datum::Uint(b)) => match op {
            Bin::Add => Datum::Uint(a.wrapping_add(*b)),
            Bin::Subtract => Datum::Uint(a.wrapping_sub(*b)),
            Bin::Multiply => Datum::Uint(a.wrapping_mul(*b)),
            Bin::Divide => Datum::Uint(a.checked_div(*b).unwrap_or(*a)),
            Bin::Modulo => Datum::Uint(a.checked_rem(*b).unwrap_or(0)),
            Bin::And => Datum::Uint(a & b),
            Bin::ExclusiveOr => Datum::Uint(a ^ b),
            Bin::InclusiveOr => Datum::Uint(a | b),
            Bin::ShiftLeft => Datum::Uint(a.wrapping_shl(*b)),
            Bin::ShiftRight => Datum::Uint(a.wrapping_shr(*b)),
            _ => compared(op, a, b),
        },
        (Datum::Int(a), Datum::Uint(b)) => match op {
            Bin::ShiftLeft => Datum::Int(a.wrapping_shl(*b)),
            _ => Datum::Int(a.wrapping_shr(*b)),
        },
        (Datum::Bool(a), Datum::Bool(b)) => Datum::Bool(match op {
            Bin::And | Bin::LogicalAnd => a & b,
            Bin::InclusiveOr | Bin::LogicalOr => a | b,
            Bin::NotEqual | Bin::ExclusiveOr => a != b,
            _ => a == b,
        }),
        _ => a.clone(),
    }
}

pub(super) fn compared<T: PartialOrd>(op: Bin, a: &T, b: &T) -> Datum {
    Datum::Bool(match op {
        Bin::Equal => a == b,
        Bin::NotEqual => a != b,
        Bin::Less => a < b,
        Bin::LessEqual => a <= b,
        Bin::Greater => a > b,
        Bin::GreaterEqual => a >= b,
        _ => false,
    })
}

pub(super) fn convert(x: &Datum, to: Scalar) -> Datum {
    let number = match x {
        Datum::Float(x) => *x,
        Datum::Int(x) => f64::from(*x),
        Datum::Uint(x) => f64::from(*x),
        Datum::Bool(x) => f64::from(u8::from(*x)),
        Datum::All(_) => 0.0,
    };
    match (x, to) {
        (_, Scalar::F32) => Datum::Float(number),
        (_, Scalar::Bool) => Datum::Bool(number != 0.0),
        // Between integers the bits stay.
        (Datum::Int(x), Scalar::U32) => Datum::Uint(*x as u32),
        (Datum::Uint(x), Scalar::I32) => Datum::Int(*x as i32),
        (_, Scalar::U32) => Datum::Uint(number as u32),
        (_, Scalar::I32) => Datum::Int(number as i32),
    }
}

pub(super) fn bitcast(x: &Datum, to: Scalar) -> Datum {
    let bits = match x {
        Datum::Float(x) => (*x as f32).to_bits(),
        Datum::Int(x) => *x as u32,
        Datum::Uint(x) => *x,
        _ => 0,
    };
    match to {
        Scalar::F32 => Datum::Float(f64::from(f32::from_bits(bits))),
        Scalar::I32 => Datum::Int(bits as i32),
        _ => Datum::Uint(bits),
    }
}

pub(super) fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { 0.0 } else { x.signum() }
}

pub(super) fn math(fun: Fun, data: &[Datum]) -> Option<Datum> {
    let v = |i: usize| data.get(i).map(numbers).unwrap_or_default();
    let number = |i: usize| v(i).first().copied().unwrap_or(0.0);
    let length = |v: &[f64]| dot(v, v).sqrt();
    let scaled = |v: &[f64], by: f64| v.iter().map(|x| x * by).collect::<Vec<_>>();
    let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>();
    let difference = |a: &[f64], b: &[f64]| sum(a, &scaled(b, -1.0));
    Some(match fun {
        Fun::Dot if !matches!(at(&data[0], 0), Datum::Float(_)) => return None,
        Fun::Dot => Datum::Float(dot(&v(0), &v(1))),
        Fun::Length => Datum::Float(length(&v(0))),
        Fun::Distance => Datum::Float(length(&difference(&v(0), &v(1)))),
        Fun::Normalize => vector(scaled(&v(0), 1.0 / length(&v(0)))),
        Fun::Cross => {
            let (a, b) = (v(0), v(1));
            let part = |i: usize, j: usize| a[i] * b[j] - a[j] * b[i];
            vector(vec![part(1, 2), part(2, 0), part(0, 1)])
        }
        Fun::FaceForward => {
            let ahead = dot(&v(2), &v(1)) < 0.0;
            vector(scaled(&v(0), if ahead { 1.0 } else { -1.0 }))
        }
        Fun::Reflect => {
            let along = dot(&v(1), &v(0));
            vector(difference(&v(0), &scaled(&v(1), 2.0 * along)))
        }
        Fun::Refract => {
            let (i, n, eta) = (v(0), v(1), number(2));
            let c = dot(&n, &i);
            let k = 1.0 - eta * eta * (1.0 - c * c);
            if k < 0.0 {
                vector(vec![0.0; i.len()])
            } else {
                vector(difference(&scaled(&i, eta), &scaled(&n, eta * c + k.sqrt())))
            }
        }
        Fun::Transpose => {
            let Datum::All(columns) = &data[0] else { return None };
            let columns: Vec<_> = columns.iter().map(numbers).collect();
            let rows = columns.first().map_or(0, Vec::len);
            let row = |r: usize| vector(columns.iter().map(|column| column[r]).collect());
            Datum::All((0..rows).map(row).collect())
        }
        Fun::Determinant => {
            let Datum::All(columns) = &data[0] else { return None };
            Datum::Float(determinant(columns.iter().map(numbers).collect()))
        }
        Fun::Ldexp => each(data, &|x| match (&x[0], &x[1]) {
            (Datum::Float(x), Datum::Int(e)) => Datum::Float(x * f64::from(*e).exp2()),
            _ => Datum::Float(0.0),
        }),
        _ => {
            // Of integers only what indices are computed with.
            if !matches!(at(&at(&data[0], 0), 0), Datum::Float(_)) {
                return integers(fun, data);
            }
            let probe = vec![0.5; data.len()];
            scalar(fun, &probe)?;
            each(data, &|x| {
                let x: Vec<f64> =
                    x.iter().map(|x| numbers(x).first().copied().unwrap_or(0.0)).collect();
                Datum::Float(scalar(fun, &x).unwrap_or(f64::NAN))
            })
        }
    })
}

pub(super) fn integers(fun: Fun, data: &[Datum]) -> Option<Datum> {
    if !matches!(fun, Fun::Min | Fun::Max | Fun::Clamp | Fun::Abs) {
        return None;
    }
    Some(each(data, &|x| {
        let less = |a: &Datum, b: &Datum| binary(Bin::Less, a, b) == Datum::Bool(true);
        let min = |a: &Datum, b: &Datum| if less(b, a) { b.clone() } else { a.clone() };
        let max = |a: &Datum, b: &Datum| if less(a, b) { b.clone() } else { a.clone() };
        match fun {
            Fun::Min => min(&x[0], &x[1]),
            Fun::Max => max(&x[0], &x[1]),
            Fun::Clamp => min(&max(&x[0], &x[1]), &x[2]),
            _ => max(&x[0], &unary(UnaryOperator::Negate, &x[0])),
        }
    }))
}

pub(super) fn determinant(mut m: Vec<Vec<f64>>) -> f64 {
    let mut product = 1.0;
    for k in 0..m.len() {
        let pivot = (k..m.len()).max_by(|a, b| m[*a][k].abs().total_cmp(&m[*b][k].abs()));
        let pivot = pivot.unwrap_or(k);
        if m[pivot][k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            m.swap(pivot, k);
            product = -product;
        }
        product *= m[k][k];
        let (done, rest) = m.split_at_mut(k + 1);
        for row in rest {
            let factor = row[k] / done[k][k];
            for (to, from) in row.iter_mut().zip(&done[k]).skip(k) {
                *to -= factor * from;
            }
        }
    }
    product
}

pub(super) fn scalar(fun: Fun, x: &[f64]) -> Option<f64> {
    let a = x[0];
    let b = x.get(1).copied().unwrap_or(0.0);
    let c = x.get(2).copied().unwrap_or(0.0);
    Some(match fun {
        Fun::Abs => a.abs(),
        Fun::Min => a.min(b),
        Fun::Max => a.max(b),
        Fun::Clamp => a.max(b).min(c),
        Fun::Saturate => a.clamp(0.0, 1.0),
        Fun::Cos => a.cos(),
        Fun::Cosh => a.cosh(),
        Fun::Sin => a.sin(),
        Fun::Sinh => a.sinh(),
        Fun::Tan => a.tan(),
        Fun::Tanh => a.tanh(),
        Fun::Acos => a.acos(),
        Fun::Asin => a.asin(),
        Fun::Atan => a.atan(),
        Fun::Atan2 => a.atan2(b),
        Fun::Asinh => a.asinh(),
        Fun::Acosh => a.acosh(),
        Fun::Atanh => a.atanh(),
        Fun::Radians => a.to_radians(),
        Fun::Degrees => a.to_degrees(),
        Fun::Ceil => a.ceil(),
        Fun::Floor => a.floor(),
        Fun::Round => a.round_ties_even(),
        Fun::Fract => a - a.floor(),
        Fun::Trunc => a.trunc(),
        Fun::Exp => a.exp(),
        Fun::Exp2 => a.exp2(),
        Fun::Log => a.ln(),
        Fun::Log2 => a.log2(),
        // WGSL's pow is exp2(b log2 a), undefined below zero.
        Fun::Pow if a < 0.0 => f64::NAN,
        Fun::Pow => a.powf(b),
        Fun::Sign => sign(a),
        Fun::Fma => a * b + c,
        Fun::Mix => a * (1.0 - c) + b * c,
        Fun::Step => f64::from(u8::from(a <= b)),
        Fun::SmoothStep => {
            let t = ((c - a) / (b - a)).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        }
        Fun::Sqrt => a.sqrt(),
        Fun::InverseSqrt => 1.0 / a.sqrt(),
        _ => return None,
    })
}
