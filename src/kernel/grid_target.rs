//! The target's points on a grid: `shaders/grid_target.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::State;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::problem::Problem;
use crate::shaders;
use crate::wgsl::{Linked, Source};

#[derive(Debug)]
pub(crate) struct GridTarget {
    kernel: BoundKernel,
    total: u32,
}

pub(crate) fn linked(prelude: Source, problem: &Problem) -> Linked {
    let mut sources = vec![prelude];
    sources.extend(shaders::problem_files(&[
        "hidden/control",
        "moment_types",
        "density/grid_frame",
        "grid_target",
    ]));
    sources.extend(problem.device_sources());
    Linked::new(sources)
}

impl GridTarget {
    /// For a grid of `total` nodes, into its `fields`.
    pub(crate) fn new(
        gpu: &Gpu,
        linked: &Linked,
        problem: &Problem,
        state: &State,
        moments: &wgpu::Buffer,
        fields: &[wgpu::Buffer; 2],
        total: u32,
    ) -> Result<GridTarget> {
        use Access::{Read, ReadWrite};
        let own = [
            (Read, moments),
            (Read, &state.control),
            (ReadWrite, &fields[0]),
            (ReadWrite, &fields[1]),
        ];
        let (constants, data) = (problem.compiled_constants(), state.data_groups());
        let (numbers, text) = (&state.numbers.problem, (linked, "grid_target"));
        let kernel = BoundKernel::reading(gpu, numbers, text, &own, &constants, &data)?;
        Ok(GridTarget { kernel, total })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.kernel.encode(pass, self.total.div_ceil(LANES));
    }
}
