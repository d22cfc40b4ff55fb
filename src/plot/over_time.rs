//! A picture of positive quantities over time, on a logarithmic axis.

use std::path::Path;

use plotters::element::Text;

use super::canvas::{Drawn, GREY, INK, picture, text, words};
use super::curves::{Curve, curves};
use super::heat_map::Labels;

/// What stands around the curves.
pub(crate) struct Heading<'a> {
    pub(crate) title: &'a str,
    /// One line below the title.
    pub(crate) facts: &'a str,
    /// Below the x axis.
    pub(crate) x: &'a str,
    /// Beside the y axis.
    pub(crate) y: &'a str,
    /// The axis ends at so many times the largest value: room for the legend.
    pub(crate) room: f64,
}

/// Draws curves under a title and a line of facts.
pub(crate) fn over_time(path: &Path, heading: &Heading<'_>, all: &[Curve]) -> Drawn {
    let measured = all.iter().filter(|curve| !curve.theory).flat_map(|curve| &curve.points);
    let values = measured.map(|point| point.1).filter(|value| *value > 0.0);
    let (low, high) =
        values.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
    if high <= 0.0 {
        return Err("nothing is above zero, so that there is nothing to draw".into());
    }
    picture(path, (1400, 980), |root| {
        let root = root.margin(28, 20, 28, 36);
        let (head, body) = root.split_vertically(110);
        let title = Text::new(heading.title.to_string(), (0, 0), text(42, INK));
        head.draw(&title).map_err(words)?;
        let facts = Text::new(heading.facts.to_string(), (0, 56), text(26, GREY));
        head.draw(&facts).map_err(words)?;
        let labels = Labels {
            x: heading.x,
            y: heading.y,
            height: 26,
            x_ticks: 5,
            notes: &[],
            parting: None,
        };
        // Whole decades below, so that the axis has numbers.
        let bottom = 10_f64.powf((0.7 * low).log10().floor());
        curves(&body, all, bottom..heading.room * high, &labels)
    })
}
