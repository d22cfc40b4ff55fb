//! The means that tell relative entropy and normaliser: `shaders/entropy.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::storage;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::{BLOCK, EntropyBlock};
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Entropy {
    of_blocks: BoundKernel,
    of_all: BoundKernel,
    blocks: u32,
}

/// The buffers that `entropy` reads and writes.
pub(crate) struct EntropyBuffers<'a> {
    pub log_weights: &'a wgpu::Buffer,
    pub ratios: &'a wgpu::Buffer,
    pub control: &'a wgpu::Buffer,
    pub reaction: &'a wgpu::Buffer,
    pub trace: &'a wgpu::Buffer,
}

/// Bytes between the two passes.
pub(crate) fn block_bytes(particles: u32) -> u64 {
    u64::from(particles.div_ceil(BLOCK)) * size_of::<EntropyBlock>() as u64
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    let prelude = Prelude::default().weights(shape).source();
    let files = shaders::engine_files(&["types", "index", "float", "hidden/control", "entropy"]);
    Linked::new([prelude].into_iter().chain(files))
}

impl Entropy {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        buffers: &EntropyBuffers<'_>,
    ) -> Result<Entropy> {
        use Access::{Read, ReadWrite};
        let bytes = block_bytes(shape.particles);
        let records = gpu.scoped(|| storage(&gpu.device, "wfr.entropy_blocks", bytes))?;
        let linked = linked(shape);
        let own = [
            (Read, buffers.log_weights),
            (Read, buffers.ratios),
            (Read, buffers.control),
            (ReadWrite, &records),
            (ReadWrite, buffers.reaction),
            (ReadWrite, buffers.trace),
        ];
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        Ok(Entropy {
            of_blocks: kernel("entropy_of_blocks")?,
            of_all: kernel("entropy_of_all")?,
            blocks: shape.particles.div_ceil(BLOCK),
        })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.of_blocks.encode(pass, self.blocks);
        self.of_all.encode(pass, 1);
    }
}
