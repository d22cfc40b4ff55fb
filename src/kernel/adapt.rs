//! The next stage of an adaptive schedule: `shaders/adapt.wgsl` and `shaders/adapt_choose.wgsl`.

use super::loops;
use super::{Access, BoundKernel, Pass};
use crate::buffers::{self, State};
use crate::driver::SOFTWARE_LOOP_CAP;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::part::{self, Part, Parts, Phase, Reports, Run, Site, Slices};
use crate::layout::{CESS_GROUPS, CESS_LANES, LEAST_LOG_WEIGHT, Stage, Sums};
use crate::plan::{Draft, Need, Plan, Reading};
use crate::problem::Problem;
use crate::shaders::{self, Prelude, state_inputs};
use crate::wgsl::Linked;

/// Passes over the particles per stage. Each divides the octaves of the bracket by 14: from 31 to
/// 0.011, which puts the increment of β within 0.8 % of the right one.
pub(crate) const PASSES: u32 = 3;

/// The most particles per lane of `adapt`.
const MOST_ITEMS: u32 = 16;

/// Storage buffers of `adapt` beside the state and the data: log-weights, ancestors, control, the stage
/// and its sums.
const BINDINGS: u32 = 5;

/// What a checkpoint calls the chosen rows of the schedule, and the stage.
pub(crate) const ROWS: &str = "device.rows";
pub(crate) const STAGE: &str = "device.stage";

/// Chooses the stages of an adaptive schedule.
pub(crate) const KIND: part::Kind = part::Kind { check, ask, make };

fn check(run: &Run<'_>) -> Result<()> {
    let flow = &run.problem.flow;
    if run.config.schedule.adaptivity().is_none() || flow.has_path() {
        return Ok(());
    }
    let reason = format!(
        "= adaptive needs a path of densities, which the {} flow does not have; use a fixed schedule",
        flow.name()
    );
    Err(Error::config("schedule", reason))
}

fn ask(run: &Run<'_>, draft: &mut Draft) {
    if run.config.schedule.adaptivity().is_none() {
        return;
    }
    let (particles, dim) = (draft.particles, run.problem.target.dim());
    let items = items(run.problem);
    draft.needs.push(Need::whole("partials", partial_bytes(particles, items)));
    draft.readings.push(Reading {
        bindings: BINDINGS + draft.data,
        way_out: "use a fixed schedule, or fewer arrays of data",
    });
    draft.count_loops(|| loops::of_adaptive(particles, dim, run.evaluation(), items));
}

fn make(site: &Site<'_>) -> Result<Parts> {
    let Site { gpu, run, plan, state, scratch, .. } = site;
    if run.config.schedule.adaptivity().is_none() {
        return Ok(Vec::new());
    }
    Ok(vec![Box::new(Adapt::new(gpu, run.problem, plan, state, &scratch.trace)?)])
}

/// Bytes of the sums of each block.
fn partial_bytes(particles: u32, items: u32) -> u64 {
    let blocks = particles.div_ceil(CESS_LANES * items);
    u64::from(blocks * CESS_GROUPS) * size_of::<Sums>() as u64
}

/// Particles per lane of `adapt` that keep within half of the loop iterations of an invocation.
fn items(problem: &Problem) -> u32 {
    let of_particle = loops::per_step(problem.evaluation_loops().most, problem.target.dim());
    let most = u64::from(SOFTWARE_LOOP_CAP / 2) / of_particle.max(1);
    most.clamp(1, MOST_ITEMS.into()) as u32
}

/// Measures candidates and chooses among them.
#[derive(Debug)]
pub(crate) struct Adapt {
    measure: BoundKernel,
    choose: BoundKernel,
    open: BoundKernel,
    /// The stage that is being chosen.
    stage: wgpu::Buffer,
    /// Whose rows are chosen.
    schedule: wgpu::Buffer,
    particles: u32,
    /// Particles of a workgroup of `measure`.
    block: u32,
}

fn prelude(problem: &Problem) -> Prelude {
    Prelude::default()
        .u32("CESS_LANES", CESS_LANES)
        .u32("CESS_GROUPS", CESS_GROUPS)
        .u32("CESS_ITEMS", items(problem))
}

/// The kernel that measures.
pub(crate) fn linked(problem: &Problem, plan: &Plan) -> Linked {
    let prelude = prelude(problem)
        .dimension(problem.target.dim())
        .f32("LEAST_LOG_WEIGHT", LEAST_LOG_WEIGHT)
        .text(&state_inputs(plan.pages, plan.page_rows));
    let mut sources = vec![prelude.source()];
    let files = ["hidden/control", "particle", "cess", "adapt"];
    sources.extend(shaders::problem_files(&files));
    sources.extend(problem.device_sources());
    Linked::new(sources)
}

/// The kernel that chooses.
pub(crate) fn linked_choice(problem: &Problem) -> Linked {
    let prelude = prelude(problem).u32("ADAPT_PASSES", PASSES);
    let sources = shaders::engine_files(&["types", "hidden/control", "cess", "adapt_choose"]);
    Linked::new([prelude.source()].into_iter().chain(sources))
}

impl Adapt {
    pub(crate) fn new(
        gpu: &Gpu,
        problem: &Problem,
        plan: &Plan,
        state: &State,
        trace: &wgpu::Buffer,
    ) -> Result<Adapt> {
        use Access::{Read, ReadWrite};
        let (particles, items) = (plan.particles, items(problem));
        let (partials, stage) = gpu.scoped(|| {
            let device = &gpu.device;
            let partials = partial_bytes(particles, items);
            (
                buffers::storage(device, "wfr.partials", partials),
                buffers::storage(device, "wfr.stage", size_of::<Stage>() as u64),
            )
        })?;
        let mut own: Vec<_> = state.pages.iter().map(|page| (Read, page)).collect();
        own.extend([
            (Read, &state.log_weights),
            (Read, &state.ancestors),
            (Read, &state.control),
            (Read, &stage),
            (ReadWrite, &partials),
        ]);
        let (data, constants) = (state.data_groups(), problem.compiled_constants());
        let (numbers, linked) = (&state.numbers.problem, linked(problem, plan));
        let text = (&linked, "adapt");
        let measure = BoundKernel::reading(gpu, numbers, text, &own, &constants, &data)?;

        let linked = linked_choice(problem);
        let own = [
            (Read, &partials),
            (ReadWrite, &stage),
            (ReadWrite, &state.control),
            (ReadWrite, &state.schedule),
            (ReadWrite, trace),
        ];
        let numbers = &state.numbers.engine;
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        let (choose, open) = (kernel("adapt_choose")?, kernel("adapt_open")?);
        let schedule = state.schedule.clone();
        let block = CESS_LANES * items;
        Ok(Adapt { measure, choose, open, stage, schedule, particles, block })
    }

    /// Opens the first stage.
    pub(crate) fn encode_open(&self, pass: &mut Pass<'_>) {
        self.open.encode(pass, 1);
    }

    /// Measures the candidates for the end of the stage that begins now.
    pub(crate) fn encode_measure(&self, pass: &mut Pass<'_>, slice: Option<u32>) {
        let groups = slice.unwrap_or(self.particles).div_ceil(self.block);
        self.measure.encode(pass, groups);
    }

    /// Chooses among them, or the next ones.
    pub(crate) fn encode_choose(&self, pass: &mut Pass<'_>) {
        self.choose.encode(pass, 1);
    }
}

/// The passes by number.
const MEASURE: u32 = 0;
const CHOOSE: u32 = 1;

impl Part for Adapt {
    fn passes(&self, phase: Phase, _step: u32) -> Vec<u32> {
        match phase {
            Phase::AfterTest => [MEASURE, CHOOSE].repeat(PASSES as usize),
            _ => Vec::new(),
        }
    }

    fn encode(&self, pass: &mut Pass<'_>, number: u32, slice: Option<u32>) {
        match number {
            MEASURE => self.encode_measure(pass, slice),
            _ => self.encode_choose(pass),
        }
    }

    fn slices(&self, number: u32) -> Option<Slices> {
        (number == MEASURE).then_some(Slices { name: "adapt", workgroup: self.block })
    }

    fn encode_opening(&self, pass: &mut Pass<'_>) {
        self.encode_open(pass);
    }

    fn persistent(&self) -> Vec<(&'static str, &wgpu::Buffer)> {
        vec![(ROWS, &self.schedule), (STAGE, &self.stage)]
    }

    fn reports(&self) -> Reports<'_> {
        Reports { cess: true, ..Reports::default() }
    }
}
