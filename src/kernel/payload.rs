//! What particles carry after a resampling: `shaders/payload.wgsl`.

use super::{Access, Kernel, dispatch};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::{LANES, Settings};
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude};
use crate::wgsl::Linked;

/// Words that particles carry, and how many words lie from a particle to the next, and from word to
/// word of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strides {
    pub words: u32,
    pub slot: u32,
    pub word: u32,
}

#[derive(Debug)]
pub(crate) struct PayloadKernel {
    kernel: Kernel,
    group: wgpu::BindGroup,
    workgroups: u32,
}

pub(crate) fn linked(strides: Strides) -> Linked {
    let prelude = Prelude::default()
        .u32("LANES", LANES)
        .u32("PAYLOAD_WORDS", strides.words)
        .u32("PAYLOAD_SLOT_STRIDE", strides.slot)
        .u32("PAYLOAD_WORD_STRIDE", strides.word);
    Linked::new([prelude.source()].into_iter().chain(shaders::engine_files(&["index", "payload"])))
}

impl PayloadKernel {
    pub(crate) fn new(
        gpu: &Gpu,
        particles: u32,
        strides: Strides,
        [parents, payload, gathered]: [&wgpu::Buffer; 3],
    ) -> Result<PayloadKernel> {
        let accesses = [Access::Read, Access::Read, Access::ReadWrite];
        let linked = linked(strides);
        let numbers = Numbers::alone(gpu, &Settings { particles, ..Settings::default() })?;
        let kernel = Kernel::new(gpu, &numbers, &linked, "payload_gather", &[&accesses], &[])?;
        let group = kernel.bind(gpu, 0, &[parents, payload, gathered])?;
        Ok(PayloadKernel { kernel, group, workgroups: particles.div_ceil(LANES) })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.set(pass, &self.group, &[]);
        dispatch(pass, self.workgroups);
    }
}
