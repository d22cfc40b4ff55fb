//! What charts are drawn on: pixels or SVG, behind one type, so that every chart has both.

use std::io;

use plotters::backend::BitMapBackend;
use plotters::element::{Drawable, PointCollection};
use plotters::style::text_anchor::Pos;
use plotters::style::{FontDesc, FontFamily, FontStyle, TextStyle};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::encode::Indexed;
use super::svg::Svg;

/// Pixels are drawn so many times finer in each direction than they are kept: smooth edges.
pub(super) const FINER: u32 = 2;

/// What charts are drawn on.
pub(super) enum Surface<'a> {
    Svg(Svg<'a>),
    /// In units of 1 / [`FINER`].
    Pixels(BitMapBackend<'a>),
}

type Error = DrawingErrorKind<io::Error>;

impl DrawingBackend for Surface<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        match self {
            Surface::Svg(svg) => svg.size(),
            Surface::Pixels(pixels) => {
                let (width, height) = pixels.get_size();
                (width / FINER, height / FINER)
            }
        }
    }

    fn ensure_prepared(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, color: BackendColor) -> Result<(), Error> {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), Error> {
        match self {
            Surface::Svg(svg) => svg.line(from, to, style),
            // Wide lines are areas, which a path knows and a line does not.
            Surface::Pixels(pixels) => {
                pixels.draw_path([fine(from), fine(to)], &Fine::of(style)).map_err(own)?;
            }
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), Error> {
        match self {
            Surface::Svg(svg) => svg.rectangle(from, to, style, fill),
            Surface::Pixels(pixels) => {
                pixels.draw_rect(fine(from), fine(to), &Fine::of(style), fill).map_err(own)?;
            }
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), Error> {
        match self {
            Surface::Svg(svg) => svg.path(path, style),
            Surface::Pixels(pixels) => {
                let style = Fine::of(style);
                let mut last = None;
                for point in path.into_iter().map(fine) {
                    // Piece by piece with round joints: the corners of one wide area would reach
                    // far out where a path turns sharply.
                    let Some(before) = last.replace(point) else { continue };
                    pixels.draw_path([before, point], &style).map_err(own)?;
                    if style.width > 3 {
                        let radius = style.width / 2;
                        pixels.draw_circle(point, radius, &style.color, true).map_err(own)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Result<(), Error> {
        match self {
            Surface::Svg(svg) => svg.circle(center, radius, style, fill),
            Surface::Pixels(pixels) => {
                let style = Fine::of(style);
                pixels.draw_circle(fine(center), radius * FINER, &style, fill).map_err(own)?;
            }
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), Error> {
        match self {
            Surface::Svg(svg) => svg.polygon(path, style),
            Surface::Pixels(pixels) => {
                pixels.fill_polygon(path.into_iter().map(fine), &Fine::of(style)).map_err(own)?;
            }
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        at: BackendCoord,
    ) -> Result<(), Error> {
        match self {
            Surface::Svg(svg) => svg.text(text, style, at),
            Surface::Pixels(pixels) => {
                let size = style.size() * f64::from(FINER);
                let font = FontDesc::new(FontFamily::SansSerif, size, FontStyle::Normal)
                    .transform(style.transform());
                let anchor = style.anchor();
                let pos = Pos::new(anchor.h_pos, anchor.v_pos);
                let style = TextStyle { pos, color: style.color(), ..TextStyle::from(font) };
                pixels.draw_text(text, &style, fine(at)).map_err(own)?;
            }
        }
        Ok(())
    }
}

/// The means of what was drawn finer: three bytes a pixel.
pub(super) fn coarse(fine: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let (columns, rows) = (width as usize, height as usize);
    let finer = FINER as usize;
    let mut pixels = Vec::with_capacity(3 * columns * rows);
    for row in 0..rows {
        for column in 0..columns {
            for part in 0..3 {
                let mut sum = 0;
                for down in 0..finer {
                    let first = (row * finer + down) * columns * finer + column * finer;
                    sum += (0..finer).map(|k| u32::from(fine[3 * (first + k) + part])).sum::<u32>();
                }
                pixels.push((sum / (FINER * FINER)) as u8);
            }
        }
    }
    pixels
}

/// A picture of densities within a picture, by the colour at each place.
pub(super) struct Raster<'p> {
    /// The left upper corner.
    pub(super) corner: BackendCoord,
    pub(super) size: (u32, u32),
    /// Columns and rows that hold all there is to see.
    pub(super) bins: (u32, u32),
    /// The colour at a place, given by fractions of the width from the left and of the height from
    /// below.
    pub(super) color: &'p dyn Fn(f64, f64) -> u8,
    /// Three bytes a colour.
    pub(super) palette: &'p [u8],
}

impl Raster<'_> {
    fn sampled(&self, (width, height): (u32, u32)) -> Indexed {
        let mut pixels = Vec::with_capacity((width * height) as usize);
        for row in 0..height {
            for column in 0..width {
                let across = (f64::from(column) + 0.5) / f64::from(width);
                let up = 1.0 - (f64::from(row) + 0.5) / f64::from(height);
                pixels.push((self.color)(across, up));
            }
        }
        Indexed { width, height, pixels, palette: self.palette.to_vec() }
    }
}

impl<'p> PointCollection<'p, BackendCoord> for &'p Raster<'_> {
    type Point = &'p BackendCoord;
    type IntoIter = std::iter::Once<&'p BackendCoord>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.corner)
    }
}

impl<'a> Drawable<Surface<'a>> for Raster<'_> {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut places: I,
        surface: &mut Surface<'a>,
        _: (u32, u32),
    ) -> Result<(), Error> {
        let Some(corner) = places.next() else { return Ok(()) };
        match surface {
            Surface::Svg(svg) => {
                let image = self.sampled(self.bins);
                let failed = |reason: String| Error::DrawingError(io::Error::other(reason));
                svg.image(corner, self.size, &image).map_err(failed)
            }
            Surface::Pixels(pixels) => {
                let size = (self.size.0 * FINER, self.size.1 * FINER);
                let image = self.sampled(size);
                let color = |index: &u8| {
                    let first = 3 * usize::from(*index);
                    self.palette[first..first + 3].iter().copied()
                };
                let bytes: Vec<u8> = image.pixels.iter().flat_map(color).collect();
                pixels.blit_bitmap(fine(corner), size, &bytes).map_err(own)
            }
        }
    }
}

/// A style in the units of pixels.
struct Fine {
    color: BackendColor,
    width: u32,
}

impl Fine {
    fn of(style: &impl BackendStyle) -> Fine {
        Fine { color: style.color(), width: style.stroke_width() * FINER }
    }
}

impl BackendStyle for Fine {
    fn color(&self) -> BackendColor {
        self.color
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

fn fine((x, y): BackendCoord) -> BackendCoord {
    (x * FINER as i32, y * FINER as i32)
}

/// The error of a bitmap as that of any surface.
fn own<E: std::error::Error + Send + Sync>(error: DrawingErrorKind<E>) -> Error {
    match error {
        DrawingErrorKind::DrawingError(error) => {
            Error::DrawingError(io::Error::other(error.to_string()))
        }
        DrawingErrorKind::FontError(error) => Error::FontError(error),
    }
}
