//! Counts of lost particles, by step and cause: `shaders/losses.wgsl`.

use super::{Access, BoundKernel, Offsets, Pass};
use crate::buffers::{State, storage};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::{LANES, LOSSES_COLUMNS, LOSSES_HEADER};
use crate::plan::Plan;
use crate::shaders::{self, Prelude, WeightShape, state_in};
use crate::wgsl::Linked;

#[derive(Debug)]
pub(crate) struct Losses {
    count: BoundKernel,
    first: BoundKernel,
    workgroups: u32,
    islands: u32,
    /// The totals, the first loss, and a row for every number of steps done: `shaders/losses.wgsl`.
    pub buffer: wgpu::Buffer,
}

/// Bytes of the counts of a run of `steps` steps in `dim` dimensions.
pub(crate) fn bytes(steps: u32, dim: u32) -> u64 {
    row_offset(steps + 1, dim)
}

/// Where the row after `steps` steps begins.
pub(crate) fn row_offset(steps: u32, dim: u32) -> u64 {
    4 * (u64::from(LOSSES_HEADER + dim) + u64::from(LOSSES_COLUMNS) * u64::from(steps))
}

pub(crate) fn linked(shape: &WeightShape, dim: u32, plan: &Plan) -> Linked {
    let prelude = Prelude::default()
        .weights(shape)
        .u32("LOSSES_HEADER", LOSSES_HEADER)
        .u32("LOSSES_POSITION", dim)
        .u32("LOSSES_COLUMNS", LOSSES_COLUMNS)
        .text(&state_in(3, plan.pages, plan.page_rows));
    let files = shaders::engine_files(&[
        "types",
        "index",
        "island",
        "float",
        "hidden/log_weights",
        "loss",
        "losses",
    ]);
    Linked::new([prelude.source()].into_iter().chain(files))
}

impl Losses {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        dim: u32,
        steps: u32,
        plan: &Plan,
        state: &State,
    ) -> Result<Losses> {
        let buffer = gpu.scoped(|| storage(&gpu.device, "wfr.losses", bytes(steps, dim)))?;
        let linked = linked(shape, dim, plan);
        let buffers = [
            (Access::ReadWrite, &state.log_weights),
            (Access::Read, &state.control),
            (Access::ReadWrite, &buffer),
        ];
        let kernel = |entry| BoundKernel::of_state(gpu, (&linked, entry), &buffers, state, &[]);
        let (count, first) = (kernel("losses_count")?, kernel("losses_first")?);
        let workgroups = shape.particles.div_ceil(LANES);
        Ok(Losses { count, first, workgroups, islands: shape.islands, buffer })
    }

    /// Counts them if the last ESS test saw any.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, dispatches: &wgpu::Buffer) {
        for kernel in [&self.count, &self.first] {
            kernel.encode_indirect(pass, dispatches, 32);
        }
    }

    /// Counts them whatever the last ESS test saw.
    pub(crate) fn encode_now(&self, pass: &mut Pass<'_>) {
        self.count.encode_islands(pass, Offsets::default(), self.workgroups, self.islands);
        self.first.encode(pass, 1);
    }
}
