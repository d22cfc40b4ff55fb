//! The side panel: the run's numbers, its ESS over time, and how it is shown.

use eframe::egui::{
    Button, Color32, ComboBox, Grid, Rect, RichText, Sense, Slider, Stroke, Ui, pos2, vec2,
};
use wfr::TraceEvent;

use crate::axis::Axis;
use crate::canvas::GROUND;
use crate::look::{Look, Style};
use crate::playback::Playback;
use crate::wish::Wish;

pub(crate) const ACCENT: Color32 = Color32::from_rgb(255, 168, 74);
const FAINT: Color32 = Color32::from_rgb(126, 130, 148);
const WRONG: Color32 = Color32::from_rgb(255, 110, 100);

/// Draws the panel; what the user asks for there.
pub(crate) fn show(
    ui: &mut Ui,
    playback: &mut Playback,
    look: &mut Look,
    following: bool,
    error: Option<&str>,
) -> Option<Wish> {
    ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
    ui.spacing_mut().slider_width = 116.0;
    title(ui, playback);
    if let Some(error) = error {
        ui.add_space(4.0);
        ui.label(RichText::new(error).color(WRONG));
    }
    let mut wish = transport(ui, playback);
    heading(ui, "State");
    state(ui, playback);
    let threshold = playback.sampler().config().ess_threshold;
    let particles = playback.sampler().config().particles;
    ess_plot(ui, playback.trace(), playback.sampler().steps(), particles, threshold);
    heading(ui, "Picture");
    if let Some(asked) = picture(ui, playback, look, following) {
        wish = Some(asked);
    }
    keys(ui);
    wish
}

fn keys(ui: &mut Ui) {
    ui.add_space(12.0);
    let keys = [
        [("space", "play or halt"), ("right", "step")],
        [("r", "restart"), ("v", "density or points")],
        [("w", "weights"), ("f", "fit and follow")],
        [("drag", "pan"), ("wheel", "zoom")],
    ];
    Grid::new("keys").num_columns(4).spacing(vec2(10.0, 1.0)).show(ui, |ui| {
        for row in keys {
            for (key, what) in row {
                ui.label(RichText::new(key).size(11.0));
                ui.label(RichText::new(what).color(FAINT).size(11.0));
            }
            ui.end_row();
        }
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(10.0);
    ui.label(RichText::new(text).color(ACCENT).size(13.0).strong());
}

fn title(ui: &mut Ui, playback: &Playback) {
    let (problem, sampler) = (playback.problem(), playback.sampler());
    ui.add_space(6.0);
    ui.label(RichText::new(problem.target().name()).size(20.0).color(Color32::WHITE));
    let run = format!(
        "{} particles, {} flow, {}",
        grouped(sampler.config().particles),
        problem.flow().name(),
        sampler.integrator()
    );
    ui.label(RichText::new(run).color(FAINT).size(12.0));
    let adapter = &playback.gpu().adapter_info().name;
    ui.label(RichText::new(adapter).color(FAINT).size(12.0));
}

fn transport(ui: &mut Ui, playback: &mut Playback) -> Option<Wish> {
    let mut wish = None;
    ui.add_space(8.0);
    let ended = playback.ended();
    ui.horizontal(|ui| {
        let mut button = |text: &str, hint: &str, enabled: bool, asked: Wish| {
            let button = Button::new(RichText::new(text).size(14.0)).min_size(vec2(82.0, 28.0));
            if ui.add_enabled(enabled, button).on_hover_text(hint).clicked() {
                wish = Some(asked);
            }
        };
        let play = if playback.playing { "halt" } else { "play" };
        button(play, "Play or halt (space)", !ended, Wish::PlayOrHalt);
        button("step", "One ESS test and the steps after it (right arrow)", !ended, Wish::Step);
        button("restart", "Back to time zero, the same run again (r)", true, Wish::Restart);
    });
    let steps = f64::from(playback.sampler().steps());
    let range = (0.01 * steps).max(1.0)..=(100.0 * steps).max(1e4);
    ui.horizontal(|ui| {
        ui.label("speed");
        ui.add(
            Slider::new(&mut playback.pace.speed, range)
                .logarithmic(true)
                .max_decimals(0)
                .suffix(" steps/s"),
        );
    });
    wish
}

fn state(ui: &mut Ui, playback: &Playback) {
    let (info, sampler) = (playback.info(), playback.sampler());
    let share = f64::from(info.ess) / f64::from(sampler.config().particles);
    let log_z = match info.log_normalizer {
        value if value.is_finite() => format!("{value:.4}"),
        _ => "–".into(),
    };
    let mut rows = vec![
        ("step", format!("{} of {}", grouped(info.step), grouped(sampler.steps()))),
        ("time", format!("{:.4}", info.time)),
        ("β", format!("{:.4}", info.beta)),
        ("ESS", format!("{}   {:.1} %", grouped(info.ess as u32), 100.0 * share)),
        ("log Z", log_z),
        ("largest weight", format!("{:.2e}", info.max_weight)),
        ("resamplings", grouped(info.resamplings)),
    ];
    if info.non_finite > 0 {
        rows.push(("not a number", grouped(info.non_finite)));
    }
    if let Some(acceptance) = info.acceptance {
        rows.push(("accepted", format!("{:.1} %", 100.0 * acceptance)));
    }
    if let (true, Some(limit)) = (playback.playing, playback.pace.limit()) {
        let rate = limit.min(playback.pace.speed) * f64::from(sampler.config().particles);
        rows.push(("particle-steps/s", format!("{rate:.1e}")));
    }
    Grid::new("state").num_columns(2).spacing(vec2(18.0, 3.0)).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(RichText::new(name).color(FAINT));
            ui.label(RichText::new(value).monospace().color(Color32::WHITE));
            ui.end_row();
        }
    });
}

/// ESS / N over the steps, with a mark where the device resampled.
fn ess_plot(ui: &mut Ui, trace: &[TraceEvent], steps: u32, particles: u32, threshold: f32) {
    ui.add_space(6.0);
    let caption = format!("ESS / N, 0 to 1, over the steps; below {threshold} it is resampled");
    ui.label(RichText::new(caption).color(FAINT).size(11.0));
    let size = vec2(ui.available_width(), 84.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter().with_clip_rect(rect);
    painter.rect_filled(rect, 3.0, GROUND);
    let inner = rect.shrink2(vec2(6.0, 8.0));
    let at = |step: u32, share: f32| {
        let x = step as f32 / steps.max(1) as f32;
        pos2(inner.left() + x * inner.width(), inner.bottom() - share * inner.height())
    };
    let line = Stroke::new(1.0, Color32::from_rgb(70, 74, 92));
    painter.hline(inner.x_range(), at(0, threshold).y, line);
    let mark = Stroke::new(1.0, Color32::from_rgb(86, 140, 255));
    for event in trace.iter().filter(|event| event.resampled) {
        let foot = at(event.step, 0.0);
        painter.vline(foot.x, foot.y - 6.0..=foot.y + 8.0, mark);
    }
    let curve = thinned(trace, inner.width() as usize);
    let curve = curve.map(|event| at(event.step, event.ess / particles as f32)).collect();
    painter.line(curve, Stroke::new(1.5, ACCENT));
    outline(ui, rect);
}

/// About so many of the tests, evenly chosen, the last among them.
fn thinned(trace: &[TraceEvent], most: usize) -> impl Iterator<Item = &TraceEvent> {
    let every = trace.len().div_ceil(most.max(1)).max(1);
    let last = trace.len().saturating_sub(1);
    let kept = move |i: usize| i.is_multiple_of(every) || i == last;
    trace.iter().enumerate().filter(move |(i, _)| kept(*i)).map(|(_, event)| event)
}

fn outline(ui: &Ui, rect: Rect) {
    let stroke = Stroke::new(1.0, Color32::from_rgb(48, 51, 66));
    ui.painter().rect_stroke(rect, 3.0, stroke, eframe::egui::StrokeKind::Inside);
}

fn picture(ui: &mut Ui, playback: &Playback, look: &mut Look, following: bool) -> Option<Wish> {
    let dim = playback.problem().target().dim();
    let before = look.axes;
    ui.horizontal(|ui| {
        ui.label("axes");
        for (axis, salt) in look.axes.iter_mut().zip(["first axis", "second axis"]) {
            ComboBox::from_id_salt(salt).width(84.0).selected_text(axis.to_string()).show_ui(
                ui,
                |ui| {
                    for choice in Axis::all(dim) {
                        ui.selectable_value(axis, choice, choice.to_string());
                    }
                },
            );
        }
    });
    ui.horizontal(|ui| {
        ui.selectable_value(&mut look.style, Style::Density, "density");
        ui.selectable_value(&mut look.style, Style::Points, "points");
        ui.separator();
        ui.checkbox(&mut look.weighted, "weights");
    });
    match look.style {
        Style::Density => density(ui, look),
        Style::Points => points(ui, look, playback.sampler().config().particles),
    }
    let fit = ui.add_enabled(!following, Button::new("fit and follow"));
    (fit.clicked() || look.axes != before).then_some(Wish::Fit)
}

fn density(ui: &mut Ui, look: &mut Look) {
    ui.add(Slider::new(&mut look.cell, 1.0..=12.0).step_by(1.0).text("pixels a cell"));
    ui.add(Slider::new(&mut look.floor, 1e-5..=1.0).logarithmic(true).text("dark below"));
}

fn points(ui: &mut Ui, look: &mut Look, particles: u32) {
    ui.checkbox(&mut look.families, "colour by time-zero ancestor");
    ui.add(Slider::new(&mut look.radius, 0.5..=8.0).text("radius"));
    ui.add(Slider::new(&mut look.opacity, 0.01..=1.0).logarithmic(true).text("opacity"));
    let most = 1000..=particles.max(1000);
    ui.add(Slider::new(&mut look.most_points, most).logarithmic(true).text("at most"));
    let stride = look.stride(particles);
    if stride > 1 {
        let text = format!("one particle in {stride} is drawn");
        ui.label(RichText::new(text).color(FAINT).size(11.0));
    }
}

/// A number with commas between the thousands.
fn grouped(value: u32) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_grouped() {
        let grouped: Vec<_> = [0, 999, 1000, 1234567].map(grouped).into();
        assert_eq!(grouped, ["0", "999", "1,000", "1,234,567"]);
    }
}
