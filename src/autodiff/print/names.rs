//! Names and signs of WGSL.

use wgpu::naga::{BinaryOperator as Bin, MathFunction as Fun};

use super::super::ir::{Alias, Scalar, Type};

pub(in super::super) fn type_name(ty: &Type) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Bool => "bool",
        Scalar::I32 => "i32",
        Scalar::U32 => "u32",
        Scalar::F32 => "f32",
    };
    match ty {
        Type::Scalar(of) => scalar(of).to_string(),
        Type::Vector(lanes, of) => format!("vec{lanes}<{}>", scalar(of)),
        Type::Matrix(columns, rows) => format!("mat{columns}x{rows}<f32>"),
        Type::Array(_, _, Alias(Some(name))) => name.to_string(),
        Type::Array(element, Some(length), _) => format!("array<{}, {length}>", type_name(element)),
        Type::Array(element, None, _) => format!("array<{}>", type_name(element)),
        Type::Struct(of) => of.name.clone(),
    }
}

/// The built-in functions of numbers, by their names in WGSL.
pub(in super::super) const MATH: &[(Fun, &str)] = &[
    (Fun::Abs, "abs"),
    (Fun::Min, "min"),
    (Fun::Max, "max"),
    (Fun::Clamp, "clamp"),
    (Fun::Saturate, "saturate"),
    (Fun::Cos, "cos"),
    (Fun::Cosh, "cosh"),
    (Fun::Sin, "sin"),
    (Fun::Sinh, "sinh"),
    (Fun::Tan, "tan"),
    (Fun::Tanh, "tanh"),
    (Fun::Acos, "acos"),
    (Fun::Asin, "asin"),
    (Fun::Atan, "atan"),
    (Fun::Atan2, "atan2"),
    (Fun::Asinh, "asinh"),
    (Fun::Acosh, "acosh"),
    (Fun::Atanh, "atanh"),
    (Fun::Radians, "radians"),
    (Fun::Degrees, "degrees"),
    (Fun::Ceil, "ceil"),
    (Fun::Floor, "floor"),
    (Fun::Round, "round"),
    (Fun::Fract, "fract"),
    (Fun::Trunc, "trunc"),
    (Fun::Ldexp, "ldexp"),
    (Fun::Exp, "exp"),
    (Fun::Exp2, "exp2"),
    (Fun::Log, "log"),
    (Fun::Log2, "log2"),
    (Fun::Pow, "pow"),
    (Fun::Dot, "dot"),
    (Fun::Dot4I8Packed, "dot4I8Packed"),
    (Fun::Dot4U8Packed, "dot4U8Packed"),
    (Fun::Cross, "cross"),
    (Fun::Distance, "distance"),
    (Fun::Length, "length"),
    (Fun::Normalize, "normalize"),
    (Fun::FaceForward, "faceForward"),
    (Fun::Reflect, "reflect"),
    (Fun::Refract, "refract"),
    (Fun::Sign, "sign"),
    (Fun::Fma, "fma"),
    (Fun::Mix, "mix"),
    (Fun::Step, "step"),
    (Fun::SmoothStep, "smoothstep"),
    (Fun::Sqrt, "sqrt"),
    (Fun::InverseSqrt, "inverseSqrt"),
    (Fun::Transpose, "transpose"),
    (Fun::Determinant, "determinant"),
    (Fun::QuantizeToF16, "quantizeToF16"),
    (Fun::CountTrailingZeros, "countTrailingZeros"),
    (Fun::CountLeadingZeros, "countLeadingZeros"),
    (Fun::CountOneBits, "countOneBits"),
    (Fun::ReverseBits, "reverseBits"),
    (Fun::ExtractBits, "extractBits"),
    (Fun::InsertBits, "insertBits"),
    (Fun::FirstTrailingBit, "firstTrailingBit"),
    (Fun::FirstLeadingBit, "firstLeadingBit"),
    (Fun::Pack4x8snorm, "pack4x8snorm"),
    (Fun::Pack4x8unorm, "pack4x8unorm"),
    (Fun::Pack2x16snorm, "pack2x16snorm"),
    (Fun::Pack2x16unorm, "pack2x16unorm"),
    (Fun::Pack2x16float, "pack2x16float"),
    (Fun::Pack4xI8, "pack4xI8"),
    (Fun::Pack4xU8, "pack4xU8"),
    (Fun::Pack4xI8Clamp, "pack4xI8Clamp"),
    (Fun::Pack4xU8Clamp, "pack4xU8Clamp"),
    (Fun::Unpack4x8snorm, "unpack4x8snorm"),
    (Fun::Unpack4x8unorm, "unpack4x8unorm"),
    (Fun::Unpack2x16snorm, "unpack2x16snorm"),
    (Fun::Unpack2x16unorm, "unpack2x16unorm"),
    (Fun::Unpack2x16float, "unpack2x16float"),
    (Fun::Unpack4xI8, "unpack4xI8"),
    (Fun::Unpack4xU8, "unpack4xU8"),
];

/// The name of a built-in function in WGSL.
pub(in super::super) fn math_name(fun: Fun) -> Option<&'static str> {
    MATH.iter().find(|(known, _)| *known == fun).map(|(_, name)| *name)
}

pub(super) fn symbol(op: Bin) -> &'static str {
    match op {
        Bin::Add => "+",
        Bin::Subtract => "-",
        Bin::Multiply => "*",
        Bin::Divide => "/",
        Bin::Modulo => "%",
        Bin::Equal => "==",
        Bin::NotEqual => "!=",
        Bin::Less => "<",
        Bin::LessEqual => "<=",
        Bin::Greater => ">",
        Bin::GreaterEqual => ">=",
        Bin::And => "&",
        Bin::ExclusiveOr => "^",
        Bin::InclusiveOr => "|",
        Bin::LogicalAnd => "&&",
        Bin::LogicalOr => "||",
        Bin::ShiftLeft => "<<",
        Bin::ShiftRight => ">>",
    }
}
