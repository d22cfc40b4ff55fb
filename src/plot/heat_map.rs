//! A density in the plane as colours.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{PathElement, Text};
use plotters::series::DashedLineSeries;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};
use plotters::style::{Color, RGBColor, ShapeStyle, WHITE};

use super::canvas::{Area, BLUE, Drawn, GREY, INK, centred, text, words};
use super::histogram::Plane;
use super::surface::{Raster, Surface};

/// What is written around and on a chart.
pub(super) struct Labels<'a> {
    /// Below the x axis.
    pub(super) x: &'a str,
    /// Beside the y axis.
    pub(super) y: &'a str,
    /// Height of the axes' text.
    pub(super) height: u32,
    /// About so many numbers below.
    pub(super) x_ticks: usize,
    /// Large words in the chart, centred at these places.
    pub(super) notes: &'a [((f64, f64), String)],
    /// Where a dashed line parts the chart.
    pub(super) parting: Option<f64>,
}

/// Room left of a chart for its y axis: the same in all charts, so that x axes lie in line.
pub(super) fn room_beside(height: u32) -> u32 {
    7 * height / 2
}

/// Room below a chart for its x axis.
pub(super) fn room_below(labels: &Labels<'_>) -> u32 {
    if labels.x.is_empty() { 3 * labels.height / 2 } else { 5 * labels.height / 2 }
}

/// Draws axes without a grid, with about `y_labels` numbers beside.
pub(super) fn axes<X, Y>(
    chart: &mut ChartContext<'_, Surface<'_>, Cartesian2d<X, Y>>,
    labels: &Labels<'_>,
    y_labels: usize,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let spec = chart.as_coord_spec();
    let (across, up) = (spec.x_spec().range(), spec.y_spec().range());
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(text(labels.height, INK))
        .axis_desc_style(text(labels.height, INK))
        .x_desc(labels.x)
        .y_desc(labels.y)
        .x_labels(labels.x_ticks)
        .y_labels(y_labels)
        .x_label_formatter(&|x| tick_text_in(*x, &across))
        .y_label_formatter(&|y| tick_text_in(*y, &up))
        .draw()
        .map_err(words)
}

/// The colours of a density.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    /// Viridis.
    Viridis,
    /// From white to blue, for lines drawn over it.
    Blue,
}

impl Paint {
    /// The colours from no density to the peak, three bytes each.
    pub(super) fn palette(self) -> Vec<u8> {
        (0..SHADES).flat_map(|shade| self.color(f64::from(shade) / f64::from(SHADES - 1))).collect()
    }

    fn color(self, fraction: f64) -> [u8; 3] {
        match self {
            Paint::Viridis => {
                let RGBColor(r, g, b) = ViridisRGB.get_color(fraction);
                [r, g, b]
            }
            Paint::Blue => {
                let RGBColor(r, g, b) = BLUE;
                let mix = |ink: u8| 255.0 + fraction * (f64::from(ink) - 255.0);
                [r, g, b].map(|ink| mix(ink) as u8)
            }
        }
    }
}

/// How many colours a density has.
const SHADES: u32 = 256;

/// The colour of a density relative to the peak; the power spreads the low densities, here and in
/// the scale alike.
pub(super) fn shade(fraction: f64) -> u8 {
    let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
    (fraction.powf(0.7) * f64::from(SHADES - 1)).round() as u8
}

/// A chart with linear axes.
pub(super) type Chart<'a> =
    ChartContext<'a, Surface<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the density with axes; `peak` has the last colour.
pub(super) fn heat_map(area: &Area<'_>, plane: &Plane, peak: f64, labels: &Labels<'_>) -> Drawn {
    painted(area, plane, peak, labels, Paint::Viridis).map(|_| ())
}

/// Likewise in these colours; the chart is for what is drawn over it.
pub(super) fn painted<'a>(
    area: &Area<'a>,
    plane: &Plane,
    peak: f64,
    labels: &Labels<'_>,
    paint: Paint,
) -> Drawn<Chart<'a>> {
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(room_below(labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d(plane.x.clone(), plane.y.clone())
        .map_err(words)?;
    let (columns, rows) = chart.plotting_area().get_pixel_range();
    let (width, height) = (columns.len() as u32, rows.len() as u32);
    let (base_x, base_y) = area.get_base_pixel();
    let corner = (columns.start - base_x, rows.start - base_y);
    fill(area, corner, (width, height), plane, peak, paint)?;
    axes(&mut chart, labels, 7)?;
    if let Some(x) = labels.parting {
        let line = [(x, plane.y.start), (x, plane.y.end)];
        let dashes = DashedLineSeries::new(line, 12, 12, WHITE.mix(0.8).stroke_width(3));
        chart.draw_series(dashes).map_err(words)?;
    }
    let style = centred(&text(labels.height * 7 / 4, WHITE));
    let notes = labels.notes.iter();
    let notes = notes.map(|(place, note)| Text::new(note.clone(), *place, style.clone()));
    chart.draw_series(notes).map_err(words)?;
    Ok(chart)
}

/// Fills a rectangle with the density's colours; `peak` has the last one.
pub(super) fn fill(
    area: &Area<'_>,
    corner: (i32, i32),
    size: (u32, u32),
    plane: &Plane,
    peak: f64,
    paint: Paint,
) -> Drawn {
    let color = |across: f64, up: f64| shade(plane.at(across, up) / peak);
    let bins = (plane.columns as u32, plane.rows() as u32);
    let palette = &paint.palette();
    area.draw(&Raster { corner, size, bins, color: &color, palette }).map_err(words)
}

/// Draws the scale of colours from 0 to `peak`.
pub(super) fn scale(area: &Area<'_>, peak: f64, name: &str, height: u32) -> Drawn {
    let (width, tall) = area.dim_in_pixel();
    let bar = (width as i32 / 4).max(12);
    let (top, bottom) = (height as i32 * 2, tall as i32 - 1);
    let image = Raster {
        corner: (0, top),
        size: (bar as u32, (bottom - top).max(1) as u32),
        bins: (1, SHADES),
        color: &|_, up| shade(up),
        palette: &Paint::Viridis.palette(),
    };
    area.draw(&image).map_err(words)?;
    area.draw(&Text::new(name.to_string(), (0, 0), text(height, INK))).map_err(words)?;
    for tick in ticks(&(0.0..peak), 5) {
        let row = bottom - (tick / peak * f64::from(bottom - top)) as i32;
        let mark = PathElement::new([(bar, row), (bar + 6, row)], ShapeStyle::from(&GREY));
        area.draw(&mark).map_err(words)?;
        let place = (bar + 10, row - height as i32 / 2);
        area.draw(&Text::new(tick_text(tick), place, text(height, INK))).map_err(words)?;
    }
    Ok(())
}

/// The number at a tick, without the digits that only rounding makes.
pub(super) fn tick_text(value: f64) -> String {
    // Digits always parse.
    let value = format!("{value:.3e}").parse().unwrap_or(value);
    if (1e-3..1e4).contains(&value.abs()) || value == 0.0 {
        // Not "-0".
        format!("{}", value + 0.0)
    } else {
        format!("{value:e}")
    }
}

/// The number at a tick of an axis; far from zero, with as many digits as tell it from the next.
pub(super) fn tick_text_in(value: f64, range: &Range<f64>) -> String {
    let (width, size) = (range.end - range.start, range.start.abs().max(range.end.abs()));
    if !(width > 0.0 && width < 0.01 * size) {
        return tick_text(value);
    }
    let decimals = (1.0 - width.log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// Round numbers in a range, about so many.
pub(super) fn ticks(range: &Range<f64>, about: u32) -> Vec<f64> {
    let width = range.end - range.start;
    if !(width > 0.0 && width.is_finite()) {
        return Vec::new();
    }
    let rough = width / f64::from(about);
    let decade = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * decade);
    let first = (range.start / step).ceil();
    let count = (range.end / step).floor() - first;
    (0..=count.clamp(0.0, 100.0) as u32)
        .map(|k| (first + f64::from(k)) * step)
        .filter(|tick| range.contains(tick) || *tick == range.end)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn ticks_are_round() {
        let texts = |peak| super::ticks(&(0.0..peak), 5).into_iter().map(super::tick_text);
        assert!(texts(0.56).eq(["0", "0.2", "0.4"]));
        assert!(texts(1.5).eq(["0", "0.5", "1", "1.5"]));
        assert_eq!(super::tick_text(0.1 + 0.2), "0.3");
        assert_eq!(super::tick_text(-0.0), "0");
        assert_eq!(super::tick_text(2.5e-7), "2.5e-7");
        assert_eq!(super::tick_text(1e6), "1e6");
        let far = 2_460_000.0..2_460_003.0;
        assert_eq!(super::tick_text_in(2_460_000.5, &far), "2460000.5");
        assert_eq!(super::tick_text_in(2_460_001.0, &far), "2460001");
        assert_eq!(super::tick_text_in(-1.7e9, &(-1.7e9 - 90.0..-1.7e9)), "-1700000000");
        assert_eq!(super::tick_text_in(1e6, &(0.0..2e6)), "1e6");
        assert_eq!(super::ticks(&(-1.3..2.1), 3), [0.0, 2.0]);
        assert!(super::ticks(&(0.0..0.0), 5).is_empty());
        assert!(super::ticks(&(0.0..f64::NAN), 5).is_empty());
    }
}
