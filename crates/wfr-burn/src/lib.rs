//! Score models of [burn], composed and sampled by [wfr] on one device.
//!
//! Before each step wfr asks its external models for their scores. Here the positions go into a
//! burn tensor and the scores into wfr's buffers by copies on the device; nothing passes through
//! the host.
//!
//! ```no_run
//! use wfr::diffusion::{Composition, Noise, Rule, Spacing};
//! use wfr::{Config, Sampler};
//! use wfr_burn::{Model, Shared};
//!
//! # fn main() -> wfr::Result<()> {
//! let adapter = pollster::block_on(wfr::adapter(None))?;
//! let shared = pollster::block_on(Shared::open(&adapter))?;
//! // ∇ log N(0, α² + σ²): any burn module does as well.
//! let bell = Model::new("bell", 2, |x, level| {
//!     x.div_scalar(-(level.alpha.powi(2) + level.sigma.powi(2)))
//! });
//!
//! let noise = Noise::variance_preserving(0.1, 20.0);
//! let problem =
//!     Composition::new(noise, vec![bell.score_model()?], Rule::annealed(2.0)).problem()?;
//! let schedule = noise.schedule(Spacing::Uniform, 1e-3, 200)?;
//! let config = Config { particles: 10_000, schedule, ..Config::default() };
//! let mut sampler = Sampler::new(shared.gpu(), &problem, config)?;
//! let info = shared.run(&mut sampler, &[bell])?;
//! # Ok(())
//! # }
//! ```
//!
//! [burn]: https://burn.dev
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod exchange;
mod model;
mod shared;

pub use model::{Evaluation, Level, Model};
pub use shared::Shared;

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
