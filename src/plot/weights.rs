//! How uneven the weights are: their distribution, and what the largest of them hold.

use plotters::chart::ChartBuilder;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::IntoLogRange;
use plotters::series::DashedLineSeries;
use plotters::style::Color;

use super::canvas::{Area, BLUE, Drawn, INK, words};
use super::genealogy::held;
use super::heat_map::{Labels, axes, room_below, room_beside};
use super::histogram::Line;
use super::legend::{Mark, STROKE, TEXT, headed};
use super::scene::Scene;

/// The picture's size.
pub(super) const SIZE: (u32, u32) = (1200, 1200);

/// Bins of the distribution.
const BINS: usize = 60;

/// Draws it.
pub(super) fn draw(scene: &Scene<'_>, root: &Area<'_>) -> Drawn {
    let root = root.margin(24, 12, 12, 40);
    let marks = [(Mark::Area(BLUE), "particles"), (Mark::Dashes(INK), "if all weighed the same")];
    let body = headed(&root, "Weights at the end", &marks)?;
    let mut weights = scene.kept.particles.weights();
    weights.retain(|weight| *weight > 0.0);
    weights.sort_by(|a, b| b.total_cmp(a));
    if weights.is_empty() {
        return Err("no particle has weight, so that there is nothing to draw".into());
    }
    let n = scene.kept.particles.len() as f64;
    let (above, below) = body.split_vertically(body.dim_in_pixel().1 as i32 / 2);
    distribution(&above, &weights, n)?;
    largest(&below, &weights, n)
}

/// Their logarithms relative to the mean.
fn distribution(area: &Area<'_>, weights: &[f64], n: f64) -> Drawn {
    let log = |weight: f64| (n * weight).log10();
    // What is lighter than any sum notices is left out, but the range begins where much lies.
    let at = |part: f64| log(weights[(part * (weights.len() - 1) as f64) as usize]);
    let (low, high) = (at(0.999).min(-0.5), at(0.0).max(0.5));
    let room = 0.05 * (high - low);
    let share = 1.0 / n;
    let all = weights.iter().map(|weight| (log(*weight), share));
    let line = Line::count(all, low - room..high + room, BINS);
    // Of each bin, not of each unit of the logarithm.
    let width = (line.range.end - line.range.start) / BINS as f64;
    let top = line.peak() * width * 1.08;
    let labels = Labels {
        x: "log10 (N × weight)",
        y: "share of particles",
        height: TEXT,
        x_ticks: 6,
        notes: &[],
        parting: None,
    };
    let mut chart = ChartBuilder::on(area)
        .margin_top(TEXT / 2)
        .x_label_area_size(room_below(&labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d(line.range.clone(), 0.0..top)
        .map_err(words)?;
    axes(&mut chart, &labels, 4)?;
    let bars = line.bars().filter(|bar| bar.2 > 0.0).map(|(left, right, density)| {
        Rectangle::new([(left, 0.0), (right, density * width)], BLUE.mix(0.6).filled())
    });
    chart.draw_series(bars).map_err(words)?;
    let equal = [(0.0, 0.0), (0.0, top)];
    let dashes = DashedLineSeries::new(equal, 18, 12, INK.stroke_width(STROKE - 1));
    chart.draw_series(dashes).map_err(words).map(|_| ())
}

/// The share of the weight that the largest hold together (Lorenz).
fn largest(area: &Area<'_>, weights: &[f64], n: f64) -> Drawn {
    let curve: Vec<_> = held(weights).into_iter().map(|(count, sum)| (count / n, sum)).collect();
    let labels = Labels {
        x: "share of particles, heaviest first",
        y: "share of weight",
        height: TEXT,
        x_ticks: 5,
        notes: &[],
        parting: None,
    };
    let first = 0.5_f64.min(1.0 / n);
    let mut chart = ChartBuilder::on(area)
        .margin_top(TEXT / 2)
        .x_label_area_size(room_below(&labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d((first..1.0).log_scale(), 0.0..1.05)
        .map_err(words)?;
    axes(&mut chart, &labels, 4)?;
    let even = (0..=100).map(|k| first.powf(1.0 - f64::from(k) / 100.0)).map(|k| (k, k));
    let dashes = DashedLineSeries::new(even, 18, 12, INK.stroke_width(STROKE - 1));
    chart.draw_series(dashes).map_err(words)?;
    chart
        .draw_series([PathElement::new(curve, BLUE.stroke_width(STROKE))])
        .map_err(words)
        .map(|_| ())
}
