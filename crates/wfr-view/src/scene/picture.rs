//! The particles of one moment and how to draw them.

use eframe::egui_wgpu::wgpu;
use wfr::{Info, Sampler};

use crate::axis::Axis;
use crate::camera::Camera;
use crate::look::{Look, Style};

/// The particles of one moment and how to draw them: buffers are shared, not copied.
#[derive(Debug, Clone)]
pub struct Picture {
    pub(super) view: View,
    pub(super) pages: [wgpu::Buffer; 2],
    pub(super) log_weights: wgpu::Buffer,
    pub(super) ancestors: wgpu::Buffer,
    pub(super) style: Style,
}

/// `View` of view.wgsl.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct View {
    centre: [f32; 2],
    scale: [f32; 2],
    rows: [u32; 2],
    log_weight: [u32; 2],
    pub(super) particles: u32,
    pub(super) stride: u32,
    weighted: u32,
    families: u32,
    pub(super) cells: [u32; 2],
    ancestors: u32,
    floor: f32,
    radius: f32,
    opacity: f32,
    size: [f32; 2],
    peak_by_mean: f32,
    unused: u32,
}

/// Cells are made larger so that there are at most so many, 64 MiB: half of what every device
/// binds.
const MOST_CELLS: f32 = 8_388_608.0;

impl Picture {
    /// The particles of now, which `info` tells of, in a picture of so many pixels. It holds until
    /// the sampler's next steps, which move them. The axes have to be those of the run.
    pub fn new(
        sampler: &Sampler,
        info: &Info,
        camera: &Camera,
        look: &Look,
        size: [u32; 2],
    ) -> Picture {
        let (buffers, particles) = (sampler.buffers(), sampler.config().particles);
        let row = |row: u32| {
            let page = &buffers.pages[(row / buffers.page_rows) as usize];
            (page.clone(), row % buffers.page_rows * particles, 0)
        };
        let axes = look.axes.map(|axis| match axis {
            Axis::Coordinate(index) => row(index),
            Axis::LogWeight => (buffers.log_weights.clone(), 0, 1),
        });
        let (ancestors, first_ancestor, _) = row(buffers.rows - 1);
        let size = size.map(|pixels| pixels.max(1) as f32);
        let least = (size[0] * size[1] / MOST_CELLS).sqrt();
        // floor() of the quotient: never more cells than MOST_CELLS.
        let cells = size.map(|pixels| (pixels / look.cell.max(least)).floor().max(1.0) as u32);
        let view = View {
            centre: camera.centre.map(|x| x as f32),
            scale: camera.extent.map(|extent| (2.0 / extent) as f32),
            rows: [axes[0].1, axes[1].1],
            log_weight: [axes[0].2, axes[1].2],
            particles,
            stride: look.stride(particles),
            weighted: look.weighted.into(),
            families: look.families.into(),
            cells,
            ancestors: first_ancestor,
            floor: look.floor.clamp(1e-6, 1.0),
            radius: look.radius,
            opacity: look.opacity,
            size,
            peak_by_mean: info.max_weight * particles as f32,
            unused: 0,
        };
        let [x, y] = axes.map(|(page, ..)| page);
        let log_weights = buffers.log_weights.clone();
        Picture { view, pages: [x, y], log_weights, ancestors, style: look.style }
    }

    /// Columns and rows of the density's cells.
    pub fn cells(&self) -> [u32; 2] {
        self.view.cells
    }
}
