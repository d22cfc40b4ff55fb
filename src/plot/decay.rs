//! The picture of `wfr gap`: divergences from the target over time.

use std::path::Path;

use plotters::element::Text;

use super::canvas::{Drawn, GREY, INK, picture, text, words};
use super::curves::{Curve, curves};
use super::heat_map::Labels;

/// Draws divergences on a logarithmic axis under a title and a line of facts.
pub(crate) fn decay(path: &Path, title: &str, facts: &str, all: &[Curve]) -> Drawn {
    let measured = all.iter().filter(|curve| !curve.theory).flat_map(|curve| &curve.points);
    let values = measured.map(|point| point.1).filter(|value| *value > 0.0);
    let (low, high) =
        values.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
    if high <= 0.0 {
        return Err("no divergence stands clear of chance, so that there is nothing to draw".into());
    }
    picture(path, (1400, 980), |root| {
        let root = root.margin(28, 20, 28, 36);
        let (head, body) = root.split_vertically(110);
        head.draw(&Text::new(title.to_string(), (0, 0), text(42, INK))).map_err(words)?;
        head.draw(&Text::new(facts.to_string(), (0, 56), text(26, GREY))).map_err(words)?;
        let labels = Labels { x: "time", y: "KL(p|π)", height: 26, notes: &[], parting: None };
        // Whole decades below, so that the axis has numbers.
        let bottom = 10_f64.powf((0.7 * low).log10().floor());
        curves(&body, all, bottom..1.5 * high, true, &labels)
    })
}
