//! Pictures of weighted particles. Weights are always respected.

mod canvas;
mod curves;
mod decay;
mod demo;
mod geodesics;
mod heat_map;
mod histogram;
mod marginal;
mod sample;

pub(crate) use canvas::{BLUE, ORANGE};
pub(crate) use curves::Curve;
pub(crate) use decay::decay;
pub(crate) use demo::{Panel, demo};
pub(crate) use geodesics::{Journey, Look, geodesics};
pub(crate) use sample::sample;
