//! The fused steps, with the gather: `shaders/step.wgsl`.

use super::{Access, BoundKernel, Offsets, Pass};
use crate::buffers::State;
use crate::config::Config;
use crate::diffusion::Composition;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::layout::{
    Instant, LEAST_LOG_WEIGHT, MOVES_COUNTERS, MOVES_PARTICLES, SCHEDULE_ALIGN, SCHEDULE_WINDOW,
};
use crate::numbers::GROUP;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::shaders::{self, Prelude, state_bindings};
use crate::wgsl::{Linked, Source};

/// The dynamic offset of the window of the schedule that holds a step.
pub(crate) fn schedule_offset(first: u32) -> u32 {
    first / SCHEDULE_ALIGN * SCHEDULE_ALIGN * size_of::<Instant>() as u32
}

#[derive(Debug)]
pub(crate) struct Step {
    /// One per parity: state 0 → 1 and 1 → 0.
    kernels: [BoundKernel; 2],
    /// By how many bytes the flow's table moves from step to step, where it does.
    table_stride: Option<u32>,
    particles: u32,
    workgroup: u32,
}

/// The constants that `init` and `step` share.
pub(crate) fn prelude(plan: &Plan, config: &Config, dim: u32) -> Prelude {
    Prelude::default()
        .dimension(dim)
        .u32("ORIGIN_ROW", plan.rows - 1)
        .u32("WORKGROUP", config.workgroup_size)
        .u32("SCHEDULE_ALIGN", SCHEDULE_ALIGN)
        .bool("TAMED", config.taming)
        .f32("LEAST_LOG_WEIGHT", LEAST_LOG_WEIGHT)
        .text(&state_bindings(plan.pages, plan.page_rows, plan.counts))
}

/// Whether a wall of the reward counts as a number before the last node.
pub(crate) fn reward_constants(composition: &Composition, integrator: Integrator) -> Source {
    let floors = composition.weighs_by_ratio(integrator);
    Prelude::default().bool("FLOORS_REWARD", floors).named("reward")
}

/// The functions of the preconditioner: 1 and its root where there is none.
fn preconditioner(config: &Config) -> String {
    const BINDING: u32 = 2;
    let (buffer, [mobility, root]) = match config.preconditioner {
        Some(_) => {
            let ty = format!("@group({GROUP}) @binding({BINDING}) var<uniform>");
            (
                format!("{ty} preconditioner_numbers: array<vec4<f32>, DIM>;\n"),
                ["preconditioner_numbers[j].x", "preconditioner_numbers[j].y"],
            )
        }
        None => (String::new(), ["1.0"; 2]),
    };
    format!(
        "{buffer}fn preconditioner(j: u32) -> f32 {{\n    return {mobility};\n}}\nfn \
         preconditioner_root(j: u32) -> f32 {{\n    return {root};\n}}\n"
    )
}

/// The buffers of group 0, for the step that reads copy `parity` of the state and writes the other.
pub(crate) fn bindings(state: &State, parity: usize) -> Vec<(Access, &wgpu::Buffer)> {
    use Access::{Read, ReadWrite};
    let window = u64::from(SCHEDULE_WINDOW) * size_of::<Instant>() as u64;
    let mut all: Vec<_> = state.pages[parity].iter().map(|page| (Read, page)).collect();
    all.extend(state.pages[1 - parity].iter().map(|page| (ReadWrite, page)));
    all.extend([
        (ReadWrite, &state.log_weights),
        (Read, &state.ancestors),
        (Read, &state.control),
        (Access::Uniform(window), &state.schedule),
    ]);
    all.extend(state.moves.iter().map(|moves| (ReadWrite, moves)));
    all
}

pub(crate) fn linked(
    problem: &Problem,
    plan: &Plan,
    config: &Config,
    integrator: Integrator,
) -> Linked {
    let flow = &problem.flow;
    let dim = problem.target.dim();
    let prelude = prelude(plan, config, dim)
        .bool("HAS_VELOCITY", flow.has_velocity())
        .bool("HAS_PATH", flow.has_path())
        .bool("HAS_DENSITY", flow.has_density())
        .u32("MOVES_PARTICLES", MOVES_PARTICLES)
        .u32("MOVES_COUNTERS", MOVES_COUNTERS)
        .text(&preconditioner(config));
    let mut sources = vec![prelude.source()];
    let files = ["hidden/control", "loss"];
    sources.extend(shaders::problem_files(&files));
    sources.extend(match &problem.composition {
        Some(composition) => {
            let constants = composition.constants(Some(integrator));
            let floors = reward_constants(composition, integrator);
            [constants, floors]
                .into_iter()
                .chain(composition.integrator_files(integrator))
                .collect()
        }
        None => shaders::files(integrator.files(flow.has_path())),
    });
    sources.extend(shaders::files(&["gather", "step"]));
    if problem.composition.is_none() {
        let count = if plan.counts { "integrator/count_moves" } else { "integrator/count_nothing" };
        sources.extend(shaders::files(&["flow/anytime", count]));
        sources.extend(flow.densities(&problem.sources));
    }
    if !flow.has_velocity() {
        sources.push(shaders::file("flow/no_velocity"));
    }
    sources.extend(problem.device_sources());
    Linked::new(sources)
}

impl Step {
    pub(crate) fn new(
        gpu: &Gpu,
        linked: &Linked,
        problem: &Problem,
        plan: &Plan,
        config: &Config,
        state: &State,
    ) -> Result<Step> {
        let (data, constants) = (state.data_groups(), problem.compiled_constants());
        let (numbers, text) = (&state.numbers.problem, (linked, "step"));
        let own = bindings(state, 0);
        let first = BoundKernel::reading(gpu, numbers, text, &own, &constants, &data)?;
        let second = first.with(gpu, &bindings(state, 1))?;
        let (particles, workgroup) = (plan.particles, config.workgroup_size);
        let table_stride = problem.composition.as_ref().and_then(Composition::table_stride);
        Ok(Step { kernels: [first, second], table_stride, particles, workgroup })
    }

    /// Advances from state `parity` to the other; `first` is the step the clock shows.
    pub(crate) fn encode(
        &self,
        pass: &mut Pass<'_>,
        parity: usize,
        first: u32,
        slice: Option<u32>,
    ) {
        let flow = self.table_stride.map(|stride| first * stride);
        let offsets = Offsets { own: Some(schedule_offset(first)), flow };
        let groups = slice.unwrap_or(self.particles).div_ceil(self.workgroup);
        self.kernels[parity].encode_at(pass, offsets, groups);
    }
}
