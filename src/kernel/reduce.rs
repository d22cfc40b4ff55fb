//! Peak, total and sum of squares of every block of weights: `shaders/reduce.wgsl`.

use super::{Access, Kernel, dispatch};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::BLOCK;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Reduce {
    kernel: Kernel,
    group: wgpu::BindGroup,
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
        let accesses = [Access::Read, Access::ReadWrite];
        let kernel = Kernel::new(gpu, numbers, &linked(shape), "reduce", &[&accesses], &[])?;
        let group = kernel.bind(gpu, 0, &[log_weights, blocks])?;
        Ok(Reduce { kernel, group, groups: shape.particles.div_ceil(BLOCK) })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.set(pass, &self.group, &[]);
        dispatch(pass, self.groups);
    }
    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.warm_up(pass, &self.group, &[]);
    }
}
