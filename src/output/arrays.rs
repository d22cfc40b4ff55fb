//! Named arrays of numbers: what files of results hold in whatever format.

use std::borrow::Cow;
use std::io;

use safetensors::Dtype;

use super::windows::Thinned;

/// The type of an array's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    F64,
    U32,
    Bool,
}

impl Element {
    /// The bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self {
            Element::Bool => 1,
            Element::F32 | Element::U32 => 4,
            Element::F64 => 8,
        }
    }

    /// NumPy's code.
    pub(crate) fn numpy(self) -> &'static str {
        match self {
            Element::F32 => "<f4",
            Element::F64 => "<f8",
            Element::U32 => "<u4",
            Element::Bool => "|b1",
        }
    }

    /// The type of a safetensors file.
    pub(crate) fn dtype(self) -> Dtype {
        match self {
            Element::F32 => Dtype::F32,
            Element::F64 => Dtype::F64,
            Element::U32 => Dtype::U32,
            Element::Bool => Dtype::BOOL,
        }
    }
}

/// A number as it lies in files: little-endian.
pub(crate) trait Number: Copy {
    const ELEMENT: Element;

    /// From as many bytes as it has.
    fn read(bytes: &[u8]) -> Self;

    /// To as many bytes as it has.
    fn write(self, bytes: &mut [u8]);
}

macro_rules! number {
    ($($ty:ty, $element:ident);+) => {$(
        impl Number for $ty {
            const ELEMENT: Element = Element::$element;

            fn read(bytes: &[u8]) -> $ty {
                let mut own = [0; size_of::<$ty>()];
                own.copy_from_slice(bytes);
                <$ty>::from_le_bytes(own)
            }

            fn write(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
        }
    )+};
}

number!(f32, F32; f64, F64; u32, U32);

impl Number for bool {
    const ELEMENT: Element = Element::Bool;

    fn read(bytes: &[u8]) -> bool {
        bytes[0] != 0
    }

    fn write(self, bytes: &mut [u8]) {
        bytes[0] = u8::from(self);
    }
}

/// Where the numbers of an array are.
#[derive(Clone)]
pub(crate) enum Values<'a> {
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
    U32(Cow<'a, [u32]>),
    Bool(Cow<'a, [bool]>),
    Positions(Thinned<'a>),
    /// Positions that are counted from a center, which is added.
    Centered(Thinned<'a>, &'a [f64]),
    LogWeights(Thinned<'a>),
    Ancestors(Thinned<'a>),
}

/// Some of an array's numbers, which follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
    U32(&'a [u32]),
    Bool(&'a [bool]),
}

/// A named array, row by row.
#[derive(Clone)]
pub(crate) struct Array<'a> {
    pub(crate) name: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values<'a>,
}

impl<'a> Array<'a> {
    /// Numbers of that shape.
    pub(crate) fn new(name: &'static str, shape: &[usize], values: Values<'a>) -> Array<'a> {
        Array { name, shape: shape.to_vec(), values }
    }

    /// What `pick` finds in each row.
    pub(crate) fn reals<T>(name: &'static str, rows: &[T], pick: fn(&T) -> f64) -> Array<'a> {
        Array::new(name, &[rows.len()], Values::F64(rows.iter().map(pick).collect()))
    }

    /// Likewise of whole numbers.
    pub(crate) fn wholes<T>(name: &'static str, rows: &[T], pick: fn(&T) -> u32) -> Array<'a> {
        Array::new(name, &[rows.len()], Values::U32(rows.iter().map(pick).collect()))
    }
}

impl Array<'_> {
    pub(crate) fn element(&self) -> Element {
        match self.values {
            Values::F32(_) | Values::Positions(_) | Values::LogWeights(_) => Element::F32,
            Values::F64(_) | Values::Centered(..) => Element::F64,
            Values::U32(_) | Values::Ancestors(_) => Element::U32,
            Values::Bool(_) => Element::Bool,
        }
    }

    /// The bytes of all its numbers.
    pub(crate) fn size(&self) -> usize {
        self.shape.iter().product::<usize>() * self.element().size()
    }

    /// Hands over all numbers in order, piece by piece.
    pub(crate) fn each_piece(
        &self,
        mut take: impl FnMut(Piece<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        match &self.values {
            Values::F32(all) => take(Piece::F32(all)),
            Values::F64(all) => take(Piece::F64(all)),
            Values::U32(all) => take(Piece::U32(all)),
            Values::Bool(all) => take(Piece::Bool(all)),
            Values::Positions(particles) => particles.positions(|some| take(Piece::F32(some))),
            Values::Centered(particles, center) => {
                particles.positions(|some| take(Piece::F64(&placed(some, center))))
            }
            Values::LogWeights(particles) => particles.log_weights(|some| take(Piece::F32(some))),
            Values::Ancestors(particles) => particles.ancestors(|some| take(Piece::U32(some))),
        }
    }

    /// Hands over the little-endian bytes of all numbers in order, piece by piece.
    pub(crate) fn each_bytes(
        &self,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = Vec::new();
        self.each_piece(|piece| {
            match piece {
                Piece::F32(some) => encode(some, &mut buffer),
                Piece::F64(some) => encode(some, &mut buffer),
                Piece::U32(some) => encode(some, &mut buffer),
                Piece::Bool(some) => encode(some, &mut buffer),
            }
            take(&buffer)
        })
    }
}

/// Positions, row by row, with the center that they are counted from.
pub(crate) fn placed(positions: &[f32], center: &[f64]) -> Vec<f64> {
    let place = |(x, center): (&f32, &f64)| f64::from(*x) + center;
    positions.iter().zip(center.iter().cycle()).map(place).collect()
}

fn encode<T: Number>(numbers: &[T], buffer: &mut Vec<u8>) {
    let size = T::ELEMENT.size();
    buffer.clear();
    buffer.resize(numbers.len() * size, 0);
    for (place, number) in buffer.chunks_exact_mut(size).zip(numbers) {
        number.write(place);
    }
}
