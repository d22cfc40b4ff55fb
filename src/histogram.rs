//! Weighted histograms of one or two coordinates, counted on the device.

use std::ops::Range;

use crate::buffers;
use crate::center::Center;
use crate::config::Resampler;
use crate::error::{Error, ErrorKind, Result};
use crate::gpu::Gpu;
use crate::kernel::histogram::{self, SIDES};
use crate::kernel::quantile::{self, Quantile};
use crate::kernel::tally::{Cloud, CloudShape, Sums, TallyAxis};
use crate::layout::{MAX_PARTICLES, Settings};
use crate::numbers::Numbers;
use crate::particles::Particles;
use crate::plan::{Allowed, Room};
use crate::readback;
use crate::shaders::WeightShape;

/// The most bins of a histogram, over all its axes.
const MOST_BINS: u32 = 1 << 22;

/// Storage buffers of the kernels beside the pages of the state.
const BINDINGS: u32 = 2;

/// An axis of a histogram to be made: which coordinate, how many equal bins, and over which range.
///
/// A histogram has one or two axes and at most 2²² bins.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Axis {
    /// The coordinate, 0 to d − 1.
    pub coordinate: u32,
    /// The number of equal bins, at least 1.
    pub bins: u32,
    /// From where to where, in units of the coordinate. Without it, the range that holds all but two
    /// thousandths of the weight, a thousandth on each side, and a margin of 15 % on both; of a large
    /// population 2¹⁷ to 2¹⁸ evenly spaced particles tell it.
    pub range: Option<Range<f64>>,
}

impl Axis {
    /// A coordinate in so many equal bins, over a range that is found.
    pub fn new(coordinate: u32, bins: u32) -> Axis {
        Axis { coordinate, bins, range: None }
    }

    /// The same over a range of one's own.
    pub fn over(self, range: Range<f64>) -> Axis {
        Axis { range: Some(range), ..self }
    }
}

/// An axis of a [`Histogram`], and what lies to both sides of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BinnedAxis {
    /// The coordinate, from 0.
    pub coordinate: u32,
    /// The number of equal bins.
    pub bins: u32,
    /// From the lower end of the first bin to the upper end of the last.
    pub range: Range<f64>,
    /// The share of the weight below the range, 0 to 1.
    pub below: f64,
    /// The share of the weight above the range, 0 to 1.
    pub above: f64,
}

/// The weight of particles in the bins of one or two coordinates.
///
/// Weights are summed as integers, so that the result does not depend on the order in which particles
/// are seen: each is rounded by at most 2⁻²⁸ of the largest, and is zero below e⁻²⁰ of it. Particles
/// whose log-weight or one of these coordinates is not a number count for nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// The axes, one or two.
    pub axes: Vec<BinnedAxis>,
    /// The share of the weight outside of the bins, 0 to 1.
    pub outside: f64,
    /// Particles whose log-weight (NaN, +∞) or one of these coordinates is not a number.
    pub lost: u32,
    /// Row by row; the unit is 2⁻²⁷ of the largest weight.
    bins: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// The share of the weight in each bin: bin (i, j) of two axes is number j · `axes[0].bins` + i.
    /// They sum to 1 less what is outside; all are zero where no particle has a weight.
    pub fn masses(&self) -> Vec<f64> {
        let unit = 1.0 / self.total.max(1) as f64;
        self.bins.iter().map(|bin| *bin as f64 * unit).collect()
    }

    /// The masses divided by the length or area of a bin.
    pub fn density(&self) -> Vec<f64> {
        let width = |axis: &BinnedAxis| (axis.range.end - axis.range.start) / f64::from(axis.bins);
        let per = 1.0 / self.axes.iter().map(width).product::<f64>();
        self.masses().into_iter().map(|mass| mass * per).collect()
    }
}

/// Histograms of weighted particles in host memory, copied to a device once.
///
/// They are those that [`Sampler::histogram`](crate::Sampler::histogram) makes of the particles where
/// they are.
#[derive(Debug)]
pub struct Histograms {
    counter: Counter,
    dim: u32,
    center: Center,
    log_weights: wgpu::Buffer,
    pages: Vec<wgpu::Buffer>,
}

impl Histograms {
    /// Copies the positions and log-weights to the device.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] when they do not fit the device's bindings,
    /// [`ErrorKind::InvalidConfig`] when there are none.
    pub fn new(gpu: &Gpu, particles: &Particles) -> Result<Histograms> {
        let n = checked_count(particles)?;
        let dim = particles.dim() as u32;
        let page_rows = page_rows(n, dim, &Room::of_device(gpu))?;
        let row = 4 * u64::from(n);
        let shape = CloudShape {
            weights: WeightShape {
                ess_threshold: 0.0,
                ..WeightShape::alone(n, Resampler::default(), 0).on(gpu)
            },
            pages: dim.div_ceil(page_rows),
            page_rows,
        };
        let (log_weights, pages) = gpu.scoped(|| {
            let log_weights = buffers::storage(&gpu.device, "wfr.log_weights", row);
            let bytes = bytemuck::cast_slice(particles.log_weights());
            gpu.queue.write_buffer(&log_weights, 0, bytes);
            let rows: Vec<u32> = (0..dim).collect();
            let page = |rows: &[u32]| {
                let page = buffers::storage(&gpu.device, "wfr.state", row * rows.len() as u64);
                for (i, coordinate) in (0..).zip(rows) {
                    let positions = particles.positions().chunks_exact(dim as usize);
                    let values: Vec<f32> = positions.map(|x| x[*coordinate as usize]).collect();
                    gpu.queue.write_buffer(&page, i * row, bytemuck::cast_slice(&values));
                }
                page
            };
            let pages: Vec<_> = rows.chunks(page_rows as usize).map(page).collect();
            gpu.queue.submit([]);
            (log_weights, pages)
        })?;
        let center = particles.center().map_or_else(Center::default, Center::new);
        Ok(Histograms { counter: Counter::new(gpu, shape)?, dim, center, log_weights, pages })
    }

    /// The weighted histogram of one or two coordinates.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when an axis does not fit, see [`Axis`];
    /// [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    pub async fn histogram(&self, axes: &[Axis]) -> Result<Histogram> {
        let cloud = Cloud { log_weights: &self.log_weights, pages: &self.pages };
        self.counter.histogram(cloud, self.dim, &self.center, axes).await
    }
}

fn checked_count(particles: &Particles) -> Result<u32> {
    let n = particles.len();
    match u32::try_from(n) {
        Ok(count) if (1..=MAX_PARTICLES).contains(&count) => Ok(count),
        _ => {
            let reason = format!("= {n} is not between 1 and {MAX_PARTICLES}");
            Err(Error::config("particles", reason))
        }
    }
}

/// Rows to a page, so that each page fits a binding and all of them a kernel.
fn page_rows(n: u32, dim: u32, room: &Room) -> Result<u32> {
    let row = 4 * u64::from(n);
    let refused = |limit: &str, needed: u64, what: &str, allowed: Allowed| {
        let Allowed { most: available, words, by_request } = allowed;
        let more = if by_request { "request it with more, or " } else { "" };
        let hint = format!(
            "{n} particles in {dim} dimensions need {what}, {words}; {more}take fewer of them"
        );
        Err(ErrorKind::LimitExceeded { limit: limit.into(), needed, available, hint }.into())
    };
    let binding = room.allowed_binding();
    if row > binding.most {
        let what = format!("a {} binding", crate::words::bytes(row));
        return refused("max_storage_buffer_binding_size", row, &what, binding);
    }
    let page_rows = ((binding.most / row).min(u64::from(dim))) as u32;
    let bindings = dim.div_ceil(page_rows) + BINDINGS;
    let allowed = room.allowed_bindings();
    if u64::from(bindings) > allowed.most {
        let what = format!("{bindings} storage buffers in one kernel");
        return refused("max_storage_buffers_per_shader_stage", bindings.into(), &what, allowed);
    }
    Ok(page_rows)
}

/// Counts particles of one shape.
#[derive(Debug)]
pub(crate) struct Counter {
    gpu: Gpu,
    histogram: histogram::Histogram,
    quantile: Quantile,
}

impl Counter {
    pub(crate) fn new(gpu: &Gpu, shape: CloudShape) -> Result<Counter> {
        let numbers = Numbers::alone(gpu, &Settings::of_weights(&shape.weights))?;
        let histogram = histogram::Histogram::new(gpu, &numbers, &shape)?;
        let quantile = Quantile::new(gpu, &numbers, &shape)?;
        Ok(Counter { gpu: gpu.clone(), histogram, quantile })
    }

    /// Of particles in `dim` dimensions, whose coordinates are counted from a center.
    pub(crate) async fn histogram(
        &self,
        cloud: Cloud<'_>,
        dim: u32,
        center: &Center,
        axes: &[Axis],
    ) -> Result<Histogram> {
        check(axes, dim, center)?;
        let mut ranges = Vec::new();
        for axis in axes {
            let origin = center.of_coordinate(axis.coordinate as usize);
            ranges.push(match &axis.range {
                Some(range) => moved(range, -origin),
                None => self.range(cloud, axis.coordinate).await?,
            });
        }
        let tally_axis = |(axis, range): (&Axis, &Range<f64>)| TallyAxis {
            coordinate: axis.coordinate,
            bins: axis.bins,
            low: range.start as f32,
            per_unit: per_unit(axis.bins, range),
        };
        let first = tally_axis((&axes[0], &ranges[0]));
        let second = axes.iter().zip(&ranges).nth(1).map(tally_axis);
        let second = second.unwrap_or(TallyAxis::whole(first.coordinate));
        let sums = Sums::new(&self.gpu, [first, second], SIDES + first.bins * second.bins)?;
        let bound = self.histogram.bind(&self.gpu, cloud, &sums)?;
        self.gpu.takes_more().await?;
        self.gpu.submit_pass(|pass| self.histogram.encode(pass, &bound))?;
        let tally = &sums.tally;
        let words: Vec<u32> = readback::read(&self.gpu, tally, 0, tally.size()).await?;
        let moved = |(axis, range): (&Axis, Range<f64>)| match &axis.range {
            Some(own) => own.clone(),
            None => moved(&range, center.of_coordinate(axis.coordinate as usize)),
        };
        let ranges = axes.iter().zip(ranges).map(moved).collect();
        Ok(histogram(axes, ranges, &words))
    }

    /// Where a coordinate has all but two thousandths of its weight, and a margin.
    async fn range(&self, cloud: Cloud<'_>, coordinate: u32) -> Result<Range<f64>> {
        let axes = [TallyAxis::whole(coordinate); 2];
        let sums = Sums::new(&self.gpu, axes, quantile::STATE + quantile::COUNTS)?;
        let bound = self.quantile.bind(&self.gpu, cloud, &sums)?;
        self.gpu.takes_more().await?;
        self.gpu.submit_pass(|pass| self.quantile.encode(pass, &bound))?;
        let head = 8 * u64::from(1 + quantile::STATE);
        let words: Vec<u32> = readback::read(&self.gpu, &sums.tally, 0, head).await?;
        Ok(with_margin(Quantile::values(&words).unwrap_or_default()))
    }
}

/// From the words of a tally.
fn histogram(axes: &[Axis], ranges: Vec<Range<f64>>, words: &[u32]) -> Histogram {
    let mut sums = words.chunks_exact(2).map(|w| u64::from(w[1]) << 32 | u64::from(w[0])).skip(1);
    let mut sum = || sums.next().unwrap_or_default();
    let (outside, sides) = (sum(), [[sum(), sum()], [sum(), sum()]]);
    let bins: Vec<u64> = sums.collect();
    let total = outside + bins.iter().sum::<u64>();
    let share = |weight: u64| weight as f64 / total.max(1) as f64;
    let axes = axes.iter().zip(ranges).zip(sides).map(|((axis, range), [below, above])| {
        let (below, above) = (share(below), share(above));
        BinnedAxis { coordinate: axis.coordinate, bins: axis.bins, range, below, above }
    });
    Histogram { axes: axes.collect(), outside: share(outside), lost: words[1], bins, total }
}

/// A range, moved along its axis.
fn moved(range: &Range<f64>, by: f64) -> Range<f64> {
    range.start + by..range.end + by
}

fn per_unit(bins: u32, range: &Range<f64>) -> f32 {
    (f64::from(bins) / (range.end - range.start)) as f32
}

/// Whether the axes can be counted.
fn check(axes: &[Axis], dim: u32, center: &Center) -> Result<()> {
    let refused = |field: &str, reason: String| Err(Error::config(field, reason));
    if !(1..=2).contains(&axes.len()) {
        let reason = format!("= {} is not one or two, what a histogram has", axes.len());
        return refused("axes", reason);
    }
    let bins = axes.iter().try_fold(1_u32, |bins, axis| bins.checked_mul(axis.bins));
    if !bins.is_some_and(|bins| (1..=MOST_BINS).contains(&bins)) {
        let counts: Vec<_> = axes.iter().map(|axis| axis.bins.to_string()).collect();
        let reason = format!("= {} are not 1 to {MOST_BINS} in all", counts.join(" × "));
        return refused("bins", reason);
    }
    for axis in axes {
        if axis.coordinate >= dim {
            let reason = format!("= {} is not below {dim}, the dimension", axis.coordinate);
            return refused("coordinate", reason);
        }
        let Some(range) = &axis.range else { continue };
        let per_unit = per_unit(axis.bins, range);
        let device = moved(range, -center.of_coordinate(axis.coordinate as usize));
        let (low, high) = (device.start as f32, device.end as f32);
        if !(low.is_finite() && high.is_finite() && low < high && per_unit.is_normal()) {
            let reason = format!(
                "= {range:?} of coordinate {} is not from one finite number to a greater one in \
                 single precision",
                axis.coordinate
            );
            return refused("range", reason);
        }
    }
    Ok(())
}

/// Wider by 15 % on both sides, and wide enough for bins in single precision.
fn with_margin([low, high]: [f32; 2]) -> Range<f64> {
    let (low, high) = (f64::from(low), f64::from(high));
    let size = low.abs().max(high.abs());
    // All particles in one place still need a picture.
    let margin = if high > low { 0.15 * (high - low) } else { (1e-3 * size).max(1e-6) };
    let margin = margin.max(2.0_f64.powi(-16) * size);
    let end = |x: f64| f64::from((x as f32).clamp(f32::MIN, f32::MAX));
    end(low - margin)..end(high + margin)
}
