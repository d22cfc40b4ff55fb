//! Draws the particles from the initial law: `shaders/init.wgsl`.

use super::{Kernel, dispatch, set_data, step};
use crate::buffers::State;
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::shaders;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Init {
    kernel: Kernel,
    group: wgpu::BindGroup,
    data: Vec<wgpu::BindGroup>,
    /// Where the flow's table begins.
    offset: Option<u32>,
    particles: u32,
    workgroup: u32,
}

pub(crate) fn linked(problem: &Problem, plan: &Plan, config: &Config) -> Linked {
    let mut sources = vec![step::prelude(plan, config, problem.initial.dim()).source()];
    sources.extend(shaders::problem_files(&["hidden/control", "loss", "init"]));
    if let Some(composition) = &problem.composition {
        let integrator = problem.integrator(config);
        sources.push(composition.constants(None));
        sources.push(step::reward_constants(composition, integrator));
    }
    sources.extend(problem.device_initial_sources());
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
        // The target's data too, because the law's are numbered after them.
        let reads = problem.start().law().is_some() || problem.composition.is_some();
        let data = if reads { state.data_groups() } else { Vec::new() };
        let constants = match problem.composition {
            Some(_) => problem.compiled_constants(),
            None => Vec::new(),
        };
        let (numbers, own) = (&state.numbers.problem, step::accesses(plan));
        let (kernel, data) =
            Kernel::reading(gpu, numbers, &linked, "init", &own, &constants, &data)?;
        // The state that parity 1 writes is the state that parity 0 reads.
        let group = kernel.bind(gpu, 0, &state.bindings(1))?;
        let (particles, workgroup) = (plan.particles, config.workgroup_size);
        let offset = problem.composition.as_ref().and_then(|c| c.table_stride()).map(|_| 0);
        Ok(Init { kernel, group, data, offset, particles, workgroup })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, slice: Option<u32>) {
        self.kernel.set(pass, &self.group, &[0]);
        set_data(pass, &self.data, self.offset);
        dispatch(pass, slice.unwrap_or(self.particles).div_ceil(self.workgroup));
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        set_data(pass, &self.data, self.offset);
        self.kernel.warm_up(pass, &self.group, &[0]);
    }
}
