//! The density of the first coordinates to show: on the line, or in the plane over a marginal.

use plotters::element::PathElement;
use plotters::style::Color;

use super::canvas::{Area, BLUE, Drawn, INK, words};
use super::contour::{contours, level};
use super::heat_map::{self, Labels, Paint};
use super::legend::{CONTOUR, Mark, SIZE, TEXT, headed};
use super::marginal::marginal;
use super::scene::Scene;

/// The picture's size.
pub(super) fn size(scene: &Scene<'_>) -> (u32, u32) {
    if scene.coordinates.len() > 1 { (SIZE.0, 1310) } else { SIZE }
}

/// The shares of the mass within the contours of the exact density.
const WITHIN: [f64; 2] = [0.5, 0.95];

/// The most bins along an axis, five pixels wide.
const MOST_BINS: usize = 200;

/// Draws it.
pub(super) fn draw(scene: &Scene<'_>, root: &Area<'_>) -> Drawn {
    let root = root.margin(24, 12, 12, 30);
    match scene.coordinates[..] {
        [first, second, ..] => plane(scene, &root, (first, second)),
        [only] => {
            let exact = scene.exact_line(only);
            let mut marks = vec![(Mark::Area(BLUE), "sample")];
            marks.extend(exact.is_some().then_some((Mark::Line(INK), "exact")));
            let body = headed(&root, "Density", &marks)?;
            line(scene, &body, only, exact.as_deref())
        }
        [] => Err("bug in wfr: a picture of no coordinate".into()),
    }
}

fn line(scene: &Scene<'_>, area: &Area<'_>, axis: usize, exact: Option<&[(f64, f64)]>) -> Drawn {
    let line = scene.line(axis, MOST_BINS)?;
    let highest = exact.unwrap_or_default().iter().map(|point| point.1).fold(0.0, f64::max);
    let top = line.peak().max(highest).max(f64::MIN_POSITIVE) * 1.1;
    let x = format!("x{axis}");
    let labels =
        Labels { x: &x, y: "density", height: TEXT, x_ticks: 5, notes: &[], parting: None };
    marginal(area, &line, BLUE, exact, top, &labels)
}

fn plane(scene: &Scene<'_>, root: &Area<'_>, axes: (usize, usize)) -> Drawn {
    let known = scene.exact_plane(axes);
    let exact = scene.exact_line(axes.0);
    let mut marks = vec![(Mark::Area(BLUE), "sample")];
    marks.extend(exact.is_some().then_some((Mark::Line(INK), "exact")));
    marks.extend(known.is_some().then_some((Mark::Contour, "exact, 50 and 95 %")));
    let body = headed(root, "Density", &marks)?;
    let (above, below) = body.split_vertically(830);
    // The topmost number reaches above its axis.
    let above = above.margin(TEXT / 3, 0, 0, 0);
    let density = scene.plane(axes, MOST_BINS)?;
    let y = format!("x{}", axes.1);
    let labels = Labels { x: "", y: &y, height: TEXT, x_ticks: 5, notes: &[], parting: None };
    let mut chart = heat_map::painted(&above, &density, density.peak(), &labels, Paint::Viridis)?;
    for known in known.iter() {
        for line in WITHIN.iter().flat_map(|share| contours(known, level(known, *share))) {
            for (color, width) in CONTOUR {
                let line = PathElement::new(line.clone(), color.stroke_width(width));
                chart.draw_series([line]).map_err(words)?;
            }
        }
    }
    line(scene, &below, axes.0, exact.as_deref())
}
