//! The density of one coordinate.

use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Polygon, Text};
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, Drawn, GREY, INK, centred, text, words};
use super::heat_map::{Labels, axes, room_below, room_beside};
use super::histogram::Line;

/// Draws the histogram filled, up to `top`, and an exact curve over it where one is known.
pub(super) fn marginal(
    area: &Area<'_>,
    line: &Line,
    color: RGBColor,
    exact: Option<&[(f64, f64)]>,
    top: f64,
    labels: &Labels<'_>,
) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(room_below(labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d(line.range.clone(), 0.0..top)
        .map_err(words)?;
    axes(&mut chart, labels, 4)?;

    let outline = line.outline();
    let fill = Polygon::new(outline.clone(), color.mix(0.45).filled());
    chart.draw_series([fill]).map_err(words)?;
    chart.draw_series([PathElement::new(outline, color.stroke_width(3))]).map_err(words)?;
    if let Some(exact) = exact {
        chart
            .draw_series([PathElement::new(exact.to_vec(), INK.stroke_width(4))])
            .map_err(words)?;
    }
    let style = centred(&text(labels.height, GREY));
    let notes = labels.notes.iter();
    let notes = notes.map(|(place, note)| Text::new(note.clone(), *place, style.clone()));
    chart.draw_series(notes).map_err(words)?;
    Ok(())
}
