//! Several coordinates: each by itself on the diagonal, each pair below it.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, TextStyle};

use super::canvas::{Area, BLUE, Drawn, GREY, INK, text, words};
use super::heat_map::{self, Paint, tick_text_in, ticks};
use super::legend::{Mark, STROKE, TEXT, headed};
use super::scene::Scene;

/// The picture's size.
pub(super) const SIZE: (u32, u32) = (1200, 1300);

/// Draws it.
pub(super) fn draw(scene: &Scene<'_>, root: &Area<'_>) -> Drawn {
    let root = root.margin(24, 12, 12, 12);
    let axes = &scene.coordinates;
    let exact: Vec<_> = axes.iter().map(|axis| scene.exact_line(*axis)).collect();
    let mut marks = vec![(Mark::Area(BLUE), "sample")];
    marks.extend(exact.iter().any(Option::is_some).then_some((Mark::Line(INK), "exact")));
    let body = headed(&root, "Marginal densities", &marks)?;
    // Numbers stand at the left and below, once for all.
    let height = if axes.len() > 4 { TEXT * 7 / 10 } else { TEXT };
    let wanted = if axes.len() > 4 { 3 } else { 4 };
    let upward: Vec<Vec<Labelled>> =
        axes.iter().map(|axis| labelled(&scene.range(*axis), wanted, |_| true)).collect();
    let style = text(height, INK);
    let width_of = |label: &str| body.estimate_text_size(label, &style).map_or(0, |size| size.0);
    let widest = upward[1..].iter().flatten().map(|(_, label)| width_of(label)).max();
    // The name, the numbers and their marks.
    let room = (height * 3).max(widest.unwrap_or(0) + height * 3 / 2) as i32;
    let foot = height as i32 * 3;
    let (width, tall) = body.dim_in_pixel();
    let side = (width as i32 - room).min(tall as i32 - foot) / axes.len() as i32;
    let inner = side - 10;
    for (row, axis) in axes.iter().enumerate() {
        for (column, across) in axes[..=row].iter().enumerate() {
            let corner = (room + column as i32 * side, row as i32 * side);
            let area = body.clone().shrink(corner, (inner, inner));
            if row == column {
                one(scene, &area, (*across, bins_of(inner)), exact[row].as_deref())?;
            } else {
                let plane = scene.plane((*across, *axis), bins_of(inner))?;
                let size = (inner as u32, inner as u32);
                heat_map::fill(&area, (0, 0), size, &plane, plane.peak(), Paint::Viridis)?;
            }
            let frame = Rectangle::new([(0, 0), (inner, inner)], GREY.stroke_width(2));
            area.draw(&frame).map_err(words)?;
            if column == 0 && row > 0 {
                let axis = (format!("x{axis}"), scene.range(*axis));
                beside(&body, &axis, &upward[row], (corner, inner), height)?;
            }
            if row + 1 == axes.len() {
                let range = scene.range(*across);
                let fits = |labels: &[Labelled]| {
                    crowding(labels, &range, inner, |label| width_of(label) + height / 2) <= 1.0
                };
                let labels = labelled(&range, wanted, fits);
                below(&body, &(format!("x{across}"), range), &labels, (corner, inner), height)?;
            }
        }
    }
    Ok(())
}

/// The most bins along an axis of so many pixels: three pixels each.
fn bins_of(pixels: i32) -> usize {
    (pixels / 3).max(0) as usize
}

/// One coordinate, filled, with its exact density.
fn one(
    scene: &Scene<'_>,
    area: &Area<'_>,
    (axis, most): (usize, usize),
    exact: Option<&[(f64, f64)]>,
) -> Drawn {
    let line = scene.line(axis, most)?;
    let highest = exact.unwrap_or_default().iter().map(|point| point.1).fold(0.0, f64::max);
    let top = line.peak().max(highest).max(f64::MIN_POSITIVE) * 1.08;
    let mut chart =
        ChartBuilder::on(area).build_cartesian_2d(line.range.clone(), 0.0..top).map_err(words)?;
    let outline = line.outline();
    chart.draw_series([Polygon::new(outline.clone(), BLUE.mix(0.45).filled())]).map_err(words)?;
    chart.draw_series([PathElement::new(outline, BLUE.stroke_width(3))]).map_err(words)?;
    if let Some(exact) = exact {
        let curve = PathElement::new(exact.to_vec(), INK.stroke_width(STROKE));
        chart.draw_series([curve]).map_err(words)?;
    }
    Ok(())
}

/// A panel's left upper corner and its side.
type Panel = ((i32, i32), i32);

/// A number on an axis, and its text.
type Labelled = (f64, String);

/// Numbers on an axis, about so many and two at least; fewer where they do not fit.
fn labelled(range: &Range<f64>, wanted: u32, fits: impl Fn(&[Labelled]) -> bool) -> Vec<Labelled> {
    let labels = |about: u32| -> Vec<Labelled> {
        let ticks = ticks(range, about).into_iter();
        ticks.map(|tick| (tick, tick_text_in(tick, range))).collect()
    };
    // Fewer, then more where round numbers are sparse.
    let all = (1..=wanted).rev().chain(wanted + 1..4 * wanted).map(labels);
    let mut all = all.filter(|labels| labels.len() > 1).peekable();
    let Some(first) = all.peek().cloned() else { return Vec::new() };
    all.find(|labels| fits(labels)).unwrap_or_else(|| {
        // The ends say most.
        [first.first(), first.last()].into_iter().flatten().cloned().collect()
    })
}

/// The widths of neighbouring labels below an axis of so many pixels, relative to their distance: at
/// most 1 where none overlap.
fn crowding(
    labels: &[Labelled],
    range: &Range<f64>,
    pixels: i32,
    width: impl Fn(&str) -> u32,
) -> f64 {
    let pairs = labels.windows(2).map(|pair| {
        let widths = f64::from(width(&pair[0].1) + width(&pair[1].1)) / 2.0;
        let apart = (pair[1].0 - pair[0].0) / (range.end - range.start);
        widths / (apart * f64::from(pixels))
    });
    pairs.fold(0.0, f64::max)
}

/// The name of an axis and its range.
type Axis = (String, Range<f64>);

/// Numbers and the coordinate's name left of a panel.
fn beside(
    body: &Area<'_>,
    (name, range): &Axis,
    labels: &[Labelled],
    ((left, top), side): Panel,
    height: u32,
) -> Drawn {
    let style = text(height, INK);
    let numbers = style.pos(Pos::new(HPos::Right, VPos::Center));
    for (tick, label) in labels {
        let up = (tick - range.start) / (range.end - range.start);
        let y = top + side - (up * f64::from(side)) as i32;
        mark(body, [(left - 8, y), (left, y)])?;
        let number = Text::new(label.clone(), (left - 12, y), numbers.clone());
        body.draw(&number).map_err(words)?;
    }
    let font = ("sans-serif", height).into_font().transform(FontTransform::Rotate270);
    let turned = TextStyle { color: style.color, ..TextStyle::from(font) }
        .pos(Pos::new(HPos::Center, VPos::Top));
    body.draw(&Text::new(name.clone(), (0, top + side / 2), turned)).map_err(words)
}

/// Likewise below it; numbers near its ends keep away from those of the next.
fn below(
    body: &Area<'_>,
    (name, range): &Axis,
    labels: &[Labelled],
    ((left, top), side): Panel,
    height: u32,
) -> Drawn {
    let under = Pos::new(HPos::Center, VPos::Top);
    let style = text(height, INK).pos(under);
    let width_of = |label: &str, style: &TextStyle<'_>| {
        body.estimate_text_size(label, style).map(|size| size.0 as i32).map_err(words)
    };
    // Two long numbers may be too much for a small panel.
    let wide = |label: &str| width_of(label, &style).map_or(0, |width| width as u32 + height / 3);
    let crowding = crowding(labels, range, side, wide).clamp(1.0, 3.0);
    let numbers = text((f64::from(height) / crowding) as u32, INK).pos(under);
    let bottom = top + side;
    for (tick, label) in labels {
        let across = (tick - range.start) / (range.end - range.start);
        let x = left + (across * f64::from(side)) as i32;
        mark(body, [(x, bottom), (x, bottom + 8)])?;
        let width = width_of(label, &numbers)?;
        let middle = x.min(left + side - width / 2).max(left + width / 2);
        let number = Text::new(label.clone(), (middle, bottom + 10), numbers.clone());
        body.draw(&number).map_err(words)?;
    }
    let place = (left + side / 2, bottom + 14 + height as i32 * 6 / 5);
    body.draw(&Text::new(name.clone(), place, style)).map_err(words)
}

fn mark(body: &Area<'_>, ends: [(i32, i32); 2]) -> Drawn {
    body.draw(&PathElement::new(ends, INK.stroke_width(2))).map_err(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the range, also where a round number is alone in it or numbers are long.
    #[test]
    fn every_axis_has_two_numbers() {
        let ranges = [
            -1.3..2.1,
            -4.9..4.9,
            -9.9..9.9,
            -0.7..8.1,
            0.3..0.4,
            2_460_000.2..2_460_000.9,
            -1e-7..3e-7,
        ];
        for range in ranges {
            for wanted in [3, 4] {
                for most in [3, 100] {
                    let fits = |labels: &[Labelled]| {
                        labels.iter().map(|(_, label)| label.len()).sum::<usize>() <= most
                    };
                    let labels = labelled(&range, wanted, fits);
                    assert!(labels.len() >= 2, "{range:?} {wanted} {most}: {labels:?}");
                    assert!(
                        labels.iter().all(|(tick, _)| (range.start..=range.end).contains(tick))
                    );
                    let texts: std::collections::HashSet<_> =
                        labels.iter().map(|(_, label)| label).collect();
                    assert_eq!(texts.len(), labels.len(), "{labels:?}");
                }
            }
        }
    }
}
