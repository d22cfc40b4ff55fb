//! Densities and histories in characters.

use plotters::style::RGBColor;
use plotters::style::colors::colormaps::{ColorMap, ViridisRGB};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::cli::color;
use crate::output::Frame;

/// The colours of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// 24 bits.
    True,
    /// The 6 × 6 × 6 cube among 256.
    Cube,
    /// Characters alone.
    None,
}

/// From nothing to the peak, without colours.
const RAMP: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// Eighths of a cell, from below.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Colours {
    /// What the environment says: NO_COLOR (no-color.org), COLORTERM and TERM.
    pub(super) fn of_environment() -> Colours {
        Colours::of(|name| std::env::var(name).unwrap_or_default())
    }

    fn of(variable: impl Fn(&str) -> String) -> Colours {
        if color::is_plain(&variable) {
            return Colours::None;
        }
        match variable("COLORTERM").as_str() {
            "truecolor" | "24bit" => Colours::True,
            _ => Colours::Cube,
        }
    }

    /// Viridis at a fraction; none without colours.
    pub(super) fn at(self, fraction: f64) -> Option<Color> {
        let RGBColor(r, g, b) = ViridisRGB.get_color(fraction.clamp(0.0, 1.0));
        let level = |c: u8| (f64::from(c) / 255.0 * 5.0).round() as u8;
        match self {
            Colours::True => Some(Color::Rgb(r, g, b)),
            Colours::Cube => Some(Color::Indexed(16 + 36 * level(r) + 6 * level(g) + level(b))),
            Colours::None => None,
        }
    }
}

/// Fills an area with a density: two values to a cell, or a curve where it has one row. Brightness is
/// the square root of the density, so that small modes are seen.
pub(super) fn density(frame: &Frame, area: Rect, colours: Colours, buffer: &mut Buffer) {
    let peak = frame.density.iter().copied().fold(0.0, f32::max);
    if peak <= 0.0 || area.is_empty() {
        return;
    }
    let fraction = |column: u32, row: u32| {
        let at = row * frame.columns + column;
        f64::from(frame.density.get(at as usize).copied().unwrap_or(0.0) / peak)
    };
    let column = |x: u16| nearest(x, area.width, frame.columns);
    for y in 0..area.height {
        for x in 0..area.width {
            let Some(cell) = buffer.cell_mut((area.x + x, area.y + y)) else { continue };
            if frame.rows == 1 {
                let filled = fraction(column(x), 0) * f64::from(area.height);
                let above_floor = filled - f64::from(area.height - 1 - y);
                cell.set_char(eighth(above_floor));
                cell.set_style(foreground(colours.at(0.6)));
                continue;
            }
            let half = |half: u16| {
                let from_top = nearest(2 * y + half, 2 * area.height, frame.rows);
                fraction(column(x), frame.rows - 1 - from_top).sqrt()
            };
            let (top, bottom) = (half(0), half(1));
            match colours.at(top).zip(colours.at(bottom)) {
                Some((top, bottom)) => {
                    cell.set_char('▀').set_fg(top).set_bg(bottom);
                }
                None => {
                    let level = 0.5 * (top + bottom) * (RAMP.len() - 1) as f64;
                    cell.set_char(RAMP[level.round() as usize]);
                }
            }
        }
    }
}

/// A style of that colour, where there are colours.
pub(super) fn foreground(color: Option<Color>) -> Style {
    color.map_or(Style::new(), |color| Style::new().fg(color))
}

/// The bin under the middle of cell `i` of `cells`.
fn nearest(i: u16, cells: u16, bins: u32) -> u32 {
    (2 * u32::from(i) + 1) * bins / (2 * u32::from(cells))
}

/// A cell filled to that height, 0 to 1.
fn eighth(height: f64) -> char {
    EIGHTHS[(height.clamp(0.0, 1.0) * 8.0).round() as usize]
}

/// The history of a number in at most `width` characters, between `low` and `high`, which is seen at
/// the lowest eighth of a character even where it is least.
pub(super) fn sparkline(values: &[f64], width: usize, low: f64, high: f64) -> String {
    let columns = values.len().min(width);
    let spark = |column: usize| {
        // The newest value of each column: the last one is now.
        let value = values[(column + 1) * values.len() / columns - 1];
        let fraction = if high > low { (value - low) / (high - low) } else { 0.5 };
        if value.is_finite() { eighth(fraction.clamp(0.125, 1.0)) } else { ' ' }
    };
    (0..columns).map(spark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(columns: u32, rows: u32, density: &[f32]) -> Frame {
        Frame {
            step: 0,
            time: 0.0,
            ess: 1.0,
            log_normalizer: 0.0,
            ancestors: 1,
            x: [0.0, 1.0],
            y: [0.0, 1.0],
            columns,
            rows,
            density: density.to_vec(),
        }
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let lines = buffer.content.chunks(buffer.area.width.into());
        lines.map(|cells| cells.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    #[test]
    fn the_environment_tells_the_colours() {
        let of = |no_color: &str, colorterm: &str, term: &str| {
            Colours::of(|name| match name {
                "NO_COLOR" => no_color.into(),
                "COLORTERM" => colorterm.into(),
                _ => term.into(),
            })
        };
        assert_eq!(of("", "truecolor", "xterm"), Colours::True);
        assert_eq!(of("", "", "xterm-256color"), Colours::Cube);
        assert_eq!(of("1", "truecolor", "xterm"), Colours::None);
        assert_eq!(of("", "truecolor", "dumb"), Colours::None);
    }

    /// The lowest row of the density is the lower half of the lowest cell.
    #[test]
    fn a_cell_shows_two_rows() {
        let frame = frame(2, 4, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0]);
        let area = Rect::new(0, 0, 2, 2);
        let mut buffer = Buffer::empty(area);
        density(&frame, area, Colours::True, &mut buffer);
        let color = |fraction| Colours::True.at(fraction).unwrap();
        let cell = |x, y| (buffer[(x, y)].fg, buffer[(x, y)].bg);
        assert_eq!(cell(0, 0), (color(0.0), color(0.0)));
        assert_eq!(cell(1, 0), (color(0.0), color(0.5)));
        assert_eq!(cell(0, 1), (color(0.0), color(1.0)));
        assert_eq!(cell(1, 1), (color(0.0), color(0.0)));
        let mut buffer = Buffer::empty(area);
        density(&frame, area, Colours::None, &mut buffer);
        // A quarter and a half of the ramp's nine steps.
        assert_eq!(text(&buffer), [" :", "+ "]);
    }

    #[test]
    fn one_row_is_a_curve() {
        let frame = frame(4, 1, &[0.0, 0.5, 2.0, 1.0]);
        let area = Rect::new(0, 0, 4, 2);
        let mut buffer = Buffer::empty(area);
        density(&frame, area, Colours::None, &mut buffer);
        assert_eq!(text(&buffer), ["  █ ", " ▄██"]);
    }

    #[test]
    fn viridis_goes_from_violet_to_yellow() {
        // To a level: libraries round the table differently.
        for (fraction, expected) in [(0.0, [68, 1, 84]), (1.0, [253, 231, 37])] {
            let Some(Color::Rgb(r, g, b)) = Colours::True.at(fraction) else { panic!("24 bits") };
            assert!([r, g, b].iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1));
        }
        assert_eq!(Colours::Cube.at(1.0), Some(Color::Indexed(16 + 36 * 5 + 6 * 5 + 1)));
        assert_eq!(Colours::None.at(1.0), None);
    }

    #[test]
    fn a_history_ends_with_now() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0], 10, 0.0, 1.0), "▁▄█");
        assert_eq!(sparkline(&[1.0, 1.0, 1.0, 0.5, 0.0, 1.0], 3, 0.0, 1.0), "█▄█");
        assert_eq!(sparkline(&[2.0, f64::NAN], 9, 2.0, 2.0), "▄ ");
        assert_eq!(sparkline(&[], 9, 0.0, 1.0), "");
    }
}
