//! The picture of `wfr sample --plot`.

use std::path::Path;

use plotters::element::Text;

use super::canvas::{Area, BLUE, Drawn, GREY, INK, picture, text, words};
use super::heat_map::{self, Labels};
use super::histogram::{Line, Plane, spread};
use super::marginal::marginal;
use crate::cli::{Outcome, grouped};
use crate::output::Estimates;

const HEIGHT: u32 = 24;

/// Draws the weighted density of the first two coordinates over that of the first.
pub(crate) fn sample(path: &Path, outcome: &Outcome, estimates: &Estimates) -> Drawn {
    let particles = &outcome.particles;
    let weights = particles.weights();
    // So many bins that chance does not hide the shape.
    let bins = (estimates.ess.sqrt() / 2.5).clamp(30.0, 160.0) as usize;
    let plane = particles.dim() > 1;
    let size = if plane { (1000, 1240) } else { (1000, 640) };
    picture(path, size, |root| {
        let root = root.margin(24, 16, 24, 30);
        let (head, body) = root.split_vertically(90);
        heading(&head, outcome, estimates)?;
        let (body, side) = body.split_horizontally(body.dim_in_pixel().0 as i32 - 110);
        let x = spread(particles, &weights, 0);
        let labels = |x, y| Labels { x, y, height: HEIGHT, x_ticks: 5, notes: &[], parting: None };
        let below = if plane {
            let (above, below) = body.split_vertically(780);
            let y = spread(particles, &weights, 1);
            let plane = Plane::of(particles, &weights, x.clone(), y, (bins, bins));
            let peak = plane.peak();
            heat_map::heat_map(&above, &plane, peak, &labels("", "x1"))?;
            let side = side.margin(0, 0, 20, 0);
            let (side, _) = side.split_vertically(740);
            heat_map::scale(&side, peak, "density", 20)?;
            below
        } else {
            body
        };
        let line = Line::of(particles, &weights, 0, x, bins);
        let top = line.density.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1.1;
        marginal(&below, &line, BLUE, None, top, &labels("x0", "density"))
    })
}

fn heading(area: &Area<'_>, outcome: &Outcome, estimates: &Estimates) -> Drawn {
    let target = outcome.problem.target();
    let title = format!("{}, {} flow", outcome.name(), outcome.problem.flow().name());
    let log_z = if crate::cli::tells_log_z(outcome) {
        format!("log Z {:.4}, ", estimates.log_normalizer.value)
    } else {
        String::new()
    };
    let facts = format!(
        "{} weighted particles in {} dimensions, {log_z}ESS {}",
        grouped(outcome.particles.len() as u64),
        target.dim(),
        grouped(estimates.ess.round() as u64)
    );
    area.draw(&Text::new(title, (0, 0), text(38, INK))).map_err(words)?;
    area.draw(&Text::new(facts, (0, 48), text(HEIGHT, GREY))).map_err(words)
}
