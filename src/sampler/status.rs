//! What the host asks a run between two submissions, in one read-back.

use super::{Info, ReactionEvent, Sampler, TraceEvent, wide};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::losses;
use crate::kernel::part::Estimates;
use crate::layout::{
    Control, LOSSES_HEADER, MOVES_PARTICLES, ReactionRow, ReactionState, TraceRow, log_normalizer,
};
use crate::loss::{Cause, Loss, Lost};
use crate::readback::{self, Part};

/// The state of a run as the device has it.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) control: Control,
    /// What was lost, and the first of it.
    pub(super) lost: Lost,
    pub(super) first: Option<Loss>,
    /// The population as it was reported last.
    report: TraceRow,
    /// ESS tests, those that the host has not seen among them.
    tests: Rows<TraceRow>,
    reaction: Option<(ReactionState, Rows<ReactionRow>)>,
    /// Moves that were kept or refused, where they are counted.
    moves: Option<u64>,
    /// When what was recorded was executed; empty where nothing is open.
    words: Vec<u32>,
}

/// Rows of a ring on the device, by how many were written before.
#[derive(Debug)]
struct Rows<T> {
    rows: Vec<T>,
    first: u32,
    capacity: u32,
}

/// Which rows of a ring to read: at most `count` from `first` on.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    first: u32,
    count: u32,
    capacity: u32,
}

impl Wanted {
    /// Where they lie; all rows where the ring may have come round.
    fn parts<'b, T>(&self, buffer: &'b wgpu::Buffer) -> Vec<Part<'b>> {
        let size = size_of::<T>() as u64;
        let part = |start: u32, count: u32| Part {
            buffer,
            offset: u64::from(start) * size,
            bytes: u64::from(count) * size,
        };
        if self.count >= self.capacity {
            return vec![part(0, self.capacity)];
        }
        let start = self.first % self.capacity;
        let before_end = self.count.min(self.capacity - start);
        vec![part(start, before_end), part(0, self.count - before_end)]
    }
}

impl<T: Copy> Rows<T> {
    fn get(&self, row: u32) -> Option<T> {
        let place = match self.rows.len() as u32 >= self.capacity {
            true => row % self.capacity,
            false => row.checked_sub(self.first)?,
        };
        self.rows.get(place as usize).copied()
    }

    /// Those from `next` to `written`, of which the oldest may be lost.
    fn since(&self, next: u32, written: u32) -> impl Iterator<Item = T> {
        let first = next.max(written.saturating_sub(self.capacity));
        (first..written).filter_map(|row| self.get(row))
    }
}

impl Sampler {
    /// Reads it, and reports the population of now first if that is wanted.
    pub(super) async fn status(&self, reports: bool) -> Result<Status> {
        let (trace, capacity) = (&self.resampling.scratch.trace, self.config.trace_rows);
        let tests = self.tests_unseen();
        // The last one that was seen, too.
        let before = self.trace_read.min(1);
        let tests = Wanted { first: self.trace_read - before, count: tests + before, capacity };
        let one = size_of::<TraceRow>() as u64;
        let report = Part { buffer: trace, offset: u64::from(capacity) * one, bytes: one };
        let mut parts = vec![self.losses_part(), report];
        let test_parts = tests.parts::<TraceRow>(trace);
        parts.extend(&test_parts);
        // There are as many estimates as blocks that end, and one more of Strang's.
        let estimates =
            Wanted { first: self.reaction_trace_read, count: self.tests_unseen() + 2, capacity };
        let estimate_parts = self.estimates().map(|Estimates { state, trace }| {
            parts.push(Part::whole(state));
            let all = estimates.parts::<ReactionRow>(trace);
            parts.extend(&all);
            all.len()
        });
        parts.extend(self.state.moves.as_ref().map(Part::whole));
        let clock = self.clock_parts();
        parts.extend(&clock);
        let record = |encoder: &mut wgpu::CommandEncoder| {
            if reports {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                self.resampling.encode_report(&mut pass);
                self.losses.encode_now(&mut pass);
            }
        };
        let mut read = readback::gather(&self.gpu, record, &parts).await?;
        let (lost, first) = self.lost_of(&read.next());
        let report = read.next()[0];
        let rows = (0..test_parts.len()).flat_map(|_| read.next()).collect();
        let tests = Rows { rows, first: tests.first, capacity };
        let reaction = estimate_parts.map(|parts| {
            let state = read.next()[0];
            let rows = (0..parts).flat_map(|_| read.next()).collect();
            (state, Rows { rows, first: estimates.first, capacity })
        });
        let moves = self.state.moves.as_ref().map(|_| read.next::<u32>());
        let moves = moves.map(|counts| counts.into_iter().map(u64::from).sum());
        let (control, words) = (read.next()[0], read.next());
        Ok(Status { control, lost, first, report, tests, reaction, moves, words })
    }

    /// Where a part of the run reports estimates of the density.
    pub(super) fn estimates(&self) -> Option<Estimates<'_>> {
        self.parts.iter().find_map(|part| part.reports().estimates)
    }

    /// Whether a part of the run reports the conditional ESS.
    pub(super) fn traces_cess(&self) -> bool {
        self.parts.iter().any(|part| part.reports().cess)
    }

    /// The most tests of the ESS that the device can have made since the host looked.
    fn tests_unseen(&self) -> u32 {
        let every = self.config.test_every();
        self.encoded.div_ceil(every).saturating_sub(self.seen.div_ceil(every))
    }

    /// Where the totals of what was lost lie.
    pub(super) fn losses_part(&self) -> Part<'_> {
        let bytes = losses::row_offset(0, self.dim);
        Part { buffer: &self.losses.buffer, offset: 0, bytes }
    }

    /// What was counted so far, from those words.
    pub(super) fn lost_of(&self, words: &[u32]) -> (Lost, Option<Loss>) {
        let total =
            |cause: usize| u64::from(words[2 * cause]) | u64::from(words[2 * cause + 1]) << 32;
        let lost = Lost { position: total(0), score: total(1), weight: total(2) };
        let key = words[7];
        let place = |(j, word): (usize, &u32)| {
            (f64::from(f32::from_bits(*word)) + self.center.of_coordinate(j)) as f32
        };
        let first = (key != 0).then(|| Loss {
            step: u32::MAX - words[6],
            slot: self.plan.particles - (key >> 2),
            cause: Cause::ALL[(key & 3).min(2) as usize],
            position: (0..).zip(&words[LOSSES_HEADER as usize..]).map(place).collect(),
        });
        (lost, first)
    }

    /// The state of now: one reduction on the device, then some kilobytes in one read-back.
    ///
    /// # Errors
    /// As [`Sampler::run_async`].
    pub async fn info(&self) -> Result<Info> {
        let status = self.status(true).await?;
        self.check_clock(&status.control, &status.words)?;
        self.interpret(&status, &status.report).await
    }

    /// All ESS tests so far, oldest first. Reads the rows that are new since the last call and since
    /// [`Sampler::advance_async`]; if more were written than
    /// [`Config::trace_rows`](crate::Config::trace_rows) holds, the oldest are lost.
    ///
    /// # Errors
    /// [`ErrorKind::Recording`], [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    pub async fn trace(&mut self) -> Result<&[TraceEvent]> {
        self.see().await?;
        Ok(&self.trace)
    }

    /// All estimates of the population's density so far, oldest first; none for a flow without
    /// reaction. Reads as [`Sampler::trace`].
    ///
    /// # Errors
    /// [`ErrorKind::Recording`], [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    pub async fn reaction_trace(&mut self) -> Result<&[ReactionEvent]> {
        self.see().await?;
        Ok(&self.reaction_trace)
    }

    /// Reads both where there may be new rows.
    async fn see(&mut self) -> Result<()> {
        if self.seen == self.encoded && !self.is_open() {
            return self.gpu.check();
        }
        self.look().await.map(drop)
    }

    /// The state, whose new rows are kept.
    pub(super) async fn look(&mut self) -> Result<Status> {
        let status = self.status(false).await?;
        self.check_clock(&status.control, &status.words)?;
        let written = status.control.trace_rows;
        let tests = status.tests.since(self.trace_read, written);
        let tests: Vec<_> = tests.map(|row| self.event(&row)).collect();
        self.trace.extend(tests);
        self.trace_read = written;
        if let Some((state, rows)) = &status.reaction {
            let new = rows.since(self.reaction_trace_read, state.rows);
            let new: Vec<_> = new.map(|row| self.reaction_event(&row)).collect();
            self.reaction_trace.extend(new);
            self.reaction_trace_read = state.rows;
        }
        self.seen = self.encoded;
        Ok(status)
    }

    /// The last ESS test as an [`Info`]: no work for the device.
    pub(super) async fn progress(&mut self) -> Result<Info> {
        let before = self.trace.len();
        let status = self.look().await?;
        let control = &status.control;
        self.finished = control.stop != 0 && control.step_end >= control.stop;
        let last = status.tests.get(control.trace_rows.max(1) - 1).unwrap_or_default();
        let info = self.interpret(&status, &last).await?;
        self.tell(&info, status.first.as_ref(), before);
        Ok(info)
    }

    async fn interpret(&self, status: &Status, row: &TraceRow) -> Result<Info> {
        let Status { control, lost, first, .. } = status;
        if control.failed != 0 || row.failed != 0 {
            let step = if control.failed != 0 { control.failed - 1 } else { row.step };
            let non_finite = control.max_non_finite.max(row.non_finite);
            let log_density = match first {
                Some(_) => None,
                None => self.highest_log_density().await,
            };
            let (lost, first) = (*lost, first.clone());
            let zero = ErrorKind::AllWeightsZero { step, non_finite, lost, first, log_density };
            return Err(zero.into());
        }
        let event = self.event(row);
        let moved = self.moved(status.moves, control.step_end);
        self.check_walls(moved)?;
        Ok(Info {
            step: event.step,
            time: event.time,
            beta: event.beta,
            stages: control.stages,
            ess: event.ess,
            log_normalizer: event.log_normalizer,
            max_weight: event.max_weight,
            non_finite: event.non_finite,
            lost: *lost,
            resamplings: control.resamplings,
            acceptance: moved.filter(|_| self.integrator.counts_kept()),
            refused: moved.filter(|_| !self.integrator.counts_kept()),
            dead: wide(control.dead) + u64::from(row.dead),
        })
    }

    /// The share of the moves of the first `steps` steps that were kept, or that were refused: what
    /// the integrator counts.
    fn moved(&self, counted: Option<u64>, steps: u32) -> Option<f32> {
        let counted = counted.filter(|_| steps > 0)?;
        let all = u64::from(self.plan.particles.min(MOVES_PARTICLES)) * u64::from(steps);
        Some((counted as f64 / all as f64) as f32)
    }

    /// Beside a velocity the weights of a refused move are not known.
    fn check_walls(&self, moved: Option<f32>) -> Result<()> {
        if !self.offset.flow.has_velocity() || moved.is_none_or(|refused| refused == 0.0) {
            return Ok(());
        }
        let reason = format!(
            "= {} has no exact weights at walls beside a velocity, as no integrator has, and particles \
             came to where the density is zero, not a number, or e^-50 of what it was; leave the velocity \
             out, or choose coordinates in which the density is nowhere zero",
            self.integrator
        );
        Err(Error::config("integrator", reason))
    }

    fn event(&self, row: &TraceRow) -> TraceEvent {
        let beta = match self.config.schedule.adaptivity() {
            Some(_) => row.beta.into(),
            None => self.config.schedule.beta(row.step),
        };
        TraceEvent {
            step: row.step,
            time: self.config.schedule.time(row.step),
            beta,
            ess: row.ess,
            cess: self.traces_cess().then_some(row.cess),
            log_normalizer: match self.estimates() {
                None => log_normalizer(row.nats, row.log2) + self.offset.at(beta),
                // What the weights of a gradient flow sum to says nothing of Z.
                Some(_) => f64::NAN,
            },
            max_weight: row.max_weight,
            non_finite: row.non_finite,
            resampled: row.resampled != 0,
        }
    }

    fn reaction_event(&self, row: &ReactionRow) -> ReactionEvent {
        ReactionEvent {
            step: row.step,
            time: self.config.schedule.time(row.step),
            log_normalizer: f64::from(row.log_normalizer) + self.offset.target,
            relative_entropy: row.relative_entropy,
            outside: row.outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        Config, Flow, Gpu, Initial, OnLoss, Problem, Reaction, Schedule, Target, gpu, testing,
    };

    /// A device that no other test reads from.
    fn device() -> Option<Gpu> {
        testing::gpu()?;
        let adapter = crate::block_on(gpu::adapter(None)).unwrap();
        Some(crate::block_on(Gpu::request(&adapter, adapter.limits())).unwrap())
    }

    fn sampler(gpu: &Gpu, flow: Flow, config: Config) -> Sampler {
        let normal = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
        let problem = Problem::new(Target::double_well(2).unwrap(), normal, flow).unwrap();
        Sampler::new(gpu, &problem, config).unwrap()
    }

    fn config(steps: u32) -> Config {
        Config {
            particles: 5000,
            schedule: Schedule::uniform(2.0, steps).unwrap(),
            ess_every: 4,
            ..Config::default()
        }
    }

    #[test]
    fn the_device_is_read_once_for_each_answer() {
        let Some(gpu) = device() else { return };
        let reads = |what: &mut dyn FnMut()| {
            let before = gpu.read_backs();
            what();
            let after = gpu.read_backs();
            (after.count - before.count, after.bytes - before.bytes)
        };
        let all = Reaction::default();
        for (flow, on_loss) in [
            (Flow::annealed(), OnLoss::Stop),
            (Flow::annealed(), OnLoss::Drop),
            (Flow::wasserstein_fisher_rao(all), OnLoss::Drop),
        ] {
            let config = Config { on_loss, ..config(80) };
            let mut sampler = sampler(&gpu, flow.clone(), config);
            let mut advances = 0;
            while !sampler.is_finished() {
                let (count, bytes) = reads(&mut || {
                    sampler.advance(u32::MAX).unwrap();
                });
                assert_eq!(count, 1, "of an advance of the {} flow", flow.name());
                assert!(bytes < 16_000, "{bytes} bytes");
                advances += 1;
                // What it has read is there.
                let (count, _) = reads(&mut || {
                    crate::block_on(sampler.trace()).unwrap();
                    crate::block_on(sampler.reaction_trace()).unwrap();
                });
                assert_eq!(count, 0);
            }
            assert!(advances > 2);
            assert_eq!(
                reads(&mut || {
                    sampler.finish().unwrap();
                })
                .0,
                1
            );
            assert_eq!(
                reads(&mut || {
                    crate::block_on(sampler.info()).unwrap();
                })
                .0,
                1
            );
            // Steps of an encoder are seen by the same one.
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            sampler.encode(&mut encoder, 4);
            gpu.queue.submit([encoder.finish()]);
            assert_eq!(
                reads(&mut || {
                    crate::block_on(sampler.info()).unwrap();
                })
                .0,
                1
            );
        }
    }

    /// However the run is cut, and whether the ring of rows came round meanwhile.
    #[test]
    fn the_same_tests_are_seen_however_they_are_read() {
        let Some(gpu) = device() else { return };
        // Where log Z is none, it is not equal to itself.
        let text = |events: &dyn std::fmt::Debug| format!("{events:?}");
        let flows = [Flow::annealed(), Flow::wasserstein_fisher_rao(Reaction::default())];
        for flow in flows {
            let mut whole = sampler(&gpu, flow.clone(), config(80));
            whole.submit(80).unwrap();
            let tests = crate::block_on(whole.trace()).unwrap().to_vec();
            let estimates = crate::block_on(whole.reaction_trace()).unwrap().to_vec();
            assert_eq!(tests.len(), 20);
            for (trace_rows, steps) in [(4096, 7), (4096, 1), (5, 7), (3, 4), (7, 20)] {
                let config = Config { trace_rows, ..config(80) };
                let mut cut = sampler(&gpu, flow.clone(), config);
                while cut.steps_encoded() < 80 {
                    cut.submit(steps).unwrap();
                    crate::block_on(cut.trace()).unwrap();
                }
                let seen = crate::block_on(cut.trace()).unwrap();
                assert_eq!(text(&seen), text(&tests), "{trace_rows} {steps}");
                let seen = crate::block_on(cut.reaction_trace()).unwrap();
                assert_eq!(text(&seen), text(&estimates), "{trace_rows} {steps}");
            }
            // Of a ring that came round, the last rows are there.
            let mut cut = sampler(&gpu, flow, Config { trace_rows: 6, ..config(80) });
            cut.submit(80).unwrap();
            assert_eq!(text(&crate::block_on(cut.trace()).unwrap()), text(&&tests[14..]));
        }
    }

    /// A submission limit cuts steps into parts, which are no reason to read more.
    #[test]
    fn steps_in_parts_are_read_once_too() {
        let Some(gpu) = device() else { return };
        let submission_limit = Duration::from_millis(1);
        let config = Config { submission_limit, ..config(16) };
        let mut sampler = sampler(&gpu, Flow::annealed(), config);
        let before = gpu.read_backs().count;
        sampler.advance(4).unwrap();
        assert_eq!(gpu.read_backs().count, before + 1);
    }
}
