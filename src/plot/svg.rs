//! Drawing as SVG: real text, and an image for what has many colours.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, FontTransform};

use super::encode::{self, Indexed};
use super::escape::escaped;

/// The fonts, by what systems have: the first is that of the PNG pictures.
const FONTS: &str = "Ubuntu, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

/// What closes a document.
pub(super) const END: &str = "</svg>\n";

/// An SVG document that is being written.
pub(super) struct Svg<'a> {
    text: &'a mut String,
    size: (u32, u32),
}

impl<'a> Svg<'a> {
    /// Begins a document of that many units.
    pub(super) fn begin(text: &'a mut String, size: (u32, u32)) -> Svg<'a> {
        let (width, height) = size;
        let _ = writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONTS}\" \
             stroke-linejoin=\"round\">"
        );
        Svg { text, size }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(super) fn line(&mut self, from: BackendCoord, to: BackendCoord, style: &impl BackendStyle) {
        let stroke = stroke(style);
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{stroke}/>"));
    }

    pub(super) fn rectangle(
        &mut self,
        (left, top): BackendCoord,
        (right, bottom): BackendCoord,
        style: &impl BackendStyle,
        fill: bool,
    ) {
        let (x, y) = (left.min(right), top.min(bottom));
        let (width, height) = ((right - left).abs(), (bottom - top).abs());
        let paint = if fill { filled(style.color()) } else { stroke(style) };
        self.push(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{paint}/>"
        ));
    }

    pub(super) fn path(
        &mut self,
        path: impl IntoIterator<Item = BackendCoord>,
        style: &impl BackendStyle,
    ) {
        let (points, stroke) = (points(path), stroke(style));
        self.push(format_args!("<polyline points=\"{points}\"{stroke}/>"));
    }

    pub(super) fn polygon(
        &mut self,
        path: impl IntoIterator<Item = BackendCoord>,
        style: &impl BackendStyle,
    ) {
        let (points, fill) = (points(path), filled(style.color()));
        self.push(format_args!("<polygon points=\"{points}\"{fill}/>"));
    }

    pub(super) fn circle(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &impl BackendStyle,
        fill: bool,
    ) {
        let paint = if fill { filled(style.color()) } else { stroke(style) };
        self.push(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{paint}/>"));
    }

    pub(super) fn text(&mut self, text: &str, style: &impl BackendTextStyle, at: BackendCoord) {
        let (x, y) = at;
        let anchor = match style.anchor().h_pos {
            HPos::Left => "",
            HPos::Center => " text-anchor=\"middle\"",
            HPos::Right => " text-anchor=\"end\"",
        };
        // Where the base line lies, in heights of the letters.
        let down = match style.anchor().v_pos {
            VPos::Top => "0.9em",
            VPos::Center => "0.35em",
            VPos::Bottom => "-0.2em",
        };
        let turn = match style.transform() {
            FontTransform::None => String::new(),
            FontTransform::Rotate90 => format!(" transform=\"rotate(90 {x} {y})\""),
            FontTransform::Rotate180 => format!(" transform=\"rotate(180 {x} {y})\""),
            FontTransform::Rotate270 => format!(" transform=\"rotate(270 {x} {y})\""),
        };
        // A font's height in pixels is that of its line; CSS asks for the em.
        let size = (style.size() / 1.15).round();
        let (fill, text) = (filled(style.color()), escaped(text));
        self.push(format_args!(
            "<text x=\"{x}\" y=\"{y}\" dy=\"{down}\" font-size=\"{size}\"{anchor}{turn}{fill}>\
             {text}</text>"
        ));
    }

    /// One image, stretched over the rectangle and smoothed by whoever shows it.
    pub(super) fn image(
        &mut self,
        (x, y): BackendCoord,
        (width, height): (u32, u32),
        image: &Indexed,
    ) -> Result<(), String> {
        let data = STANDARD.encode(encode::indexed(image)?);
        self.push(format_args!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             preserveAspectRatio=\"none\" href=\"data:image/png;base64,{data}\"/>"
        ));
        Ok(())
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Text takes whatever is written.
        let _ = self.text.write_fmt(element);
        self.text.push('\n');
    }
}

fn points(path: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut text = String::new();
    let mut last = None;
    for point in path {
        // Points that fall on each other say nothing.
        if last.replace(point) != Some(point) {
            let _ = write!(text, "{},{} ", point.0, point.1);
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn name(color: BackendColor) -> String {
    let (r, g, b) = color.rgb;
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn stroke(style: &impl BackendStyle) -> String {
    let color = style.color();
    let mut text = format!(" fill=\"none\" stroke=\"{}\"", name(color));
    if style.stroke_width() != 1 {
        let _ = write!(text, " stroke-width=\"{}\"", style.stroke_width());
    }
    if color.alpha < 1.0 {
        let _ = write!(text, " stroke-opacity=\"{}\"", color.alpha);
    }
    text
}

fn filled(color: BackendColor) -> String {
    let mut text = format!(" fill=\"{}\"", name(color));
    if color.alpha < 1.0 {
        let _ = write!(text, " fill-opacity=\"{}\"", color.alpha);
    }
    text
}
