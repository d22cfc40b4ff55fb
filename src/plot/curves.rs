//! Quantities over time, as lines.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::IntoLogRange;
use plotters::series::DashedLineSeries;
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, Drawn, INK, text, words};
use super::heat_map::{Labels, axes, room_below, room_beside};

/// One quantity over time.
pub(crate) struct Curve {
    /// What the legend calls it.
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(f64, f64)>,
    /// Measured values are joined by a line; what theory says is dashed.
    pub(crate) theory: bool,
}

/// Draws curves on a logarithmic y axis, with a legend in the upper right corner.
pub(super) fn curves(area: &Area<'_>, all: &[Curve], y: Range<f64>, labels: &Labels<'_>) -> Drawn {
    let ends = all.iter().flat_map(|curve| &curve.points).map(|point| point.0);
    let last = ends.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(room_below(labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d(0.0..last, y.clone().log_scale())
        .map_err(words)?;
    axes(&mut chart, labels, 6)?;
    for curve in all {
        let inside = curve.points.iter().copied().filter(|(_, value)| y.contains(value));
        let points: Vec<_> = inside.collect();
        if curve.theory {
            let dashes = DashedLineSeries::new(points, 14, 10, curve.color.stroke_width(3));
            chart.draw_series(dashes).map_err(words)?;
        } else {
            let dots = points.iter().map(|point| Circle::new(*point, 5, curve.color.filled()));
            chart.draw_series(dots).map_err(words)?;
            let line = PathElement::new(points.clone(), curve.color.stroke_width(4));
            chart.draw_series([line]).map_err(words)?;
        }
    }
    legend(area, all, labels.height)
}

fn legend(area: &Area<'_>, all: &[Curve], height: u32) -> Drawn {
    let (width, _) = area.dim_in_pixel();
    let longest = all.iter().map(|curve| curve.name.chars().count()).max().unwrap_or(0);
    // Letters are about half as wide as high.
    let room = (longest as i32 + 6) * height as i32 / 2;
    let left = width as i32 - room;
    for (row, curve) in all.iter().enumerate() {
        let middle = height as i32 * (2 + 3 * row as i32) / 2;
        let pieces: &[i32] = if curve.theory { &[0, 2, 4] } else { &[0] };
        let length = if curve.theory { height as i32 / 3 } else { 2 * height as i32 };
        for piece in pieces {
            let start = left + piece * height as i32 / 3;
            let mark = [(start, middle), (start + length, middle)];
            let line = PathElement::new(mark, curve.color.stroke_width(4));
            area.draw(&line).map_err(words)?;
        }
        let place = (left + 5 * height as i32 / 2, middle - height as i32 / 2);
        area.draw(&Text::new(curve.name.clone(), place, text(height, INK))).map_err(words)?;
    }
    Ok(())
}
