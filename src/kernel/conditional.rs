//! The conditional ESS between two tests: `shaders/conditional.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::{CESS_LANES, Sums};
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude};
use crate::wgsl::Linked;

/// Particles per lane.
pub(super) const ITEMS: u32 = 16;

/// Measures and totals.
#[derive(Debug)]
pub(crate) struct Conditional {
    measure: BoundKernel,
    total: BoundKernel,
    /// The log-weights that the test before left.
    pub before: wgpu::Buffer,
    blocks: u32,
}

/// The buffers beside those of every run, with their bytes.
pub(crate) fn buffers(particles: u32) -> [(&'static str, u64); 2] {
    let sums = u64::from(blocks(particles)) * size_of::<Sums>() as u64;
    [("log-weights before", 4 * u64::from(particles)), ("partials", sums)]
}

pub(super) fn blocks(particles: u32) -> u32 {
    particles.div_ceil(CESS_LANES * ITEMS)
}

pub(crate) fn linked() -> Linked {
    let prelude = Prelude::default()
        .u32("CESS_LANES", CESS_LANES)
        // One increment: the entries of a workgroup are its lanes.
        .u32("CESS_GROUPS", 1)
        .u32("CESS_ITEMS", ITEMS);
    let files = shaders::engine_files(&[
        "types",
        "index",
        "float",
        "hidden/control",
        "cess",
        "conditional",
    ]);
    Linked::new([prelude.source()].into_iter().chain(files))
}

impl Conditional {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        particles: u32,
        log_weights: &wgpu::Buffer,
        control: &wgpu::Buffer,
        trace: &wgpu::Buffer,
    ) -> Result<Conditional> {
        use Access::{Read, ReadWrite};
        let [before, partials] = gpu.scoped(|| {
            buffers(particles).map(|(name, bytes)| buffers::storage(&gpu.device, name, bytes))
        })?;
        let linked = linked();
        let own = [
            (Read, log_weights),
            (Read, control),
            (ReadWrite, &before),
            (ReadWrite, &partials),
            (ReadWrite, trace),
        ];
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        let (measure, total) = (kernel("conditional")?, kernel("conditional_total")?);
        Ok(Conditional { measure, total, before, blocks: blocks(particles) })
    }

    /// Writes the conditional ESS into the row of the test that was just made.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.measure.encode(pass, self.blocks);
        self.total.encode(pass, 1);
    }
}
