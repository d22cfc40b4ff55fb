//! What the reaction adds to the log-weights: `shaders/react.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct React {
    before: BoundKernel,
    after: BoundKernel,
    react: BoundKernel,
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
    /// `buffers` are log-weights, ratios, control, schedule and the reaction's state; with `jumps`,
    /// mass jumps instead of growing.
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        jumps: bool,
        [log_weights, ratios, control, schedule, state]: [&wgpu::Buffer; 5],
    ) -> Result<React> {
        use Access::{Read, ReadWrite};
        let linked = linked(Prelude::default().weights(shape), jumps);
        let own = [
            (ReadWrite, log_weights),
            (Read, ratios),
            (Read, control),
            (Read, schedule),
            (ReadWrite, state),
        ];
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        let (before, after) = (kernel("react_before")?, kernel("react_after")?);
        let workgroups = shape.particles.div_ceil(LANES);
        Ok(React { before, after, react: kernel("react")?, workgroups })
    }

    /// Reacts for the block of steps to come.
    pub(crate) fn encode_before(&self, pass: &mut Pass<'_>) {
        self.before.encode(pass, 1);
        self.react.encode(pass, self.workgroups);
    }

    /// Reacts for the block of steps just done.
    pub(crate) fn encode_after(&self, pass: &mut Pass<'_>) {
        self.after.encode(pass, 1);
        self.react.encode(pass, self.workgroups);
    }
}
