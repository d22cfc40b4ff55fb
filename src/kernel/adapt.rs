//! The next stage of an adaptive schedule: `shaders/adapt.wgsl` and `shaders/adapt_choose.wgsl`.

use super::{Access, Kernel, dispatch, set_data};
use crate::buffers::{self, State};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::{CESS_GROUPS, CESS_LANES, LEAST_LOG_WEIGHT, Stage};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::shaders::{self, Prelude, state_inputs};
use crate::wgsl::Linked;

/// Passes over the particles per stage. Each divides the octaves of the bracket by 14: from 31 to
/// 0.011, which puts the increment of β within 0.8 % of the right one.
pub(crate) const PASSES: u32 = 3;

/// The most particles per lane of `adapt`.
const MOST_ITEMS: u32 = 16;

/// Particles per lane of `adapt` that keep within `cap` loop iterations of an invocation.
pub(crate) fn items(cap: u32, loops_per_particle: u64) -> u32 {
    (u64::from(cap) / loops_per_particle.max(1)).clamp(1, MOST_ITEMS.into()) as u32
}

/// Measures candidates and chooses among them.
#[derive(Debug)]
pub(crate) struct Adapt {
    measure: Kernel,
    choose: Kernel,
    open: Kernel,
    /// One per parity: the state that the next step reads.
    measured: [wgpu::BindGroup; 2],
    chosen: wgpu::BindGroup,
    opened: wgpu::BindGroup,
    data: Vec<wgpu::BindGroup>,
    /// The stage that is being chosen.
    pub stage: wgpu::Buffer,
    particles: u32,
    /// Particles of a workgroup of `measure`.
    block: u32,
}

fn prelude(plan: &Plan) -> Prelude {
    Prelude::default()
        .u32("CESS_LANES", CESS_LANES)
        .u32("CESS_GROUPS", CESS_GROUPS)
        .u32("CESS_ITEMS", plan.cess_items)
}

/// The kernel that measures.
pub(crate) fn linked(problem: &Problem, plan: &Plan) -> Linked {
    let prelude = prelude(plan)
        .dimension(problem.target.dim())
        .f32("LEAST_LOG_WEIGHT", LEAST_LOG_WEIGHT)
        .text(&state_inputs(plan.pages, plan.page_rows));
    let mut sources = vec![prelude.source()];
    let files = ["hidden/control", "gather", "cess", "adapt"];
    sources.extend(shaders::problem_files(&files));
    sources.extend(problem.device_sources());
    Linked::new(sources)
}

/// The kernel that chooses.
pub(crate) fn linked_choice(plan: &Plan) -> Linked {
    let prelude = prelude(plan).u32("ADAPT_PASSES", PASSES);
    let sources = shaders::engine_files(&["types", "hidden/control", "cess", "adapt_choose"]);
    Linked::new([prelude.source()].into_iter().chain(sources))
}

impl Adapt {
    /// Opens the first stage too.
    pub(crate) fn new(
        gpu: &Gpu,
        problem: &Problem,
        plan: &Plan,
        state: &State,
        trace: &wgpu::Buffer,
    ) -> Result<Adapt> {
        use Access::{Read, ReadWrite};
        let (partials, stage) = gpu.scoped(|| {
            let device = &gpu.device;
            let partials = buffers::partial_bytes(plan.particles, plan.cess_items);
            (
                buffers::storage(device, "wfr.partials", partials),
                buffers::storage(device, "wfr.stage", size_of::<Stage>() as u64),
            )
        })?;
        let mut accesses = vec![Read; plan.pages as usize];
        accesses.extend([Read, Read, Read, Read, ReadWrite]);
        let linked = linked(problem, plan);
        let (data, constants) = (state.data_groups(), problem.compiled_constants());
        let numbers = &state.numbers.problem;
        let (measure, data) =
            Kernel::reading(gpu, numbers, &linked, "adapt", &accesses, &constants, &data)?;
        let bind = |parity: usize| {
            let mut buffers: Vec<_> = state.pages[parity].iter().collect();
            let State { log_weights, ancestors, control, .. } = state;
            buffers.extend([log_weights, ancestors, control, &stage, &partials]);
            measure.bind(gpu, 0, &buffers)
        };
        let measured = [bind(0)?, bind(1)?];

        let linked = linked_choice(plan);
        let accesses = [Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite];
        let numbers = &state.numbers.engine;
        let kernel = |entry| Kernel::new(gpu, numbers, &linked, entry, &[&accesses], &[]);
        let (choose, open) = (kernel("adapt_choose")?, kernel("adapt_open")?);
        let all = [&partials, &stage, &state.control, &state.schedule, trace];
        let (chosen, opened) = (choose.bind(gpu, 0, &all)?, open.bind(gpu, 0, &all)?);
        let (particles, block) = (plan.particles, CESS_LANES * plan.cess_items);
        let adapt = Adapt {
            measure,
            choose,
            open,
            measured,
            chosen,
            opened,
            data,
            stage,
            particles,
            block,
        };
        gpu.submit_pass(|pass| {
            adapt.warm_up(pass);
            adapt.encode_open(pass);
        })?;
        Ok(adapt)
    }

    /// Opens the first stage.
    pub(crate) fn encode_open(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.open.set(pass, &self.opened, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }

    /// Measures the candidates for the end of the stage that begins now; the next step reads state
    /// `parity`.
    pub(crate) fn encode_measure(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        parity: usize,
        slice: Option<u32>,
    ) {
        self.measure.set(pass, &self.measured[parity], &[]);
        set_data(pass, &self.data, None);
        dispatch(pass, slice.unwrap_or(self.particles).div_ceil(self.block));
    }

    /// Chooses among them, or the next ones.
    pub(crate) fn encode_choose(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.choose.set(pass, &self.chosen, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }

    /// Particles of a workgroup that measures.
    pub(crate) fn block(&self) -> u32 {
        self.block
    }

    fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        set_data(pass, &self.data, None);
        self.measure.warm_up(pass, &self.measured[0], &[]);
        self.choose.warm_up(pass, &self.chosen, &[]);
    }
}
