//! What all pictures share: the font, the inks, and how a picture becomes a file.

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::Once;

use clap::ValueEnum;
use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle, WHITE, register_font};

use super::encode;
use super::surface::{self, FINER, Surface};
use super::svg::{self, Svg};

/// A rectangle of a picture.
pub(super) type Area<'a> = DrawingArea<Surface<'a>, Shift>;

/// What drawing returns: the reason in words.
pub(super) type Drawn<T = ()> = Result<T, String>;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(34, 34, 40);
/// Remarks.
pub(crate) const GREY: RGBColor = RGBColor(105, 105, 115);
/// Weighted particles: blue, and orange for what they are compared with; colour-blind safe
/// (Okabe & Ito, 2008).
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
/// See [`BLUE`].
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);

/// For several quantities in one chart, in this order (Okabe & Ito, 2008).
pub(crate) const COLORS: [RGBColor; 7] = [
    BLUE,
    ORANGE,
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    INK,
];

const FAMILY: &str = "sans-serif";

/// The format of a picture's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Format {
    /// Lines and text, for papers and pages.
    Svg,
    /// Pixels.
    Png,
}

impl Format {
    /// What the names of files end in, and what the command line calls it.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Format::Svg => "svg",
            Format::Png => "png",
        }
    }

    /// The format that a file's name asks for.
    fn of(path: &Path) -> Drawn<Format> {
        let extension = path.extension().unwrap_or_default();
        let mut all = [Format::Svg, Format::Png].into_iter();
        all.find(|format| extension.eq_ignore_ascii_case(format.extension()))
            .ok_or_else(|| format!("{} ends in neither .svg nor .png", path.display()))
    }
}

/// Draws a picture of that many pixels into a file, in the format of its name.
pub(super) fn picture(
    path: &Path,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Drawn {
    fs::write(path, drawn(Format::of(path)?, size, draw)?).map_err(words)
}

/// The bytes of a picture of that many pixels.
pub(super) fn drawn(
    format: Format,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Drawn<Vec<u8>> {
    match format {
        Format::Svg => {
            let mut text = String::new();
            let mut svg = Svg::begin(&mut text, size);
            svg.rectangle((0, 0), (size.0 as i32, size.1 as i32), &WHITE, true);
            paint(Surface::Svg(svg), draw)?;
            text.push_str(svg::END);
            Ok(text.into_bytes())
        }
        Format::Png => encode::rgb(size, &pixels(size, draw)?),
    }
}

/// The pixels of a picture, three bytes each.
pub(super) fn pixels(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn<Vec<u8>> {
    let fine = (size.0 * FINER, size.1 * FINER);
    let mut buffer = vec![255; 3 * fine.0 as usize * fine.1 as usize];
    paint(Surface::Pixels(BitMapBackend::with_buffer(&mut buffer, fine)), draw)?;
    Ok(surface::coarse(&buffer, size))
}

fn paint(surface: Surface<'_>, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Drawn {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // The font is part of the program; whether it parses, any test of a picture tells.
        let _ = register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
    let root = surface.into_drawing_area();
    draw(&root)?;
    root.present().map_err(words)
}

/// Text of that height in pixels, placed by its left upper corner.
pub(super) fn text(height: u32, color: RGBColor) -> TextStyle<'static> {
    let style = TextStyle::from((FAMILY, height).into_font());
    TextStyle { color: color.to_backend_color(), ..style }
}

/// The same text centred on its place.
pub(super) fn centred(style: &TextStyle<'static>) -> TextStyle<'static> {
    style.pos(Pos::new(HPos::Center, VPos::Center))
}

/// A drawing error in words.
pub(super) fn words(error: impl Display) -> String {
    error.to_string()
}
