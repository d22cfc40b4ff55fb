//! The mass of each mode with its error, beside the exact one.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, EmptyElement, PathElement, Text};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, BLUE, COLORS, Drawn, INK, text, words};
use super::heat_map::tick_text;
use super::legend::{Mark, SIZE, STROKE, TEXT, diamond, headed};
use super::scene::Scene;
use crate::output::ModeRecord;

/// The most modes to show: the heaviest.
const MOST: usize = 20;

/// Standard errors to each side.
const ERRORS: f64 = 1.96;

/// The picture's size.
pub(super) fn size(scene: &Scene<'_>) -> (u32, u32) {
    let rows = shown(scene).len().max(2) as u32;
    (SIZE.0, 330 + rows * row(scene))
}

/// The height of a row: smaller where there are many.
fn row(scene: &Scene<'_>) -> u32 {
    if shown(scene).len() > 8 { 62 } else { 90 }
}

/// The heaviest modes, in the order of the run.
fn shown<'a>(scene: &Scene<'a>) -> Vec<&'a ModeRecord> {
    let weight = |mode: &ModeRecord| mode.exact.unwrap_or(mode.mass).max(mode.mass);
    let all = &scene.kept.record.modes;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| weight(&all[*b]).total_cmp(&weight(&all[*a])));
    order.truncate(MOST);
    order.sort_unstable();
    order.into_iter().map(|k| &all[k]).collect()
}

/// Draws it.
pub(super) fn draw(scene: &Scene<'_>, root: &Area<'_>) -> Drawn {
    let root = root.margin(24, 12, 12, 50);
    let modes = shown(scene);
    let all = scene.kept.record.modes.len();
    let title = match all - modes.len() {
        0 => "Masses of the modes".to_string(),
        more => format!("Masses of the {MOST} heaviest modes (of {})", MOST + more),
    };
    let mut marks = vec![(Mark::Dot(BLUE), "run, 95 % interval")];
    let exact = modes.iter().any(|mode| mode.exact.is_some());
    marks.extend(exact.then_some((Mark::Diamond(COLORS[3]), "exact")));
    let body = headed(&root, &title, &marks)?;
    let reach = modes.iter().map(|mode| {
        let error = if mode.mass_se.is_finite() { ERRORS * mode.mass_se } else { 0.0 };
        (mode.mass + error).max(mode.exact.unwrap_or(0.0))
    });
    let end = reach.filter(|value| value.is_finite()).fold(0.0, f64::max);
    let end = if end > 0.0 { 1.06 * end } else { 1.0 };
    let style = text(TEXT, INK);
    let longest = modes.iter().map(|mode| short(&mode.name));
    let widths = longest.map(|name| body.estimate_text_size(&name, &style).map(|size| size.0));
    let room = widths.collect::<Result<Vec<_>, _>>().map_err(words)?;
    // Those who show an SVG may have a wider font.
    let room = room.into_iter().max().unwrap_or(0) * 4 / 3 + 50;
    let rows = modes.len() as f64;
    let mut chart = ChartBuilder::on(&body)
        .margin_top(TEXT / 2)
        .x_label_area_size(5 * TEXT / 2)
        .y_label_area_size(room)
        .build_cartesian_2d(0.0..end, 0.0..rows)
        .map_err(words)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .axis_style(INK)
        .label_style(style.clone())
        .axis_desc_style(style.clone())
        .x_desc("mass")
        .x_labels(5)
        .y_labels(0)
        .x_label_formatter(&|x| tick_text(*x))
        .draw()
        .map_err(words)?;
    for (k, mode) in modes.iter().enumerate() {
        // The first one on top.
        let y = rows - 0.5 - k as f64;
        let right = style.pos(Pos::new(HPos::Right, VPos::Center));
        let name = EmptyElement::at((0.0, y)) + Text::new(short(&mode.name), (-36, 0), right);
        chart.draw_series([name]).map_err(words)?;
        if mode.mass_se.is_finite() {
            let ends = [mode.mass - ERRORS * mode.mass_se, mode.mass + ERRORS * mode.mass_se];
            let bar = ends.map(|end| (end.max(0.0), y));
            chart.draw_series([PathElement::new(bar, BLUE.stroke_width(STROKE))]).map_err(words)?;
            let caps = bar.map(|end| {
                EmptyElement::at(end)
                    + PathElement::new([(0, -12), (0, 12)], BLUE.stroke_width(STROKE))
            });
            chart.draw_series(caps).map_err(words)?;
        }
        if mode.mass.is_finite() {
            chart.draw_series([Circle::new((mode.mass, y), 11, BLUE.filled())]).map_err(words)?;
        }
        if let Some(exact) = mode.exact {
            let outline = PathElement::new(diamond((0, 0), 24), COLORS[3].stroke_width(4));
            chart.draw_series([EmptyElement::at((exact, y)) + outline]).map_err(words)?;
        }
    }
    Ok(())
}

/// A name that leaves room for the chart.
fn short(name: &str) -> String {
    const LETTERS: usize = 22;
    match name.char_indices().nth(LETTERS) {
        None => name.to_string(),
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}
