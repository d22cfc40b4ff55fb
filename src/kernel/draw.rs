//! Ancestors by search, for the multinomial and residual kinds: `shaders/draw.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Draw {
    kernel: BoundKernel,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "index", "island", "threefry", "draw"])
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
        let own = [
            (Read, &scratch.control),
            (Read, &scratch.offsets),
            (Read, &scratch.fractions),
            (Read, &scratch.copies_through),
            (ReadWrite, ancestors),
        ];
        Ok(Draw { kernel: BoundKernel::new(gpu, numbers, (&linked(shape), "draw"), &own)? })
    }

    /// `dispatches` says how many workgroups: none when the ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, dispatches: &wgpu::Buffer) {
        self.kernel.encode_indirect(pass, dispatches, 16);
    }
}
