//! The target's points on a grid: `shaders/grid_target.wgsl`.

use super::{Access, Kernel, dispatch, set_data};
use crate::buffers::State;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::problem::Problem;
use crate::shaders;
use crate::wgsl::{Linked, Source};

#[derive(Debug)]
pub(crate) struct GridTarget {
    kernel: Kernel,
    group: wgpu::BindGroup,
    data: Vec<wgpu::BindGroup>,
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
        let accesses = [Read, Read, ReadWrite, ReadWrite];
        let (constants, data) = (problem.compiled_constants(), state.data_groups());
        let numbers = &state.numbers.problem;
        let (kernel, data) =
            Kernel::reading(gpu, numbers, linked, "grid_target", &accesses, &constants, &data)?;
        let group = kernel.bind(gpu, 0, &[moments, &state.control, &fields[0], &fields[1]])?;
        Ok(GridTarget { kernel, group, data, total })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.set(pass, &self.group, &[]);
        set_data(pass, &self.data, None);
        dispatch(pass, self.total.div_ceil(LANES));
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.set(pass, &self.group, &[]);
        set_data(pass, &self.data, None);
        pass.dispatch_workgroups(0, 0, 0);
    }
}
