//! A run between two steps as a file, and a run from such a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::{ReactionEvent, Sampler, TraceEvent, prepared};
use crate::checkpoint::{self, Checkpoint, Content, Element, Identity, Segment, Settings, Tensor};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::adapt::{ROWS, STAGE};
use crate::kernel::losses;
use crate::layout::{Control, Instant, ReactionState, Stage};
use crate::problem::Problem;
use crate::reactor;

/// Numbers of an event of the trace, and of the reaction's.
const TRACE: usize = 9;
const REACTION: usize = 5;

// Tensors that more is known of than their words.
const ANCESTORS: &str = "ancestors";
const LOG_WEIGHTS: &str = "log_weights";
const CONTROL: &str = "device.control";
const LOSSES: &str = "device.losses";

impl Sampler {
    /// Writes the run as it is between two steps into a file: beside it first, to the disk, then
    /// renamed, so that the file is there whole or as it was before. See
    /// [`checkpoint`](crate::checkpoint) for what is in it.
    ///
    /// `attached` are the caller's own bytes, by name, which
    /// [`Checkpoint::attached`](crate::Checkpoint::attached) gives back.
    ///
    /// The device is awaited and read by windows of 16 MiB; no bit of the run changes. The file is
    /// written in place, and brought to the disk on a thread of its own. A
    /// write that fails, for instance on a full disk, leaves nothing behind. The name beside is
    /// hidden, the process and a number before the file's own: `.4711-0-NAME`; a process that is
    /// killed meanwhile leaves that.
    ///
    /// # Errors
    /// [`ErrorKind::File`](crate::ErrorKind::File) when the file cannot be written;
    /// [`ErrorKind::Recording`](crate::ErrorKind::Recording) when recorded steps were not submitted;
    /// [`ErrorKind::DeviceLost`](crate::ErrorKind::DeviceLost) and
    /// [`ErrorKind::Device`](crate::ErrorKind::Device).
    pub async fn save_async(
        &mut self,
        path: &Path,
        attached: &BTreeMap<String, Vec<u8>>,
    ) -> Result<()> {
        self.gpu.wait_async().await?;
        let control = self.look().await?.control;
        let stopped = control.stop != 0 && control.step_end >= control.stop;
        if control.step_end != self.encoded && !stopped {
            // All weights were zero, and nothing has moved since.
            self.info().await?;
        }
        let adapter = checkpoint::adapter(&self.gpu);
        let settings = Settings::of(&self.config, control.step_end, stopped, adapter);
        let points: Vec<[f64; 2]> = (0..=self.steps())
            .map(|k| [self.config.schedule.time(k), self.config.schedule.beta(k)])
            .collect();
        let trace: Vec<[f64; TRACE]> = self.trace.iter().map(trace_numbers).collect();
        let reaction: Vec<[f64; REACTION]> =
            self.reaction_trace.iter().map(reaction_numbers).collect();
        let mut tensors = vec![
            matrix("schedule", &points),
            matrix("trace", &trace),
            matrix("reaction_trace", &reaction),
        ];
        for (name, element, rows) in self.columns() {
            let shape = vec![u64::from(rows.end - rows.start), u64::from(self.plan.particles)];
            let content = Content::Device(self.segments(rows));
            tensors.push(Tensor { name: name.into(), element, shape, content });
        }
        for (name, buffer) in self.persistent() {
            let element = if name == LOG_WEIGHTS { Element::F32 } else { Element::U32 };
            let (name, shape) = (name.into(), vec![buffer.size() / 4]);
            let content = Content::Device(vec![whole(buffer)]);
            tensors.push(Tensor { name, element, shape, content });
        }
        let problem = self.identity.to_bytes();
        let mut bytes = vec![Tensor::of_bytes("problem".into(), &problem)];
        bytes.extend(attached.iter().map(|(name, own)| Tensor::attached(name, own)));
        checkpoint::write(&self.gpu, path, &settings.to_json(), &tensors, &bytes).await
    }

    /// A run that goes on where the checkpoint was made: with the same bits as the run that was not
    /// cut where [`Checkpoint::repeats_bits_on`](crate::Checkpoint::repeats_bits_on) the device,
    /// and elsewhere with others of the same law, of which it warns.
    ///
    /// The problem has to be the one that the checkpoint was made of; what particles were given as
    /// its initial law no longer matters. The settings are the checkpoint's.
    ///
    /// # Errors
    /// [`ErrorKind::Checkpoint`](crate::ErrorKind::Checkpoint) when it is of another problem, and
    /// when the file is no longer as it was opened; those of [`Sampler::new_async`].
    pub async fn resume_async(
        gpu: &Gpu,
        problem: &Problem,
        checkpoint: &Checkpoint,
    ) -> Result<Sampler> {
        checkpoint.check_problem(&Identity::of(problem, checkpoint.config()))?;
        if !checkpoint.repeats_bits_on(gpu) {
            log::warn!(
                "{} was made on {} by wfr {}, and this is {} and wfr {}: the run goes on \
                 statistically the same, with other bits",
                checkpoint.path().display(),
                checkpoint.adapter(),
                checkpoint.version(),
                checkpoint::adapter(gpu),
                env!("CARGO_PKG_VERSION"),
            );
        }
        let config = checkpoint.config().clone();
        let (mut sampler, _) = prepared(gpu, problem, config, false).await?;
        sampler.restore(checkpoint).await?;
        Ok(sampler)
    }

    async fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let control: Control = checkpoint.plain(CONTROL)?;
        let done = control.step_end == checkpoint.step() && control.step_begin <= control.step_end;
        if !done || (control.stop != 0 && self.config.schedule.adaptivity().is_none()) {
            return Err(checkpoint.corrupt("has a clock that is not at its step"));
        }
        let particles = self.plan.particles;
        for (name, _, rows) in self.columns() {
            let legal = |word: u32| name != ANCESTORS || word < particles;
            self.upload(checkpoint, name, &self.segments(rows), legal).await?;
        }
        for (name, buffer) in self.persistent() {
            if ![ROWS, STAGE, LOSSES].contains(&name) {
                self.upload(checkpoint, name, &[whole(buffer)], |_| true).await?;
            }
        }
        self.restore_losses(checkpoint)?;
        if let Some((_, stage)) = self.persistent().into_iter().find(|(name, _)| *name == STAGE) {
            self.restore_stage(checkpoint, &control, stage)?;
        }
        if self.estimates().is_some() {
            let reaction: ReactionState = checkpoint.plain(reactor::STATE)?;
            self.reaction_trace_read = reaction.rows;
        }
        let traces_cess = self.traces_cess();
        let trace = checkpoint.rows("trace")?;
        self.trace = trace.iter().map(|row| trace_event(row, traces_cess)).collect();
        self.reaction_trace =
            checkpoint.rows("reaction_trace")?.iter().map(reaction_event).collect();
        self.trace_read = control.trace_rows;
        (self.encoded, self.seen) = (checkpoint.step(), checkpoint.step());
        self.finished = control.stop != 0 && control.step_end >= control.stop;
        self.gpu.wait_async().await
    }

    /// The counts of losses, a row for each step: of a schedule that may have another end.
    fn restore_losses(&self, checkpoint: &Checkpoint) -> Result<()> {
        let saved: Vec<u32> = checkpoint.words(LOSSES)?;
        let header = losses::row_offset(0, self.dim) as usize / 4;
        if saved.len() < header {
            return Err(checkpoint.corrupt(&format!("has too few numbers in `{LOSSES}`")));
        }
        let there = self.losses.buffer.size() as usize / 4;
        let kept = &saved[..saved.len().min(there)];
        self.gpu.scoped(|| {
            self.gpu.queue.write_buffer(&self.losses.buffer, 0, bytemuck::cast_slice(kept));
            self.gpu.queue.submit([]);
        })
    }

    /// The rows of an adaptive schedule so far, and the stage to come: of a schedule that may be a
    /// longer one, whose next row is no longer the last.
    fn restore_stage(
        &self,
        checkpoint: &Checkpoint,
        control: &Control,
        stage_buffer: &wgpu::Buffer,
    ) -> Result<()> {
        let mut rows = self.config.schedule.rows();
        let saved: Vec<Instant> = checkpoint.words(ROWS)?;
        let chosen = checkpoint.saved_steps() as usize + 1;
        for (row, saved) in rows.iter_mut().zip(saved).take(chosen) {
            (row.beta, row.beta_rate) = (saved.beta, saved.beta_rate);
        }
        let mut stage: Stage = checkpoint.plain(STAGE)?;
        let next = control.stages.saturating_mul(self.config.test_every()) as usize;
        if let Some(row) = rows.get(next).filter(|_| control.stop == 0) {
            (stage.now.time, stage.now.dt) = (row.time, row.dt);
        }
        self.gpu.scoped(|| {
            self.gpu.queue.write_buffer(&self.state.schedule, 0, bytemuck::cast_slice(&rows));
            self.gpu.queue.write_buffer(stage_buffer, 0, bytemuck::bytes_of(&stage));
            self.gpu.queue.submit([]);
        })
    }

    /// Copies a tensor into parts of buffers, window by window; its words have to be legal.
    async fn upload(
        &self,
        checkpoint: &Checkpoint,
        name: &str,
        segments: &[Segment<'_>],
        legal: impl Fn(u32) -> bool,
    ) -> Result<()> {
        let bytes = segments.iter().map(|segment| segment.bytes).sum();
        let mut parts = segments.iter().copied();
        let mut part = parts.next();
        let mut reader = checkpoint.windows(name, bytes)?;
        let mut window = Vec::new();
        while reader.next(&mut window)? {
            let mut words = window.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word));
            if !words.all(&legal) {
                return Err(checkpoint.corrupt(&format!("has numbers in `{name}` that are none")));
            }
            let mut window = &window[..];
            while let Some(to) = &mut part
                && !window.is_empty()
            {
                let length = to.bytes.min(window.len() as u64);
                let (now, later) = window.split_at(length as usize);
                self.gpu.scoped(|| {
                    self.gpu.queue.write_buffer(to.buffer, to.offset, now);
                    self.gpu.queue.submit([]);
                })?;
                (to.offset, to.bytes, window) = (to.offset + length, to.bytes - length, later);
                if to.bytes == 0 {
                    part = parts.next();
                }
            }
            // The copies on the way are freed when the device has made them.
            self.gpu.wait_async().await?;
        }
        Ok(())
    }

    /// The rows of the state, by what they are.
    fn columns(&self) -> Vec<(&'static str, Element, Range<u32>)> {
        let (dim, last) = (self.dim, self.plan.rows - 1);
        let mut columns = vec![("positions", Element::F32, 0..dim)];
        if dim < last {
            columns.push(("carried", Element::U32, dim..last));
        }
        columns.push((ANCESTORS, Element::U32, last..last + 1));
        columns
    }

    /// Where rows of the state lie.
    fn segments(&self, rows: Range<u32>) -> Vec<Segment<'_>> {
        let bytes = 4 * u64::from(self.plan.particles);
        let segment = |row: u32| Segment {
            buffer: &self.state.pages[(row / self.plan.page_rows) as usize],
            offset: u64::from(row % self.plan.page_rows) * bytes,
            bytes,
        };
        rows.map(segment).collect()
    }

    /// The buffers beside the state that one submission leaves to the next. The others are written
    /// before they are read, within a block of steps; the reaction's trace has been read by then.
    pub(super) fn persistent(&self) -> Vec<(&'static str, &wgpu::Buffer)> {
        let scratch = &self.resampling.scratch;
        let mut all = vec![
            (LOG_WEIGHTS, &self.state.log_weights),
            (CONTROL, &scratch.control),
            ("device.trace", &scratch.trace),
        ];
        all.push((LOSSES, &self.losses.buffer));
        all.extend(self.state.moves.iter().map(|buffer| ("device.moves", buffer)));
        all.extend(self.parts.iter().flat_map(|part| part.persistent()));
        all
    }
}

/// All of a buffer.
fn whole(buffer: &wgpu::Buffer) -> Segment<'_> {
    Segment { buffer, offset: 0, bytes: buffer.size() }
}

/// A matrix of numbers in host memory.
fn matrix<const COLUMNS: usize>(name: &str, rows: &[[f64; COLUMNS]]) -> Tensor<'static> {
    Tensor {
        name: name.into(),
        element: Element::F64,
        shape: vec![rows.len() as u64, COLUMNS as u64],
        content: Content::Host(bytemuck::cast_slice(rows).to_vec().into()),
    }
}

fn trace_numbers(event: &TraceEvent) -> [f64; TRACE] {
    let TraceEvent {
        step,
        time,
        beta,
        ess,
        cess,
        log_normalizer,
        max_weight,
        non_finite,
        resampled,
    } = *event;
    [
        step.into(),
        time,
        beta,
        ess.into(),
        cess.map_or(f64::NAN, f64::from),
        log_normalizer,
        max_weight.into(),
        non_finite.into(),
        resampled.into(),
    ]
}

/// Whether a conditional ESS is traced is the run's to know.
fn trace_event(numbers: &[f64; TRACE], traces_cess: bool) -> TraceEvent {
    let [step, time, beta, ess, cess, log_normalizer, max_weight, non_finite, resampled] = *numbers;
    TraceEvent {
        step: step as u32,
        time,
        beta,
        ess: ess as f32,
        cess: traces_cess.then_some(cess as f32),
        log_normalizer,
        max_weight: max_weight as f32,
        non_finite: non_finite as u32,
        resampled: resampled != 0.0,
    }
}

fn reaction_numbers(event: &ReactionEvent) -> [f64; REACTION] {
    let ReactionEvent { step, time, log_normalizer, relative_entropy, outside } = *event;
    [step.into(), time, log_normalizer, relative_entropy.into(), outside.into()]
}

fn reaction_event(numbers: &[f64; REACTION]) -> ReactionEvent {
    let [step, time, log_normalizer, relative_entropy, outside] = *numbers;
    ReactionEvent {
        step: step as u32,
        time,
        log_normalizer,
        relative_entropy: relative_entropy as f32,
        outside: outside as u32,
    }
}
