//! The copies that residual resampling places without chance: `shaders/residual.wgsl`.

use super::{Access, Kernel};
use crate::buffers::Scratch;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Residual {
    spine: Kernel,
    copies: Kernel,
    groups: [wgpu::BindGroup; 2],
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&["types", "hidden/control", "index", "prefix", "residual"])
}

impl Residual {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        scratch: &Scratch,
    ) -> Result<Residual> {
        use Access::{Read, ReadWrite};
        let accesses = [ReadWrite, ReadWrite, Read, Read, ReadWrite];
        let linked = linked(shape);
        let spine = Kernel::new(gpu, numbers, &linked, "spine", &[&accesses], &[])?;
        let copies = Kernel::new(gpu, numbers, &linked, "copies", &[&accesses], &[])?;
        let buffers = [
            &scratch.blocks,
            &scratch.control,
            &scratch.offsets,
            &scratch.fractions,
            &scratch.copies_through,
        ];
        let groups = [spine.bind(gpu, 0, &buffers)?, copies.bind(gpu, 0, &buffers)?];
        Ok(Residual { spine, copies, groups })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatches: &wgpu::Buffer) {
        self.spine.set(pass, &self.groups[0], &[]);
        pass.dispatch_workgroups(1, 1, 1);
        self.copies.set(pass, &self.groups[1], &[]);
        pass.dispatch_workgroups_indirect(dispatches, 0);
    }
    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.spine.warm_up(pass, &self.groups[0], &[]);
        self.copies.warm_up(pass, &self.groups[1], &[]);
    }
}
