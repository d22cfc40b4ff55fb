//! The derivative of every operation.
//!
//! At kinks: the first argument of `min` and `max` wins a tie; the ends of `clamp` belong to the
//! inside; |x|, √x and the length of a vector have derivative 0 at 0; `sign` has derivative 0.

mod longer;

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun, UnaryOperator};

use super::Refusal;
use super::build::Builder;
use super::ir::{Op, Span, Type, Value};
use super::linear::Linear;

/// What a number turns into that has no derivative any more.
pub(super) fn becomes(ty: &Type, span: &Span) -> Refusal {
    let message = format!(
        "a number that depends on the position becomes {} here, which jumps and has no derivative",
        super::print::type_name(ty)
    );
    Refusal::new(message, span.clone())
}

/// How a result moves with each operand that is wanted; operands as in [`Op::operands`], here with
/// their values in the function that is being written.
pub(super) fn partials(
    b: &mut Builder,
    op: &Op,
    operands: &[Value],
    result: Value,
    wanted: &dyn Fn(usize) -> bool,
    span: &Span,
) -> Result<Vec<(usize, Linear)>, Refusal> {
    let mut maps = Vec::new();
    match op {
        Op::Unary(UnaryOperator::Negate, _) => maps.push((0, Linear::Negate)),
        Op::Binary(binary, ..) => return arithmetic(b, *binary, operands, result, wanted, span),
        Op::Select { .. } => {
            let condition = operands[2];
            maps.push((0, Linear::Where { condition, accepted: false }));
            maps.push((1, Linear::Where { condition, accepted: true }));
        }
        Op::Guarded { .. } => {
            maps.push((0, Linear::Guarded(operands[1])));
            maps.push((1, Linear::GuardedBy(operands[0])));
        }
        Op::Splat(_) => maps.push((0, Linear::Splat)),
        Op::Swizzle(_, pattern) => maps.push((0, Linear::Swizzle(pattern.clone()))),
        Op::Extract(_, index) => maps.push((0, Linear::Extract(*index))),
        Op::ExtractAt(..) => maps.push((0, Linear::ExtractAt(operands[1]))),
        Op::Compose(_) => {
            let mut at = 0;
            for (i, part) in operands.iter().enumerate() {
                maps.push((i, Linear::Insert(at)));
                // A vector is composed of scalars and shorter vectors.
                let is_flat = b.ty(result).lanes().is_some();
                at += if is_flat { b.ty(*part).lanes().unwrap_or(1) } else { 1 };
            }
        }
        Op::Convert(_) | Op::Bitcast(_) => {
            let to = b.ty(result);
            if to == b.ty(operands[0]) {
                maps.push((0, Linear::Same));
            } else {
                return Err(becomes(&to, span));
            }
        }
        Op::Math(fun, _) => return math(b, *fun, operands, result, wanted, span),
        _ => {}
    }
    maps.retain(|(i, _)| wanted(*i));
    Ok(maps)
}

fn arithmetic(
    b: &mut Builder,
    op: Bin,
    x: &[Value],
    result: Value,
    wanted: &dyn Fn(usize) -> bool,
    span: &Span,
) -> Result<Vec<(usize, Linear)>, Refusal> {
    let mut maps = Vec::new();
    match op {
        Bin::Add => maps.extend([(0, Linear::Same), (1, Linear::Same)]),
        Bin::Subtract => maps.extend([(0, Linear::Same), (1, Linear::Negate)]),
        Bin::Multiply => {
            let is_matrix = |b: &Builder, i: usize| matches!(b.ty(x[i]), Type::Matrix(..));
            let is_scalar = |b: &Builder, i: usize| matches!(b.ty(x[i]), Type::Scalar(_));
            let is_linear_algebra =
                (is_matrix(b, 0) || is_matrix(b, 1)) && !is_scalar(b, 0) && !is_scalar(b, 1);
            if is_linear_algebra {
                maps.push((0, Linear::Product { with: x[1], on_left: true }));
                maps.push((1, Linear::Product { with: x[0], on_left: false }));
            } else {
                maps.push((0, Linear::Scale(x[1])));
                maps.push((1, Linear::Scale(x[0])));
            }
        }
        Bin::Divide => {
            let ty = b.ty(result);
            let one = b.constant(1.0, &b.ty(x[1]));
            let inverse = b.div(one, x[1]);
            if wanted(1) {
                let by = b.splat(inverse, &ty);
                let slope = b.mul(result, by);
                let slope = b.neg(slope);
                maps.push((1, Linear::Scale(slope)));
            }
            maps.push((0, Linear::Scale(inverse)));
        }
        Bin::Modulo => {
            let message = "`%` jumps and has no derivative there".to_string();
            return Err(Refusal::new(message, span.clone()));
        }
        // Comparisons choose between branches; they carry no derivative.
        _ => {}
    }
    maps.retain(|(i, _)| wanted(*i));
    Ok(maps)
}

fn math(
    b: &mut Builder,
    fun: Fun,
    x: &[Value],
    result: Value,
    wanted: &dyn Fn(usize) -> bool,
    span: &Span,
) -> Result<Vec<(usize, Linear)>, Refusal> {
    let ty = b.ty(result);
    let number = |b: &mut Builder, value: f32| b.constant(value, &ty);
    let mut maps = Vec::new();
    match fun {
        Fun::Abs => {
            let sign = b.math(Fun::Sign, vec![x[0]]);
            maps.push((0, Linear::Scale(sign)));
        }
        Fun::Min | Fun::Max => {
            // Not by order: where one of the two is no number, the result is the other.
            let condition = b.compare(Bin::Equal, result, x[0]);
            maps.push((0, Linear::Where { condition, accepted: true }));
            maps.push((1, Linear::Where { condition, accepted: false }));
        }
        Fun::Clamp | Fun::Saturate => {
            let (low, high) = match x {
                [_, low, high] => (*low, *high),
                _ => (number(b, 0.0), number(b, 1.0)),
            };
            let (below, above) =
                (b.compare(Bin::Less, x[0], low), b.compare(Bin::Greater, x[0], high));
            let outside = b.value(Op::Binary(either(&ty), below, above), b.ty(below));
            maps.push((0, Linear::Where { condition: outside, accepted: false }));
            maps.push((1, Linear::Where { condition: below, accepted: true }));
            maps.push((2, Linear::Where { condition: above, accepted: true }));
        }
        Fun::Dot => {
            maps.push((0, Linear::Dot(x[1])));
            maps.push((1, Linear::Dot(x[0])));
        }
        Fun::Cross => {
            maps.push((0, Linear::Cross { with: x[1], on_left: true }));
            maps.push((1, Linear::Cross { with: x[0], on_left: false }));
        }
        Fun::Length | Fun::Distance => {
            let along = if fun == Fun::Length { x[0] } else { b.sub(x[0], x[1]) };
            let inverse = inverse_or_zero(b, result);
            if b.ty(x[0]).lanes().is_none() {
                let sign = b.math(Fun::Sign, vec![along]);
                let minus = b.neg(sign);
                maps.extend([(0, Linear::Scale(sign)), (1, Linear::Scale(minus))]);
            } else {
                let direction = b.mul(along, inverse);
                maps.push((0, Linear::Dot(direction)));
                if wanted(1) {
                    maps.push((1, Linear::Dot(b.neg(direction))));
                }
            }
        }
        Fun::Normalize => {
            let length = b.value(Op::Math(Fun::Length, vec![x[0]]), super::ir::F32);
            let scale = inverse_or_zero(b, length);
            // Not the result, which is no number where the length is 0.
            let direction = b.mul(x[0], scale);
            let minus = b.neg(scale);
            let u = b.mul(direction, minus);
            maps.push((0, Linear::RankOne { u, v: direction, scale }));
        }
        Fun::FaceForward => {
            let along = b.dot(x[2], x[1]);
            let zero = b.float(0.0);
            let ahead = b.compare(Bin::Less, along, zero);
            let (plus, minus) = (b.float(1.0), b.float(-1.0));
            let sign = b.select(minus, plus, ahead);
            maps.push((0, Linear::Scale(sign)));
        }
        Fun::Reflect => {
            let minus_two = b.float(-2.0);
            let one = b.float(1.0);
            let u = b.mul(minus_two, x[1]);
            maps.push((0, Linear::RankOne { u, v: x[1], scale: one }));
            if wanted(1) {
                let along = b.dot(x[1], x[0]);
                let scale = b.mul(minus_two, along);
                maps.push((1, Linear::RankOne { u, v: x[0], scale }));
            }
        }
        Fun::Refract => return Ok(longer::refract(b, x, wanted)),
        Fun::Determinant => maps.push((0, Linear::Frobenius(longer::cofactors(b, x[0])))),
        Fun::Transpose => maps.push((0, Linear::Transpose)),
        Fun::Fma => {
            maps.push((0, Linear::Scale(x[1])));
            maps.push((1, Linear::Scale(x[0])));
            maps.push((2, Linear::Same));
        }
        Fun::Mix => {
            let one = b.constant(1.0, &b.ty(x[2]));
            let rest = b.sub(one, x[2]);
            maps.push((0, Linear::Scale(rest)));
            maps.push((1, Linear::Scale(x[2])));
            if wanted(2) {
                maps.push((2, Linear::Scale(b.sub(x[1], x[0]))));
            }
        }
        Fun::SmoothStep => return Ok(longer::smooth_step(b, x, &ty, wanted)),
        Fun::Pow => {
            if wanted(0) {
                maps.push((0, Linear::Scale(power_slope(b, x, &ty))));
            }
            if wanted(1) {
                // The limit at base 0, where the logarithm is infinite.
                let zero = b.zero(ty.clone());
                let log = b.math(Fun::Log, vec![x[0]]);
                let slope = b.mul(result, log);
                let at_zero = b.compare(Bin::Equal, result, zero);
                maps.push((1, Linear::Scale(b.select(slope, zero, at_zero))));
            }
        }
        Fun::Ldexp => {
            let one = number(b, 1.0);
            let factor = b.value(Op::Math(Fun::Ldexp, vec![one, x[1]]), ty.clone());
            maps.push((0, Linear::Scale(factor)));
        }
        Fun::Atan2 => {
            let (yy, xx) = (b.mul(x[0], x[0]), b.mul(x[1], x[1]));
            let square = b.add(yy, xx);
            maps.push((0, Linear::Scale(b.div(x[1], square))));
            if wanted(1) {
                let slope = b.div(x[0], square);
                maps.push((1, Linear::Scale(b.neg(slope))));
            }
        }
        // Constant between its jumps; mostly a factor beside |x|.
        Fun::Sign => {}
        Fun::Floor | Fun::Ceil | Fun::Round | Fun::Trunc | Fun::Fract | Fun::Step => {
            let name = super::print::math_name(fun).unwrap_or_default();
            let message = format!("`{name}` jumps and has no derivative there");
            return Err(Refusal::new(message, span.clone()));
        }
        _ => match slope(b, fun, x[0], result, &ty) {
            Some(slope) => maps.push((0, Linear::Scale(slope))),
            None => {
                let name = super::print::math_name(fun).unwrap_or("this function");
                let message = format!("`{name}` has no derivative");
                return Err(Refusal::new(message, span.clone()));
            }
        },
    }
    maps.retain(|(i, _)| wanted(*i));
    Ok(maps)
}

/// The derivative of a function of one number, component by component.
fn slope(b: &mut Builder, fun: Fun, x: Value, result: Value, ty: &Type) -> Option<Value> {
    let number = |b: &mut Builder, value: f32| b.constant(value, ty);
    Some(match fun {
        Fun::Sin => b.math(Fun::Cos, vec![x]),
        Fun::Cos => {
            let sin = b.math(Fun::Sin, vec![x]);
            b.neg(sin)
        }
        Fun::Tan => {
            let (one, square) = (number(b, 1.0), b.mul(result, result));
            b.add(one, square)
        }
        Fun::Sinh => b.math(Fun::Cosh, vec![x]),
        Fun::Cosh => b.math(Fun::Sinh, vec![x]),
        Fun::Tanh => {
            let (one, square) = (number(b, 1.0), b.mul(result, result));
            b.sub(one, square)
        }
        Fun::Asin | Fun::Acos => {
            let slope = inverse_root(b, x, ty, |b, one, square| b.sub(one, square));
            if fun == Fun::Asin { slope } else { b.neg(slope) }
        }
        Fun::Asinh => inverse_root(b, x, ty, |b, one, square| b.add(square, one)),
        Fun::Acosh => inverse_root(b, x, ty, |b, one, square| b.sub(square, one)),
        Fun::Atan => {
            let (one, square) = (number(b, 1.0), b.mul(x, x));
            let sum = b.add(one, square);
            b.div(one, sum)
        }
        Fun::Atanh => {
            let (one, square) = (number(b, 1.0), b.mul(x, x));
            let rest = b.sub(one, square);
            b.div(one, rest)
        }
        Fun::Radians => number(b, std::f32::consts::PI / 180.0),
        Fun::Degrees => number(b, 180.0 / std::f32::consts::PI),
        Fun::Exp => result,
        Fun::Exp2 => {
            let factor = number(b, std::f32::consts::LN_2);
            b.mul(factor, result)
        }
        Fun::Log => {
            let one = number(b, 1.0);
            b.div(one, x)
        }
        Fun::Log2 => {
            let factor = number(b, std::f32::consts::LOG2_E);
            b.div(factor, x)
        }
        Fun::Sqrt => {
            let (half, zero) = (number(b, 0.5), b.zero(ty.clone()));
            let slope = b.div(half, result);
            let at_zero = b.compare(Bin::Equal, result, zero);
            b.select(slope, zero, at_zero)
        }
        Fun::InverseSqrt => {
            let factor = number(b, -0.5);
            let slope = b.div(result, x);
            b.mul(factor, slope)
        }
        _ => return None,
    })
}

/// `||` of scalars, `|` of vectors.
fn either(ty: &Type) -> Bin {
    if ty.lanes().is_some() { Bin::InclusiveOr } else { Bin::LogicalOr }
}

fn inverse_root(
    b: &mut Builder,
    x: Value,
    ty: &Type,
    under: impl FnOnce(&mut Builder, Value, Value) -> Value,
) -> Value {
    let (one, square) = (b.constant(1.0, ty), b.mul(x, x));
    let under = under(b, one, square);
    b.math(Fun::InverseSqrt, vec![under])
}

/// 1/length, and 0 where the length is 0: no direction leads away from there.
fn inverse_or_zero(b: &mut Builder, length: Value) -> Value {
    let (one, zero) = (b.float(1.0), b.float(0.0));
    let inverse = b.div(one, length);
    let at_zero = b.compare(Bin::Equal, length, zero);
    b.select(inverse, zero, at_zero)
}

/// b a^(b−1); for small whole exponents by products, because `pow` is undefined below zero.
fn power_slope(b: &mut Builder, x: &[Value], ty: &Type) -> Value {
    let exponent = match *b.op(x[1]) {
        Op::Float(exponent) => Some(exponent),
        Op::Splat(inner) => match *b.op(inner) {
            Op::Float(exponent) => Some(exponent),
            _ => None,
        },
        _ => None,
    };
    match exponent {
        Some(exponent) if exponent.fract() == 0.0 && (1.0..=16.0).contains(&exponent) => {
            let mut slope = b.constant(exponent, ty);
            for _ in 1..exponent as u32 {
                slope = b.mul(slope, x[0]);
            }
            slope
        }
        _ => {
            let one = b.constant(1.0, ty);
            let lower = b.sub(x[1], one);
            let power = b.math(Fun::Pow, vec![x[0], lower]);
            b.mul(x[1], power)
        }
    }
}
