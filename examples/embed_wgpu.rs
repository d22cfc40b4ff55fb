//! A sampler inside another wgpu program: the program's device, queue and command encoder, and its
//! own kernel that reads the particles where they are.
//!
//! Run with `cargo run --release --example embed_wgpu`.

use wfr::{Config, Flow, Gpu, Initial, Problem, Sampler, Schedule, Target, wgpu};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let problem = Problem::new(
        Target::double_well(2)?,
        Initial::normal(&[-1.0, 0.0], &[1.0, 1.0])?,
        Flow::annealed(),
    )?;
    let config =
        Config { particles: 60_000, schedule: Schedule::uniform(4.0, 400)?, ..Config::default() };

    // The host program makes its device; the sampler says what it needs.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter = wfr::block_on(instance.request_adapter(&Default::default()))?;
    let needs = wfr::requirements(&problem, &config, &adapter.limits())?.limits();
    let descriptor = wgpu::DeviceDescriptor { required_limits: needs, ..Default::default() };
    let (device, queue) = wfr::block_on(adapter.request_device(&descriptor))?;

    let gpu = Gpu::from_parts(device.clone(), queue.clone());
    let mut sampler = Sampler::new(&gpu, &problem, config)?;

    // One frame of the host: steps of the sampler and the host's kernel in one encoder.
    let histogram = Histogram::new(&device);
    for frame in 1..=4 {
        let mut encoder = device.create_command_encoder(&Default::default());
        sampler.encode(&mut encoder, 100);
        histogram.encode(&device, &mut encoder, &sampler);
        queue.submit([encoder.finish()]);
        println!("after {} steps", 100 * frame);
        print_bins(&histogram.read(&device)?);
    }
    let info = wfr::block_on(sampler.info())?;
    println!("log Z {:.4}, {} resamplings", info.log_normalizer, info.resamplings);
    Ok(())
}

const BINS: u64 = 64;

/// The host's kernel and its buffers.
struct Histogram {
    pipeline: wgpu::ComputePipeline,
    bins: wgpu::Buffer,
    staging: wgpu::Buffer,
}

impl Histogram {
    fn new(device: &wgpu::Device) -> Histogram {
        let module = device.create_shader_module(wgpu::include_wgsl!("embed_wgpu.wgsl"));
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("histogram"),
            layout: None,
            module: &module,
            entry_point: Some("histogram"),
            compilation_options: Default::default(),
            cache: None,
        });
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("bins"),
                size: 8 * BINS,
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let bins = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        Histogram { pipeline, bins, staging: buffer(wgpu::BufferUsages::MAP_READ) }
    }

    /// The sampler's buffers are valid until its next `encode`, which writes the other copy.
    fn encode(&self, device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder, sampler: &Sampler) {
        let buffers = sampler.buffers();
        let entries = [&buffers.pages[0], buffers.log_weights, &self.bins];
        let entries: Vec<_> = (0..)
            .zip(entries)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        encoder.clear_buffer(&self.bins, 0, None);
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(sampler.config().particles.div_ceil(64), 1, 1);
        }
        encoder.copy_buffer_to_buffer(&self.bins, 0, &self.staging, 0, None);
    }

    /// Pairs of a number of particles and their weight.
    fn read(&self, device: &wgpu::Device) -> Result<Vec<[u32; 2]>, Box<dyn std::error::Error>> {
        self.staging.map_async(wgpu::MapMode::Read, .., |result| {
            result.expect("a fresh staging buffer can be mapped");
        });
        device.poll(wgpu::PollType::wait_indefinitely())?;
        let bins = bytemuck::cast_slice(&self.staging.get_mapped_range(..)?).to_vec();
        self.staging.unmap();
        Ok(bins)
    }
}

fn print_bins(bins: &[[u32; 2]]) {
    let most = bins.iter().map(|bin| bin[1]).max().unwrap_or(0).max(1);
    let bars = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let line: String =
        bins.iter().map(|bin| bars[(8 * u64::from(bin[1]) / u64::from(most)) as usize]).collect();
    println!("|{line}|");
}
