//! Where the live view looks, and what it sees there.

use std::ops::Range;

use wfr::{Axis, Histogram, Sampler};

use super::state::Moment;
use crate::cli::failure::Done;
use crate::cli::frames::seen;

/// Looks between two searches for the range.
const SEARCH: u32 = 10;

/// The share of the weight beyond one end that makes it search at once.
const LOST: f64 = 0.01;

/// The part of the plane, or of the line, that is shown. It stays as long as it fits, so that what
/// moves is the density.
#[derive(Debug)]
pub(super) struct View {
    dim: u32,
    ranges: Option<Vec<Range<f64>>>,
    looks: u32,
}

impl View {
    pub(super) fn new(dim: u32) -> View {
        View { dim, ranges: None, looks: 0 }
    }

    /// The population of now, in so many columns and rows.
    pub(super) fn look(
        &mut self,
        sampler: &Sampler,
        bins: (u32, u32),
        elapsed_s: f64,
    ) -> Done<Moment> {
        let info = wfr::block_on(sampler.info())?;
        let histogram = self.histogram(sampler, bins)?;
        let frame = seen(sampler, &info, &histogram)?;
        Ok(Moment { frame, beta: info.beta, resamplings: info.resamplings, elapsed_s })
    }

    fn histogram(&mut self, sampler: &Sampler, bins: (u32, u32)) -> Done<Histogram> {
        let mut axes = vec![Axis::new(0, bins.0)];
        if self.dim > 1 {
            axes.push(Axis::new(1, bins.1));
        }
        let of = |axes: &[Axis]| wfr::block_on(sampler.histogram(axes));
        let fixed = |ranges: &[Range<f64>]| {
            let both = axes.iter().cloned().zip(ranges.iter().cloned());
            of(&both.map(|(axis, range)| axis.over(range)).collect::<Vec<_>>())
        };
        let due = self.looks.is_multiple_of(SEARCH);
        self.looks = self.looks.wrapping_add(1);
        if let Some(ranges) = self.ranges.as_deref().filter(|_| !due) {
            let histogram = fixed(ranges)?;
            if histogram.axes.iter().all(|axis| axis.below.max(axis.above) <= LOST) {
                return Ok(histogram);
            }
        }
        let found = of(&axes)?;
        let new: Vec<_> = found.axes.iter().map(|axis| axis.range.clone()).collect();
        match self.ranges.as_deref().filter(|old| old.iter().zip(&new).all(fits)) {
            Some(old) => Ok(fixed(old)?),
            None => {
                self.ranges = Some(new);
                Ok(found)
            }
        }
    }
}

/// Whether the old range still suits what the new one suits best.
fn fits((old, new): (&Range<f64>, &Range<f64>)) -> bool {
    // The margin of 15 % may be used up, and half of the picture may be empty.
    let (width, room) = (new.end - new.start, 0.1 * (new.end - new.start));
    old.start <= new.start + room && old.end >= new.end - room && old.end - old.start <= 2.0 * width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_stays_as_long_as_it_fits() {
        for (old, new, stays) in [
            (-1.0..1.0, -1.0..1.0, true),
            (-1.0..1.0, -1.1..1.1, true),
            (-1.0..1.0, -1.4..1.0, false),
            (-1.0..1.0, -1.0..1.4, false),
            (-1.0..1.0, 0.0..1.0, true),
            (-1.0..1.0, 0.1..1.0, false),
        ] {
            assert_eq!(fits((&old, &new)), stays, "{old:?} {new:?}");
        }
    }
}
