//! The weight in bins of one or two coordinates: `shaders/histogram.wgsl`.

use super::Pass;
use super::tally::{self, BoundEntry, Cloud, CloudShape, Entry, Sums};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::wgsl::Linked;

/// The sums before the bins: outside, then below and above on each axis.
pub(crate) const SIDES: u32 = 5;

#[derive(Debug)]
pub(crate) struct Histogram {
    peak: Entry,
    histogram: Entry,
    groups: u32,
}

pub(crate) fn linked(shape: &CloudShape) -> Linked {
    let prelude =
        tally::prelude(shape, 1).u32("HISTOGRAM_OUTSIDE", 1).u32("HISTOGRAM_BINS", 1 + SIDES);
    tally::linked(shape, prelude, &["histogram"])
}

impl Histogram {
    pub(crate) fn new(gpu: &Gpu, numbers: &Numbers, shape: &CloudShape) -> Result<Histogram> {
        let linked = linked(shape);
        let entry = |name| Entry::new(gpu, numbers, &linked, name, shape);
        Ok(Histogram {
            peak: entry("tally_peak")?,
            histogram: entry("histogram")?,
            groups: shape.groups(1),
        })
    }

    /// Binds particles and the sums, which begin as zeros.
    pub(crate) fn bind(&self, gpu: &Gpu, cloud: Cloud<'_>, sums: &Sums) -> Result<[BoundEntry; 2]> {
        Ok([self.peak.bind(gpu, cloud, sums)?, self.histogram.bind(gpu, cloud, sums)?])
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>, bound: &[BoundEntry; 2]) {
        bound.iter().for_each(|entry| entry.encode(pass, self.groups));
    }
}
