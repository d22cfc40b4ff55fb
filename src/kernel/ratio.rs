//! The log ratio of the target to the population's density: `shaders/ratio.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::State;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::LANES;
use crate::problem::Problem;
use crate::shaders;
use crate::wgsl::{Linked, Source};

#[derive(Debug)]
pub(crate) struct Ratio {
    kernel: BoundKernel,
    groups: u32,
}

/// `density` are the files that define `density_log_ratio`.
pub(crate) fn linked(prelude: Source, density: &[&str], problem: &Problem) -> Linked {
    let files = ["hidden/log_weights", "position", "moment_types"];
    let mut sources = vec![prelude];
    sources.extend(shaders::problem_files(&files));
    sources.extend(shaders::files(density));
    sources.push(shaders::file("ratio"));
    sources.extend(problem.device_sources());
    Linked::new(sources)
}

impl Ratio {
    /// `field` is what the density reads.
    pub(crate) fn new(
        gpu: &Gpu,
        linked: &Linked,
        problem: &Problem,
        state: &State,
        [moments, field, ratios]: [&wgpu::Buffer; 3],
        particles: u32,
    ) -> Result<Ratio> {
        let buffers = [
            (Access::Read, &state.log_weights),
            (Access::Read, moments),
            (Access::Read, field),
            (Access::ReadWrite, ratios),
        ];
        let (constants, data) = (problem.compiled_constants(), state.data_groups());
        let numbers = &state.numbers.problem;
        let kernel = BoundKernel::on_state(
            gpu,
            numbers,
            (linked, "ratio"),
            &buffers,
            state,
            &constants,
            &data,
        )?;
        Ok(Ratio { kernel, groups: particles.div_ceil(LANES) })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.kernel.encode(pass, self.groups);
    }
}
