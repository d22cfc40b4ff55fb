//! Who is left of the particles of time zero: how many, and how large their families are.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement};
use plotters::prelude::IntoLogRange;
use plotters::series::DashedLineSeries;
use plotters::style::Color;

use super::canvas::{Area, BLUE, COLORS, Drawn, INK, words};
use super::heat_map::{Labels, axes, room_below, room_beside};
use super::legend::{Mark, SIZE, STROKE, TEXT, headed};
use super::scene::Scene;

/// The picture's size.
pub(super) fn size(scene: &Scene<'_>) -> (u32, u32) {
    if ancestors(scene).len() > 1 { (SIZE.0, 1200) } else { SIZE }
}

/// Draws it.
pub(super) fn draw(scene: &Scene<'_>, root: &Area<'_>) -> Drawn {
    let root = root.margin(24, 12, 12, 40);
    let marks = [(Mark::Line(BLUE), "run"), (Mark::Dashes(INK), "if all families were kept")];
    let body = headed(&root, "Families of the particles of time zero", &marks)?;
    let left = ancestors(scene);
    if left.len() < 2 {
        return families(scene, &body);
    }
    let (above, below) = body.split_vertically(body.dim_in_pixel().1 as i32 / 2);
    over_time(scene, &above, &left)?;
    families(scene, &below)
}

/// How many of them have descendants, over time.
fn ancestors(scene: &Scene<'_>) -> Vec<(f64, f64)> {
    let frames = scene.kept.frames.iter().filter(|frame| frame.ancestors > 0);
    frames.map(|frame| (frame.time, f64::from(frame.ancestors))).collect()
}

fn over_time(scene: &Scene<'_>, area: &Area<'_>, left: &[(f64, f64)]) -> Drawn {
    let end = left.iter().map(|point| point.0).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let all = f64::from(scene.kept.record.particles);
    let least = left.iter().map(|point| point.1).fold(all, f64::min);
    // A whole decade, so that the axis has numbers.
    let bottom = 10_f64.powf((0.7 * least).log10().floor());
    let labels =
        Labels { x: "time", y: "families", height: TEXT, x_ticks: 5, notes: &[], parting: None };
    let mut chart = ChartBuilder::on(area)
        .margin_top(TEXT / 2)
        .x_label_area_size(room_below(&labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d(0.0..end, (bottom..1.5 * all).log_scale())
        .map_err(words)?;
    axes(&mut chart, &labels, 4)?;
    let dashes = [(0.0, all), (end, all)];
    let dashes = DashedLineSeries::new(dashes, 18, 12, INK.stroke_width(STROKE - 1));
    chart.draw_series(dashes).map_err(words)?;
    let line = PathElement::new(left.to_vec(), BLUE.stroke_width(STROKE));
    chart.draw_series([line]).map_err(words).map(|_| ())
}

/// The weight of each family, the largest first.
fn shares(scene: &Scene<'_>) -> Vec<f64> {
    let particles = &scene.kept.particles;
    let weights = particles.weights();
    let mut all: Vec<(u32, f64)> =
        particles.ancestors().iter().copied().zip(weights).filter(|one| one.1 > 0.0).collect();
    all.sort_by_key(|one| one.0);
    let family = |members: &[(u32, f64)]| members.iter().map(|one| one.1).sum::<f64>();
    let mut shares: Vec<f64> = all.chunk_by(|a, b| a.0 == b.0).map(family).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    shares
}

/// The weight that the largest families hold together.
fn families(scene: &Scene<'_>, area: &Area<'_>) -> Drawn {
    let shares = shares(scene);
    let all = (scene.kept.particles.len() as f64).max(2.0);
    let held = held(&shares);
    let labels = Labels {
        x: "largest families at the end",
        y: "share of weight",
        height: TEXT,
        x_ticks: 5,
        notes: &[],
        parting: None,
    };
    let mut chart = ChartBuilder::on(area)
        .margin_top(TEXT / 2)
        .x_label_area_size(room_below(&labels))
        .y_label_area_size(room_beside(labels.height))
        .build_cartesian_2d((1.0..all).log_scale(), 0.0..1.05)
        .map_err(words)?;
    axes(&mut chart, &labels, 4)?;
    let even = (0..=100).map(|k| all.powf(f64::from(k) / 100.0)).map(|k| (k, k / all));
    let dashes = DashedLineSeries::new(even, 18, 12, INK.stroke_width(STROKE - 1));
    chart.draw_series(dashes).map_err(words)?;
    let first = held.first().copied();
    chart.draw_series([PathElement::new(held, BLUE.stroke_width(STROKE))]).map_err(words)?;
    let dot = first.map(|at| Circle::new(at, 10, COLORS[3].filled()));
    chart.draw_series(dot).map_err(words).map(|_| ())
}

/// The sums of the first shares, at numbers of them that are spread evenly on a logarithmic axis.
pub(super) fn held(shares: &[f64]) -> Vec<(f64, f64)> {
    let mut sum = 0.0;
    let mut next = 1.0;
    let mut held = Vec::new();
    for (k, share) in shares.iter().enumerate() {
        sum += share;
        let count = (k + 1) as f64;
        if count >= next || k + 1 == shares.len() {
            held.push((count, sum));
            next = (next * 1.03).max(count + 1.0);
        }
    }
    held
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_largest_hold_the_sum_of_the_first() {
        let held = super::held(&[0.5, 0.25, 0.125, 0.125]);
        assert_eq!(held, [(1.0, 0.5), (2.0, 0.75), (3.0, 0.875), (4.0, 1.0)]);
        let many = super::held(&[1e-5; 100_000]);
        assert!(many.len() < 500, "{}", many.len());
        assert!(many.iter().all(|(count, sum)| (sum - 1e-5 * count).abs() < 1e-9));
        assert_eq!(many.last().map(|last| last.0), Some(1e5));
    }
}
