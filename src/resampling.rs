//! Resampling of log-weights in a buffer: test, scan, ancestors. The engine's own loop and, through
//! [`Resampling::new`], any program's buffers.

use crate::buffers::{self, Scratch};
use crate::config::Resampler;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::decide::{Decide, DecideBuffers};
use crate::kernel::draw::Draw;
use crate::kernel::expand::Expand;
use crate::kernel::loops;
use crate::kernel::reduce::Reduce;
use crate::kernel::residual::Residual;
use crate::kernel::scan::Scan;
use crate::layout::{MAX_PARTICLES, Settings};
use crate::numbers::Numbers;
use crate::plan::{Need, Plan, Room};
use crate::shaders::WeightShape;

/// Exact resampling of the log-weights in one of your buffers, on your device.
///
/// Weights are turned into integers and scanned exactly, so that offspring sum to N and the result
/// is the same on every adapter. Non-finite log-weights count as weight zero.
///
/// ```no_run
/// # fn f(device: wgpu::Device, queue: wgpu::Queue, log_weights: wgpu::Buffer) -> wfr::Result<()> {
/// use wfr::{Gpu, Resampler, Resampling};
/// let gpu = Gpu::from_parts(device, queue);
/// let resampling = Resampling::new(&gpu, &log_weights, 1_000_000, Resampler::Systematic, 7)?;
/// let mut encoder = gpu.device.create_command_encoder(&Default::default());
/// resampling.encode(&mut encoder);
/// gpu.queue.submit([encoder.finish()]);
/// // `resampling.ancestors()` now holds, for each new particle, the index of the old one.
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Resampling {
    reduce: Reduce,
    decide: Decide,
    scan: Scan,
    ancestry: Ancestry,
    ancestors: wgpu::Buffer,
    pub(crate) scratch: Scratch,
}

/// How ancestors come out of the scan.
#[derive(Debug)]
enum Ancestry {
    Marks(Expand),
    Search(Option<Residual>, Draw),
}

impl Ancestry {
    fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        scratch: &Scratch,
        ancestors: &wgpu::Buffer,
    ) -> Result<Ancestry> {
        if shape.resampler.is_ordered() {
            return Ok(Ancestry::Marks(Expand::new(gpu, numbers, shape, ancestors)?));
        }
        let residual = match shape.resampler {
            Resampler::Residual => Some(Residual::new(gpu, numbers, shape, scratch)?),
            _ => None,
        };
        Ok(Ancestry::Search(residual, Draw::new(gpu, numbers, shape, scratch, ancestors)?))
    }

    fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        match self {
            Ancestry::Marks(expand) => expand.warm_up(pass),
            Ancestry::Search(residual, draw) => {
                residual.iter().for_each(|residual| residual.warm_up(pass));
                draw.warm_up(pass);
            }
        }
    }

    fn encode(&self, pass: &mut wgpu::ComputePass<'_>, dispatches: &wgpu::Buffer) {
        match self {
            Ancestry::Marks(expand) => expand.encode(pass, dispatches),
            Ancestry::Search(residual, draw) => {
                if let Some(residual) = residual {
                    residual.encode(pass, dispatches);
                }
                draw.encode(pass, dispatches);
            }
        }
    }
}

/// The storage buffers of the kernel with the most of them, `scan`.
const BINDINGS: u32 = 6;

impl Resampling {
    /// What resampling so many log-weights asks of a device, on an adapter with these limits: what a
    /// host must ask its adapter for, as by [`requirements`](crate::requirements) for a run.
    ///
    /// [`Plan::buffers`] counts the host's own log-weights too.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) with the largest number of
    /// particles that fits, and [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) when
    /// `particles` is 0 or above 2²⁷. Nothing is allocated.
    pub fn requirements(
        particles: u32,
        resampler: Resampler,
        limits: &wgpu::Limits,
    ) -> Result<Plan> {
        if !(1..=MAX_PARTICLES).contains(&particles) {
            let reason = format!("= {particles} is not between 1 and {MAX_PARTICLES}");
            return Err(Error::config("particles", reason));
        }
        Resampling::fits(particles, resampler, &Room::within(limits))
    }

    fn fits(particles: u32, resampler: Resampler, room: &Room) -> Result<Plan> {
        const OF: &str = "wfr::Resampling::requirements(particles, resampler, &adapter.limits())";
        Plan::without_state(particles, BINDINGS, room, OF, |particles| {
            let row = 4 * u64::from(particles);
            let mut needs = vec![Need::whole("log_weights", row), Need::whole("ancestors", row)];
            needs.extend(Scratch::needs(&WeightShape::alone(particles, resampler, 0, false)));
            needs
        })
    }

    /// Prepares to resample the first `particles` log-weights (f32) of a storage buffer.
    ///
    /// Every recording draws anew: event k of a seed is the same on every adapter.
    ///
    /// # Errors
    /// When `particles` is 0, above 2²⁷ or more than the buffer holds; when the device was requested
    /// with less than [`Resampling::requirements`] says, or refuses.
    pub fn new(
        gpu: &Gpu,
        log_weights: &wgpu::Buffer,
        particles: u32,
        resampler: Resampler,
        seed: u64,
    ) -> Result<Resampling> {
        let most = (log_weights.size() / 4).min(u64::from(MAX_PARTICLES));
        if particles == 0 || u64::from(particles) > most {
            let reason =
                format!("= {particles} is not between 1 and {most}, what the buffer holds");
            return Err(Error::config("particles", reason));
        }
        loops::check(gpu, &format!("particles = {particles}"), &loops::of_weights(particles))?;
        // The largest of the buffers is there already; whether there is memory shows.
        let room = Room { memory: None, ..Room::of_device(gpu) };
        Resampling::fits(particles, resampler, &room)?;
        let shape = WeightShape::alone(particles, resampler, seed, gpu.has_wide_integers());
        let ancestors = gpu
            .scoped(|| buffers::storage(&gpu.device, "wfr.ancestors", 4 * u64::from(particles)))?;
        Resampling::alone(gpu, &shape, log_weights, ancestors)
    }

    /// Of weights without a run.
    pub(crate) fn alone(
        gpu: &Gpu,
        shape: &WeightShape,
        log_weights: &wgpu::Buffer,
        ancestors: wgpu::Buffer,
    ) -> Result<Resampling> {
        let numbers = Numbers::alone(gpu, &Settings::of_weights(shape))?;
        Resampling::over(gpu, &numbers, shape, log_weights, ancestors)
    }

    pub(crate) fn over(
        gpu: &Gpu,
        numbers: &Numbers,
        shape: &WeightShape,
        log_weights: &wgpu::Buffer,
        ancestors: wgpu::Buffer,
    ) -> Result<Resampling> {
        let scratch = gpu.scoped(|| Scratch::new(&gpu.device, shape))?;
        let decide = DecideBuffers {
            blocks: &scratch.blocks,
            control: &scratch.control,
            trace: &scratch.trace,
            dispatches: &scratch.dispatches,
        };
        Ok(Resampling {
            reduce: Reduce::new(gpu, numbers, shape, log_weights, &scratch.blocks)?,
            decide: Decide::new(gpu, numbers, shape, &decide)?,
            scan: Scan::new(gpu, numbers, shape, log_weights, &scratch, &ancestors)?,
            ancestry: Ancestry::new(gpu, numbers, shape, &scratch, &ancestors)?,
            ancestors,
            scratch,
        })
    }

    /// Records one resampling into your encoder. Nothing is submitted or written meanwhile.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("wfr.resampling"),
            timestamp_writes: None,
        });
        self.encode_test(&mut pass, 0);
    }

    /// N indices (u32): the old particle that each new one copies. All zero weights leave it alone.
    pub fn ancestors(&self) -> &wgpu::Buffer {
        &self.ancestors
    }

    /// Tests the ESS, resamples if the test says so, and moves the clock by `steps` steps.
    pub(crate) fn encode_test(&self, pass: &mut wgpu::ComputePass<'_>, steps: u32) {
        self.reduce.encode(pass);
        self.decide.encode(pass, steps);
        let dispatches = &self.scratch.dispatches;
        self.scan.encode(pass, dispatches);
        self.ancestry.encode(pass, dispatches);
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.reduce.warm_up(pass);
        self.decide.warm_up(pass);
        self.scan.warm_up(pass);
        self.ancestry.warm_up(pass);
    }

    pub(crate) fn encode_tick(&self, pass: &mut wgpu::ComputePass<'_>, steps: u32) {
        self.decide.encode_tick(pass, steps);
    }

    pub(crate) fn encode_report(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.reduce.encode(pass);
        self.decide.encode_report(pass);
    }
}
