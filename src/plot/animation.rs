//! The density as it evolves, as an animated PNG.

use std::collections::HashMap;
use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Polygon, Text};
use plotters::style::{Color, WHITE};
use png::{BitDepth, BlendOp, ColorType, Compression, DisposeOp, Encoder, Filter};

use super::canvas::{Area, BLUE, Drawn, GREY, INK, ORANGE, pixels, text, words};
use super::heat_map::{self, Labels, Paint, axes, room_below, room_beside};
use super::histogram::Plane;
use super::traces::around;
use crate::output::{Frame, Kept};

/// The most frames.
const MOST: usize = 60;

/// Pixels of a frame.
const SIZE: (u32, u32) = (480, 620);

/// Height of the text.
const TEXT: u32 = 20;

/// Milliseconds of a frame, and of the last one before it begins again.
const DELAYS: (u16, u16) = (80, 2500);

/// The colours of a density that files keep: fewer than a heat map's, so that chance takes less room.
const SHADES: u32 = 96;

/// Whether there is anything to animate.
pub(crate) fn is_animated(kept: &Kept) -> bool {
    kept.frames.len() > 1
}

/// What the animation shows, and what one should see.
pub(crate) const CAPTION: &str = "The density of the weighted particles from the first step to the \
    last, in colours of the last one; modes should part from what is there, and a mode that appears \
    from nothing, or flickers, rests on few particles.";

/// The density over time on fixed axes, above the effective sample size and log Z with a moving mark.
///
/// # Errors
/// The reason in words, where there are no two frames or drawing fails.
pub(crate) fn animation(kept: &Kept) -> Drawn<Vec<u8>> {
    let count = kept.frames.len();
    if count < 2 {
        return Err("the run kept no two frames, so that there is nothing to animate".into());
    }
    let shown = count.min(MOST);
    let frames: Vec<&Frame> =
        (0..shown).map(|k| &kept.frames[k * (count - 1) / (shown - 1)]).collect();
    let view = View::of(&frames, kept);
    let mut colors = Colors::new();
    let images: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| Ok(colors.indices(&pixels(SIZE, |root| view.draw(root, frame))?)))
        .collect::<Drawn<_>>()?;
    encoded(&images, &colors.palette)
}

/// What all frames share.
struct View<'a> {
    kept: &'a Kept,
    x: Range<f64>,
    /// Of the second coordinate, or of the density in one dimension.
    y: Range<f64>,
    is_plane: bool,
    peak: f64,
    end: f64,
}

impl<'a> View<'a> {
    fn of(frames: &[&Frame], kept: &'a Kept) -> View<'a> {
        let axis = |ends: &dyn Fn(&Frame) -> [f64; 2]| {
            let finite = |ends: &[f64; 2]| ends.iter().all(|end| end.is_finite());
            let all = frames.iter().map(|frame| ends(frame)).filter(finite);
            let (low, high) =
                all.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), [a, b]| {
                    (a.min(low), b.max(high))
                });
            let Some([a, b]) = all.last().filter(|_| low < high) else { return 0.0..1.0 };
            // A wide first law would leave the last one little room.
            let more = 0.25 * (b - a);
            low.max(a - more)..high.min(b + more)
        };
        let peak = |frame: &Frame| frame.density.iter().copied().fold(0.0, f32::max);
        let is_plane = frames.iter().any(|frame| frame.rows > 1);
        let last = frames.last().map_or(0.0, |frame| f64::from(peak(frame)));
        let top = frames.iter().map(|frame| f64::from(peak(frame))).fold(0.0, f64::max);
        // A first law in a point would hide all that follows.
        let top = top.min(3.0 * last).max(f64::MIN_POSITIVE);
        View {
            kept,
            x: axis(&|frame| frame.x),
            y: if is_plane { axis(&|frame| frame.y) } else { 0.0..1.08 * top },
            is_plane,
            peak: last.max(f64::MIN_POSITIVE),
            end: frames.iter().map(|frame| frame.time).fold(0.0, f64::max).max(f64::MIN_POSITIVE),
        }
    }

    fn draw(&self, root: &Area<'_>, frame: &Frame) -> Drawn {
        root.fill(&WHITE).map_err(words)?;
        let root = root.margin(8, 6, 6, 14);
        let (head, body) = root.split_vertically(TEXT as i32 * 5 / 4);
        let left = room_beside(TEXT) as i32;
        let time = format!("time {:.2}", frame.time);
        head.draw(&Text::new(time, (left, 0), text(TEXT, INK))).map_err(words)?;
        let (above, below) = body.split_vertically(400);
        if self.is_plane {
            self.plane(&above, frame)?
        } else {
            self.line(&above, frame)?
        }
        let (ess, log_z) = below.split_vertically(below.dim_in_pixel().1 as i32 / 2);
        let n = f64::from(self.kept.record.particles);
        let all = |value: &dyn Fn(f64, f64) -> f64| -> Vec<(f64, f64)> {
            let stages = self.kept.stages.iter();
            let points = stages.map(|stage| (stage.time, value(stage.ess, stage.log_normalizer)));
            points.filter(|point| point.1.is_finite()).collect()
        };
        let tells = self.kept.tells_log_z() && self.kept.record.reaction.is_none();
        let log_z_points = if tells { all(&|_, log_z| log_z) } else { Vec::new() };
        let (x, area) = if log_z_points.is_empty() { ("time", &below) } else { ("", &ess) };
        self.trace(area, ("ESS/N", x), all(&|ess, _| ess / n), 0.0..1.05, frame)?;
        if log_z_points.is_empty() {
            return Ok(());
        }
        let y = around(log_z_points.iter().map(|point| point.1));
        self.trace(&log_z, ("log Z", "time"), log_z_points, y, frame)
    }

    /// The density in the plane, zero where the frame does not reach.
    fn plane(&self, area: &Area<'_>, frame: &Frame) -> Drawn {
        const BINS: usize = 128;
        let columns = frame.columns as usize;
        let own = Plane {
            x: frame.x[0]..frame.x[1],
            y: frame.y[0]..frame.y[1],
            columns,
            density: frame.density.iter().map(|value| f64::from(*value)).collect(),
        };
        let inside = |range: &Range<f64>, value: f64| {
            let part = (value - range.start) / (range.end - range.start);
            (0.0..=1.0).contains(&part).then_some(part)
        };
        let value = |x: f64, y: f64| {
            inside(&own.x, x).zip(inside(&own.y, y)).map_or(0.0, |(across, up)| own.at(across, up))
        };
        // In as many colours as the file has.
        let step = f64::from(SHADES - 1);
        let coarse = |density: f64| (density / self.peak * step).round() / step;
        let plane = Plane::from_density(self.x.clone(), self.y.clone(), (BINS, BINS), |x, y| {
            coarse(value(x, y))
        });
        let labels =
            Labels { x: "x0", y: "x1", height: TEXT, x_ticks: 5, notes: &[], parting: None };
        heat_map::painted(area, &plane, 1.0, &labels, Paint::Viridis).map(|_| ())
    }

    /// The density on the line.
    fn line(&self, area: &Area<'_>, frame: &Frame) -> Drawn {
        let labels =
            Labels { x: "x0", y: "density", height: TEXT, x_ticks: 5, notes: &[], parting: None };
        let mut chart = ChartBuilder::on(area)
            .margin_top(TEXT / 2)
            .x_label_area_size(room_below(&labels))
            .y_label_area_size(room_beside(TEXT))
            .build_cartesian_2d(self.x.clone(), self.y.clone())
            .map_err(words)?;
        axes(&mut chart, &labels, 4)?;
        let width = (frame.x[1] - frame.x[0]) / f64::from(frame.columns);
        // What lies beyond the axes is not drawn beside them.
        let inside = |x: f64| x.clamp(self.x.start, self.x.end);
        let mut outline = vec![(inside(frame.x[0]), 0.0)];
        for (k, density) in frame.density.iter().enumerate() {
            let left = frame.x[0] + width * k as f64;
            let height = f64::from(*density).min(self.y.end);
            outline.extend([(inside(left), height), (inside(left + width), height)]);
        }
        outline.push((inside(frame.x[1]), 0.0));
        let fill = Polygon::new(outline.clone(), BLUE.mix(0.45).filled());
        chart.draw_series([fill]).map_err(words)?;
        chart.draw_series([PathElement::new(outline, BLUE.stroke_width(2))]).map_err(words)?;
        Ok(())
    }

    fn trace(
        &self,
        area: &Area<'_>,
        (name, x): (&str, &str),
        points: Vec<(f64, f64)>,
        y: Range<f64>,
        frame: &Frame,
    ) -> Drawn {
        let labels = Labels { x, y: name, height: TEXT, x_ticks: 5, notes: &[], parting: None };
        let mut chart = ChartBuilder::on(area)
            .margin_top(TEXT / 2)
            .x_label_area_size(room_below(&labels))
            .y_label_area_size(room_beside(TEXT))
            .build_cartesian_2d(0.0..self.end, y)
            .map_err(words)?;
        axes(&mut chart, &labels, 2)?;
        // The last one before the moment: what was known then.
        let now = points.iter().rfind(|point| point.0 <= frame.time).copied();
        let line = PathElement::new(points, GREY.stroke_width(2));
        chart.draw_series([line]).map_err(words)?;
        let mark = now.map(|(_, value)| Circle::new((frame.time, value), 6, ORANGE.filled()));
        chart.draw_series(mark).map_err(words)?;
        Ok(())
    }
}

/// At most 256 colours, and the nearest of them for each that is drawn.
struct Colors {
    palette: Vec<u8>,
    known: HashMap<[u8; 3], u8>,
}

impl Colors {
    /// Those of densities, and the way from white to each ink.
    fn new() -> Colors {
        let viridis = Paint::Viridis.palette();
        let shade = |k: u32| 3 * (k * 255 / (SHADES - 1)) as usize;
        let mut palette: Vec<u8> =
            (0..SHADES).flat_map(|k| viridis[shade(k)..shade(k) + 3].to_vec()).collect();
        for ink in [INK, BLUE, ORANGE, GREY] {
            let parts = [ink.0, ink.1, ink.2].map(f64::from);
            for k in 0..=32 {
                let part = f64::from(k) / 32.0;
                palette.extend(parts.map(|ink| (255.0 + part * (ink - 255.0)).round() as u8));
            }
        }
        Colors { palette, known: HashMap::new() }
    }

    fn indices(&mut self, pixels: &[u8]) -> Vec<u8> {
        let Colors { palette, known } = self;
        let index = |pixel: &[u8]| {
            let color = [pixel[0], pixel[1], pixel[2]];
            *known.entry(color).or_insert_with(|| nearest(palette, color))
        };
        pixels.chunks_exact(3).map(index).collect()
    }
}

fn nearest(palette: &[u8], color: [u8; 3]) -> u8 {
    let distance = |other: &[u8]| {
        let parts = other.iter().zip(color);
        parts.map(|(a, b)| (i32::from(*a) - i32::from(b)).pow(2)).sum::<i32>()
    };
    let all = palette.chunks_exact(3).enumerate();
    all.min_by_key(|(_, other)| distance(other)).map_or(0, |(index, _)| index as u8)
}

/// The frames as one file that repeats for ever; each after the first holds only what changes.
fn encoded(images: &[Vec<u8>], palette: &[u8]) -> Drawn<Vec<u8>> {
    let mut file = Vec::new();
    let (width, height) = SIZE;
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_animated(images.len() as u32, 0).map_err(words)?;
    encoder.set_dispose_op(DisposeOp::None).map_err(words)?;
    encoder.set_blend_op(BlendOp::Source).map_err(words)?;
    let mut writer = encoder.write_header().map_err(words)?;
    let mut last: Option<&Vec<u8>> = None;
    for (k, image) in images.iter().enumerate() {
        let (columns, rows) = match last.replace(image) {
            None => (0..width as usize, 0..height as usize),
            Some(before) => changed(before, image),
        };
        writer.reset_frame_position().map_err(words)?;
        writer.set_frame_dimension(columns.len() as u32, rows.len() as u32).map_err(words)?;
        writer.set_frame_position(columns.start as u32, rows.start as u32).map_err(words)?;
        let delay = if k + 1 == images.len() { DELAYS.1 } else { DELAYS.0 };
        writer.set_frame_delay(delay, 1000).map_err(words)?;
        let part = rows.flat_map(|row| {
            let first = row * width as usize;
            image[first + columns.start..first + columns.end].iter().copied()
        });
        writer.write_image_data(&part.collect::<Vec<u8>>()).map_err(words)?;
    }
    writer.finish().map_err(words)?;
    Ok(file)
}

/// The columns and rows that hold all pixels that differ; one pixel where none does.
fn changed(before: &[u8], after: &[u8]) -> (Range<usize>, Range<usize>) {
    let width = SIZE.0 as usize;
    let differ = before.iter().zip(after).enumerate().filter(|(_, (a, b))| a != b);
    let (mut columns, mut rows) = (width..0, SIZE.1 as usize..0);
    for (place, _) in differ {
        let (column, row) = (place % width, place / width);
        columns = columns.start.min(column)..columns.end.max(column + 1);
        rows = rows.start.min(row)..rows.end.max(row + 1);
    }
    if columns.is_empty() { (0..1, 0..1) } else { (columns, rows) }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng};

    use super::*;
    use crate::output::made_up;

    /// The whole pictures as a viewer builds them up, and the delays in seconds.
    fn played(file: &[u8]) -> Vec<(Vec<u8>, f64)> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height), SIZE);
        let control = info.animation_control.unwrap();
        assert_eq!(control.num_plays, 0);
        let width = SIZE.0 as usize;
        let mut canvas = vec![0; width * SIZE.1 as usize];
        let mut all = Vec::new();
        for _ in 0..control.num_frames {
            let mut part = vec![0; canvas.len()];
            reader.next_frame(&mut part).unwrap();
            let frame = *reader.info().frame_control().unwrap();
            assert_eq!((frame.dispose_op, frame.blend_op), (DisposeOp::None, BlendOp::Source));
            for row in 0..frame.height as usize {
                let to = (frame.y_offset as usize + row) * width + frame.x_offset as usize;
                let columns = frame.width as usize;
                canvas[to..to + columns].copy_from_slice(&part[row * columns..(row + 1) * columns]);
            }
            let delay = f64::from(frame.delay_num) / f64::from(frame.delay_den);
            all.push((canvas.clone(), delay));
        }
        all
    }

    #[test]
    fn an_animation_plays_back_and_stays_small() {
        for dim in [1, 2] {
            let mut kept = made_up::double_well(dim, 2_000);
            // The worst for compression: every bin has chance of its own.
            let mut random = StdRng::seed_from_u64(3);
            for value in kept.frames.iter_mut().flat_map(|frame| &mut frame.density) {
                *value *= random.random_range(0.7..1.3);
            }
            let file = animation(&kept).unwrap();
            if let Some(folder) = std::env::var_os("WFR_TEST_PICTURES") {
                let path = std::path::Path::new(&folder).join(format!("animation-{dim}.png"));
                std::fs::write(path, &file).unwrap();
            }
            assert!(file.len() < 1_500_000, "{}", file.len());
            let frames = played(&file);
            assert_eq!(frames.len(), MOST);
            assert!(frames.windows(2).all(|pair| pair[0].0 != pair[1].0));
            assert!(frames[..MOST - 1].iter().all(|frame| frame.1 == 0.08));
            assert_eq!(frames[MOST - 1].1, 2.5);
            // What is played is what was drawn, in the palette's colours.
            let last = kept.frames.last().unwrap();
            let shown: Vec<&Frame> =
                (0..MOST).map(|k| &kept.frames[k * (kept.frames.len() - 1) / (MOST - 1)]).collect();
            let view = View::of(&shown, &kept);
            let mut colors = Colors::new();
            let drawn = colors.indices(&pixels(SIZE, |root| view.draw(root, last)).unwrap());
            assert!(frames[MOST - 1].0 == drawn);
        }
    }

    #[test]
    fn one_frame_is_no_animation() {
        let mut kept = made_up::double_well(2, 100);
        kept.frames.truncate(1);
        assert!(!is_animated(&kept) && animation(&kept).is_err());
    }
}
