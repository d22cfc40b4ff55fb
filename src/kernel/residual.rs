//! The copies that residual resampling places without chance: `shaders/residual.wgsl`.

use super::{Access, BoundKernel, Offsets, Pass};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Residual {
    spine: BoundKernel,
    copies: BoundKernel,
    islands: u32,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "hidden/blocks", "index", "island", "prefix", "residual"])
}

impl Residual {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        scratch: &Scratch,
    ) -> Result<Residual> {
        use Access::{Read, ReadWrite};
        let linked = linked(shape);
        let own = [
            (ReadWrite, &scratch.blocks),
            (ReadWrite, &scratch.control),
            (Read, &scratch.offsets),
            (Read, &scratch.fractions),
            (ReadWrite, &scratch.copies_through),
        ];
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        let (spine, copies) = (kernel("spine")?, kernel("copies")?);
        Ok(Residual { spine, copies, islands: shape.islands })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>, dispatches: &wgpu::Buffer) {
        self.spine.encode_islands(pass, Offsets::default(), 1, self.islands);
        self.copies.encode_indirect(pass, dispatches, 0);
    }
}
