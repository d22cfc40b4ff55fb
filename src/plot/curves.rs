//! Quantities over time, as lines.

use std::ops::Range;

use plotters::backend::BitMapBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::IntoLogRange;
use plotters::series::DashedLineSeries;
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, Drawn, INK, text, words};
use super::heat_map::{Labels, room_below, room_beside, tick_text};

/// One quantity over time.
pub(crate) struct Curve {
    /// What the legend calls it.
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) points: Vec<(f64, f64)>,
    /// Measured values are joined by a line; what theory says is dashed.
    pub(crate) theory: bool,
}

/// Draws curves on a logarithmic or linear y axis, with a legend in the upper right corner.
pub(super) fn curves(
    area: &Area<'_>,
    all: &[Curve],
    y: Range<f64>,
    logarithmic: bool,
    labels: &Labels<'_>,
) -> Drawn {
    let ends = all.iter().flat_map(|curve| &curve.points).map(|point| point.0);
    let last = ends.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut builder = ChartBuilder::on(area);
    builder.x_label_area_size(room_below(labels)).y_label_area_size(room_beside(labels.height));
    if logarithmic {
        let chart = builder.build_cartesian_2d(0.0..last, y.clone().log_scale());
        draw(chart.map_err(words)?, all, &y, labels)?;
    } else {
        let chart = builder.build_cartesian_2d(0.0..last, y.clone());
        draw(chart.map_err(words)?, all, &y, labels)?;
    }
    legend(area, all, labels.height)
}

fn draw<Y>(
    mut chart: ChartContext<'_, BitMapBackend<'_>, Cartesian2d<RangedCoordf64, Y>>,
    all: &[Curve],
    y: &Range<f64>,
    labels: &Labels<'_>,
) -> Drawn
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64> + AsRangedCoord,
{
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(text(labels.height, INK))
        .axis_desc_style(text(labels.height, INK))
        .x_desc(labels.x)
        .y_desc(labels.y)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|x| tick_text(*x))
        .y_label_formatter(&|y| tick_text(*y))
        .draw()
        .map_err(words)?;
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
    Ok(())
}

fn legend(area: &Area<'_>, all: &[Curve], height: u32) -> Drawn {
    let (width, _) = area.dim_in_pixel();
    let longest = all.iter().map(|curve| curve.name.chars().count()).max().unwrap_or(0);
    // Letters are about half as wide as high.
    let room = (longest as i32 + 6) * height as i32 / 2;
    let left = width as i32 - room;
    for (row, curve) in all.iter().enumerate() {
        let middle = (height as i32) * (1 + 3 * row as i32 / 2);
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
