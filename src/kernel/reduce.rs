//! Peak, total and sum of squares of every block of weights: `shaders/reduce.wgsl`.

use super::{Access, BoundKernel, Offsets, Pass};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Reduce {
    kernel: BoundKernel,
    blocks: u32,
    islands: u32,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&[
        "types",
        "index",
        "island",
        "float",
        "hidden/log_weights",
        "loss",
        "weight",
        "reduce",
    ])
}

impl Reduce {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        log_weights: &wgpu::Buffer,
        scratch: &Scratch,
    ) -> Result<Reduce> {
        use Access::{Read, ReadWrite};
        let own =
            [(Read, log_weights), (ReadWrite, &scratch.blocks), (ReadWrite, &scratch.dispatches)];
        let kernel = BoundKernel::new(gpu, numbers, (&linked(shape), "reduce"), &own)?;
        Ok(Reduce { kernel, blocks: shape.blocks(), islands: shape.islands })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.kernel.encode_islands(pass, Offsets::default(), self.blocks, self.islands);
    }
}
