//! Parameters that change along a run.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A number as a function of the schedule's β in [0, 1]: constant, or linear between points.
///
/// ```
/// use wfr::diffusion::Curve;
/// assert_eq!(Curve::linear(0.1, 0.6).at(0.5), 0.35);
/// assert_eq!("0.1:0.6".parse::<Curve>()?, Curve::linear(0.1, 0.6));
/// # Ok::<(), wfr::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Curve(Vec<f64>);

impl Curve {
    /// The same number throughout.
    pub fn constant(value: f64) -> Curve {
        Curve(vec![value])
    }

    /// From `begin` at β = 0, where noise is largest, to `end` at β = 1.
    pub fn linear(begin: f64, end: f64) -> Curve {
        Curve(vec![begin, end])
    }

    /// Linear between values at equal distances of β; the first is at 0 and the last at 1.
    ///
    /// # Errors
    /// When there are none.
    pub fn through(values: &[f64]) -> Result<Curve> {
        match values {
            [] => Err(Error::config("curve", "has no values; give one at least")),
            _ => Ok(Curve(values.to_vec())),
        }
    }

    /// Its value at β.
    pub fn at(&self, beta: f64) -> f64 {
        let last = self.0.len() - 1;
        let place = beta.clamp(0.0, 1.0) * last as f64;
        let k = (place as usize).min(last.saturating_sub(1));
        match self.0.get(k + 1) {
            Some(next) => self.0[k] + (place - k as f64) * (next - self.0[k]),
            None => self.0[k],
        }
    }

    /// Whether it is the same everywhere.
    pub fn is_constant(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// 1 − this.
    pub(crate) fn complement(&self) -> Curve {
        Curve(self.0.iter().map(|value| 1.0 - value).collect())
    }

    /// Several, in words.
    pub(crate) fn list(curves: &[Curve]) -> String {
        curves.iter().map(Curve::to_string).collect::<Vec<_>>().join(", ")
    }

    /// The least and the largest value.
    pub(crate) fn range(&self) -> (f64, f64) {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        self.0.iter().fold(ends, |(low, high), v| (low.min(*v), high.max(*v)))
    }

    /// Whether every value is a number.
    pub(crate) fn is_finite(&self) -> bool {
        self.0.iter().all(|value| value.is_finite())
    }
}

impl From<f64> for Curve {
    fn from(value: f64) -> Curve {
        Curve::constant(value)
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<_> = self.0.iter().map(f64::to_string).collect();
        f.write_str(&values.join(":"))
    }
}

impl FromStr for Curve {
    type Err = Error;

    fn from_str(text: &str) -> Result<Curve> {
        let values: Result<Vec<f64>, _> = text.split(':').map(|part| part.trim().parse()).collect();
        match values {
            Ok(values) if values.iter().all(|v| v.is_finite()) => Ok(Curve(values)),
            _ => {
                let reason = format!("= {text} is not a number, or numbers joined by colons");
                Err(Error::config("curve", reason))
            }
        }
    }
}
