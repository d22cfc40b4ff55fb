//! Draws the particles from the initial law: `shaders/init.wgsl`.

use super::{Kernel, dispatch, step};
use crate::buffers::{Plan, State};
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::initial::Initial;
use crate::shaders;
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Init {
    kernel: Kernel,
    group: wgpu::BindGroup,
    workgroups: u32,
}

pub(crate) fn linked(initial: &Initial, plan: &Plan, config: &Config) -> Linked {
    let mut sources = vec![step::prelude(plan, config, initial.dim()).source()];
    sources.extend(shaders::files(&["types", "index", "threefry", "normal", "float", "init"]));
    sources.extend(initial.sources());
    Linked::new(sources)
}

impl Init {
    /// Writes into the state of parity 0.
    pub(crate) fn new(
        gpu: &Gpu,
        initial: &Initial,
        plan: &Plan,
        config: &Config,
        state: &State,
    ) -> Result<Init> {
        let linked = linked(initial, plan, config);
        let kernel = Kernel::new(gpu, &linked, "init", &[&step::accesses(plan)], &[])?;
        // The state that parity 1 writes is the state that parity 0 reads.
        let group = kernel.bind(gpu, 0, &state.bindings(1))?;
        let workgroups = plan.particles.div_ceil(config.workgroup_size);
        Ok(Init { kernel, group, workgroups })
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.set(pass, &self.group, &[0]);
        dispatch(pass, self.workgroups);
    }
}
