//! A run as pictures look at it: some coordinates, each in its range, beside what is exact.

use std::ops::Range;

use wfr::{Axis, Histogram, Histograms, Sampler};

use super::bins;
use super::canvas::{Drawn, words};
use super::exact::Exact;
use super::histogram::{Line, Plane};
use crate::output::Kept;

/// What counts weighted particles: on the device of a run, where they are, or copied to one.
pub(crate) trait Counts {
    fn count(&self, axes: &[Axis]) -> wfr::Result<Histogram>;
}

impl Counts for Sampler {
    fn count(&self, axes: &[Axis]) -> wfr::Result<Histogram> {
        wfr::block_on(self.histogram(axes))
    }
}

impl Counts for Histograms {
    fn count(&self, axes: &[Axis]) -> wfr::Result<Histogram> {
        wfr::block_on(self.histogram(axes))
    }
}

/// What all pictures of a run share.
pub(crate) struct Scene<'a> {
    pub(super) kept: &'a Kept,
    counts: &'a dyn Counts,
    exact: Option<&'a Exact>,
    /// Those to show, in this order.
    pub(super) coordinates: Vec<usize>,
    /// By coordinate; anything for those that are not shown.
    ranges: Vec<Range<f64>>,
}

/// Coordinates that a corner plot has room for.
pub(crate) const MOST_COORDINATES: usize = 8;

/// Those that it shows where none are chosen.
const USUAL_COORDINATES: usize = 4;

impl<'a> Scene<'a> {
    /// A run, whose weighted particles `counts` has, with these coordinates to show, or the first
    /// ones; none beyond its dimension.
    ///
    /// # Errors
    /// The reason in words, where the device fails.
    pub(crate) fn new(
        kept: &'a Kept,
        counts: &'a dyn Counts,
        exact: Option<&'a Exact>,
        coordinates: Option<&[usize]>,
    ) -> Drawn<Scene<'a>> {
        let dim = kept.particles.dim();
        let coordinates = match coordinates {
            Some(chosen) => chosen.to_vec(),
            None => (0..dim.min(USUAL_COORDINATES)).collect(),
        };
        // A density in the plane is summed over both axes, whichever is shown.
        let is_shown = |axis: usize| dim <= 2 || coordinates.contains(&axis);
        let range = |axis: usize| match is_shown(axis) {
            true => {
                found(counts, &[Axis::new(axis as u32, 1)]).map(|(ranges, _)| ranges[0].clone())
            }
            false => Ok(0.0..1.0),
        };
        let ranges = (0..dim).map(range).collect::<Drawn<_>>()?;
        Ok(Scene { kept, counts, exact, coordinates, ranges })
    }

    pub(super) fn range(&self, axis: usize) -> Range<f64> {
        self.ranges[axis].clone()
    }

    /// The density of one coordinate, in at most `most` bins.
    pub(super) fn line(&self, axis: usize, most: usize) -> Drawn<Line> {
        let (_, density) = found(self.counts, &[self.axis(axis, bins::LINE)])?;
        let density = bins::line(&density, self.kept.record.ess, most);
        Ok(Line { range: self.range(axis), density })
    }

    /// The density of two coordinates, in at most `most` bins along each.
    pub(super) fn plane(&self, (i, j): (usize, usize), most: usize) -> Drawn<Plane> {
        let axes = [self.axis(i, bins::PLANE), self.axis(j, bins::PLANE)];
        let (_, density) = found(self.counts, &axes)?;
        let density = bins::plane(&density, self.kept.record.ess, most);
        let columns = density.len().isqrt();
        Ok(Plane { x: self.range(i), y: self.range(j), columns, density })
    }

    fn axis(&self, axis: usize, bins: usize) -> Axis {
        Axis::new(axis as u32, bins as u32).over(self.range(axis))
    }

    /// The exact density of one coordinate, where it is known.
    pub(super) fn exact_line(&self, axis: usize) -> Option<Vec<(f64, f64)>> {
        self.exact?.line(axis, &self.ranges, 400)
    }

    /// The exact density of two coordinates, where it is known.
    pub(super) fn exact_plane(&self, axes: (usize, usize)) -> Option<Plane> {
        self.exact?.plane(axes, &self.ranges, (100, 100))
    }
}

/// Counts on the device: the ranges of the axes, and the density in their bins.
fn found(counts: &dyn Counts, axes: &[Axis]) -> Drawn<(Vec<Range<f64>>, Vec<f64>)> {
    let histogram = counts.count(axes).map_err(words)?;
    let ranges = histogram.axes.iter().map(|axis| axis.range.clone()).collect();
    Ok((ranges, histogram.density()))
}
