//! The device of the tests, particles at chosen places, and pictures without a window.

#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::io::Write as _;
use std::sync::OnceLock;

use wfr::{Config, Flow, Gpu, Initial, Particles, Problem, Schedule, Target, wgpu};
use wfr_view::{Camera, Look, Picture, Playback, Scene};

/// The device of this test binary; `None`, said once, where there is none and `WFR_TEST_ADAPTER`
/// does not require one.
pub fn gpu() -> Option<Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let open = || match pollster::block_on(wfr::adapter(None)) {
        Ok(adapter) => {
            let info = adapter.get_info();
            say(&format!("adapter: {}, driver: {} {}", info.name, info.driver, info.driver_info));
            Some(pollster::block_on(Gpu::request(&adapter, adapter.limits())).unwrap())
        }
        Err(error) => {
            assert!(!required(), "WFR_TEST_ADAPTER=require, but {error}");
            say(&format!("SKIPPED, every test of this binary: {error}"));
            None
        }
    };
    GPU.get_or_init(open).clone()
}

/// Whether a missing adapter or display is a failure.
pub fn required() -> bool {
    std::env::var("WFR_TEST_ADAPTER").is_ok_and(|value| value == "require")
}

/// Past the test harness, which swallows what passing tests print.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Particles in the plane with log-weights, at time zero of a run.
pub fn placed(gpu: &Gpu, places: &[[f32; 2]], log_weights: &[f32]) -> Playback {
    let positions = places.concat();
    let ancestors = (0..places.len() as u32).collect();
    let law = Target::standard_normal(2).unwrap();
    let particles = Particles::new(2, positions, log_weights.to_vec(), ancestors).unwrap();
    let initial = Initial::from_target(law.clone(), &particles).unwrap();
    let problem = Problem::new(law, initial, Flow::langevin()).unwrap();
    let config = Config {
        particles: places.len() as u32,
        schedule: Schedule::uniform(0.1, 10).unwrap(),
        ..Config::default()
    };
    Playback::new(gpu.clone(), problem, config).unwrap()
}

pub const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// An image without a window, and the scene that drew it.
pub struct Drawing {
    pub scene: Scene,
    pub picture: Picture,
    pub size: [u32; 2],
    pixels: Vec<[u8; 4]>,
}

impl Drawing {
    /// Draws the particles of now on black.
    pub fn new(playback: &Playback, camera: &Camera, look: &Look, size: [u32; 2]) -> Drawing {
        let gpu = playback.gpu();
        let mut scene = Scene::new(&gpu.device, FORMAT);
        let picture = Picture::new(playback.sampler(), playback.info(), camera, look, size);
        let extent = wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 };
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: extent,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        scene.prepare(&gpu.device, &gpu.queue, &mut encoder, &picture);
        draw(&scene, &mut encoder, &texture);
        let row = (4 * size[0]).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let copy = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(row * size[1]),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(row),
            rows_per_image: None,
        };
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &copy, layout },
            extent,
        );
        gpu.queue.submit([encoder.finish()]);
        let bytes: Vec<u8> = read(gpu, &copy);
        let rows = bytes.chunks(row as usize).map(|row| &row[..4 * size[0] as usize]);
        let pixels = rows.flat_map(|row| row.as_chunks::<4>().0.to_vec()).collect();
        Drawing { scene, picture, size, pixels }
    }

    /// The pixel in a column and a row from the top left.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 4] {
        self.pixels[(y * self.size[0] + x) as usize]
    }

    /// Every pixel with its column and row.
    pub fn pixels(&self) -> impl Iterator<Item = ([u32; 2], [u8; 4])> {
        let width = self.size[0];
        let place = move |i: usize| [i as u32 % width, i as u32 / width];
        self.pixels.iter().enumerate().map(move |(i, pixel)| (place(i), *pixel))
    }

    /// The mass of each cell, in 2⁻²⁰ of the largest weight, rows from the top down.
    pub fn masses(&self, gpu: &Gpu) -> Vec<u64> {
        let words: Vec<[u32; 2]> = read(gpu, self.scene.cells());
        words.into_iter().map(|[low, high]| u64::from(low) | u64::from(high) << 32).collect()
    }
}

/// Records the pass that draws a prepared scene on black.
pub fn draw(scene: &Scene, encoder: &mut wgpu::CommandEncoder, texture: &wgpu::Texture) {
    let view = texture.create_view(&Default::default());
    let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: &view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..Default::default()
    });
    scene.paint(&mut pass);
}

/// A buffer's content.
pub fn read<T: bytemuck::Pod>(gpu: &Gpu, buffer: &wgpu::Buffer) -> Vec<T> {
    let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: buffer.size(),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, None);
    gpu.queue.submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    bytemuck::cast_slice(&staging.get_mapped_range(..).unwrap()).to_vec()
}
