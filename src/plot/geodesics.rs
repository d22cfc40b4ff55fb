//! The picture of `wfr experiment geodesics`: particles on their way over the density they follow.

use std::path::Path;

use plotters::element::{PathElement, Text};
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, Drawn, GREY, INK, ORANGE, picture, text, words};
use super::heat_map::{self, Labels, Paint};
use super::histogram::{Line, Plane};
use wfr::Particles;

/// The particles of one geodesic over time.
pub(crate) struct Journey<'a> {
    pub(crate) title: &'a str,
    pub(crate) remark: &'a str,
    /// From β = 0 to β = 1.
    pub(crate) looks: Vec<Look>,
}

/// The particles at one time.
pub(crate) struct Look {
    pub(crate) beta: f64,
    /// The mass of the density there.
    pub(crate) mass: f64,
    pub(crate) particles: Particles,
}

const HEIGHT: u32 = 32;
const COLUMNS: usize = 3;
const PLACES: std::ops::Range<f64> = -3.6..4.2;
const BINS: usize = 100;
/// Particles whose way is drawn.
const LINES: usize = 36;

/// Draws one panel for each geodesic, three in a row.
pub(crate) fn geodesics(path: &Path, journeys: &[Journey<'_>]) -> Drawn {
    let planes: Vec<Plane> = journeys.iter().map(density).collect();
    let peak = planes.iter().map(Plane::peak).fold(0.0, f64::max);
    picture(path, (2400, 1620), |root| {
        let root = root.margin(30, 20, 30, 30);
        let (head, body) = root.split_vertically(120);
        let title = "Six ways from one law to another";
        head.draw(&Text::new(title, (0, 0), text(64, INK))).map_err(words)?;
        let facts =
            "density (blue) and particles (orange), a line as wide as its particle is heavy";
        head.draw(&Text::new(facts, (0, 74), text(HEIGHT, GREY))).map_err(words)?;
        let panels = body.split_evenly((journeys.len().div_ceil(COLUMNS), COLUMNS));
        for (k, ((area, journey), plane)) in panels.iter().zip(journeys).zip(&planes).enumerate() {
            // Axes are named once, at the left and below.
            let y = if k % COLUMNS == 0 { "x" } else { "" };
            let x = if k + COLUMNS >= journeys.len() { "β" } else { "" };
            let labels = Labels { x, y, height: HEIGHT, x_ticks: 5, notes: &[], parting: None };
            panel(area, journey, plane, peak, &labels)?;
        }
        Ok(())
    })
}

fn panel(
    area: &Area<'_>,
    journey: &Journey<'_>,
    plane: &Plane,
    peak: f64,
    labels: &Labels<'_>,
) -> Drawn {
    let (head, body) = area.split_vertically(92);
    let left = heat_map::room_beside(HEIGHT) as i32;
    head.draw(&Text::new(journey.title.to_string(), (left, 0), text(44, INK))).map_err(words)?;
    head.draw(&Text::new(journey.remark.to_string(), (left, 50), text(HEIGHT, GREY)))
        .map_err(words)?;
    let mut chart = heat_map::painted(&body, plane, peak, labels, Paint::Blue)?;
    let weights: Vec<Vec<f64>> =
        journey.looks.iter().map(|look| look.particles.weights()).collect();
    let count = weights.first().map_or(0, Vec::len);
    for line in 0..LINES.min(count) {
        // Spread over the population, whatever order it is in.
        let i = line * count / LINES.min(count);
        for (k, pair) in journey.looks.windows(2).enumerate() {
            let [from, to] = pair else { continue };
            let place = |look: &Look| (look.beta, look.particles.coordinate(i, 0));
            let relative = weights[k + 1][i] * count as f64;
            let style = stroke(relative);
            let piece = PathElement::new([place(from), place(to)], style);
            chart.draw_series([piece]).map_err(words)?;
        }
    }
    Ok(())
}

/// A line whose width is the root of the weight: heavy ones do not hide all others.
fn stroke(relative: f64) -> plotters::style::ShapeStyle {
    let width = (3.0 * relative.sqrt()).clamp(1.0, 12.0);
    let ink: RGBColor = ORANGE;
    // What is lighter than the thinnest line fades.
    ink.mix((9.0 * relative).clamp(0.08, 0.95)).stroke_width(width.round() as u32)
}

/// The weighted particles as columns over β.
fn density(journey: &Journey<'_>) -> Plane {
    let columns = journey.looks.len();
    let mut density = vec![0.0; columns * BINS];
    for (column, look) in journey.looks.iter().enumerate() {
        let weights = look.particles.weights();
        let line = Line::of(&look.particles, &weights, 0, PLACES, BINS);
        for (row, value) in line.density.iter().enumerate() {
            density[row * columns + column] = value * look.mass;
        }
    }
    Plane { x: 0.0..1.0, y: PLACES, columns, density }
}
