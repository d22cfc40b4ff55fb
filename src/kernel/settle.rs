//! Parents and weights after a resampling without a run: `shaders/settle.wgsl`.

use super::{Access, Kernel, dispatch};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Settle {
    parents: (Kernel, wgpu::BindGroup),
    weights: (Kernel, wgpu::BindGroup),
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
        let bound = |entry, words| -> Result<_> {
            let accesses = [Access::Read, Access::ReadWrite];
            let kernel = Kernel::new(gpu, numbers, &linked, entry, &[&accesses], &[])?;
            let group = kernel.bind(gpu, 0, &[control, words])?;
            Ok((kernel, group))
        };
        Ok(Settle {
            parents: bound("settle_parents", parents)?,
            weights: bound("settle_weights", log_weights)?,
            workgroups: shape.particles.div_ceil(LANES),
        })
    }

    pub(crate) fn encode_parents(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.parents.0.set(pass, &self.parents.1, &[]);
        dispatch(pass, self.workgroups);
    }

    pub(crate) fn encode_weights(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.weights.0.set(pass, &self.weights.1, &[]);
        dispatch(pass, self.workgroups);
    }
}
