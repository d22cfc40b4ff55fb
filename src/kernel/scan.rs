//! Exact prefix sums of the weights: `shaders/scan.wgsl`.

use super::{Access, Kernel};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Scan {
    kernel: Kernel,
    group: wgpu::BindGroup,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&[
        "types",
        "index",
        "threefry",
        "float",
        "hidden/control",
        "weight",
        "prefix",
        "offspring",
        "scan",
    ])
}

impl Scan {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        log_weights: &wgpu::Buffer,
        scratch: &Scratch,
        ancestors: &wgpu::Buffer,
    ) -> Result<Scan> {
        use Access::{Read, ReadWrite};
        let accesses = [Read, ReadWrite, Read, ReadWrite, ReadWrite, ReadWrite];
        let kernel = Kernel::new(gpu, numbers, &linked(shape), "scan", &[&accesses], &[])?;
        let Scratch { blocks, control, offsets, fractions, .. } = scratch;
        let buffers = [log_weights, blocks, control, ancestors, offsets, fractions];
        let group = kernel.bind(gpu, 0, &buffers)?;
        Ok(Scan { kernel, group })
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
