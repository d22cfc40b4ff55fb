//! Pictures of weighted particles. Weights are always respected.

mod animation;
mod bins;
mod canvas;
mod clouds;
mod contour;
mod corner;
mod curves;
mod demo;
mod density;
mod encode;
mod escape;
mod exact;
mod genealogy;
mod geodesics;
mod heat_map;
mod histogram;
mod legend;
mod maps;
mod marginal;
mod modes;
mod over_time;
mod pictures;
mod scene;
mod surface;
mod svg;
#[cfg(test)]
mod tests;
mod traces;
mod weights;

pub(crate) use animation::{CAPTION as ANIMATION_CAPTION, animation, is_animated};
pub(crate) use canvas::{COLORS, Format, GREY};
pub(crate) use clouds::{Cloud, clouds};
pub(crate) use curves::Curve;
pub(crate) use demo::{Panel, demo};
pub(crate) use escape::escaped;
pub(crate) use exact::Exact;
pub(crate) use geodesics::{Journey, Look, geodesics};
pub(crate) use maps::{Maps, maps};
pub(crate) use over_time::{Heading, over_time};
pub(crate) use pictures::Kind;
pub(crate) use scene::{Counts, MOST_COORDINATES, Scene};
