//! Pictures of weighted particles. Weights are always respected.

mod canvas;
mod demo;
mod heat_map;
mod histogram;
mod marginal;
mod sample;

pub(crate) use demo::{Panel, demo};
pub(crate) use sample::sample;
