//! Exact prefix sums of the weights: `shaders/scan.wgsl`.

use super::{Access, Kernel};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Scan {
    kernel: Kernel,
    group: wgpu::BindGroup,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    let mut sources = vec![Prelude::default().weights(shape).source()];
    sources.extend(shaders::files(&[
        "types",
        "index",
        "threefry",
        "wide",
        "weight",
        "prefix",
        "offspring",
        "scan",
    ]));
    Linked::new(sources)
}

impl Scan {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        log_weights: &wgpu::Buffer,
        scratch: &Scratch,
    ) -> Result<Scan> {
        use Access::{Read, ReadWrite};
        let accesses = [Read, ReadWrite, Read, ReadWrite, ReadWrite];
        let kernel = Kernel::new(gpu, &linked(shape), "scan", &[&accesses], &[])?;
        let group = kernel.bind(
            gpu,
            0,
            &[log_weights, &scratch.blocks, &scratch.control, &scratch.offsets, &scratch.fractions],
        )?;
        Ok(Scan { kernel, group })
    }

    /// `dispatches` says how many workgroups: none when the ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatches: &wgpu::Buffer) {
        pass.set_pipeline(&self.kernel.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups_indirect(dispatches, 0);
    }
}
