//! Weighted particles window by window: what is written need not fit in memory.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use wfr::{Particles, Result, Sampler};

/// Numbers of a column in memory at a time, of which one row always is.
const WINDOW: usize = 1 << 22;

/// Weighted particles, in host memory or on a device, that are looked at in windows.
pub(crate) trait Windows {
    /// The number of particles N.
    fn count(&self) -> usize;

    /// The number of coordinates.
    fn dim(&self) -> usize;

    /// Row by row (range, dim).
    fn positions(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>>;

    /// (range,), up to a common constant.
    fn log_weights(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>>;

    /// (range,): the time-zero ancestors.
    fn ancestors(&self, range: Range<usize>) -> Result<Cow<'_, [u32]>>;
}

impl Windows for Particles {
    fn count(&self) -> usize {
        self.len()
    }

    fn dim(&self) -> usize {
        Particles::dim(self)
    }

    fn positions(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>> {
        let dim = Particles::dim(self);
        Ok(Cow::Borrowed(&Particles::positions(self)[range.start * dim..range.end * dim]))
    }

    fn log_weights(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>> {
        Ok(Cow::Borrowed(&Particles::log_weights(self)[range]))
    }

    fn ancestors(&self, range: Range<usize>) -> Result<Cow<'_, [u32]>> {
        Ok(Cow::Borrowed(&Particles::ancestors(self)[range]))
    }
}

/// The particles of a run where they are, on the device.
pub(crate) struct OnDevice<'a> {
    sampler: &'a Sampler,
    dim: usize,
}

impl<'a> OnDevice<'a> {
    /// The particles of now, in so many dimensions.
    pub(crate) fn new(sampler: &'a Sampler, dim: usize) -> OnDevice<'a> {
        OnDevice { sampler, dim }
    }
}

impl Windows for OnDevice<'_> {
    fn count(&self) -> usize {
        self.sampler.config().particles as usize
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn positions(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>> {
        wfr::block_on(self.sampler.positions(slots(range))).map(Cow::Owned)
    }

    fn log_weights(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>> {
        wfr::block_on(self.sampler.log_weights(slots(range))).map(Cow::Owned)
    }

    fn ancestors(&self, range: Range<usize>) -> Result<Cow<'_, [u32]>> {
        wfr::block_on(self.sampler.ancestors(slots(range))).map(Cow::Owned)
    }
}

fn slots(range: Range<usize>) -> Range<u32> {
    range.start as u32..range.end as u32
}

/// Every so many-th of the particles, from the first on: a weighted population too.
#[derive(Clone, Copy)]
pub(crate) struct Thinned<'a> {
    particles: &'a dyn Windows,
    every: usize,
}

impl<'a> Thinned<'a> {
    /// One in `every`, which is 1 or more.
    pub(crate) fn new(particles: &'a dyn Windows, every: usize) -> Thinned<'a> {
        assert!(every > 0, "one in 0 particles");
        Thinned { particles, every }
    }

    /// How many particles are left.
    pub(crate) fn count(self) -> usize {
        self.particles.count().div_ceil(self.every)
    }

    pub(crate) fn dim(self) -> usize {
        self.particles.dim()
    }

    pub(crate) fn positions(self, take: impl FnMut(&[f32]) -> io::Result<()>) -> io::Result<()> {
        self.each(self.dim(), |range| self.particles.positions(range), take)
    }

    pub(crate) fn log_weights(self, take: impl FnMut(&[f32]) -> io::Result<()>) -> io::Result<()> {
        self.each(1, |range| self.particles.log_weights(range), take)
    }

    pub(crate) fn ancestors(self, take: impl FnMut(&[u32]) -> io::Result<()>) -> io::Result<()> {
        self.each(1, |range| self.particles.ancestors(range), take)
    }

    /// Hands over what is left of each window of rows of so many columns.
    fn each<T: Copy + 'a>(
        self,
        columns: usize,
        read: impl Fn(Range<usize>) -> Result<Cow<'a, [T]>>,
        mut take: impl FnMut(&[T]) -> io::Result<()>,
    ) -> io::Result<()> {
        let rows = (WINDOW / columns).max(1);
        let count = self.particles.count();
        for start in (0..count).step_by(rows) {
            let (first, end) = (start.next_multiple_of(self.every), (start + rows).min(count));
            if first >= end {
                continue;
            }
            let window = read(first..end).map_err(io::Error::other)?;
            if self.every == 1 {
                take(&window)?;
            } else {
                let left = window.chunks(columns).step_by(self.every);
                take(&left.flatten().copied().collect::<Vec<T>>())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Particles that are nowhere: what is asked for is made up, and large requests are refused.
    struct Endless(usize);

    impl Windows for Endless {
        fn count(&self) -> usize {
            self.0
        }

        fn dim(&self) -> usize {
            3
        }

        fn positions(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>> {
            assert!(range.len() <= WINDOW);
            Ok(range.flat_map(|i| [i as f32, 0.5, -(i as f32)]).collect())
        }

        fn log_weights(&self, range: Range<usize>) -> Result<Cow<'_, [f32]>> {
            Ok(range.map(|i| -(i as f32)).collect())
        }

        fn ancestors(&self, range: Range<usize>) -> Result<Cow<'_, [u32]>> {
            assert!(range.len() <= WINDOW);
            Ok(range.map(|i| i as u32).collect())
        }
    }

    #[test]
    fn every_so_many_th_particle_is_left_across_windows() {
        for every in [1, 2, 7, WINDOW / 3, WINDOW + 1] {
            let particles = Endless(WINDOW + WINDOW / 2);
            let left: Vec<u32> = (0..particles.0 as u32).step_by(every).collect();
            let thinned = Thinned::new(&particles, every);
            assert_eq!(thinned.count(), left.len());
            let mut rows = 0;
            thinned
                .positions(|window| {
                    for row in window.chunks(3) {
                        let x = left[rows] as f32;
                        assert_eq!(row, [x, 0.5, -x]);
                        rows += 1;
                    }
                    Ok(())
                })
                .unwrap();
            assert_eq!(rows, left.len());
            let mut ancestors: Vec<u32> = Vec::new();
            thinned
                .ancestors(|window| {
                    ancestors.extend(window);
                    Ok(())
                })
                .unwrap();
            assert!(ancestors == left, "one in {every}");
        }
    }
}
