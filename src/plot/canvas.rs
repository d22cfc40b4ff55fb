//! What all pictures share: the font, the inks, and how a picture becomes a file.

use std::fmt::Display;
use std::path::Path;
use std::sync::Once;

use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle, WHITE, register_font};

/// A rectangle of a picture.
pub(super) type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

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

/// Draws a picture of that many pixels into a PNG file.
pub(super) fn picture(
    path: &Path,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Drawn {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // The font is part of the program; whether it parses, any test of a picture tells.
        let _ = register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
    let root = BitMapBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE).map_err(words)?;
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
