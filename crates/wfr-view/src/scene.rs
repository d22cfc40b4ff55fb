//! The particles drawn from where the sampler keeps them.
//!
//! A frame finds the largest log-weight, adds the weights up in the cells of the picture, finds the
//! brightest cell, and draws the cells or the particles as points. Nothing comes back to the host.

mod picture;
mod pipelines;

use eframe::egui_wgpu::wgpu;
use wfr::Gpu;

use crate::failure::Failure;
use crate::glance::Glance;
use crate::look::Style;
use picture::View;
use pipelines::Pipelines;

pub use picture::Picture;

/// Bytes of a cell: its mass in 64 bits.
const CELL_BYTES: u64 = 8;

/// The pipelines and buffers that draw a [`Picture`].
#[derive(Debug)]
pub struct Scene {
    pipelines: Pipelines,
    view: wgpu::Buffer,
    peak: wgpu::Buffer,
    brightest: wgpu::Buffer,
    cells: wgpu::Buffer,
    glances: wgpu::Buffer,
    staging: wgpu::Buffer,
    /// What `paint` draws: the pipeline's bind group, vertices and instances.
    drawn: Option<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    style: Style,
    group: wgpu::BindGroup,
    vertices: u32,
    instances: u32,
}

/// How many particles a glance reads.
const GLANCES: u64 = 1024;

/// Bytes of a glance: x, y, log-weight, and whether they are numbers.
const GLANCE_BYTES: u64 = 16;

/// Workgroups of the kernels that reduce; each lane loops over its share.
const REDUCERS: u32 = 128;

impl Scene {
    /// Compiles the pipelines for pictures on targets of that format.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Scene {
        use wgpu::BufferUsages as Use;
        let buffer = |label, size, usage| buffer(device, label, size, usage);
        let storage = Use::STORAGE | Use::COPY_DST;
        Scene {
            pipelines: Pipelines::new(device, format),
            view: buffer("view.view", size_of::<View>() as u64, Use::UNIFORM | Use::COPY_DST),
            peak: buffer("view.peak", 4, storage),
            brightest: buffer("view.brightest", 4, storage),
            cells: buffer("view.cells", CELL_BYTES, storage | Use::COPY_SRC),
            glances: buffer("view.glances", GLANCES * GLANCE_BYTES, Use::STORAGE | Use::COPY_SRC),
            staging: buffer("view.staging", GLANCES * GLANCE_BYTES, Use::MAP_READ | Use::COPY_DST),
            drawn: None,
        }
    }

    /// Records what has to be known before the picture is painted.
    pub fn prepare(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        encoder: &mut wgpu::CommandEncoder,
        picture: &Picture,
    ) {
        let view = &picture.view;
        queue.write_buffer(&self.view, 0, bytemuck::bytes_of(view));
        let size = CELL_BYTES * u64::from(view.cells[0]) * u64::from(view.cells[1]);
        if self.cells.size() != size {
            self.cells = buffer(device, "view.cells", size, self.cells.usage());
        }
        self.encode_peak(device, encoder, picture);
        let pipelines = &self.pipelines;
        let drawn = match picture.style {
            Style::Density => {
                encoder.clear_buffer(&self.cells, 0, None);
                encoder.clear_buffer(&self.brightest, 0, None);
                let gather = self.particles(device, &pipelines.gather, picture, &self.cells);
                let cells = [(0, &self.view), (5, &self.cells), (6, &self.brightest)];
                let brightest = group(device, &pipelines.brightest, &cells);
                let mut pass = encoder.begin_compute_pass(&Default::default());
                dispatch(&mut pass, &pipelines.gather, &gather, fold(view.particles));
                dispatch(&mut pass, &pipelines.brightest, &brightest, [REDUCERS, 1]);
                let layout = pipelines.density.get_bind_group_layout(0);
                (layout_group(device, &layout, &cells), 3, 1)
            }
            Style::Points => {
                let layout = pipelines.points.get_bind_group_layout(0);
                let entries = self.entries(picture, &picture.ancestors);
                let instances = view.particles.div_ceil(view.stride);
                (layout_group(device, &layout, &entries), 6, instances)
            }
        };
        let (group, vertices, instances) = drawn;
        self.drawn = Some(Drawn { style: picture.style, group, vertices, instances });
    }

    /// Draws what was prepared last into the viewport of the pass.
    pub fn paint(&self, pass: &mut wgpu::RenderPass<'_>) {
        let Some(drawn) = &self.drawn else { return };
        pass.set_pipeline(match drawn.style {
            Style::Density => &self.pipelines.density,
            Style::Points => &self.pipelines.points,
        });
        pass.set_bind_group(0, &drawn.group, &[]);
        pass.draw(0..drawn.vertices, 0..drawn.instances);
    }

    /// Reads at most 1024 particles, evenly chosen, however many there are; 16 KiB.
    ///
    /// # Errors
    /// [`Failure::Window`] when the device is lost.
    pub fn glance(&self, gpu: &Gpu, picture: &Picture) -> Result<Vec<Glance>, Failure> {
        let (device, queue) = (&gpu.device, &gpu.queue);
        queue.write_buffer(&self.view, 0, bytemuck::bytes_of(&picture.view));
        let mut encoder = device.create_command_encoder(&Default::default());
        self.encode_peak(device, &mut encoder, picture);
        let group = self.particles(device, &self.pipelines.glance, picture, &self.glances);
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            dispatch(&mut pass, &self.pipelines.glance, &group, [GLANCES as u32 / 256, 1]);
        }
        encoder.copy_buffer_to_buffer(&self.glances, 0, &self.staging, 0, None);
        queue.submit([encoder.finish()]);

        let lost = |error: &dyn std::fmt::Display| {
            Failure::Window(format!("the device no longer answers: {error}"))
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        self.staging.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver waits below.
            let _ = sender.send(result);
        });
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| lost(&error))?;
        receiver.recv().map_err(|error| lost(&error))?.map_err(|error| lost(&error))?;
        let words: Vec<[f32; 4]> = {
            let bytes = self.staging.get_mapped_range(..).map_err(|error| lost(&error))?;
            bytemuck::cast_slice(&bytes).to_vec()
        };
        self.staging.unmap();
        let seen = words.into_iter().filter(|word| word[3] > 0.0);
        Ok(seen.map(|[x, y, log_weight, _]| Glance { at: [x, y], log_weight }).collect())
    }

    /// The masses of the cells as last prepared: words low and high, a millionth (2⁻²⁰) of the
    /// largest weight each unit, rows from the top down.
    pub fn cells(&self) -> &wgpu::Buffer {
        &self.cells
    }

    fn encode_peak(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        picture: &Picture,
    ) {
        encoder.clear_buffer(&self.peak, 0, None);
        let entries = [(0, &self.view), (3, &picture.log_weights), (4, &self.peak)];
        let group = group(device, &self.pipelines.peak, &entries);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        dispatch(&mut pass, &self.pipelines.peak, &group, [REDUCERS, 1]);
    }

    /// The bindings of particle.wgsl and one more.
    fn entries<'a>(
        &'a self,
        picture: &'a Picture,
        last: &'a wgpu::Buffer,
    ) -> [(u32, &'a wgpu::Buffer); 6] {
        [
            (0, &self.view),
            (1, &picture.pages[0]),
            (2, &picture.pages[1]),
            (3, &picture.log_weights),
            (4, &self.peak),
            (5, last),
        ]
    }

    fn particles(
        &self,
        device: &wgpu::Device,
        pipeline: &wgpu::ComputePipeline,
        picture: &Picture,
        last: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        group(device, pipeline, &self.entries(picture, last))
    }
}

fn buffer(
    device: &wgpu::Device,
    label: &str,
    size: u64,
    usage: wgpu::BufferUsages,
) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage,
        mapped_at_creation: false,
    })
}

fn group(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    entries: &[(u32, &wgpu::Buffer)],
) -> wgpu::BindGroup {
    layout_group(device, &pipeline.get_bind_group_layout(0), entries)
}

fn layout_group(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    entries: &[(u32, &wgpu::Buffer)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = entries
        .iter()
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding: *binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

fn dispatch(
    pass: &mut wgpu::ComputePass<'_>,
    pipeline: &wgpu::ComputePipeline,
    group: &wgpu::BindGroup,
    [x, y]: [u32; 2],
) {
    pass.set_pipeline(pipeline);
    pass.set_bind_group(0, group, &[]);
    pass.dispatch_workgroups(x, y, 1);
}

/// Workgroups of 256 for so many invocations, in two dimensions where one is not allowed so many.
fn fold(invocations: u32) -> [u32; 2] {
    const MOST: u32 = 65_535;
    let groups = invocations.div_ceil(256);
    let y = groups.div_ceil(MOST).max(1);
    [groups.div_ceil(y), y]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_covers_all_and_is_allowed() {
        for count in [1, 256, 257, 65_535 * 256, 65_535 * 256 + 1, 1 << 27, u32::MAX] {
            let [x, y] = fold(count);
            assert!(x <= 65_535 && y <= 65_535, "{x} × {y}");
            let covered = u64::from(x) * u64::from(y) * 256;
            assert!(covered >= count.into() && covered < u64::from(count) + 256 * u64::from(y + 1));
        }
    }
}
