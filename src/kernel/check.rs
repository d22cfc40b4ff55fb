//! The target by itself, evaluated and timed: `shaders/check.wgsl`.

use super::{Access, BoundKernel};
use crate::buffers::{filled, storage};
use crate::clock::Instant;
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::Settings;
use crate::numbers::RunNumbers;
use crate::problem::Problem;
use crate::readback;
use crate::shaders::{self, Prelude};
use crate::wgsl::Linked;

const WORKGROUP: u32 = 64;

/// Measurements of which the median counts.
const MEASUREMENTS: usize = 5;

/// How much the check evaluates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Points given.
    pub count: u32,
    /// Invocations of the timed kernel.
    pub lanes: u32,
    /// Evaluations in each of them.
    pub repeats: u32,
}

pub(crate) fn linked(problem: &Problem, extent: Extent) -> Linked {
    let prelude = Prelude::default()
        .dimension(problem.target.dim())
        .u32("COUNT", extent.count)
        .u32("LANES", extent.lanes)
        .u32("REPEATS", extent.repeats);
    let mut sources = vec![prelude.source()];
    sources.extend(shaders::problem_files(&["check"]));
    sources.extend(problem.device_sources());
    Linked::new(sources)
}

/// One entry point with its buffers.
struct Check {
    kernel: BoundKernel,
    input: wgpu::Buffer,
    out: wgpu::Buffer,
    workgroups: u32,
}

impl Check {
    fn new(
        gpu: &Gpu,
        problem: &Problem,
        extent: Extent,
        entry: &str,
        points: &[f32],
        invocations: u32,
        words: u32,
    ) -> Result<Check> {
        let linked = linked(problem, extent);
        gpu.pipelines().check(&linked)?;
        let target = &problem.target;
        let buffer = |numbers: &[f32]| {
            let bytes = bytemuck::cast_slice(numbers);
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
            gpu.scoped(|| filled(&gpu.device, "wfr.check", usage, bytes))
        };
        let input = buffer(points)?;
        let bytes = 4 * u64::from(invocations) * u64::from(words);
        let out = gpu.scoped(|| storage(&gpu.device, "wfr.check", bytes))?;
        let data: Vec<_> =
            target.storage().iter().map(|data| buffer(data)).collect::<Result<_>>()?;
        let group = data.iter().map(|buffer| (Access::Read, buffer)).collect();
        let data: Vec<Vec<_>> = if data.is_empty() { Vec::new() } else { vec![group] };
        let own = [(Access::Read, &input), (Access::ReadWrite, &out)];
        let constants = problem.compiled_constants();
        let numbers = RunNumbers::new(gpu, &Settings::default(), problem, &Config::default())?;
        let (numbers, text) = (&numbers.problem, (&linked, entry));
        let kernel = BoundKernel::reading(gpu, numbers, text, &own, &constants, &data)?;
        let workgroups = invocations.div_ceil(WORKGROUP);
        Ok(Check { kernel, input, out, workgroups })
    }

    /// Submits so many dispatches in one pass.
    fn submit(&self, gpu: &Gpu, times: u32) -> Result<()> {
        gpu.submit_pass(|pass| {
            (0..times).for_each(|_| self.kernel.encode(pass, self.workgroups));
        })
        .map(drop)
    }
}

/// What a future gives; the browser can wait for none.
#[cfg(not(target_arch = "wasm32"))]
fn blocked<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    crate::block_on(future)
}

#[cfg(target_arch = "wasm32")]
fn blocked<T>(_: impl Future<Output = Result<T>>) -> Result<T> {
    let message = "the target is not checked in the browser, where nothing can wait for the device";
    Err(crate::ErrorKind::Device { message: message.into() }.into())
}

/// The log density and the score at each of the points, `dim + 1` numbers a point.
pub(crate) fn evaluate(gpu: &Gpu, problem: &Problem, points: &[f32]) -> Result<Vec<f32>> {
    let count = points.len() as u32 / problem.target.dim();
    Evaluation::new(gpu, problem, count)?.at(gpu, points)
}

/// The kernel that evaluates log density and score, kept for batches of points.
pub(crate) struct Evaluation {
    check: Check,
    /// Numbers of a full batch.
    numbers: usize,
    dim: usize,
}

impl Evaluation {
    /// For so many points at once.
    pub(crate) fn new(gpu: &Gpu, problem: &Problem, batch: u32) -> Result<Evaluation> {
        let dim = problem.target.dim();
        let extent = Extent { count: batch, lanes: 1, repeats: 1 };
        let numbers = (batch * dim) as usize;
        let points = vec![0.0; numbers];
        let check = Check::new(gpu, problem, extent, "check_points", &points, batch, dim + 1)?;
        Ok(Evaluation { check, numbers, dim: dim as usize })
    }

    /// Log density and score at each of the points, `dim + 1` numbers a point, batch by batch.
    pub(crate) fn at(&self, gpu: &Gpu, points: &[f32]) -> Result<Vec<f32>> {
        let row = self.dim + 1;
        let mut found = Vec::with_capacity(points.len() / self.dim * row);
        for batch in points.chunks(self.numbers) {
            gpu.scoped(|| {
                gpu.queue.write_buffer(&self.check.input, 0, bytemuck::cast_slice(batch));
            })?;
            self.check.submit(gpu, 1)?;
            let bytes = 4 * (batch.len() / self.dim * row) as u64;
            let rows: Vec<f32> = blocked(readback::read(gpu, &self.check.out, 0, bytes))?;
            found.extend(rows);
        }
        Ok(found)
    }
}

/// Nanoseconds on the wall per evaluation of log density and score: a median.
pub(crate) fn nanoseconds(
    gpu: &Gpu,
    problem: &Problem,
    points: &[f32],
    lanes: u32,
    repeats: u32,
) -> Result<f64> {
    let count = points.len() as u32 / problem.target.dim();
    let extent = Extent { count, lanes, repeats };
    let check = Check::new(gpu, problem, extent, "check_cost", points, lanes, 1)?;
    let seconds = |times: u32| -> Result<f64> {
        let start = Instant::now();
        check.submit(gpu, times)?;
        blocked(gpu.wait_async())?;
        Ok(start.elapsed().as_secs_f64())
    };
    seconds(1)?;
    let once = seconds(1)?;
    let times = (0.03 / once.max(1e-6)).clamp(1.0, 100.0) as u32;
    // What takes seconds is known well enough after one more.
    let measurements = if once > 0.5 { 1 } else { MEASUREMENTS };
    let mut all = (0..measurements).map(|_| seconds(times)).collect::<Result<Vec<_>>>()?;
    all.sort_by(f64::total_cmp);
    let evaluations = f64::from(times) * f64::from(lanes) * f64::from(repeats);
    Ok(all[all.len() / 2] * 1e9 / evaluations)
}
