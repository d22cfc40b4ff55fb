//! Ancestors by search, for the multinomial and residual kinds: `shaders/draw.wgsl`.

use super::{Access, Kernel};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Draw {
    kernel: Kernel,
    group: wgpu::BindGroup,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "index", "threefry", "draw"])
}

impl Draw {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        scratch: &Scratch,
        ancestors: &wgpu::Buffer,
    ) -> Result<Draw> {
        use Access::{Read, ReadWrite};
        let accesses = [Read, Read, Read, Read, ReadWrite];
        let kernel = Kernel::new(gpu, numbers, &linked(shape), "draw", &[&accesses], &[])?;
        let Scratch { control, offsets, fractions, copies_through, .. } = scratch;
        let buffers = [control, offsets, fractions, copies_through, ancestors];
        let group = kernel.bind(gpu, 0, &buffers)?;
        Ok(Draw { kernel, group })
    }

    /// `dispatches` says how many workgroups: none when the ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatches: &wgpu::Buffer) {
        self.kernel.set(pass, &self.group, &[]);
        pass.dispatch_workgroups_indirect(dispatches, 16);
    }
    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.warm_up(pass, &self.group, &[]);
    }
}
