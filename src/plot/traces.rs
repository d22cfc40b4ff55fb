//! What the run said of itself on the way: the effective sample size, log Z and the schedule.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::element::{EmptyElement, PathElement, Polygon};
use plotters::series::DashedLineSeries;
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, BLUE, COLORS, Drawn, INK, ORANGE, words};
use super::heat_map::{Labels, axes, room_below, room_beside};
use super::legend::{Mark, SIZE, STROKE, TEXT, headed, triangle};
use super::scene::Scene;
use crate::output::Stage;

/// Vermilion, for moments of resampling (Okabe & Ito, 2008).
const RESAMPLED: RGBColor = COLORS[3];

/// A quantity over time.
struct Trace {
    name: &'static str,
    points: Vec<(f64, f64)>,
    y: Range<f64>,
    /// A dashed line at this value.
    line: Option<(f64, RGBColor)>,
    /// Whether moments of resampling are marked.
    marks: bool,
}

/// The picture's size.
pub(super) fn size(scene: &Scene<'_>) -> (u32, u32) {
    (SIZE.0, 260 + 400 * traces(scene).len() as u32)
}

/// Draws it.
pub(super) fn draw(scene: &Scene<'_>, root: &Area<'_>) -> Drawn {
    let root = root.margin(24, 12, 12, 40);
    let all = traces(scene);
    let stages = &scene.kept.stages;
    let times: Vec<f64> =
        stages.iter().filter(|stage| stage.resampled).map(|stage| stage.time).collect();
    let exact = all.iter().any(|trace| trace.name == LOG_Z && trace.line.is_some());
    let mut marks = vec![(Mark::Dashes(ORANGE), "threshold")];
    marks.extend((!times.is_empty()).then_some((Mark::Triangle(RESAMPLED), "resampled")));
    marks.extend(exact.then_some((Mark::Dashes(INK), "exact")));
    let body = headed(&root, "The run over time", &marks)?;
    let last = all.len() - 1;
    let (_, tall) = body.dim_in_pixel();
    let foot = TEXT as i32 * 5 / 2 - TEXT as i32 / 2;
    let each = (tall as i32 - foot) / all.len() as i32;
    let mut rest = body;
    for (k, trace) in all.iter().enumerate() {
        let height = if k == last { rest.dim_in_pixel().1 as i32 } else { each };
        let (area, below) = rest.split_vertically(height);
        rest = below;
        let x = if k == last { "time" } else { "" };
        draw_trace(&area, trace, stages, &times, x)?;
    }
    Ok(())
}

const LOG_Z: &str = "log Z";

fn traces(scene: &Scene<'_>) -> Vec<Trace> {
    let record = &scene.kept.record;
    let n = f64::from(record.particles);
    let series = |value: &dyn Fn(&Stage) -> f64| -> Vec<(f64, f64)> {
        let points = scene.kept.stages.iter().map(|stage| (stage.time, value(stage)));
        points.filter(|(time, value)| time.is_finite() && value.is_finite()).collect()
    };
    let mut all = vec![Trace {
        name: "ESS / N",
        points: series(&|stage| stage.ess / n),
        y: 0.0..1.05,
        line: Some((f64::from(record.ess_threshold), ORANGE)),
        marks: true,
    }];
    // The weights of a gradient flow tell no log Z; without a path of densities β is only another
    // name of the time.
    let has_path = scene.kept.tells_log_z() && record.reaction.is_none();
    let points = series(&|stage| stage.log_normalizer);
    if has_path && points.len() > 1 {
        let exact = record.truth.as_ref().map(|truth| truth.log_normalizer);
        let y = around(points.iter().map(|point| point.1).chain(exact));
        let line = exact.map(|exact| (exact, INK));
        all.push(Trace { name: LOG_Z, points, y, line, marks: false });
    }
    let points = series(&|stage| stage.beta);
    let first = points.first().map_or(1.0, |point| point.1);
    if has_path && points.iter().any(|point| point.1 != first) {
        all.push(Trace { name: "β", points, y: 0.0..1.05, line: None, marks: false });
    }
    all
}

/// A range that holds these values, with room around.
pub(super) fn around(values: impl Iterator<Item = f64>) -> Range<f64> {
    let ends = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (value.min(low), value.max(high))
    });
    let (low, high) = if ends.0 <= ends.1 { ends } else { (0.0, 0.0) };
    let room = (0.08 * (high - low)).max(1e-3 * low.abs().max(high.abs())).max(1e-3);
    low - room..high + room
}

fn draw_trace(
    area: &Area<'_>,
    trace: &Trace,
    stages: &[Stage],
    resampled: &[f64],
    x: &str,
) -> Drawn {
    let end = stages.iter().map(|stage| stage.time).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let labels = Labels { x, y: trace.name, height: TEXT, x_ticks: 5, notes: &[], parting: None };
    let mut chart = ChartBuilder::on(area)
        .margin_top(TEXT / 2)
        .x_label_area_size(room_below(&labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d(0.0..end, trace.y.clone())
        .map_err(words)?;
    axes(&mut chart, &labels, 4)?;
    if let Some((value, color)) = trace.line {
        let ends = [(0.0, value), (end, value)];
        let dashes = DashedLineSeries::new(ends, 18, 12, color.stroke_width(STROKE));
        chart.draw_series(dashes).map_err(words)?;
    }
    let line = PathElement::new(trace.points.clone(), BLUE.stroke_width(STROKE));
    chart.draw_series([line]).map_err(words)?;
    if trace.marks {
        let marks = resampled.iter().map(|time| {
            let shape = Polygon::new(triangle((0, -12), 11), RESAMPLED.filled());
            EmptyElement::at((*time, 0.0)) + shape
        });
        chart.draw_series(marks).map_err(words)?;
    }
    Ok(())
}
