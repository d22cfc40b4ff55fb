//! Ancestors from the marks of `scan`, for the systematic and stratified kinds:
//! `shaders/expand.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Expand {
    kernel: BoundKernel,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "index", "island", "last", "expand"])
}

impl Expand {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        ancestors: &wgpu::Buffer,
    ) -> Result<Expand> {
        let own = [(Access::ReadWrite, ancestors)];
        Ok(Expand { kernel: BoundKernel::new(gpu, numbers, (&linked(shape), "expand"), &own)? })
    }

    /// `overflow` says how many workgroups: none when `scan` left nothing to do.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, overflow: &wgpu::Buffer) {
        self.kernel.encode_indirect(pass, overflow, 0);
    }
}
