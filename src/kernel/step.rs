//! The fused steps: `shaders/step.wgsl`.

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
    kernel: BoundKernel,
    /// By how many bytes the flow's table moves from step to step, where it does.
    table_stride: Option<u32>,
    particles: u32,
    workgroup: u32,
}

/// How the step is written for a device. The bits of a run hold for a shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StepShape {
    /// Whether the flow is evaluated at two places of the text.
    pub(crate) two_places: bool,
    /// Whether a point of each particle lies in memory of the workgroup while the flow is evaluated.
    pub(crate) keeps_in_workgroup: bool,
}

impl StepShape {
    /// Two places pay where few steps are fused, one place compiles in two thirds of the time. Registers
    /// of cards hold what fewer coordinates need.
    pub(crate) fn of(gpu: &Gpu, config: &Config, dim: u32) -> StepShape {
        const MOST_FUSED: u32 = 4;
        const MOST_DIM: u32 = 16;
        let is_short = config.test_every() <= MOST_FUSED && dim <= MOST_DIM;
        let kept = u64::from(dim) * u64::from(config.workgroup_size) * 4;
        let is_held = kept <= u64::from(gpu.device.limits().max_compute_workgroup_storage_size);
        StepShape {
            two_places: gpu.is_software() && is_short,
            keeps_in_workgroup: !gpu.is_software() && dim > MOST_DIM && is_held,
        }
    }

    fn files(self) -> [&'static str; 2] {
        [
            if self.two_places { "step/two_places" } else { "step/one_place" },
            match self.keeps_in_workgroup {
                true => "step/kept_in_workgroup",
                false => "step/kept_in_registers",
            },
        ]
    }
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

/// The buffers of group 0.
pub(crate) fn bindings(state: &State) -> Vec<(Access, &wgpu::Buffer)> {
    use Access::{Read, ReadWrite};
    let window = u64::from(SCHEDULE_WINDOW) * size_of::<Instant>() as u64;
    let mut all: Vec<_> = state.pages.iter().map(|page| (ReadWrite, page)).collect();
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
    shape: StepShape,
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
    let files = ["hidden/log_weights", "loss"];
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
    sources.extend(shaders::files(&["particle", "step"]));
    sources.extend(shaders::files(&shape.files()));
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
        let kernel = BoundKernel::reading(gpu, numbers, text, &bindings(state), &constants, &data)?;
        let (particles, workgroup) = (plan.particles, config.workgroup_size);
        let table_stride = problem.composition.as_ref().and_then(Composition::table_stride);
        Ok(Step { kernel, table_stride, particles, workgroup })
    }

    /// `first` is the step the clock shows.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, first: u32, slice: Option<u32>) {
        let flow = self.table_stride.map(|stride| first * stride);
        let offsets = Offsets { own: Some(schedule_offset(first)), flow };
        let groups = slice.unwrap_or(self.particles).div_ceil(self.workgroup);
        self.kernel.encode_at(pass, offsets, groups);
    }
}
