//! `wfr adapters`: the GPUs there are.

use clap::Args;
use wfr::{Config, Flow, Initial, Problem, Target, wgpu};

use super::console;
use super::failure::Done;
use super::numbers::grouped;
use super::table::Table;

/// Lists the GPUs that wfr can use, the one it takes by default first.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// Runs the command.
pub(crate) fn run(_: &Arguments) -> Done {
    // The library's error says what to install when there is none.
    wfr::block_on(wfr::adapter(None))?;
    let adapters = wfr::block_on(wfr::adapters());
    let mut table = Table::new(5);
    table.row(["index", "name", "backend", "kind", "driver", "binding", "buffers", "largest N"]);
    for (index, adapter) in adapters.iter().enumerate() {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let binding = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        table.row([
            index.to_string(),
            info.name.clone(),
            info.backend.to_string(),
            kind(info.device_type).into(),
            format!("{} {}", info.driver, info.driver_info).trim().to_string(),
            format!("{} MiB", binding >> 20),
            limits.max_storage_buffers_per_shader_stage.to_string(),
            grouped(u64::from(largest(&limits)?)),
        ]);
    }
    let mut text = table.text();
    text.push_str(
        "\nbinding: the most memory one buffer binding may show to a kernel; buffers: storage \
         buffers per kernel;\nlargest N: particles that these limits allow in 2 dimensions; memory \
         may allow fewer (about 40 bytes each).\n",
    );
    if adapters.iter().all(|adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu) {
        text.push_str(
            "\nNo GPU was found. What is listed computes on the processor: all commands work and \
             results are the same,\nat some 10^8 particle-steps per second and core in 2 \
             dimensions; a GPU is 10 to 1000 times faster.\n",
        );
    }
    console::print(&text)
}

fn kind(device_type: wgpu::DeviceType) -> &'static str {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete GPU",
        wgpu::DeviceType::IntegratedGpu => "integrated GPU",
        wgpu::DeviceType::VirtualGpu => "virtual GPU",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

/// The largest number of particles in two dimensions that the limits allow.
fn largest(limits: &wgpu::Limits) -> Done<u32> {
    let target = Target::standard_normal(2)?;
    let initial = Initial::normal(&[0.0; 2], &[1.0; 2])?;
    let problem = Problem::new(target, initial, Flow::annealed())?;
    let fits = |particles| {
        let config = Config { particles, ..Config::default() };
        wfr::requirements(&problem, &config, limits).is_ok()
    };
    // The settings' own bound stands where the limits leave more.
    let (mut low, mut high) = (0_u32, u32::MAX);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    Ok(low)
}
