//! What stands above a chart: its title and what its marks mean.

use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor};

use super::canvas::{Area, Drawn, INK, text, words};
use super::surface::Surface;

/// Height of the text in pictures of [`SIZE`]: legible where these are a quarter as wide.
pub(super) const TEXT: u32 = 42;

/// The usual size of a picture.
pub(super) const SIZE: (u32, u32) = (1200, 900);

/// Width of lines in pictures of [`SIZE`].
pub(super) const STROKE: u32 = 5;

/// A mark and its colour. No two in one chart differ by colour alone.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    /// A filled outline.
    Area(RGBColor),
    Line(RGBColor),
    Dashes(RGBColor),
    /// A line on what is dark, a thin line beside it.
    Contour,
    Dot(RGBColor),
    Diamond(RGBColor),
    /// A small triangle on an axis.
    Triangle(RGBColor),
}

/// Draws the title and one line of marks with their meanings; what is left is for the chart.
pub(super) fn headed<'a>(root: &Area<'a>, title: &str, marks: &[(Mark, &str)]) -> Drawn<Area<'a>> {
    let (head, body) = root.split_vertically(TEXT as i32 * 5 / 4);
    head.draw(&Text::new(title.to_string(), (0, 0), text(TEXT * 11 / 10, INK))).map_err(words)?;
    if marks.is_empty() {
        return Ok(body);
    }
    let (line, body) = body.split_vertically(TEXT as i32 * 13 / 10);
    legend(&line, marks)?;
    Ok(body)
}

fn legend(area: &Area<'_>, marks: &[(Mark, &str)]) -> Drawn {
    let style = text(TEXT * 9 / 10, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let (height, width) = (TEXT as i32, TEXT as i32);
    let mut left = 0;
    for (mark, meaning) in marks {
        swatch(area, *mark, (left, height / 2), width)?;
        left += width + height / 3;
        let meant = Text::new((*meaning).to_string(), (left, height / 2), style.clone());
        area.draw(&meant).map_err(words)?;
        let (long, _) = area.estimate_text_size(meaning, &style).map_err(words)?;
        left += long as i32 + height * 3 / 2;
    }
    Ok(())
}

/// The mark from `left` on, in the middle of a line of text.
fn swatch(area: &Area<'_>, mark: Mark, (left, middle): (i32, i32), width: i32) -> Drawn {
    let (right, center) = (left + width, left + width / 2);
    let line = |from: i32, to: i32, color: RGBColor| {
        put(area, &PathElement::new([(from, middle), (to, middle)], color.stroke_width(STROKE)))
    };
    match mark {
        Mark::Area(color) => {
            let corners = [(left, middle - width / 4), (right, middle + width / 4)];
            put(area, &Rectangle::new(corners, color.mix(0.45).filled()))?;
            put(area, &Rectangle::new(corners, color.stroke_width(3)))
        }
        Mark::Line(color) => line(left, right, color),
        Mark::Dashes(color) => {
            line(left, left + width * 2 / 5, color)?;
            line(left + width * 3 / 5, right, color)
        }
        Mark::Contour => {
            let ends = [(left, middle), (right, middle)];
            for (color, width) in CONTOUR {
                put(area, &PathElement::new(ends, color.stroke_width(width)))?;
            }
            Ok(())
        }
        Mark::Dot(color) => put(area, &Circle::new((center, middle), width / 4, color.filled())),
        Mark::Diamond(color) => put(
            area,
            &PathElement::new(diamond((center, middle), width / 3), color.stroke_width(4)),
        ),
        Mark::Triangle(color) => {
            put(area, &Polygon::new(triangle((center, middle), width / 4), color.filled()))
        }
    }
}

/// A contour of light on dark, to be seen on all colours of a heat map.
pub(super) const CONTOUR: [(RGBColor, u32); 2] = [(INK, 9), (plotters::style::WHITE, 4)];

/// A diamond around a place.
pub(super) fn diamond((x, y): (i32, i32), half: i32) -> Vec<(i32, i32)> {
    vec![(x, y - half), (x + half, y), (x, y + half), (x - half, y), (x, y - half), (x + half, y)]
}

/// A triangle around a place, pointing up.
pub(super) fn triangle((x, y): (i32, i32), half: i32) -> Vec<(i32, i32)> {
    vec![(x - half, y + half), (x, y - half), (x + half, y + half)]
}

fn put<'a, E>(area: &DrawingArea<Surface<'a>, plotters::coord::Shift>, element: &E) -> Drawn
where
    for<'b> &'b E: PointCollection<'b, (i32, i32)>,
    E: Drawable<Surface<'a>>,
{
    area.draw(element).map_err(words)
}
