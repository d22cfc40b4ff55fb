//! A run as pictures look at it: some coordinates, each in its range, beside what is exact.

use std::ops::Range;

use super::exact::Exact;
use super::histogram::{Line, Plane, holding};
use crate::output::Kept;

/// What all pictures of a run share.
pub(crate) struct Scene<'a> {
    pub(super) kept: &'a Kept,
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
    /// A run with these coordinates to show, or the first ones; none beyond its dimension.
    pub(crate) fn new(
        kept: &'a Kept,
        exact: Option<&'a Exact>,
        coordinates: Option<&[usize]>,
    ) -> Scene<'a> {
        let dim = kept.particles.dim();
        let coordinates = match coordinates {
            Some(chosen) => chosen.to_vec(),
            None => (0..dim.min(USUAL_COORDINATES)).collect(),
        };
        // A density in the plane is summed over both axes, whichever is shown.
        let is_shown = |axis: usize| dim <= 2 || coordinates.contains(&axis);
        let range = |axis: usize| match is_shown(axis) {
            true => holding(equal(&kept.posterior, dim, |x| f64::from(x[axis]))),
            false => 0.0..1.0,
        };
        let ranges = (0..dim).map(range).collect();
        Scene { kept, exact, coordinates, ranges }
    }

    /// Bins along an axis: so many that chance does not hide the shape, in a share of a picture.
    pub(super) fn bins(&self, room: f64) -> usize {
        let share = (self.kept.record.ess.max(0.0).sqrt() / 2.5).min(self.points().sqrt());
        (share * room).clamp(24.0, 120.0 * room) as usize
    }

    fn points(&self) -> f64 {
        (self.kept.posterior.len() / self.kept.particles.dim().max(1)) as f64
    }

    pub(super) fn range(&self, axis: usize) -> Range<f64> {
        self.ranges[axis].clone()
    }

    /// The density of one coordinate.
    pub(super) fn line(&self, axis: usize, bins: usize) -> Line {
        let all = equal(&self.kept.posterior, self.kept.particles.dim(), |x| f64::from(x[axis]));
        Line::count(all, self.range(axis), bins)
    }

    /// The density of two coordinates.
    pub(super) fn plane(&self, (i, j): (usize, usize), bins: usize) -> Plane {
        let place = |x: &[f32]| (f64::from(x[i]), f64::from(x[j]));
        let all = equal(&self.kept.posterior, self.kept.particles.dim(), place);
        Plane::count(all, self.range(i), self.range(j), (bins, bins))
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

/// Points of equal weight, row by row, each with its share of the whole.
fn equal<'p, T>(
    points: &'p [f32],
    dim: usize,
    place: impl Fn(&[f32]) -> T + 'p,
) -> impl Iterator<Item = (T, f64)> + 'p {
    let share = dim as f64 / points.len() as f64;
    points.chunks_exact(dim).map(move |x| (place(x), share))
}
