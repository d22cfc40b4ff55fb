//! Values on the host, and how they lie in buffers.

use super::super::ir::{Scalar, Type};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum {
    Float(f64),
    Int(i32),
    Uint(u32),
    Bool(bool),
    All(Vec<Datum>),
}

pub(super) fn zero(ty: &Type) -> Datum {
    match ty {
        Type::Scalar(Scalar::F32) => Datum::Float(0.0),
        Type::Scalar(Scalar::I32) => Datum::Int(0),
        Type::Scalar(Scalar::U32) => Datum::Uint(0),
        Type::Scalar(Scalar::Bool) => Datum::Bool(false),
        _ => Datum::All((0..ty.parts()).map(|part| zero(&ty.part(part))).collect()),
    }
}

pub(super) fn filled(ty: &Type, numbers: &mut impl Iterator<Item = f64>) -> Datum {
    match ty {
        Type::Scalar(Scalar::F32) => Datum::Float(numbers.next().unwrap_or(0.0)),
        Type::Scalar(_) => zero(ty),
        _ => Datum::All((0..ty.parts()).map(|part| filled(&ty.part(part), numbers)).collect()),
    }
}

pub(super) fn numbers(datum: &Datum) -> Vec<f64> {
    match datum {
        Datum::Float(value) => vec![*value],
        Datum::All(parts) => parts.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// Words of a type in a buffer; a vector of three has the room of four.
pub(super) fn words(ty: &Type) -> usize {
    match ty {
        Type::Scalar(_) => 1,
        Type::Vector(2, _) => 2,
        Type::Vector(..) => 4,
        _ => (0..ty.parts()).map(|part| words(&ty.part(part))).sum(),
    }
}

pub(super) fn read(ty: &Type, word: &mut dyn FnMut() -> f32) -> Datum {
    match ty {
        Type::Scalar(Scalar::F32) => Datum::Float(f64::from(word())),
        Type::Scalar(Scalar::U32) => Datum::Uint(word().to_bits()),
        Type::Scalar(_) => Datum::Int(word().to_bits() as i32),
        _ => Datum::All((0..ty.parts()).map(|part| read(&ty.part(part), word)).collect()),
    }
}

/// A part in memory; an index out of bounds means the last one.
pub(super) fn part_of<'d>(datum: &'d mut Datum, path: &[usize]) -> &'d mut Datum {
    let mut datum = datum;
    for index in path {
        if let Datum::All(parts) = datum {
            let last = parts.len().saturating_sub(1);
            datum = &mut parts[(*index).min(last)];
        } else {
            break;
        }
    }
    datum
}

pub(super) fn at(datum: &Datum, index: usize) -> Datum {
    match datum {
        Datum::All(parts) => {
            parts.get(index).or(parts.last()).cloned().unwrap_or(Datum::Float(0.0))
        }
        one => one.clone(),
    }
}

/// Component by component; scalars go with every component.
pub(super) fn each(data: &[Datum], f: &dyn Fn(&[Datum]) -> Datum) -> Datum {
    let lanes = data.iter().find_map(|datum| match datum {
        Datum::All(parts) => Some(parts.len()),
        _ => None,
    });
    match lanes {
        None => f(data),
        Some(lanes) => {
            let lane = |k: usize| data.iter().map(|datum| at(datum, k)).collect::<Vec<_>>();
            Datum::All((0..lanes).map(|k| each(&lane(k), f)).collect())
        }
    }
}
