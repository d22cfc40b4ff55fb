//! The ESS test, on the device: `shaders/decide.wgsl`.

use super::{Access, BoundKernel, Offsets, Pass};
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
    decide: BoundKernel,
    /// Of a run that steps without a test before.
    tick: Option<BoundKernel>,
    report: BoundKernel,
    islands: u32,
}

/// The buffers that `decide` works on.
pub(crate) struct DecideBuffers<'a> {
    pub blocks: &'a wgpu::Buffer,
    pub control: &'a wgpu::Buffer,
    pub trace: &'a wgpu::Buffer,
    pub dispatches: &'a wgpu::Buffer,
    pub overflow: &'a wgpu::Buffer,
}

pub(crate) fn linked(shape: &WeightShape) -> Linked {
    shape.linked(&[
        "types",
        "threefry",
        "island",
        "float",
        "hidden/blocks",
        "weight",
        "fixed",
        "prefix",
        "population",
        "clock",
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
        let segments = gpu.scoped(|| segments(&gpu.device))?;
        let own = [
            (ReadWrite, buffers.blocks),
            (ReadWrite, buffers.control),
            (ReadWrite, buffers.trace),
            (ReadWrite, buffers.dispatches),
            (ReadWrite, buffers.overflow),
            (Uniform(4), &segments),
        ];
        let linked = linked(shape);
        let kernel = |entry| BoundKernel::new(gpu, numbers, (&linked, entry), &own);
        let (decide, report) = (kernel("decide")?, kernel("report")?);
        Ok(Decide { decide, tick: None, report, islands: shape.islands })
    }

    /// Makes what moves the clock without a test.
    pub(crate) fn with_tick(self, gpu: &Gpu, shape: &WeightShape) -> Result<Decide> {
        let tick = self.decide.sibling(gpu, &linked(shape), "tick")?;
        Ok(Decide { tick: Some(tick), ..self })
    }

    /// Tests the ESS, then moves the clock by `steps` ≤ [`MAX_SEGMENT`] steps.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, steps: u32) {
        let offsets = Offsets::own(steps * SEGMENT_STRIDE);
        self.decide.encode_islands(pass, offsets, 1, self.islands);
    }

    /// Moves the clock by `steps` ≤ [`MAX_SEGMENT`] steps.
    pub(crate) fn encode_tick(&self, pass: &mut Pass<'_>, steps: u32) {
        let offsets = Offsets::own(steps * SEGMENT_STRIDE);
        self.tick.iter().for_each(|tick| tick.encode_islands(pass, offsets, 1, self.islands));
    }

    /// Writes the trace row of this moment behind the trace and changes nothing else.
    pub(crate) fn encode_report(&self, pass: &mut Pass<'_>) {
        self.report.encode_islands(pass, Offsets::own(0), 1, self.islands);
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
