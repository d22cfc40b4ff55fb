//! A picture of several samples in the plane, side by side.

use std::ops::Range;
use std::path::Path;

use plotters::element::Text;

use super::canvas::{Drawn, GREY, INK, picture, text, words};
use super::heat_map::{self, Labels};
use super::histogram::Plane;
use wfr::Particles;

/// A sample under its name.
pub(crate) struct Cloud<'a> {
    pub(crate) title: &'a str,
    pub(crate) particles: &'a Particles,
}

const HEIGHT: u32 = 28;
const SIDE: u32 = 720;
const BINS: usize = 120;

/// Draws the densities of samples on a square, two in a row; the first one's peak has the last
/// colour, and what is above it too.
pub(crate) fn clouds(
    path: &Path,
    title: &str,
    facts: &str,
    range: Range<f64>,
    all: &[Cloud<'_>],
) -> Drawn {
    let plane = |cloud: &Cloud<'_>| {
        let weights = cloud.particles.weights();
        Plane::of(cloud.particles, &weights, range.clone(), range.clone(), (BINS, BINS))
    };
    let planes: Vec<Plane> = all.iter().map(plane).collect();
    let peak = planes.first().map_or(0.0, Plane::peak);
    let rows = all.len().div_ceil(2);
    picture(path, (2 * SIDE + 60, rows as u32 * SIDE + 160), |root| {
        let root = root.margin(28, 16, 28, 28);
        let (head, body) = root.split_vertically(108);
        head.draw(&Text::new(title.to_string(), (0, 0), text(52, INK))).map_err(words)?;
        head.draw(&Text::new(facts.to_string(), (0, 62), text(HEIGHT, GREY))).map_err(words)?;
        for ((area, cloud), plane) in body.split_evenly((rows, 2)).iter().zip(all).zip(&planes) {
            let (name, chart) = area.split_vertically(48);
            let left = heat_map::room_beside(HEIGHT) as i32;
            let title = Text::new(cloud.title.to_string(), (left, 4), text(36, INK));
            name.draw(&title).map_err(words)?;
            let labels =
                Labels { x: "", y: "", height: HEIGHT, x_ticks: 5, notes: &[], parting: None };
            heat_map::heat_map(&chart, plane, peak, &labels)?;
        }
        Ok(())
    })
}
