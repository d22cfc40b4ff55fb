//! The picture of `wfr demo`: exact density, plain Langevin and the annealed flow side by side.

use std::ops::Range;
use std::path::Path;

use plotters::element::Text;
use plotters::style::RGBColor;

use super::canvas::{Area, BLUE, Drawn, GREY, INK, ORANGE, picture, text, words};
use super::heat_map::{self, Labels};
use super::histogram::{Line, Plane};
use super::marginal::marginal;
use crate::cli::{Outcome, grouped};
use crate::output::{Estimates, parameters};

/// A run to show.
pub(crate) struct Panel<'a> {
    pub(crate) outcome: &'a Outcome,
    pub(crate) estimates: &'a Estimates,
}

const HEIGHT: u32 = 40;
const X: Range<f64> = -2.0..2.0;
const Y: Range<f64> = -3.2..3.2;
const BINS: (usize, usize) = (120, 120);
const LINE_BINS: usize = 120;

/// The density of a double well in the plane.
#[derive(Clone, Copy)]
struct Wells {
    a: f64,
    c: f64,
    stiffness: f64,
    log_z: f64,
}

impl Wells {
    fn density(self, x: f64, y: f64) -> f64 {
        let well = -self.a * x * x * (0.25 * x * x - 0.5) - self.c * x;
        (well - 0.5 * self.stiffness * y * y - self.log_z).exp()
    }

    fn marginal(self, x: f64) -> f64 {
        self.density(x, 0.0) * (std::f64::consts::TAU / self.stiffness).sqrt()
    }
}

/// Draws the picture of a double well in two dimensions.
pub(crate) fn demo(path: &Path, langevin: &Panel<'_>, annealed: &Panel<'_>) -> Drawn {
    let target = langevin.outcome.problem.target();
    let (Some(truth), 2) = (target.truth(), target.dim()) else {
        return Err("bug in wfr: the demo's target is a double well in the plane".into());
    };
    let set = parameters(target);
    let value = |name: &str| set.get(name).copied().unwrap_or(f64::NAN);
    let wells = Wells {
        a: value("a"),
        c: value("c"),
        stiffness: value("stiffness"),
        log_z: truth.log_normalizer,
    };
    let exact = Plane::from_density(X, Y, BINS, |x, y| wells.density(x, y));
    picture(path, (2880, 1860), |root| {
        let root = root.margin(42, 30, 48, 36);
        let (head, body) = root.split_vertically(180);
        heading(&head, langevin, wells.a)?;
        let (body, side) = body.split_horizontally(body.dim_in_pixel().0 as i32 - 170);
        let columns = body.split_evenly((1, 3));
        let [first, second, third] = &columns[..] else {
            return Err("bug in wfr: three columns".into());
        };
        let exact_line = Line::from_density(X, LINE_BINS, |x| wells.marginal(x));
        let (langevin_plane, langevin_line) = clouds(langevin);
        let (annealed_plane, annealed_line) = clouds(annealed);
        // One scale of colours, which no panel exceeds.
        let planes = [&exact, &langevin_plane, &annealed_plane];
        let peak = planes.map(Plane::peak).into_iter().fold(0.0, f64::max);
        let top = [&exact_line, &langevin_line, &annealed_line]
            .iter()
            .flat_map(|line| line.density.iter().copied())
            .fold(0.0, f64::max)
            * 1.08;
        let show = |area: &Area<'_>, view: &View<'_>| column(area, view, peak, top, wells);
        show(
            first,
            &View {
                title: "Exact density",
                subtitle: "what a sample should show",
                right: truth.right_mass,
                plane: &exact,
                line: &exact_line,
                color: GREY,
                sample: None,
            },
        )?;
        show(
            second,
            &View {
                title: "Plain Langevin",
                subtitle: "keeps nearly the masses of its start",
                right: langevin.estimates.right_mass.value,
                plane: &langevin_plane,
                line: &langevin_line,
                color: ORANGE,
                sample: Some("Langevin"),
            },
        )?;
        show(
            third,
            &View {
                title: "Annealed weighted flow",
                subtitle: "from the same start, moves mass by weights",
                right: annealed.estimates.right_mass.value,
                plane: &annealed_plane,
                line: &annealed_line,
                color: BLUE,
                sample: Some("weighted"),
            },
        )?;
        let (_, side) = side.split_vertically(150);
        let (side, _) = side.split_vertically(840);
        heat_map::scale(&side.margin(0, 0, 30, 0), peak, "density", 34)
    })
}

/// One column of the picture.
struct View<'a> {
    title: &'a str,
    subtitle: &'a str,
    right: f64,
    plane: &'a Plane,
    line: &'a Line,
    color: RGBColor,
    sample: Option<&'a str>,
}

fn clouds(panel: &Panel<'_>) -> (Plane, Line) {
    let particles = &panel.outcome.particles;
    let weights = particles.weights();
    let plane = Plane::of(particles, &weights, X, Y, BINS);
    (plane, Line::of(particles, &weights, 0, X, LINE_BINS))
}

fn heading(area: &Area<'_>, panel: &Panel<'_>, a: f64) -> Drawn {
    let config = &panel.outcome.config;
    let title = "Weighted particles cross a barrier that diffusion does not";
    let facts = format!(
        "{} particles, {} steps to time {}, a double well with a barrier of {}, on {}",
        grouped(u64::from(config.particles)),
        config.schedule.steps(),
        config.schedule.time(config.schedule.steps()),
        0.25 * a,
        panel.outcome.adapter.name
    );
    area.draw(&Text::new(title, (0, 0), text(80, INK))).map_err(words)?;
    area.draw(&Text::new(facts, (0, 102), text(44, GREY))).map_err(words)
}

fn column(area: &Area<'_>, view: &View<'_>, peak: f64, top: f64, wells: Wells) -> Drawn {
    let (head, body) = area.split_vertically(150);
    let left = heat_map::room_beside(HEIGHT) as i32;
    let title = Text::new(view.title, (left, 0), text(62, INK));
    head.draw(&title).map_err(words)?;
    let subtitle = Text::new(view.subtitle, (left, 76), text(44, GREY));
    head.draw(&subtitle).map_err(words)?;

    let (above, below) = body.split_vertically(900);
    let percent = |mass: f64| format!("{:.1} %", 100.0 * mass);
    let notes = [((-1.0, 2.7), percent(1.0 - view.right)), ((1.0, 2.7), percent(view.right))];
    let legend = match view.sample {
        Some(sample) => format!("{sample}; line: exact"),
        None => "exact".to_string(),
    };
    let legend = [((0.45, 0.92 * top), legend)];
    let labels =
        Labels { x: "", y: "", height: HEIGHT, x_ticks: 5, notes: &notes, parting: Some(0.0) };
    let y = if view.sample.is_none() { "y" } else { "" };
    heat_map::heat_map(&above, view.plane, peak, &Labels { y, ..labels })?;
    let y = if view.sample.is_none() { "density of x" } else { "" };
    const POINTS: u32 = 400;
    let places = (0..=POINTS).map(|i| f64::from(i) / f64::from(POINTS));
    let places = places.map(|fraction| X.start + (X.end - X.start) * fraction);
    let exact: Vec<_> = places.map(|x| (x, wells.marginal(x))).collect();
    let labels = Labels { x: "x", y, height: HEIGHT, x_ticks: 5, notes: &legend, parting: None };
    marginal(&below, view.line, view.color, Some(&exact), top, &labels)
}
