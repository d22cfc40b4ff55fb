//! What the reaction adds to the log-weights: `shaders/react.wgsl`.

use super::{Access, Kernel, dispatch};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::{Linked, Source};

#[derive(Debug)]
pub(crate) struct React {
    before: Kernel,
    after: Kernel,
    react: Kernel,
    groups: [wgpu::BindGroup; 3],
    workgroups: u32,
}

/// What shapes the reaction of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReactShape {
    /// λ.
    pub rate: f32,
    /// The part of a block's time for which one reaction stands.
    pub share: f32,
    pub jumps: bool,
    /// Steps per block, and of the whole run.
    pub every: u32,
    pub steps: u32,
}

impl ReactShape {
    pub(crate) fn prelude(&self, shape: &WeightShape) -> Prelude {
        Prelude::default()
            .weights(shape)
            .f32("REACTION_RATE", self.rate)
            .f32("REACTION_SHARE", self.share)
            .bool("REACTION_JUMPS", self.jumps)
            .u32("REACTION_EVERY", self.every)
            .u32("REACTION_STEPS", self.steps)
    }

    pub(crate) fn linked(&self, prelude: Source) -> Linked {
        let realisation = if self.jumps { "react/jumps" } else { "react/weights" };
        let files = shaders::files(&[
            "types",
            "index",
            "threefry",
            "float",
            "hidden/control",
            "loss",
            "react",
            realisation,
        ]);
        Linked::new([prelude].into_iter().chain(files))
    }
}

impl React {
    /// `buffers` are log-weights, ratios, control, schedule and the reaction's state.
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        reaction: &ReactShape,
        buffers: &[&wgpu::Buffer; 5],
    ) -> Result<React> {
        use Access::{Read, ReadWrite};
        let linked = reaction.linked(reaction.prelude(shape).source());
        let accesses = [ReadWrite, Read, Read, Read, ReadWrite];
        let kernel = |entry| Kernel::new(gpu, &linked, entry, &[&accesses], &[]);
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
