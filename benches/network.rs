//! Networks on the device: evaluations in GFLOP/s, on a software driver per second of one core's
//! time, beside the device's own rates through the same driver, and beside JAX with the same layers
//! and batch on the processor, where `PYTHON` names a Python that has it.
//!
//! Run with `PYTHON=target/peers-venv/bin/python cargo bench --bench network --features reference`.
//! The set-up is what comes before: from the network to its first answer, which a driver's cache on disk
//! would shorten (Mesa's is off with `MESA_SHADER_CACHE_DISABLE=true`).
//! Counted are the products of the layers' weights alone, two operations each, once for the score
//! and once for each direction of a divergence; not padding, activations or what is done twice.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use wfr::diffusion::{Divergence, Network, Scores};
use wfr::reference::network::{network_file, network_tensors};
use wfr::{Gpu, wgpu};

const DEPTH: u64 = 3;
/// Seconds to repeat a measurement for.
const LONG_ENOUGH: f64 = 0.5;
/// Operations of one evaluation, about.
const WORK: f64 = 4e8;

fn main() -> wfr::Result<()> {
    let adapter = pollster::block_on(wfr::adapter(None))?;
    let gpu = pollster::block_on(Gpu::request(&adapter, adapter.limits()))?;
    println!(
        "| hidden | d | divergence | points | set-up, s | wfr | of the peak | peak | product | JAX |"
    );
    println!("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for hidden in [64, 128, 256] {
        for dim in [2, 64] {
            for directions in [0, if dim == 2 { 2 } else { 1 }] {
                case(&gpu, hidden, dim, directions)?;
            }
        }
    }
    Ok(())
}

/// One line; the rates, measured one after another.
fn case(gpu: &Gpu, hidden: u64, dim: u64, directions: u64) -> wfr::Result<()> {
    let config = json!({
        "dim": dim,
        "hidden": hidden,
        "activation": "silu",
        "architecture": "sequential",
        "prediction": "noise",
        "schedule": {"kind": "vp", "beta_min": 0.1, "beta_max": 20.0, "time": 1.0},
        "time_embedding": {"kind": "fourier", "input": "log_sigma", "frequencies": [0.5, 1.0]},
    });
    let products = 2 * dim * hidden + (DEPTH - 1) * hidden * hidden;
    let flops = (2 * products * (1 + directions)) as f64;
    let points = ((WORK / flops) as u64).next_multiple_of(64);
    let divergence = match (directions, dim) {
        (0, _) => None,
        (_, 2) => Some(Divergence::Exact),
        _ => Some(Divergence::hutchinson(directions as u32)),
    };
    let (set_up, ours) = network_rate(gpu, &config, points, divergence, flops)?;
    let peak = peak(gpu);
    let product = product(gpu);
    let jax = jax(hidden, dim, directions, points).map(|rate| format!("{:.1}", rate * flops / 1e9));
    let name = match divergence {
        None => "none",
        Some(Divergence::Exact) => "exact",
        Some(_) => "1 probe",
    };
    println!(
        "| {hidden} | {dim} | {name} | {points} | {set_up:.1} | {ours:.1} | {:.0} % | {peak:.1} | {product:.1} | {} |",
        100.0 * ours / peak,
        jax.unwrap_or_default()
    );
    Ok(())
}

/// Seconds of one run. The first, which may compile, does not count.
fn seconds(gpu: &Gpu, mut run: impl FnMut()) -> f64 {
    run();
    let began = Began::now();
    for count in 1.. {
        run();
        let passed = began.seconds(gpu);
        if passed > LONG_ENOUGH {
            return passed / f64::from(count);
        }
    }
    f64::NAN
}

/// When a measurement began: by the wall, and by the processor's time.
struct Began {
    wall: Instant,
    processor: Option<f64>,
}

impl Began {
    fn now() -> Began {
        Began { wall: Instant::now(), processor: processor_seconds() }
    }

    /// Seconds since then: of the processor's time on a software driver, whose threads are this
    /// program's, so that other programs count little; else of the wall.
    fn seconds(&self, gpu: &Gpu) -> f64 {
        match (self.processor, processor_seconds()) {
            (Some(before), Some(now)) if gpu.is_software() => now - before,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Time that this program's threads have had so far, in hundredths of a second; Linux alone.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<_> = text.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Seconds of the set-up, and the rate.
fn network_rate(
    gpu: &Gpu,
    config: &Value,
    points: u64,
    divergence: Option<Divergence>,
    flops: f64,
) -> wfr::Result<(f64, f64)> {
    let bytes = network_file(config, &network_tensors(config, DEPTH as usize, 1));
    let network = Network::from_bytes("random", &bytes)?;
    let count = points * u64::from(network.dim());
    let positions: Vec<f32> = (0..count).map(|i| (i as f32 * 0.618).sin()).collect();
    let began = Began::now();
    let scores = Scores::new(gpu, &network, &positions, 0.3, divergence, 0)?;
    scores.evaluate()?;
    let set_up = began.seconds(gpu);
    let seconds = seconds(gpu, || scores.evaluate().expect("evaluates"));
    Ok((set_up, points as f64 * flops / seconds / 1e9))
}

/// Points per second in JAX, where there is one.
fn jax(hidden: u64, dim: u64, directions: u64, points: u64) -> Option<f64> {
    let python = std::env::var_os("PYTHON")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/jax_network.py");
    let numbers = [hidden, dim, DEPTH, directions, points].map(|number| number.to_string());
    let output = Command::new(python).arg(script).args(numbers).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Twelve sums x ← x + a y in registers, y the next sum: what the driver's code can do at most.
fn peak(gpu: &Gpu) -> f64 {
    let registers: Vec<_> = (0..12).map(|k| format!("x{k}")).collect();
    let next = registers.iter().cycle().skip(1);
    let sums: String =
        registers.iter().zip(next).map(|(x, y)| format!("{x} += a * {y};")).collect();
    let loads: String = registers.iter().map(|x| format!("var {x} = data[id.x];")).collect();
    let text = format!(
        "@group(0) @binding(0) var<storage, read_write> data: array<f32>;
         @compute @workgroup_size(64)
         fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
             let a = data[0];
             {loads}
             for (var i = 0u; i < 250u; i++) {{ {} }}
             data[id.x] = {};
         }}",
        sums.repeat(32),
        registers.join(" + ")
    );
    let groups = 64;
    rate(gpu, &text, 4 * 64 * groups, [groups as u32, 1], (groups * 64 * 250 * 32 * 24) as f64)
}

/// A product of matrices of 512 rows, through tiles of 32 × 32 in workgroup memory, each lane with
/// 4 × 4 sums: what a plain kernel of that kind does.
fn product(gpu: &Gpu) -> f64 {
    let text = "
        @group(0) @binding(0) var<storage, read_write> data: array<f32>;
        const N = 512u;
        var<workgroup> left: array<array<f32, 32>, 32>;
        var<workgroup> right: array<array<f32, 32>, 32>;
        @compute @workgroup_size(8, 8)
        fn main(
            @builtin(workgroup_id) tile: vec3<u32>,
            @builtin(local_invocation_id) lane: vec3<u32>,
        ) {
            var sums: array<vec4<f32>, 4>;
            for (var k0 = 0u; k0 < N; k0 += 32u) {
                workgroupBarrier();
                for (var i = lane.y; i < 32u; i += 8u) {
                    for (var j = lane.x; j < 32u; j += 8u) {
                        left[i][j] = data[(tile.y * 32u + i) * N + k0 + j];
                        right[i][j] = data[N * N + (k0 + i) * N + tile.x * 32u + j];
                    }
                }
                workgroupBarrier();
                for (var k = 0u; k < 32u; k++) {
                    let j = lane.x * 4u;
                    let four = vec4<f32>(right[k][j], right[k][j + 1u], right[k][j + 2u],
                        right[k][j + 3u]);
                    sums[0] += left[lane.y * 4u][k] * four;
                    sums[1] += left[lane.y * 4u + 1u][k] * four;
                    sums[2] += left[lane.y * 4u + 2u][k] * four;
                    sums[3] += left[lane.y * 4u + 3u][k] * four;
                }
            }
            for (var i = 0u; i < 4u; i++) {
                let at = 2u * N * N + (tile.y * 32u + lane.y * 4u + i) * N + tile.x * 32u + lane.x * 4u;
                for (var j = 0u; j < 4u; j++) { data[at + j] = sums[i][j]; }
            }
        }";
    rate(gpu, text, 4 * 3 * 512 * 512, [16, 16], 2.0 * 512_f64.powi(3))
}

/// GFLOP/s of a kernel `main` on one buffer.
fn rate(gpu: &Gpu, text: &str, bytes: u64, [x, y]: [u32; 2], flops: f64) -> f64 {
    let device = &gpu.device;
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: true,
    });
    if let Ok(mut view) = buffer.get_mapped_range_mut(..) {
        let numbers = (0..bytes / 4).flat_map(|i| ((i as f32 * 0.618).sin()).to_le_bytes());
        view.copy_from_slice(&numbers.collect::<Vec<u8>>());
    }
    buffer.unmap();
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
    });
    let seconds = seconds(gpu, || {
        let mut encoder = device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(x, y, 1);
        }
        gpu.queue.submit([encoder.finish()]);
        device.poll(wgpu::PollType::wait_indefinitely()).expect("the device answers");
    });
    flops / seconds / 1e9
}
