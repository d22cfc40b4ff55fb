//! The ESS test, on the device: `shaders/decide.wgsl`.

use super::{Access, Kernel};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::MAX_SEGMENT;
use crate::numbers::Numbers;
use crate::shaders::WeightShape;
use crate::wgsl::Linked;

/// A row of the table of segment lengths: dynamic offsets are multiples of 256.
const SEGMENT_STRIDE: u32 = 256;

/// Decides, moves the clock, or reports.
#[derive(Debug)]
pub(crate) struct Decide {
    decide: Kernel,
    tick: Kernel,
    report: Kernel,
    groups: [wgpu::BindGroup; 3],
}

/// The buffers that `decide` works on.
pub(crate) struct DecideBuffers<'a> {
    pub blocks: &'a wgpu::Buffer,
    pub control: &'a wgpu::Buffer,
    pub trace: &'a wgpu::Buffer,
    pub dispatches: &'a wgpu::Buffer,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&[
        "types",
        "threefry",
        "float",
        "hidden/control",
        "weight",
        "fixed",
        "prefix",
        "population",
        "offspring",
        "decide",
    ])
}

impl Decide {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        buffers: &DecideBuffers,
    ) -> Result<Decide> {
        use Access::{ReadWrite, Uniform};
        let accesses = [ReadWrite, ReadWrite, ReadWrite, ReadWrite, Uniform(4)];
        let linked = linked(shape);
        let kernel = |entry| Kernel::new(gpu, numbers, &linked, entry, &[&accesses], &[]);
        let (decide, tick, report) = (kernel("decide")?, kernel("tick")?, kernel("report")?);
        let segments = gpu.scoped(|| segments(&gpu.device))?;
        let all = [buffers.blocks, buffers.control, buffers.trace, buffers.dispatches, &segments];
        let groups =
            [decide.bind(gpu, 0, &all)?, tick.bind(gpu, 0, &all)?, report.bind(gpu, 0, &all)?];
        Ok(Decide { decide, tick, report, groups })
    }

    /// Tests the ESS, then moves the clock by `steps` ≤ [`MAX_SEGMENT`] steps.
    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, steps: u32) {
        self.dispatch(pass, &self.decide, 0, steps);
    }

    /// Moves the clock by `steps` ≤ [`MAX_SEGMENT`] steps.
    pub(crate) fn encode_tick(&self, pass: &mut wgpu::ComputePass<'_>, steps: u32) {
        self.dispatch(pass, &self.tick, 1, steps);
    }

    /// Writes the trace row of this moment behind the trace and changes nothing else.
    pub(crate) fn encode_report(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.dispatch(pass, &self.report, 2, 0);
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        for (kernel, group) in
            [&self.decide, &self.tick, &self.report].into_iter().zip(&self.groups)
        {
            kernel.warm_up(pass, group, &[0]);
        }
    }

    fn dispatch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        kernel: &Kernel,
        group: usize,
        steps: u32,
    ) {
        kernel.set(pass, &self.groups[group], &[steps * SEGMENT_STRIDE]);
        pass.dispatch_workgroups(1, 1, 1);
    }
}

/// The table of segment lengths 0..=MAX_SEGMENT, filled once: recording never writes the queue.
fn segments(device: &wgpu::Device) -> wgpu::Buffer {
    let table: Vec<u32> = (0..=MAX_SEGMENT)
        .flat_map(|steps| {
            let mut row = [0; SEGMENT_STRIDE as usize / 4];
            row[0] = steps;
            row
        })
        .collect();
    crate::buffers::filled(
        device,
        "wfr.segments",
        wgpu::BufferUsages::UNIFORM,
        bytemuck::cast_slice(&table),
    )
}
