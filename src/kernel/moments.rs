//! Weighted mean, variance and range of every coordinate: `shaders/moments.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::{State, storage};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::BLOCK;
use crate::shaders::{self, Prelude, WeightShape, state_in};
use crate::wgsl::{Linked, Source};

#[derive(Debug)]
pub(crate) struct Moments {
    of_blocks: BoundKernel,
    of_all: BoundKernel,
    blocks: u32,
    dim: u32,
    /// What came out: `shaders/moment_types.wgsl`.
    pub buffer: wgpu::Buffer,
}

/// What kernels know that read the current state and the weights: after `first` bindings of their
/// own, the pages.
pub(crate) fn prelude(
    shape: &WeightShape,
    dim: u32,
    first: u32,
    pages: u32,
    page_rows: u32,
) -> Prelude {
    Prelude::default().dimension(dim).weights(shape).text(&state_in(first, pages, page_rows))
}

/// Bytes of the result in `dim` dimensions.
pub(crate) fn bytes(dim: u32) -> u64 {
    4 * (2 + 4 * u64::from(dim))
}

/// Bytes between the two passes.
pub(crate) fn block_bytes(particles: u32, dim: u32) -> u64 {
    16 * u64::from(particles.div_ceil(BLOCK)) * u64::from(dim + 1)
}

pub(crate) fn linked(prelude: Source) -> Linked {
    let files =
        shaders::engine_files(&["index", "float", "hidden/log_weights", "moment_types", "moments"]);
    Linked::new([prelude].into_iter().chain(files))
}

impl Moments {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        dim: u32,
        page_rows: u32,
        state: &State,
    ) -> Result<Moments> {
        let (records, buffer) = gpu.scoped(|| {
            let bytes = block_bytes(shape.particles, dim);
            let records = storage(&gpu.device, "wfr.moment_blocks", bytes);
            (records, storage(&gpu.device, "wfr.moments", self::bytes(dim)))
        })?;
        let pages = state.pages.len() as u32;
        let linked = linked(prelude(shape, dim, 3, pages, page_rows).source());
        let buffers = [
            (Access::Read, &state.log_weights),
            (Access::ReadWrite, &records),
            (Access::ReadWrite, &buffer),
        ];
        let kernel = |entry| BoundKernel::of_state(gpu, (&linked, entry), &buffers, state, &[]);
        Ok(Moments {
            of_blocks: kernel("moments_of_blocks")?,
            of_all: kernel("moments_of_all")?,
            blocks: shape.particles.div_ceil(BLOCK),
            dim,
            buffer,
        })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.of_blocks.encode(pass, self.blocks);
        self.of_all.encode(pass, self.dim);
    }
}
