//! The cost of a resampling by itself: from log-weights to gathered positions.

use wfr::{Gpu, Resampler, Resampling, wgpu};

use super::{Row, enough};
use crate::cli::clock::{Clock, Spent};
use crate::cli::console::Console;
use crate::cli::failure::Done;
use crate::cli::run::wait;
use crate::random::Random;

/// Resamplings per submission.
const BATCH: u32 = 5;

/// Times batches of resamplings, after two that are not counted.
pub(super) fn measure(
    gpu: &Gpu,
    particles: u32,
    resampler: Resampler,
    repeats: u32,
    console: &Console,
) -> Done<Row> {
    let device = &gpu.device;
    let bytes = 4 * u64::from(particles.max(1));
    let log_weights = storage(device, bytes);
    gpu.queue.write_buffer(&log_weights, 0, &normal_bytes(particles));
    let resampling = Resampling::new(gpu, &log_weights, particles, resampler, 0)?;
    let gather = Gather::new(device, resampling.ancestors(), bytes);

    let run = |batches: u32| -> Done<Spent> {
        let clock = Clock::start();
        for _ in 0..batches {
            let mut encoder = device.create_command_encoder(&Default::default());
            for _ in 0..BATCH {
                resampling.encode(&mut encoder);
                gather.encode(&mut encoder, particles);
            }
            gpu.queue.submit([encoder.finish()]);
            wait(gpu)?;
        }
        Ok(clock.spent())
    };
    let bar = console.bar(&format!("{resampler}, N = {particles}"), repeats);
    run(1)?;
    let batches = enough(run(1)?);
    let mut spent = Vec::new();
    for _ in 0..repeats {
        spent.push(run(batches)?);
        bar.advance();
    }
    let work = f64::from(batches * BATCH) * f64::from(particles);
    Ok(Row::new(resampler.name(), particles, &spent, work))
}

/// Independent N(0, 1), always the same, as the bytes of f32.
fn normal_bytes(count: u32) -> Vec<u8> {
    let mut random = Random::new(0);
    (0..count).flat_map(|_| (random.normal() as f32).to_ne_bytes()).collect()
}

/// `WORKGROUPS_PER_ROW` of `gather.wgsl`.
const ROW: u32 = 2048;

/// The kernel of `gather.wgsl`.
struct Gather {
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
}

impl Gather {
    fn new(device: &wgpu::Device, ancestors: &wgpu::Buffer, row_bytes: u64) -> Gather {
        let module = device.create_shader_module(wgpu::include_wgsl!("gather.wgsl"));
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("wfr.bench.gather"),
            layout: None,
            module: &module,
            entry_point: Some("gather"),
            compilation_options: Default::default(),
            cache: None,
        });
        let rows: [_; 4] = std::array::from_fn(|_| storage(device, row_bytes));
        let buffers = std::iter::once(ancestors).chain(&rows);
        let entries: Vec<_> = (0..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("wfr.bench.gather"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Gather { pipeline, group }
    }

    fn encode(&self, encoder: &mut wgpu::CommandEncoder, particles: u32) {
        let groups = particles.div_ceil(256);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups(groups.min(ROW), groups.div_ceil(ROW), 1);
    }
}

fn storage(device: &wgpu::Device, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("wfr.bench"),
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
