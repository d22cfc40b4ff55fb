//! The density as a mixture of Gaussians at the particles: `shaders/mixture.wgsl`,
//! `shaders/mixture_sweep.wgsl`.

use super::loops::times;
use super::{Access, BoundKernel, Offsets, Pass};
use crate::buffers::{State, filled, storage};
use crate::driver::SOFTWARE_LOOP_CAP;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::moments;
use crate::layout::LANES;
use crate::shaders::{self, Prelude, WeightShape};
use crate::wgsl::{Linked, Source};

/// Dynamic offsets of uniforms are multiples of 256 bytes.
const SWEEP_STRIDE: u32 = 256;
/// Workgroup memory for components: 4096 words less what sums take.
const TILE_WORDS: u32 = 3840;

#[derive(Debug)]
pub(crate) struct Mixture {
    gather: BoundKernel,
    total: BoundKernel,
    sweep: BoundKernel,
    sweeps: u32,
    components: u32,
    particles: u32,
    items: u32,
    /// Sums per particle, and three rows of what they have in common.
    pub sums: wgpu::Buffer,
}

/// Components per tile of workgroup memory.
fn tile(dim: u32) -> u32 {
    (TILE_WORDS / (dim + 1)).clamp(1, 128)
}

/// Particles per lane of a sweep: what registers hold.
fn items(dim: u32) -> u32 {
    match dim {
        1..=2 => 8,
        3..=4 => 4,
        _ => 1,
    }
}

/// Components that one dispatch adds: loop iterations for each, for each of its numbers, and for
/// each particle of the lane in both.
fn per_sweep(dim: u32) -> u32 {
    let loops = 1 + (dim + 1) * (items(dim) + 2);
    ((SOFTWARE_LOOP_CAP - 4096) / loops / tile(dim)).max(1) * tile(dim)
}

/// Loop iterations of a sweep over at most `components`; what registers begin with takes `moved`
/// for each particle.
pub(super) fn sweep_loops(components: u32, dim: u32, moved: u64) -> u64 {
    let (items, tile) = (u64::from(items(dim)), u64::from(tile(dim)));
    let dim = u64::from(dim);
    let tiles = u64::from(per_sweep(dim as u32).min(components)).div_ceil(tile);
    let load = times((tile * (dim + 1)).div_ceil(LANES.into()), 0);
    let component = times(dim, times(items, 0)) + times(items, 0);
    times(items, 2 * times(dim, 0) + moved)
        + times(tiles, load + times(tile, component) + times(items, 0))
        + times(items, 0)
}

/// Bytes of the sums.
pub(crate) fn sum_bytes(particles: u32) -> u64 {
    8 * (u64::from(particles) + 3)
}

/// Bytes of the components.
pub(crate) fn component_bytes(components: u32, dim: u32) -> u64 {
    4 * u64::from(components) * u64::from(dim + 1)
}

/// What the kernels of a mixture of `components` and its density know of it.
pub(crate) fn constants(prelude: Prelude, components: u32, dim: u32) -> Prelude {
    prelude
        .u32("MIXTURE_COMPONENTS", components)
        .u32("MIXTURE_TILE", tile(dim))
        .u32("MIXTURE_ITEMS", items(dim))
}

/// `density` is the file that says what a component is.
pub(crate) fn linked(prelude: Source, density: &str) -> Linked {
    let files = shaders::engine_files(&[
        "types",
        "index",
        "threefry",
        "normal",
        "float",
        "hidden/control",
        "position",
        "moment_types",
        density,
        "density/subset",
        "mixture",
        "mixture_sweep",
    ]);
    Linked::new([prelude].into_iter().chain(files))
}

/// The components of a mixture: how many, the file that says what one is, the file that says how much
/// of one lies inside of the target's support, and the constants of both.
#[derive(Debug)]
pub(crate) struct Components {
    pub count: u32,
    pub file: &'static str,
    pub cover: &'static str,
    pub text: String,
}

impl Mixture {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &WeightShape,
        (dim, page_rows): (u32, u32),
        components: &Components,
        state: &State,
        moments: &wgpu::Buffer,
    ) -> Result<Mixture> {
        let Components { count, file, text, .. } = components;
        let count = *count;
        let sweeps: Vec<_> = (0..count).step_by(per_sweep(dim) as usize).collect();
        let table: Vec<u32> = sweeps
            .iter()
            .flat_map(|first| {
                let mut row = [0; SWEEP_STRIDE as usize / 4];
                row[..2].copy_from_slice(&[*first, per_sweep(dim).min(count - first)]);
                row
            })
            .collect();
        let (sums, centres, table) = gpu.scoped(|| {
            let storage = |name, bytes| storage(&gpu.device, name, bytes);
            (
                storage("wfr.mixture_sums", sum_bytes(shape.particles)),
                storage("wfr.components", component_bytes(count, dim)),
                filled(
                    &gpu.device,
                    "wfr.sweeps",
                    wgpu::BufferUsages::UNIFORM,
                    bytemuck::cast_slice(&table),
                ),
            )
        })?;
        let pages = state.pages.len() as u32;
        let prelude = moments::prelude(shape, dim, 7, pages, page_rows).text(text);
        let prelude = constants(prelude, count, dim).source();
        let linked = linked(prelude, file);
        let buffers = [
            (Access::Read, &state.log_weights),
            (Access::Read, moments),
            (Access::ReadWrite, &sums),
            (Access::ReadWrite, &centres),
            (Access::Read, &state.control),
            (Access::Read, &state.schedule),
            (Access::Uniform(8), &table),
        ];
        let kernel = |entry| BoundKernel::of_state(gpu, (&linked, entry), &buffers, state, &[]);
        Ok(Mixture {
            gather: kernel("mixture_gather")?,
            total: kernel("mixture_total")?,
            sweep: kernel("mixture_sweep")?,
            sweeps: sweeps.len() as u32,
            components: count,
            particles: shape.particles,
            items: items(dim),
            sums,
        })
    }

    /// Collects the components.
    pub(crate) fn encode_components(&self, pass: &mut Pass<'_>) {
        let groups = self.components.div_ceil(LANES);
        self.gather.encode_at(pass, Offsets::own(0), groups);
        self.total.encode_at(pass, Offsets::own(0), 1);
    }

    /// The number of sweeps that add all components.
    pub(crate) fn sweeps(&self) -> u32 {
        self.sweeps
    }

    /// Particles of a workgroup of a sweep.
    pub(crate) fn sweep_block(&self) -> u32 {
        LANES * self.items
    }

    /// Adds the components of one sweep to the sums.
    pub(crate) fn encode_sweep(&self, pass: &mut Pass<'_>, sweep: u32, slice: Option<u32>) {
        let offsets = Offsets::own(sweep * SWEEP_STRIDE);
        let groups = slice.unwrap_or(self.particles).div_ceil(self.sweep_block());
        self.sweep.encode_at(pass, offsets, groups);
    }
}
