//! Peak, total and sum of squares of every block of weights: `shaders/reduce.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::BLOCK;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Reduce {
    kernel: BoundKernel,
    groups: u32,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "index", "float", "hidden/log_weights", "loss", "weight", "reduce"])
}

impl Reduce {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        log_weights: &wgpu::Buffer,
        blocks: &wgpu::Buffer,
    ) -> Result<Reduce> {
        let own = [(Access::Read, log_weights), (Access::ReadWrite, blocks)];
        let kernel = BoundKernel::new(gpu, numbers, (&linked(shape), "reduce"), &own)?;
        Ok(Reduce { kernel, groups: shape.particles.div_ceil(BLOCK) })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.kernel.encode(pass, self.groups);
    }
}
