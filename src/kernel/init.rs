//! Draws the particles from the initial law: `shaders/init.wgsl`.

use super::{BoundKernel, Offsets, Pass, step};
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
    kernel: BoundKernel,
    /// Where the schedule and the flow's table begin.
    offsets: Offsets,
    particles: u32,
    workgroup: u32,
}

pub(crate) fn linked(problem: &Problem, plan: &Plan, config: &Config) -> Linked {
    let mut sources = vec![step::prelude(plan, config, problem.initial.dim()).source()];
    sources.extend(shaders::problem_files(&["hidden/log_weights", "loss", "init"]));
    if let Some(composition) = &problem.composition {
        let integrator = problem.integrator(config);
        sources.push(composition.constants(None));
        sources.push(step::reward_constants(composition, integrator));
    }
    sources.extend(problem.device_initial_sources());
    Linked::new(sources)
}

impl Init {
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
        let (numbers, own) = (&state.numbers.problem, step::bindings(state));
        let text = (&linked, "init");
        let kernel = BoundKernel::reading(gpu, numbers, text, &own, &constants, &data)?;
        let (particles, workgroup) = (plan.particles, config.workgroup_size);
        let flow = problem.composition.as_ref().and_then(|c| c.table_stride()).map(|_| 0);
        let offsets = Offsets { own: Some(0), flow };
        Ok(Init { kernel, offsets, particles, workgroup })
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>, slice: Option<u32>) {
        let groups = slice.unwrap_or(self.particles).div_ceil(self.workgroup);
        self.kernel.encode_at(pass, self.offsets, groups);
    }
}
