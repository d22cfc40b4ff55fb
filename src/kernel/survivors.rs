//! The number of time-zero ancestors that are left: `shaders/survivors.wgsl`.

use super::tally::{Cloud, CloudShape};
use super::{Access, BoundKernel, Kernel, Pass};
use crate::buffers;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::BLOCK;
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude, state_in};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Survivors {
    mark: Kernel,
    count: Kernel,
    particles: u32,
}

/// The words of a bit per ancestor.
fn words(particles: u32) -> u32 {
    particles.div_ceil(32)
}

pub(crate) fn linked(shape: &CloudShape, ancestor_row: u32) -> Linked {
    let prelude = Prelude::default()
        .weights(&shape.weights)
        .u32("ANCESTOR_ROW", ancestor_row)
        .text(&state_in(2, shape.pages, shape.page_rows));
    let files = shaders::engine_files(&["index", "float", "hidden/log_weights", "survivors"]);
    Linked::new([prelude.source()].into_iter().chain(files))
}

impl Survivors {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &CloudShape,
        ancestor_row: u32,
    ) -> Result<Survivors> {
        let linked = linked(shape, ancestor_row);
        let mut accesses = vec![Access::Read, Access::ReadWrite];
        accesses.resize(accesses.len() + shape.pages as usize, Access::Read);
        let groups = vec![accesses];
        let kernel = |entry| Kernel::new(gpu, numbers, &linked, entry, groups.clone(), &[]);
        Ok(Survivors {
            mark: kernel("survivors_mark")?,
            count: kernel("survivors_count")?,
            particles: shape.weights.particles,
        })
    }

    /// What the kernel counts in: zeros; the first word will be the number.
    pub(crate) fn buffer(&self, gpu: &Gpu) -> Result<wgpu::Buffer> {
        let bytes = 4 * u64::from(1 + words(self.particles));
        gpu.scoped(|| buffers::storage(&gpu.device, "wfr.survivors", bytes))
    }

    pub(crate) fn bind(
        &self,
        gpu: &Gpu,
        cloud: Cloud<'_>,
        buffer: &wgpu::Buffer,
    ) -> Result<[BoundKernel; 2]> {
        let own = [(Access::Read, cloud.log_weights), (Access::ReadWrite, buffer)];
        let pages = cloud.pages.iter().map(|page| (Access::Read, page));
        let own: Vec<_> = own.into_iter().chain(pages).collect();
        Ok([self.mark.bind(gpu, &own, &[])?, self.count.bind(gpu, &own, &[])?])
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>, [mark, count]: &[BoundKernel; 2]) {
        mark.encode(pass, self.particles.div_ceil(BLOCK));
        count.encode(pass, words(self.particles).div_ceil(BLOCK));
    }
}
