//! Pretrained diffusion models: what they are, and how several become one.
//!
//! A [`Composition`] is a number of [`ScoreModel`]s on one [`Noise`], combined by a [`Rule`].

mod composition;
mod curve;
mod mixture;
mod model;
mod noise;
mod rule;

pub use composition::{Composition, Tracking};
pub use curve::Curve;
pub use mixture::Evaluation;
pub use model::{Outputs, ScoreModel};
pub use noise::{Noise, Spacing};
pub use rule::Rule;
