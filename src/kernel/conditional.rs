//! The conditional ESS between two tests: `shaders/conditional.wgsl`.

use super::loops::{FEWER_PARTICLES, Loops, TREE, times};
use super::{Access, BoundKernel, Pass};
use crate::buffers;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::part::{self, Part, Parts, Phase, Reports, Run, Site};
use crate::layout::{CESS_LANES, Sums};
use crate::numbers::Numbers;
use crate::plan::{Draft, Need};
use crate::shaders::{self, Prelude};
use crate::wgsl::Linked;

/// Particles per lane.
const ITEMS: u32 = 16;

/// Traced where it is asked for; an adaptive schedule knows it anyway.
pub(crate) const KIND: part::Kind = part::Kind { check: |_| Ok(()), ask, make };

fn is_part_of(run: &Run<'_>) -> bool {
    run.config.trace_cess && run.config.schedule.adaptivity().is_none()
}

fn ask(run: &Run<'_>, draft: &mut Draft) {
    if is_part_of(run) {
        let particles = draft.particles;
        draft.needs.extend(needs(particles));
        draft.count_loops(|| loops(particles));
    }
}

fn make(site: &Site<'_>) -> Result<Parts> {
    if !is_part_of(&site.run) {
        return Ok(Vec::new());
    }
    let Site { gpu, plan, state, scratch, .. } = site;
    let (numbers, particles) = (&state.numbers.engine, plan.particles);
    let (log_weights, control) = (&state.log_weights, &state.control);
    let part = Conditional::new(gpu, numbers, particles, log_weights, control, &scratch.trace)?;
    Ok(vec![Box::new(part)])
}

fn loops(particles: u32) -> Vec<Loops> {
    let each = |kernel, iterations| Loops { kernel, iterations, way_out: FEWER_PARTICLES };
    let share = blocks(particles).div_ceil(CESS_LANES);
    vec![
        each("conditional", times(ITEMS.into(), 0) + TREE),
        each("conditional_total", times(share.into(), 0) + TREE),
    ]
}

/// Measures and totals.
#[derive(Debug)]
pub(crate) struct Conditional {
    measure: BoundKernel,
    total: BoundKernel,
    /// The log-weights that the test before left.
    before: wgpu::Buffer,
    blocks: u32,
}

/// The buffers beside those of every run: the log-weights before, and the sums of each block.
fn needs(particles: u32) -> [Need; 2] {
    let sums = u64::from(blocks(particles)) * size_of::<Sums>() as u64;
    [Need::whole("log-weights before", 4 * u64::from(particles)), Need::whole("partials", sums)]
}

fn blocks(particles: u32) -> u32 {
    particles.div_ceil(CESS_LANES * ITEMS)
}

pub(crate) fn linked() -> Linked {
    let prelude = Prelude::default()
        .u32("CESS_LANES", CESS_LANES)
        // One increment: the entries of a workgroup are its lanes.
        .u32("CESS_GROUPS", 1)
        .u32("CESS_ITEMS", ITEMS);
    let files = shaders::engine_files(&[
        "types",
        "index",
        "float",
        "hidden/control",
        "cess",
        "conditional",
    ]);
    Linked::new([prelude.source()].into_iter().chain(files))
}

impl Conditional {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        particles: u32,
        log_weights: &wgpu::Buffer,
        control: &wgpu::Buffer,
        trace: &wgpu::Buffer,
    ) -> Result<Conditional> {
        use Access::{Read, ReadWrite};
        let [before, partials] = gpu.scoped(|| {
            needs(particles).map(|need| buffers::storage(&gpu.device, need.name, need.bytes))
        })?;
        let linked = linked();
        let own = [
            (Read, log_weights),
            (Read, control),
            (ReadWrite, &before),
            (ReadWrite, &partials),
            (ReadWrite, trace),
        ];
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        let (measure, total) = (kernel("conditional")?, kernel("conditional_total")?);
        Ok(Conditional { measure, total, before, blocks: blocks(particles) })
    }

    /// Writes the conditional ESS into the row of the test that was just made.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.measure.encode(pass, self.blocks);
        self.total.encode(pass, 1);
    }
}

impl Part for Conditional {
    fn passes(&self, phase: Phase, _step: u32) -> Vec<u32> {
        if phase == Phase::AfterTest { vec![0] } else { Vec::new() }
    }

    fn encode(&self, pass: &mut Pass<'_>, _number: u32, _slice: Option<u32>) {
        self.encode(pass);
    }

    fn persistent(&self) -> Vec<(&'static str, &wgpu::Buffer)> {
        vec![("device.log_weights_before", &self.before)]
    }

    fn reports(&self) -> Reports<'_> {
        Reports { cess: true, ..Reports::default() }
    }
}
