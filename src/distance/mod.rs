//! Distances between two samples, or a sample and a law: how far a sampler is from its target.
//!
//! All take weighted [`Points`], in double precision and on the host:
//!
//! - [`wasserstein`]: what it costs to carry one sample to the other, W₁, W₂ or any power ≥ 1;
//! - [`energy_wasserstein`]: the same between the values of a log density at the points;
//! - [`mmd`]: the maximum mean discrepancy of a mixture of Gaussian kernels;
//! - [`total_variation`], [`total_variation_to_density`]: on the cells of a grid in the plane.
//!
//! No distance between two samples of a law is zero. [`floor`] says what two exact samples of the
//! same size are apart, which is all that a perfect sampler can reach; [`Mixture`] draws exactly.
//!
//! ```
//! use wfr::Component;
//! use wfr::distance::{Mixture, floor, wasserstein};
//!
//! # fn main() -> wfr::Result<()> {
//! let component = |x: f64| Component { weight: 1.0, mean: vec![x, 0.0], scale: vec![0.5] };
//! let law = Mixture::new(&[component(-3.0), component(3.0)])?;
//! let one_mode = Mixture::new(&[component(3.0)])?;
//!
//! let reached = floor(0..8, |seed| law.sample(400, seed), |a, b| wasserstein(a, b, 2.0))?;
//! let distance = wasserstein(&one_mode.sample(400, 1), &law.sample(400, 2), 2.0)?;
//! assert!(distance > reached.mean + 4.0 * reached.sd);
//! # Ok(())
//! # }
//! ```

mod assignment;
mod floor;
mod grid;
mod mixture;
mod mmd;
mod points;
mod wasserstein;

pub use floor::{Floor, floor};
pub use grid::{Grid, total_variation, total_variation_to_density};
pub use mixture::Mixture;
pub use mmd::{BANDWIDTHS, Mmd, mmd};
pub use points::Points;
pub use wasserstein::{energy_wasserstein, wasserstein};

use crate::error::{Error, Result};

/// An error unless both have as many coordinates.
fn check_dims(a: &Points, b: &Points) -> Result<()> {
    if a.dim() != b.dim() {
        let reason = format!(
            "is between points in {} and in {} dimensions; give both the same",
            a.dim(),
            b.dim()
        );
        return Err(Error::config("distance", reason));
    }
    Ok(())
}
