//! Draws the particles from the initial law: `shaders/init.wgsl`.

use super::{Access, Kernel, dispatch, step};
use crate::buffers::{Plan, State};
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::problem::Problem;
use crate::shaders;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Init {
    kernel: Kernel,
    group: wgpu::BindGroup,
    data: Option<wgpu::BindGroup>,
    workgroups: u32,
}

pub(crate) fn linked(problem: &Problem, plan: &Plan, config: &Config) -> Linked {
    let mut sources = vec![step::prelude(plan, config, problem.initial.dim()).source()];
    sources.extend(shaders::files(&["types", "index", "threefry", "normal", "float", "init"]));
    sources.extend(problem.initial_sources.iter().cloned());
    Linked::new(sources)
}

impl Init {
    /// Writes into the state of parity 0.
    pub(crate) fn new(
        gpu: &Gpu,
        problem: &Problem,
        plan: &Plan,
        config: &Config,
        state: &State,
    ) -> Result<Init> {
        let linked = linked(problem, plan, config);
        let data_accesses = vec![Access::Read; state.data.len()];
        let accesses = step::accesses(plan);
        let mut layouts: Vec<&[Access]> = vec![&accesses];
        // The target's data too, because the law's are numbered after them.
        let reads = problem.start().law().is_some();
        if reads {
            layouts.push(&data_accesses);
        }
        let kernel = Kernel::new(gpu, &linked, "init", &layouts, &[])?;
        // The state that parity 1 writes is the state that parity 0 reads.
        let group = kernel.bind(gpu, 0, &state.bindings(1))?;
        let buffers: Vec<_> = state.data.iter().collect();
        let data = reads.then(|| kernel.bind(gpu, 1, &buffers)).transpose()?;
        let workgroups = plan.particles.div_ceil(config.workgroup_size);
        Ok(Init { kernel, group, data, workgroups })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.set(pass, &self.group, &[0]);
        if let Some(data) = &self.data {
            pass.set_bind_group(1, data, &[]);
        }
        dispatch(pass, self.workgroups);
    }
}
