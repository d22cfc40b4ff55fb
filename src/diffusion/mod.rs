//! Pretrained diffusion models: what they are, and how several become one.

mod noise;

pub use noise::{Noise, Spacing};
