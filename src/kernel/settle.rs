//! Parents and weights after a resampling without a run: `shaders/settle.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Settle {
    parents: BoundKernel,
    weights: BoundKernel,
    workgroups: u32,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "index", "settle"])
}

impl Settle {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        control: &wgpu::Buffer,
        parents: &wgpu::Buffer,
        log_weights: &wgpu::Buffer,
    ) -> Result<Settle> {
        let linked = linked(shape);
        let kernel = |entry, words| {
            let own = [(Access::Read, control), (Access::ReadWrite, words)];
            BoundKernel::new(gpu, numbers, (&linked, entry), &own)
        };
        Ok(Settle {
            parents: kernel("settle_parents", parents)?,
            weights: kernel("settle_weights", log_weights)?,
            workgroups: shape.particles.div_ceil(LANES),
        })
    }

    pub(crate) fn encode_parents(&self, pass: &mut Pass<'_>) {
        self.parents.encode(pass, self.workgroups);
    }

    pub(crate) fn encode_weights(&self, pass: &mut Pass<'_>) {
        self.weights.encode(pass, self.workgroups);
    }
}
