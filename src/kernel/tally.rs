//! What the kernels share that sum integer weights: `shaders/tally.wgsl`.

use bytemuck::{Pod, Zeroable};

use super::{Access, BoundKernel, Kernel, Offsets, Pass};
use crate::buffers;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::BLOCK;
use crate::numbers::Numbers;
use crate::shaders::{self, Prelude, WeightShape, state_in};
use crate::wgsl::Linked;

/// Storage buffers and uniforms before the pages of the state.
const FIRST_PAGE: u32 = 3;

/// How the particles lie that are looked at: rows of N words in pages, and their log-weights.
#[derive(Debug, Clone)]
pub(crate) struct CloudShape {
    pub weights: WeightShape,
    pub pages: u32,
    pub page_rows: u32,
}

impl CloudShape {
    /// Workgroups that pass over every `stride`-th particle.
    pub(crate) fn groups(&self, stride: u32) -> u32 {
        self.weights.particles.div_ceil(stride).div_ceil(BLOCK)
    }
}

/// The buffers of particles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cloud<'a> {
    pub log_weights: &'a wgpu::Buffer,
    pub pages: &'a [wgpu::Buffer],
}

/// One axis of what is counted: the twin of `TallyAxis`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
pub(crate) struct TallyAxis {
    pub coordinate: u32,
    pub bins: u32,
    pub low: f32,
    pub per_unit: f32,
}

impl TallyAxis {
    /// A coordinate in one bin, whatever its value.
    pub(crate) fn whole(coordinate: u32) -> TallyAxis {
        TallyAxis { coordinate, bins: 1, low: 0.0, per_unit: 0.0 }
    }
}

/// How the axes are bound.
const AXES: Access = Access::Uniform(2 * size_of::<TallyAxis>() as u64);

/// What one count reads and writes: its axes, and the sums, which begin as zeros.
#[derive(Debug)]
pub(crate) struct Sums {
    axes: wgpu::Buffer,
    pub tally: wgpu::Buffer,
}

impl Sums {
    /// Room for the head and `count` sums.
    pub(crate) fn new(gpu: &Gpu, axes: [TallyAxis; 2], count: u32) -> Result<Sums> {
        gpu.scoped(|| Sums {
            axes: buffers::filled(
                &gpu.device,
                "wfr.tally_axes",
                wgpu::BufferUsages::UNIFORM,
                bytemuck::cast_slice(&axes),
            ),
            tally: buffers::storage(&gpu.device, "wfr.tally", 8 * u64::from(1 + count)),
        })
    }
}

/// An entry point that reads particles and sums their weights.
#[derive(Debug)]
pub(crate) struct Entry {
    kernel: Kernel,
}

/// What the kernels know that see every `stride`-th particle.
pub(crate) fn prelude(shape: &CloudShape, stride: u32) -> Prelude {
    let state = state_in(FIRST_PAGE, shape.pages, shape.page_rows);
    Prelude::default().weights(&shape.weights).u32("TALLY_STRIDE", stride).text(&state)
}

/// The text of a kernel that sums weights.
pub(crate) fn linked(shape: &CloudShape, prelude: Prelude, files: &[&str]) -> Linked {
    let shared = ["index", "float", "hidden/log_weights", "weight", "tally"];
    let wide = shaders::wide(shape.weights.native_wide);
    let files = shaders::engine_files(&shared).into_iter().chain(shaders::files(files));
    Linked::new([prelude.source()].into_iter().chain(wide).chain(files))
}

impl Entry {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        linked: &Linked,
        entry: &str,
        shape: &CloudShape,
    ) -> Result<Entry> {
        let mut accesses = vec![Access::Read, AXES, Access::ReadWrite];
        accesses.resize(accesses.len() + shape.pages as usize, Access::Read);
        Ok(Entry { kernel: Kernel::new(gpu, numbers, linked, entry, vec![accesses], &[])? })
    }

    pub(crate) fn bind(&self, gpu: &Gpu, cloud: Cloud<'_>, sums: &Sums) -> Result<BoundEntry> {
        use Access::{Read, ReadWrite};
        let own = [(Read, cloud.log_weights), (AXES, &sums.axes), (ReadWrite, &sums.tally)];
        let pages = cloud.pages.iter().map(|page| (Read, page));
        let own: Vec<_> = own.into_iter().chain(pages).collect();
        Ok(BoundEntry { kernel: self.kernel.bind(gpu, &own, &[])? })
    }
}

/// An entry point with the buffers of one count.
#[derive(Debug)]
pub(crate) struct BoundEntry {
    kernel: BoundKernel,
}

impl BoundEntry {
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, groups: u32) {
        self.kernel.encode_at(pass, Offsets::own(0), groups);
    }
}
