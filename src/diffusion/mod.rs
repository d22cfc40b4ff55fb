//! Pretrained diffusion models: what they are, and how several become one.
//!
//! A [`Composition`] is a number of [`ScoreModel`]s on one [`Noise`], combined by a [`Rule`].

mod composition;
mod curve;
mod divergence;
mod mixture;
mod model;
mod names;
pub(crate) mod network;
mod noise;
mod quadrature;
mod rule;

pub(crate) use model::Kind;

pub(crate) use composition::Survey;
pub use composition::{Composition, Tracking};
pub use curve::Curve;
pub use divergence::{Divergence, Probe};
pub use mixture::Evaluation;
pub use model::{Outputs, ScoreError, ScoreModel};
pub use network::{Network, Scores};
pub use noise::{Noise, Spacing};
pub use quadrature::Quadrature;
pub use rule::Rule;
#[cfg(any(test, feature = "reference"))]
pub(crate) use {noise::Interval, rule::Exponents};
