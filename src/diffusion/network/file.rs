//! Reads safetensors files: metadata, and tensors as single precision.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};

/// A tensor of one or two axes in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// What a file holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub metadata: BTreeMap<String, String>,
    pub tensors: BTreeMap<String, Tensor>,
}

/// Reads the bytes of the file `name`.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Contents> {
    let broken = |error: safetensors::SafeTensorError| {
        let length = bytes.len();
        let reason = format!(
            "is not a whole safetensors file ({error}; it has {length} bytes); copy or write it \
             again"
        );
        Error::file(name, reason)
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut tensors = BTreeMap::new();
    for (tensor, view) in file.iter() {
        let values = values(view.dtype(), view.data()).ok_or_else(|| {
            let found = format!("tensor {tensor} has numbers of type {:?}", view.dtype());
            Error::file(name, format!("{found}; save it as F32, F64, F16 or BF16"))
        })?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let place = place(at, view.shape());
            let reason = format!(
                "tensor {tensor} is {} at {place}, and weights must be finite in single precision; \
                 train again",
                values[at]
            );
            return Err(Error::file(name, reason));
        }
        tensors.insert(tensor.to_string(), Tensor { shape: view.shape().to_vec(), values });
    }
    Ok(Contents { metadata, tensors })
}

/// The index of a value among all, along every axis.
fn place(mut at: usize, shape: &[usize]) -> String {
    let mut indices = Vec::new();
    for size in shape.iter().rev() {
        indices.push((at % size).to_string());
        at /= size;
    }
    indices.reverse();
    format!("[{}]", indices.join(", "))
}

/// Little-endian numbers as single precision, for the types that networks are saved in.
fn values(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    let halves = || data.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b));
    Some(match dtype {
        Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        Dtype::BF16 => halves().map(|half| f32::from_bits(u32::from(half) << 16)).collect(),
        Dtype::F16 => halves().map(half).collect(),
        _ => return None,
    })
}

/// An IEEE 754 half: 1 bit of sign, 5 of exponent, 10 of mantissa.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let mantissa = f32::from(bits & 0x3ff);
    sign * match bits >> 10 & 0x1f {
        0 => mantissa * 2_f32.powi(-24),
        31 if mantissa == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1024.0 + mantissa) * 2_f32.powi(i32::from(exponent) - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_as_the_standard_says() {
        let cases = [
            (0x0000, 0.0),
            (0x0001, 2_f32.powi(-24)),
            (0x03ff, 1023.0 * 2_f32.powi(-24)),
            (0x0400, 2_f32.powi(-14)),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn places_count_along_every_axis() {
        assert_eq!(place(7, &[3, 5]), "[1, 2]");
        assert_eq!(place(4, &[8]), "[4]");
    }
}
