//! Ancestors from the marks of `scan`, for the systematic and stratified kinds:
//! `shaders/expand.wgsl`.

use super::{Access, Kernel};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Expand {
    kernel: Kernel,
    group: wgpu::BindGroup,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "index", "expand"])
}

impl Expand {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        ancestors: &wgpu::Buffer,
    ) -> Result<Expand> {
        let kernel =
            Kernel::new(gpu, numbers, &linked(shape), "expand", &[&[Access::ReadWrite]], &[])?;
        let group = kernel.bind(gpu, 0, &[ancestors])?;
        Ok(Expand { kernel, group })
    }

    /// `dispatches` says how many workgroups: none when the ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatches: &wgpu::Buffer) {
        self.kernel.set(pass, &self.group, &[]);
        pass.dispatch_workgroups_indirect(dispatches, 0);
    }
    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.warm_up(pass, &self.group, &[]);
    }
}
