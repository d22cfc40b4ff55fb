//! What the reaction adds to the log-weights: `shaders/react.wgsl`.

use super::{Access, Kernel, dispatch};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct React {
    before: Kernel,
    after: Kernel,
    react: Kernel,
    groups: [wgpu::BindGroup; 3],
    workgroups: u32,
}

/// `prelude` has the constants of the weights.
pub(crate) fn linked(prelude: Prelude, jumps: bool) -> Linked {
    let realisation = if jumps { "react/jumps" } else { "react/weights" };
    let files = shaders::engine_files(&[
        "types",
        "index",
        "threefry",
        "float",
        "hidden/control",
        "loss",
        "react",
        realisation,
    ]);
    let prelude = prelude.bool("REACTION_JUMPS", jumps).source();
    Linked::new([prelude].into_iter().chain(files))
}

impl React {
    /// `buffers` are log-weights, ratios, control, schedule and the reaction's state; mass jumps
    /// instead of growing where `jumps` says so.
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        jumps: bool,
        buffers: &[&wgpu::Buffer; 5],
    ) -> Result<React> {
        use Access::{Read, ReadWrite};
        let linked = linked(Prelude::default().weights(shape), jumps);
        let accesses = [ReadWrite, Read, Read, Read, ReadWrite];
        let kernel = |entry| Kernel::new(gpu, numbers, &linked, entry, &[&accesses], &[]);
        let (before, after) = (kernel("react_before")?, kernel("react_after")?);
        let react = kernel("react")?;
        let bind = |kernel: &Kernel| kernel.bind(gpu, 0, buffers);
        let groups = [bind(&before)?, bind(&after)?, bind(&react)?];
        let workgroups = shape.particles.div_ceil(LANES);
        Ok(React { before, after, react, groups, workgroups })
    }

    /// Reacts for the block of steps to come.
    pub(crate) fn encode_before(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.encode(pass, &self.before, 0);
    }

    /// Reacts for the block of steps just done.
    pub(crate) fn encode_after(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.encode(pass, &self.after, 1);
    }

    fn encode(&self, pass: &mut wgpu::ComputePass<'_>, strengthen: &Kernel, group: usize) {
        strengthen.set(pass, &self.groups[group], &[]);
        dispatch(pass, 1);
        self.react.set(pass, &self.groups[2], &[]);
        dispatch(pass, self.workgroups);
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        for (kernel, group) in
            [&self.before, &self.after, &self.react].into_iter().zip(&self.groups)
        {
            kernel.warm_up(pass, group, &[]);
        }
    }
}
