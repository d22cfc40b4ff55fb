//! The log density of a target that is written as a formula, in `f64` and without the shader's
//! precautions: what the formula says.

#[cfg(test)]
pub(crate) use crate::formula::{Data, value};
use crate::target::Target;

/// The log density of a target made by [`Target::from_formula`] at `x`, itself and not its offset from
/// a center, with its parameters and data; `None` for any other target, or where a parameter has no value.
pub fn log_density(target: &Target, x: &[f64]) -> Option<f64> {
    assert_eq!(x.len(), target.dim() as usize, "the point has the target's dimension");
    target.formula_value(x)
}
