//! What the GPU tests share: the adapter, a run, and the comparison of a measurement with its law.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::Write as _;
use std::sync::OnceLock;

pub use wfr::selftest::Law;
use wfr::{Config, Diagnostics, Estimate, Flow, Gpu, Info, Particles, Problem, Sampler};

/// The adapter of this test binary, printed once; `None`, said once, where there is none and
/// `WFR_TEST_ADAPTER` does not require one.
pub fn adapter() -> Option<&'static wgpu::Adapter> {
    static ADAPTER: OnceLock<Option<wgpu::Adapter>> = OnceLock::new();
    ADAPTER
        .get_or_init(|| {
            // Written past the test harness, which swallows what passing tests print.
            let mut out = std::io::stderr();
            match pollster::block_on(wfr::adapter(None)) {
                Ok(adapter) => {
                    let info = adapter.get_info();
                    let limits = adapter.limits();
                    let _ = writeln!(
                        out,
                        "adapter {} ({:?}, {:?}), driver {} {}; binding ≤ {} MiB, buffer ≤ {} MiB, \
                         {} storage buffers per stage",
                        info.name,
                        info.backend,
                        info.device_type,
                        info.driver,
                        info.driver_info,
                        limits.max_storage_buffer_binding_size >> 20,
                        limits.max_buffer_size >> 20,
                        limits.max_storage_buffers_per_shader_stage,
                    );
                    Some(adapter)
                }
                Err(error) => {
                    let required = std::env::var("WFR_TEST_ADAPTER").is_ok_and(|v| v == "require");
                    assert!(!required, "WFR_TEST_ADAPTER=require, but {error}");
                    let _ = writeln!(out, "SKIPPED, every test of this binary on a GPU: {error}");
                    None
                }
            }
        })
        .as_ref()
}

/// A device fit for the run.
pub fn gpu(problem: &Problem, config: &Config) -> Option<Gpu> {
    let adapter = adapter()?;
    let plan = wfr::requirements(problem, config, &adapter.limits()).unwrap();
    Some(pollster::block_on(Gpu::request(adapter, plan.limits())).unwrap())
}

/// A sampler on a device of its own.
pub fn sampler(problem: &Problem, config: &Config) -> Option<Sampler> {
    Some(Sampler::new(&gpu(problem, config)?, problem, config.clone()).unwrap())
}

/// The particles of now.
pub fn particles(sampler: &Sampler) -> Particles {
    pollster::block_on(sampler.particles()).unwrap()
}

/// The state of now.
pub fn info(sampler: &Sampler) -> Info {
    pollster::block_on(sampler.info()).unwrap()
}

/// The state of now, or why there is none: all weights zero.
pub fn checked(sampler: &Sampler) -> wfr::Result<Info> {
    pollster::block_on(sampler.info())
}

/// Copies a buffer of a host program to its memory, with that program's own means.
pub fn read<T: bytemuck::Pod>(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    buffer: &wgpu::Buffer,
) -> Vec<T> {
    let staging = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: buffer.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, None);
    queue.submit([encoder.finish()]);
    staging.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let view = staging.get_mapped_range(..).unwrap();
    bytemuck::cast_slice(&view).to_vec()
}

/// Submits steps and waits for them.
pub fn advance(sampler: &mut Sampler, steps: u32) {
    sampler.submit(steps).unwrap();
    sampler.gpu().device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
}

/// log Z with its standard error from the genealogy.
pub fn log_z(info: &Info, diagnostics: &Diagnostics<'_>) -> Estimate {
    Estimate { value: info.log_normalizer, se: diagnostics.log_normalizer_se() }
}

/// Runs the problem to its end once per seed and averages the estimates.
///
/// The standard error of an average is that of the single runs' own genealogies: the scatter of a
/// few seeds would be a poor measure.
pub fn averaged(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    seeds: std::ops::Range<u64>,
    mut estimates: impl FnMut(&Info, &Diagnostics<'_>) -> Vec<Estimate>,
) -> wfr::Result<Vec<Estimate>> {
    let count = (seeds.end - seeds.start) as f64;
    let mut sums: Vec<Estimate> = Vec::new();
    for seed in seeds {
        let config = Config { seed, ..config.clone() };
        let mut sampler = Sampler::new(gpu, problem, config)?;
        let info = sampler.run()?;
        let particles = particles(&sampler);
        let diagnostics = Diagnostics::new(&particles);
        println!(
            "{} seed {seed}: ESS {:.3} N, {} resamplings, {} families, {} lost",
            problem.target().name(),
            diagnostics.ess() / particles.len() as f64,
            info.resamplings,
            diagnostics.unique_ancestors(),
            info.non_finite,
        );
        let one = estimates(&info, &diagnostics);
        sums.resize(one.len(), Estimate { value: 0.0, se: 0.0 });
        for (sum, one) in sums.iter_mut().zip(one) {
            sum.value += one.value / count;
            sum.se = (sum.se.powi(2) + (one.se / count).powi(2)).sqrt();
        }
    }
    Ok(sums)
}

/// Asserts every law and prints each (`--nocapture` shows them).
pub fn assert_hold(laws: &[Law]) {
    for law in laws {
        println!("{law}");
    }
    let broken: Vec<_> = laws.iter().filter(|law| !law.holds()).map(Law::to_string).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Asserts that the laws tell a wrong flow from the right one. A run that breaks down tells too.
pub fn assert_rejected(laws: wfr::Result<Vec<Law>>) {
    match laws {
        Err(error) => println!("flipped sign: {error}"),
        Ok(laws) => {
            for law in &laws {
                println!("flipped sign: {law}");
            }
            assert!(laws.iter().any(|law| !law.holds()), "a flipped sign passes these laws");
        }
    }
}

/// The text of a flow with the function `name` renamed and a new one in its place.
pub fn replaced(text: &str, name: &str, by: &str) -> String {
    let definition = format!("fn {name}(");
    assert!(text.contains(&definition), "the flow has no function {name}");
    text.replace(&definition, &format!("fn right_{name}(")) + by
}

/// The annealed flow with the sign of every weight it gives turned round: ψ and, for the exact
/// integrators, the log density with its differences. Its drift is right.
pub fn annealed_with_flipped_sign() -> Flow {
    annealed_with_flipped(&["flow_psi", "flow_log_density", "flow_growth", "flow_log_ratio"])
}

/// The annealed flow with the sign of these functions turned round.
pub fn annealed_with_flipped(names: &[&str]) -> Flow {
    let mut text = include_str!("../../shaders/flow/annealed.wgsl").to_string();
    for name in names {
        let (arguments, call) = match *name {
            "flow_growth" => {
                ("local: ptr<function, Local>, now: Instant, next: Instant", "local, now, next")
            }
            "flow_log_ratio" => (
                "before: ptr<function, Local>, after: ptr<function, Local>, at: Instant",
                "before, after, at",
            ),
            _ => ("local: ptr<function, Local>, at: Instant", "local, at"),
        };
        let by =
            format!("fn {name}({arguments}) -> f32 {{\n    return -right_{name}({call});\n}}\n");
        text = replaced(&text, name, &by);
    }
    Flow::from_wgsl("flipped.wgsl", text, true)
}
