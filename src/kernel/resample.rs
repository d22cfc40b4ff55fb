//! The ancestor of every new particle: `shaders/resample.wgsl`.

use super::{Access, Kernel};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Resample {
    kernel: Kernel,
    group: wgpu::BindGroup,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    let mut sources = vec![Prelude::default().weights(shape).source()];
    sources.extend(shaders::files(&["types", "index", "threefry", "wide", "resample"]));
    Linked::new(sources)
}

impl Resample {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        scratch: &Scratch,
        ancestors: &wgpu::Buffer,
    ) -> Result<Resample> {
        use Access::{Read, ReadWrite};
        let accesses = [Read, Read, Read, Read, ReadWrite];
        let kernel = Kernel::new(gpu, &linked(shape), "resample", &[&accesses], &[])?;
        let group = kernel.bind(
            gpu,
            0,
            &[
                &scratch.control,
                &scratch.offsets,
                &scratch.fractions,
                &scratch.copies_through,
                ancestors,
            ],
        )?;
        Ok(Resample { kernel, group })
    }

    /// `dispatches` says how many workgroups: none when the ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatches: &wgpu::Buffer) {
        pass.set_pipeline(&self.kernel.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups_indirect(dispatches, 16);
    }
}
