//! What comes back to the host in a frame, as wgpu itself tells it: every mapping of a buffer.

mod common;

use std::sync::Mutex;

use common::{FORMAT, draw, gpu};
use wfr::{Config, Flow, Gpu, Initial, Problem, Schedule, Target, wgpu};
use wfr_view::{Camera, Look, Picture, Playback, Scene, Style};

/// Sizes of the mappings so far.
static MAPPED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Hears wgpu say `Buffer::map_async … size Some(N) …`.
struct Ear;

impl log::Log for Ear {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("wgpu_core")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let Some(rest) = text.strip_prefix("Buffer::map_async ") else { return };
        let size = rest.split_once("size Some(").and_then(|(_, rest)| rest.split_once(')'));
        let bytes = size.expect("wgpu tells the size of a mapping").0.parse().unwrap();
        MAPPED.lock().unwrap().push(bytes);
    }

    fn flush(&self) {}
}

/// The bytes that were mapped by `work`.
fn mapped(work: impl FnOnce()) -> Vec<u64> {
    MAPPED.lock().unwrap().clear();
    work();
    std::mem::take(&mut MAPPED.lock().unwrap())
}

fn playback(gpu: &Gpu, particles: u32) -> Playback {
    let target = Target::double_well(2).unwrap();
    let initial = Initial::normal(&[0.0, 0.0], &[2.0, 2.0]).unwrap();
    let problem = Problem::new(target, initial, Flow::annealed()).unwrap();
    let schedule = Schedule::uniform(1.0, 64).unwrap();
    let config = Config { particles, schedule, ..Config::default() };
    Playback::new(gpu.clone(), problem, config).unwrap()
}

/// A frame as the window makes it, without the window.
fn frame(playback: &mut Playback, scene: &mut Scene, texture: &wgpu::Texture, style: Style) {
    assert_eq!(playback.advance(16).unwrap(), 16);
    let gpu = playback.gpu();
    let camera = Camera { centre: [0.0; 2], extent: [8.0; 2] };
    let look = Look { style, ..Look::new(2, 1000) };
    let size = [texture.width(), texture.height()];
    let picture = Picture::new(playback.sampler(), playback.info(), &camera, &look, size);
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    scene.prepare(&gpu.device, &gpu.queue, &mut encoder, &picture);
    draw(scene, &mut encoder, texture);
    gpu.queue.submit([encoder.finish()]);
    gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
}

#[test]
fn a_frame_brings_back_a_few_numbers_however_many_particles_there_are() {
    let Some(gpu) = gpu() else { return };
    log::set_logger(&Ear).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: 64, height: 64, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    });
    let mut scene = Scene::new(&gpu.device, FORMAT);
    let [few, many] = [1_000, 50_000].map(|particles| {
        let mut playback = playback(&gpu, particles);
        let density = mapped(|| frame(&mut playback, &mut scene, &texture, Style::Density));
        let points = mapped(|| frame(&mut playback, &mut scene, &texture, Style::Points));

        let camera = Camera { centre: [0.0; 2], extent: [8.0; 2] };
        let look = Look::new(2, particles);
        let picture = Picture::new(playback.sampler(), playback.info(), &camera, &look, [64, 64]);
        let glance = mapped(|| {
            scene.glance(&gpu, &picture).unwrap();
        });
        assert_eq!(glance, [1024 * 16]);

        // The ear hears: all particles are that many bytes.
        let all = mapped(|| {
            pollster::block_on(playback.sampler().particles()).unwrap();
        });
        assert_eq!(all.iter().sum::<u64>(), 4 * 4 * u64::from(particles), "{all:?}");
        [density, points]
    });
    assert_eq!(few, many);
    for frame in few {
        // The sampler's counters and rows of its trace; it maps something at all.
        let bytes: u64 = frame.iter().sum();
        assert!((1..=1024).contains(&bytes), "{frame:?}");
    }
}
