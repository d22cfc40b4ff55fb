//! The density on a grid: `shaders/grid.wgsl`.

use super::{Access, BoundKernel, Pass};
use crate::buffers::{State, storage};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::grid_target::{self, GridTarget};
use crate::kernel::moments;
use crate::layout::LANES;
use crate::problem::Problem;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::{Linked, Source};

/// Units of mass that the deposits count.
const UNITS: f32 = 2_147_483_648.0;

/// The most dimensions a grid has.
pub(crate) const MAX_GRID_DIM: u32 = 3;

#[derive(Debug)]
pub(crate) struct Grid {
    clear: BoundKernel,
    deposit: BoundKernel,
    target: GridTarget,
    spread: BoundKernel,
    /// One per axis.
    blurs: Vec<BoundKernel>,
    particles: u32,
    total: u32,
    fields: [wgpu::Buffer; 2],
}

/// The nodes of a grid of `cells` per axis.
pub(crate) fn total(cells: u32, dim: u32) -> u32 {
    cells.saturating_pow(dim)
}

/// Bytes of a field: a plane of the population, one of the target, and the target's largest value.
pub(crate) fn field_bytes(cells: u32, dim: u32) -> u64 {
    4 * (2 * u64::from(total(cells, dim)) + 1)
}

/// What the grid's kernels and its density know of it; `bandwidth` defines `density_bandwidth`.
pub(crate) fn constants(prelude: Prelude, cells: u32, dim: u32, bandwidth: &str) -> Prelude {
    prelude
        .u32("GRID_CELLS", cells)
        .u32("GRID_TOTAL", total(cells, dim))
        .f32("GRID_UNITS", UNITS)
        .text(bandwidth)
}

pub(crate) fn linked(prelude: Source) -> Linked {
    let files = shaders::engine_files(&[
        "index",
        "float",
        "hidden/log_weights",
        "position",
        "moment_types",
        "density/grid_frame",
        "grid",
    ]);
    Linked::new([prelude].into_iter().chain(files))
}

impl Grid {
    pub(crate) fn new(
        gpu: &Gpu,
        problem: &Problem,
        shape: &WeightShape,
        (dim, page_rows): (u32, u32),
        (cells, bandwidth): (u32, &str),
        state: &State,
        moments: &wgpu::Buffer,
    ) -> Result<Grid> {
        let total = total(cells, dim);
        let field = || storage(&gpu.device, "wfr.grid", field_bytes(cells, dim));
        let fields = gpu.scoped(|| [field(), field()])?;
        let pages = state.pages.len() as u32;
        let prelude = moments::prelude(shape, dim, 4, pages, page_rows);
        let linked = linked(constants(prelude, cells, dim, bandwidth).source());
        let prelude = Prelude::default().dimension(dim).weights(shape);
        let prelude = constants(prelude, cells, dim, bandwidth).source();
        let of_target = grid_target::linked(prelude, problem);
        gpu.pipelines().check(&of_target)?;
        let target = GridTarget::new(gpu, &of_target, problem, state, moments, &fields, total)?;
        let kernel = |entry, from: usize, axis: u32| {
            let buffers = [
                (Access::Read, &state.log_weights),
                (Access::Read, moments),
                (Access::ReadWrite, &fields[from]),
                (Access::ReadWrite, &fields[1 - from]),
            ];
            let constants = [("GRID_BLUR_AXIS".to_string(), f64::from(axis))];
            BoundKernel::of_state(gpu, (&linked, entry), &buffers, state, &constants)
        };
        let blurs = (0..dim).map(|axis| kernel("grid_blur", axis as usize % 2, axis));
        Ok(Grid {
            clear: kernel("grid_clear", 0, 0)?,
            deposit: kernel("grid_deposit", 0, 0)?,
            target,
            spread: kernel("grid_spread", 0, 0)?,
            blurs: blurs.collect::<Result<_>>()?,
            particles: shape.particles,
            total,
            fields,
        })
    }

    /// The blurred field, of the population and of the target.
    pub(crate) fn field(&self) -> &wgpu::Buffer {
        &self.fields[self.blurs.len() % 2]
    }

    pub(crate) fn encode(&self, pass: &mut Pass<'_>) {
        self.clear.encode(pass, (self.total + 1).div_ceil(LANES));
        self.deposit.encode(pass, self.particles.div_ceil(LANES));
        self.target.encode(pass);
        self.spread.encode(pass, self.total.div_ceil(LANES));
        for blur in &self.blurs {
            blur.encode(pass, self.total.div_ceil(LANES));
        }
    }
}
