//! Several coordinates: each by itself on the diagonal, each pair below it.

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
    let room = height as i32 * 3;
    let (width, tall) = body.dim_in_pixel();
    let side = (width as i32 - room).min(tall as i32 - room) / axes.len() as i32;
    let inner = side - 10;
    for (row, upward) in axes.iter().enumerate() {
        for (column, across) in axes[..=row].iter().enumerate() {
            let corner = (room + column as i32 * side, row as i32 * side);
            let area = body.clone().shrink(corner, (inner, inner));
            if row == column {
                one(scene, &area, *across, exact[row].as_deref())?;
            } else {
                let bins = scene.bins(2.0 / axes.len() as f64);
                let plane = scene.plane((*across, *upward), bins)?;
                let size = (inner as u32, inner as u32);
                heat_map::fill(&area, (0, 0), size, &plane, plane.peak(), Paint::Viridis)?;
            }
            let frame = Rectangle::new([(0, 0), (inner, inner)], GREY.stroke_width(2));
            area.draw(&frame).map_err(words)?;
            if column == 0 && row > 0 {
                beside(scene, &body, *upward, (corner, inner), height)?;
            }
            if row + 1 == axes.len() {
                below(scene, &body, *across, (corner, inner), height)?;
            }
        }
    }
    Ok(())
}

/// One coordinate, filled, with its exact density.
fn one(scene: &Scene<'_>, area: &Area<'_>, axis: usize, exact: Option<&[(f64, f64)]>) -> Drawn {
    let line = scene.line(axis, scene.bins(0.7))?;
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

/// Numbers and the coordinate's name left of a panel.
fn beside(scene: &Scene<'_>, body: &Area<'_>, axis: usize, panel: Panel, height: u32) -> Drawn {
    let ((left, top), side) = panel;
    let style = text(height, INK);
    let range = scene.range(axis);
    let about = about(scene);
    let numbers = style.pos(Pos::new(HPos::Right, VPos::Center));
    for tick in ticks(&range, about) {
        let up = (tick - range.start) / (range.end - range.start);
        let y = top + side - (up * f64::from(side)) as i32;
        mark(body, [(left - 8, y), (left, y)])?;
        let number = Text::new(tick_text_in(tick, &range), (left - 12, y), numbers.clone());
        body.draw(&number).map_err(words)?;
    }
    let font = ("sans-serif", height).into_font().transform(FontTransform::Rotate270);
    let turned = TextStyle { color: style.color, ..TextStyle::from(font) }
        .pos(Pos::new(HPos::Center, VPos::Top));
    body.draw(&Text::new(format!("x{axis}"), (0, top + side / 2), turned)).map_err(words)
}

/// Likewise below it.
fn below(scene: &Scene<'_>, body: &Area<'_>, axis: usize, panel: Panel, height: u32) -> Drawn {
    let ((left, top), side) = panel;
    let style = text(height, INK).pos(Pos::new(HPos::Center, VPos::Top));
    let range = scene.range(axis);
    let about = about(scene);
    let bottom = top + side;
    for tick in ticks(&range, about) {
        let across = (tick - range.start) / (range.end - range.start);
        let x = left + (across * f64::from(side)) as i32;
        mark(body, [(x, bottom), (x, bottom + 8)])?;
        let number = Text::new(tick_text_in(tick, &range), (x, bottom + 10), style.clone());
        body.draw(&number).map_err(words)?;
    }
    let name = (left + side / 2, bottom + 14 + height as i32 * 6 / 5);
    body.draw(&Text::new(format!("x{axis}"), name, style)).map_err(words)
}

/// Numbers on an axis: fewer where panels are small.
fn about(scene: &Scene<'_>) -> u32 {
    if scene.coordinates.len() > 4 { 3 } else { 4 }
}

fn mark(body: &Area<'_>, ends: [(i32, i32); 2]) -> Drawn {
    body.draw(&PathElement::new(ends, INK.stroke_width(2))).map_err(words)
}
