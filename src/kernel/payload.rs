//! What particles carry after a resampling: `shaders/payload.wgsl`.

use super::{Access, BoundKernel, Pass};
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
    kernel: BoundKernel,
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
        let numbers = Numbers::alone(gpu, &Settings { particles, ..Settings::default() })?;
        let (read, write) = (Access::Read, Access::ReadWrite);
        let own = [(read, parents), (read, payload), (write, gathered)];
        let text = (&linked(strides), "payload_gather");
        let kernel = BoundKernel::new(gpu, &numbers, text, &own)?;
        Ok(PayloadKernel { kernel, workgroups: particles.div_ceil(LANES) })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.kernel.encode(pass, self.workgroups);
    }
}
