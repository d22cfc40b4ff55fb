//! The rules that take more than a line or two.

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun};

use super::super::build::Builder;
use super::super::ir::{self, Op, Type, Value};
use super::super::linear::Linear;
use super::either;

/// t² (3 − 2 t) with t = clamp((x − low)/(high − low), 0, 1).
pub(super) fn smooth_step(
    b: &mut Builder,
    x: &[Value],
    ty: &Type,
    wanted: &dyn Fn(usize) -> bool,
) -> Vec<(usize, Linear)> {
    let (zero, one, six) = (b.zero(ty.clone()), b.constant(1.0, ty), b.constant(6.0, ty));
    let (along, width) = (b.sub(x[2], x[0]), b.sub(x[1], x[0]));
    let t = b.div(along, width);
    let (below, above) = (b.compare(Bin::Less, t, zero), b.compare(Bin::Greater, t, one));
    let outside = b.value(Op::Binary(either(ty), below, above), b.ty(below));
    let rest = b.sub(one, t);
    let slope = b.mul(t, rest);
    let slope = b.mul(six, slope);
    let slope = b.div(slope, width);
    let slope = b.select(slope, zero, outside);
    let mut maps = vec![(2, Linear::Scale(slope))];
    if wanted(0) {
        let less = b.sub(t, one);
        maps.push((0, Linear::Scale(b.mul(slope, less))));
    }
    if wanted(1) {
        let less = b.mul(slope, t);
        maps.push((1, Linear::Scale(b.neg(less))));
    }
    maps.retain(|(i, _)| wanted(*i));
    maps
}

/// η i − (η c + √k) n with c = n·i and k = 1 − η² (1 − c²); zero where k < 0.
pub(super) fn refract(
    b: &mut Builder,
    x: &[Value],
    wanted: &dyn Fn(usize) -> bool,
) -> Vec<(usize, Linear)> {
    let [i, n, eta] = x else { return Vec::new() };
    let (zero, one) = (b.float(0.0), b.float(1.0));
    let c = b.dot(*n, *i);
    let (cc, square) = (b.mul(c, c), b.mul(*eta, *eta));
    let sine = b.sub(one, cc);
    let lost = b.mul(square, sine);
    let k = b.sub(one, lost);
    let root = b.math(Fun::Sqrt, vec![k]);
    let total = b.compare(Bin::LessEqual, k, zero);
    let inverse = b.div(one, root);
    let inverse = b.select(inverse, zero, total);
    // √k moves by η² c / √k with c, and by −η (1 − c²) / √k with η.
    let with_c = b.mul(square, c);
    let with_c = b.mul(with_c, inverse);
    let with_c = b.add(*eta, with_c);
    let along = b.mul(*eta, c);
    let along = b.add(along, root);
    let (with_c, along) = (b.select(with_c, zero, total), b.select(along, zero, total));
    let scale = b.select(*eta, zero, total);
    let u = b.mul(*n, with_c);
    let u = b.neg(u);
    let mut maps = vec![(0, Linear::RankOne { u, v: *n, scale })];
    if wanted(1) {
        let scale = b.neg(along);
        maps.push((1, Linear::RankOne { u, v: *i, scale }));
    }
    if wanted(2) {
        let with_eta = b.mul(*eta, sine);
        let with_eta = b.mul(with_eta, inverse);
        let with_eta = b.sub(c, with_eta);
        let normal = b.mul(*n, with_eta);
        let slope = b.sub(*i, normal);
        let none = b.zero(b.ty(slope));
        maps.push((2, Linear::Scale(b.select(slope, none, total))));
    }
    maps.retain(|(i, _)| wanted(*i));
    maps
}

/// The matrix of cofactors, the gradient of the determinant.
pub(super) fn cofactors(b: &mut Builder, of: Value) -> Value {
    let ty = b.ty(of);
    let size = ty.parts();
    let columns: Vec<Value> = (0..size).map(|column| b.extract(of, column)).collect();
    let entry = |b: &mut Builder, column: usize, row: u32| b.extract(columns[column], row);
    let mut result = Vec::new();
    for column in 0..size as usize {
        let mut parts = Vec::new();
        for row in 0..size {
            let rows: Vec<u32> = (0..size).filter(|r| *r != row).collect();
            let others: Vec<usize> = (0..size as usize).filter(|c| *c != column).collect();
            let minor = match size {
                2 => entry(b, others[0], rows[0]),
                3 => {
                    let (p, q) = (entry(b, others[0], rows[0]), entry(b, others[1], rows[1]));
                    let (r, s) = (entry(b, others[1], rows[0]), entry(b, others[0], rows[1]));
                    let (pq, rs) = (b.mul(p, q), b.mul(r, s));
                    b.sub(pq, rs)
                }
                _ => {
                    let shape = Type::Vector(3, ir::Scalar::F32);
                    let mut vectors = Vec::new();
                    for other in &others {
                        let parts = rows.iter().map(|row| entry(b, *other, *row)).collect();
                        vectors.push(b.compose(parts, shape.clone()));
                    }
                    let cross = b.math(Fun::Cross, vec![vectors[1], vectors[2]]);
                    b.dot(vectors[0], cross)
                }
            };
            parts.push(if (column as u32 + row).is_multiple_of(2) { minor } else { b.neg(minor) });
        }
        result.push(b.compose(parts, ty.part(0)));
    }
    b.compose(result, ty)
}
