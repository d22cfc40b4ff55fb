//! Resampling of log-weights in a buffer: test, scan, ancestors. The engine's own loop and, through
//! [`Resampling::new`], any program's buffers.

use std::mem::offset_of;

use crate::buffers::{self, Scratch};
use crate::config::Resampler;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::Pass;
use crate::kernel::decide::{Decide, DecideBuffers};
use crate::kernel::draw::Draw;
use crate::kernel::expand::Expand;
use crate::kernel::loops;
use crate::kernel::payload::{PayloadKernel, Strides};
use crate::kernel::reduce::Reduce;
use crate::kernel::residual::Residual;
use crate::kernel::scan::Scan;
use crate::kernel::settle::Settle;
use crate::layout::{Control, MAX_PARTICLES, Settings, TraceRow, log_normalizer};
use crate::numbers::Numbers;
use crate::plan::{Need, Plan, Room, WEIGHT_BINDINGS};
use crate::readback;
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
    gpu: Gpu,
    particles: u32,
    reduce: Reduce,
    decide: Decide,
    scan: Scan,
    ancestry: Ancestry,
    ancestors: wgpu::Buffer,
    pub(crate) scratch: Scratch,
    /// Of a resampling without a run.
    settle: Option<Settle>,
}

/// What an event found, as [`Resampling::last`] reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Resampled {
    /// Effective sample size before the event, 0 to N.
    pub ess: f32,
    /// The log of the mean weight before it; −∞ where all weights are zero.
    pub log_mean_weight: f64,
    /// The largest normalised weight before it.
    pub max_weight: f32,
    /// Particles whose log-weight was NaN or +∞.
    pub non_finite: u32,
    /// Whether it resampled.
    pub resampled: bool,
}

/// How numbers of 32 bits that particles carry lie in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload {
    /// Rows of N words: word k of particle i is word k · N + i.
    Rows(u32),
    /// Records of so many words: word k of particle i is word i · words + k.
    Records(u32),
}

/// The most words that a particle carries.
const MOST_WORDS: u32 = 1024;

/// Moves what particles carry to their children: see [`Resampling::gather`].
#[derive(Debug)]
pub struct Gather {
    kernel: PayloadKernel,
}

impl Gather {
    /// Records it into a compute pass of yours.
    pub fn encode_into(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.kernel.encode(pass);
    }
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

    fn encode(&self, pass: &mut Pass<'_>, scratch: &Scratch) {
        let dispatches = &scratch.dispatches;
        match self {
            Ancestry::Marks(expand) => expand.encode(pass, &scratch.overflow),
            Ancestry::Search(residual, draw) => {
                if let Some(residual) = residual {
                    residual.encode(pass, dispatches);
                }
                draw.encode(pass, dispatches);
            }
        }
    }
}

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

    /// The limits to request a device with for so many log-weights: those of
    /// [`Resampling::requirements`].
    ///
    /// # Errors
    /// As [`Resampling::requirements`].
    pub fn limits(
        particles: u32,
        resampler: Resampler,
        limits: &wgpu::Limits,
    ) -> Result<wgpu::Limits> {
        Ok(Resampling::requirements(particles, resampler, limits)?.limits())
    }

    fn fits(particles: u32, resampler: Resampler, room: &Room) -> Result<Plan> {
        const OF: &str = "wfr::Resampling::requirements(particles, resampler, &adapter.limits())";
        Plan::without_state(particles, WEIGHT_BINDINGS, room, OF, |particles| {
            let row = 4 * u64::from(particles);
            let mut needs = vec![Need::whole("log_weights", row), Need::whole("ancestors", row)];
            needs.extend(Scratch::needs(&WeightShape::alone(particles, resampler, 0)));
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
        // A threshold above 1 always resamples.
        Resampling::alone(gpu, log_weights, particles, (resampler, seed, 2.0))
    }

    /// As [`Resampling::new`], but an event resamples only where the effective sample size is below
    /// `ess_threshold` · N.
    ///
    /// # Errors
    /// As [`Resampling::new`], and when the threshold is not between 0 and 1.
    pub fn below(
        gpu: &Gpu,
        log_weights: &wgpu::Buffer,
        particles: u32,
        resampler: Resampler,
        seed: u64,
        ess_threshold: f32,
    ) -> Result<Resampling> {
        if !(0.0..=1.0).contains(&ess_threshold) {
            let reason = format!("= {ess_threshold} is not between 0 and 1");
            return Err(Error::config("ess_threshold", reason));
        }
        Resampling::alone(gpu, log_weights, particles, (resampler, seed, ess_threshold))
    }

    fn alone(
        gpu: &Gpu,
        log_weights: &wgpu::Buffer,
        particles: u32,
        (resampler, seed, ess_threshold): (Resampler, u64, f32),
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
        let shape =
            WeightShape { ess_threshold, ..WeightShape::alone(particles, resampler, seed).on(gpu) };
        let ancestors = gpu
            .scoped(|| buffers::storage(&gpu.device, "wfr.ancestors", 4 * u64::from(particles)))?;
        let numbers = Numbers::alone(gpu, &Settings::of_weights(&shape))?;
        let over = Resampling::over(gpu, &numbers, &shape, log_weights, ancestors)?;
        let Resampling { scratch, ancestors, .. } = &over;
        let settle = Settle::new(gpu, &numbers, &shape, &scratch.control, ancestors, log_weights)?;
        Ok(Resampling { settle: Some(settle), ..over })
    }

    /// Of weights without a run.
    #[cfg(any(test, feature = "reference"))]
    pub(crate) fn without_run(
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
            overflow: &scratch.overflow,
        };
        Ok(Resampling {
            gpu: gpu.clone(),
            particles: shape.particles,
            settle: None,
            reduce: Reduce::new(gpu, numbers, shape, log_weights, &scratch)?,
            decide: Decide::new(gpu, numbers, shape, &decide)?,
            scan: Scan::new(gpu, numbers, shape, log_weights, &scratch, &ancestors)?,
            ancestry: Ancestry::new(gpu, numbers, shape, &scratch, &ancestors)?,
            ancestors,
            scratch,
        })
    }

    /// The same for a run that moves the clock without a test too.
    pub(crate) fn with_tick(self, shape: &WeightShape) -> Result<Resampling> {
        let decide = self.decide.with_tick(&self.gpu, shape)?;
        Ok(Resampling { decide, ..self })
    }

    /// Records one event into your encoder. Nothing is submitted or written meanwhile.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        // Each event by itself: no mean weight adds to the next, and zero weights end nothing.
        let control = &self.scratch.control;
        encoder.clear_buffer(control, offset_of!(Control, nats) as u64, Some(16));
        encoder.clear_buffer(control, offset_of!(Control, failed) as u64, Some(4));
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("wfr.resampling"),
            timestamp_writes: None,
        });
        self.encode_test(&mut pass, 0);
        if let Some(settle) = &self.settle {
            settle.encode_parents(&mut pass);
        }
    }

    /// Records that log-weights become 0 where the event before resampled; elsewhere they stay.
    pub fn encode_equal_weights(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        if let Some(settle) = &self.settle {
            settle.encode_weights(&mut pass);
        }
    }

    /// N indices (u32): the old particle that each new one copies, its parent. Where an event did not
    /// resample, because no weight is positive or the effective sample size is large enough, each is its
    /// own.
    pub fn ancestors(&self) -> &wgpu::Buffer {
        &self.ancestors
    }

    /// Prepares to copy what particles carry from one buffer to another, each its parent's; both are
    /// storage buffers. Record it after the event.
    ///
    /// ```no_run
    /// # fn f(resampling: wfr::Resampling, old: wgpu::Buffer, new: wgpu::Buffer,
    /// # mut encoder: wgpu::CommandEncoder) -> wfr::Result<()> {
    /// let positions = resampling.gather(wfr::Payload::Records(3), &old, &new)?;
    /// resampling.encode(&mut encoder);
    /// positions.encode_into(&mut encoder.begin_compute_pass(&Default::default()));
    /// resampling.encode_equal_weights(&mut encoder);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there are no words or more than 1024, and when a buffer does not hold them.
    pub fn gather(
        &self,
        payload: Payload,
        source: &wgpu::Buffer,
        target: &wgpu::Buffer,
    ) -> Result<Gather> {
        let particles = self.particles;
        let strides = match payload {
            Payload::Rows(words) => Strides { words, slot: 1, word: particles },
            Payload::Records(words) => Strides { words, slot: words, word: 1 },
        };
        if !(1..=MOST_WORDS).contains(&strides.words) {
            let reason = format!("= {payload:?} does not have 1 to {MOST_WORDS} words");
            return Err(Error::config("payload", reason));
        }
        let bytes = 4 * u64::from(particles) * u64::from(strides.words);
        if let Some(small) = [source, target].into_iter().find(|buffer| buffer.size() < bytes) {
            let reason = format!(
                "= {payload:?} of {particles} particles is {bytes} bytes, and a buffer has {}",
                small.size()
            );
            return Err(Error::config("payload", reason));
        }
        let buffers = [&self.ancestors, source, target];
        Ok(Gather { kernel: PayloadKernel::new(&self.gpu, particles, strides, buffers)? })
    }

    /// What the last event found, read back from the device.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceLost`](crate::ErrorKind::DeviceLost) and
    /// [`ErrorKind::Device`](crate::ErrorKind::Device).
    pub async fn last(&self) -> Result<Resampled> {
        let bytes = size_of::<TraceRow>() as u64;
        let row: Vec<TraceRow> = readback::read(&self.gpu, &self.scratch.trace, 0, bytes).await?;
        let TraceRow { nats, log2, ess, max_weight, non_finite, resampled, failed, .. } = row[0];
        let log_mean_weight = match failed {
            0 => log_normalizer(nats, log2),
            _ => f64::NEG_INFINITY,
        };
        let resampled = resampled != 0;
        Ok(Resampled { ess, log_mean_weight, max_weight, non_finite, resampled })
    }

    /// Tests the ESS, resamples if the test says so, and moves the clock by `steps` steps.
    pub(crate) fn encode_test(&self, pass: &mut Pass<'_>, steps: u32) {
        self.reduce.encode(pass);
        self.decide.encode(pass, steps);
        self.scan.encode(pass, &self.scratch.dispatches);
        self.ancestry.encode(pass, &self.scratch);
    }

    pub(crate) fn encode_tick(&self, pass: &mut Pass<'_>, steps: u32) {
        self.decide.encode_tick(pass, steps);
    }

    pub(crate) fn encode_report(&self, pass: &mut Pass<'_>) {
        self.reduce.encode(pass);
        self.decide.encode_report(pass);
    }
}
