//! Weighted quantiles of a coordinate: `shaders/quantile.wgsl`.

use super::Pass;
use super::tally::{self, BoundEntry, Cloud, CloudShape, Entry, Sums};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::wgsl::Linked;

/// Sums of the state: for each of two quantiles what is known of it, and what is still to pass.
pub(crate) const STATE: u32 = 4;
/// Counts: of the upper halves of keys, and for each quantile of the lower.
pub(crate) const COUNTS: u32 = 3 << 16;
/// The fractions of the weight, in units of 2^−32: a thousandth, and all but a thousandth.
pub(crate) const FRACTIONS: [u32; 2] = [4_294_967, 4_290_672_329];
/// The most particles that are seen: a thousandth of them places a quantile well.
const MOST: u32 = 1 << 18;
/// Halves of a key.
const HALVES: u32 = 2;

/// Every so many of the particles are seen.
pub(crate) fn stride(particles: u32) -> u32 {
    particles.div_ceil(MOST)
}

#[derive(Debug)]
pub(crate) struct Quantile {
    peak: Entry,
    count: Entry,
    choose: Entry,
    groups: u32,
}

pub(crate) fn linked(shape: &CloudShape) -> Linked {
    let prelude = tally::prelude(shape, stride(shape.weights.particles))
        .u32("QUANTILE_STATE", 1)
        .u32("QUANTILE_COUNTS", 1 + STATE)
        .u32("QUANTILE_LOWER", FRACTIONS[0])
        .u32("QUANTILE_UPPER", FRACTIONS[1]);
    tally::linked(shape, prelude, &["prefix", "quantile"])
}

impl Quantile {
    pub(crate) fn new(gpu: &Gpu, numbers: &Numbers, shape: &CloudShape) -> Result<Quantile> {
        let linked = linked(shape);
        let entry = |name| Entry::new(gpu, numbers, &linked, name, shape);
        Ok(Quantile {
            peak: entry("tally_peak")?,
            count: entry("quantile_count")?,
            choose: entry("quantile_choose")?,
            groups: shape.groups(stride(shape.weights.particles)),
        })
    }

    /// Binds particles and the sums, which begin as zeros.
    pub(crate) fn bind(&self, gpu: &Gpu, cloud: Cloud<'_>, sums: &Sums) -> Result<[BoundEntry; 3]> {
        let Quantile { peak, count, choose, .. } = self;
        let bind = |entry: &Entry| entry.bind(gpu, cloud, sums);
        Ok([bind(peak)?, bind(count)?, bind(choose)?])
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>, bound: &[BoundEntry; 3]) {
        let [peak, count, choose] = bound;
        peak.encode(pass, self.groups);
        for _ in 0..HALVES {
            count.encode(pass, self.groups);
            // A workgroup for each of the two.
            choose.encode(pass, 2);
        }
    }

    /// The two values in the first words of a tally; nothing where there is no weight.
    pub(crate) fn values(words: &[u32]) -> Option<[f32; 2]> {
        let value = |state: &[u32]| (state[1] == HALVES).then(|| unkey(state[0]));
        Some([value(&words[2..])?, value(&words[6..])?])
    }
}

/// The float of a key: `float_unkey`.
fn unkey(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & 0x7fff_ffff } else { !key })
}
