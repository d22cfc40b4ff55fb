//! Pictures of weighted particles. Weights are always respected.

mod canvas;
mod clouds;
mod curves;
mod demo;
mod encode;
mod escape;
mod geodesics;
mod heat_map;
mod histogram;
mod maps;
mod marginal;
mod over_time;
mod sample;
mod surface;
mod svg;

pub(crate) use canvas::{COLORS, GREY};
pub(crate) use clouds::{Cloud, clouds};
pub(crate) use curves::Curve;
pub(crate) use demo::{Panel, demo};
pub(crate) use geodesics::{Journey, Look, geodesics};
pub(crate) use maps::{Maps, maps};
pub(crate) use over_time::{Heading, over_time};
pub(crate) use sample::sample;
