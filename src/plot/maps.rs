//! A density in the plane beside weighted samples of it: the picture of `wfr experiment transfer`.

use std::ops::Range;
use std::path::Path;

use plotters::element::Text;
use wfr::Particles;

use super::canvas::{Drawn, GREY, INK, picture, text, words};
use super::heat_map::{self, Labels};
use super::histogram::Plane;

/// The truth and the samples.
pub(crate) struct Maps<'a> {
    pub(crate) title: String,
    /// One line below the title.
    pub(crate) facts: String,
    pub(crate) x: Range<f64>,
    pub(crate) y: Range<f64>,
    pub(crate) exact: &'a dyn Fn(f64, f64) -> f64,
    /// Each with its name.
    pub(crate) samples: Vec<(&'a str, &'a Particles)>,
}

const HEIGHT: u32 = 28;
const BINS: (usize, usize) = (120, 80);

/// Draws the exact density, then each sample's, in one scale of colours.
pub(crate) fn maps(path: &Path, maps: &Maps<'_>) -> Drawn {
    let (x, y) = (&maps.x, &maps.y);
    let exact = Plane::from_density(x.clone(), y.clone(), BINS, maps.exact);
    let peak = exact.peak();
    let sampled = maps.samples.iter().map(|(name, particles)| {
        (*name, Plane::of(particles, &particles.weights(), x.clone(), y.clone(), BINS))
    });
    let planes: Vec<(&str, Plane)> = [("exact", exact)].into_iter().chain(sampled).collect();
    picture(path, (40 + 800 * planes.len() as u32, 800), |root| {
        let root = root.margin(28, 20, 28, 36);
        let (head, body) = root.split_vertically(110);
        let title = Text::new(maps.title.clone(), (0, 0), text(44, INK));
        head.draw(&title).map_err(words)?;
        let facts = Text::new(maps.facts.clone(), (0, 60), text(HEIGHT, GREY));
        head.draw(&facts).map_err(words)?;
        let panels = body.split_evenly((1, planes.len()));
        for (k, (area, (name, plane))) in panels.iter().zip(&planes).enumerate() {
            let middle = 0.5 * (x.start + x.end);
            let top = y.end - 0.06 * (y.end - y.start);
            let notes = [((middle, top), (*name).to_string())];
            // The axis is named once.
            let y_name = if k == 0 { "x1" } else { "" };
            let labels = Labels {
                x: "x0",
                y: y_name,
                height: HEIGHT,
                x_ticks: 5,
                notes: &notes,
                parting: None,
            };
            heat_map::heat_map(area, plane, peak, &labels)?;
        }
        Ok(())
    })
}
