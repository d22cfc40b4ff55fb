//! Exact prefix sums of the weights: `shaders/scan.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Scan {
    kernel: BoundKernel,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&[
        "types",
        "index",
        "island",
        "threefry",
        "float",
        "hidden/log_weights",
        "weight",
        "prefix",
        "offspring",
        "last",
        "mark",
        "tile",
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
        let own = [
            (Read, log_weights),
            (ReadWrite, &scratch.blocks),
            (Read, &scratch.control),
            (ReadWrite, ancestors),
            (ReadWrite, &scratch.overflow),
            (ReadWrite, &scratch.offsets),
            (ReadWrite, &scratch.fractions),
        ];
        Ok(Scan { kernel: BoundKernel::new(gpu, numbers, (&linked(shape), "scan"), &own)? })
    }

    /// `dispatches` says how many workgroups: none when the ESS test did not resample.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, dispatches: &wgpu::Buffer) {
        self.kernel.encode_indirect(pass, dispatches, 0);
    }
}
