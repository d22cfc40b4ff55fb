//! The conditional ESS between two tests: `shaders/conditional.wgsl`.

use super::{Access, Kernel, dispatch};
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
    measure: Kernel,
    total: Kernel,
    measured: wgpu::BindGroup,
    totalled: wgpu::BindGroup,
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
        let accesses = [Read, Read, ReadWrite, ReadWrite, ReadWrite];
        let kernel = |entry| Kernel::new(gpu, numbers, &linked, entry, &[&accesses], &[]);
        let (measure, total) = (kernel("conditional")?, kernel("conditional_total")?);
        let all = [log_weights, control, &before, &partials, trace];
        let (measured, totalled) = (measure.bind(gpu, 0, &all)?, total.bind(gpu, 0, &all)?);
        let blocks = blocks(particles);
        Ok(Conditional { measure, total, measured, totalled, before, blocks })
    }

    /// Writes the conditional ESS into the row of the test that was just made.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.measure.set(pass, &self.measured, &[]);
        dispatch(pass, self.blocks);
        self.total.set(pass, &self.totalled, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.measure.warm_up(pass, &self.measured, &[]);
        self.total.warm_up(pass, &self.totalled, &[]);
    }
}
