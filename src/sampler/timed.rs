//! What each kernel of a run takes, by the device's own clock.

use super::Sampler;
use crate::error::Result;
use crate::kernel::stopwatch::Stopwatch;
use crate::kernel::{Dispatch, Recorder};

/// What the dispatches of one kernel took.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KernelTime {
    /// The entry point of its shader.
    pub kernel: String,
    /// Dispatches that were timed.
    pub dispatches: u32,
    /// Seconds on the device of all of them together.
    pub seconds: f64,
}

impl Sampler {
    /// Runs up to `steps` steps and returns what each kernel took, in the order in which they first ran.
    ///
    /// Every dispatch has a compute pass of its own, between two time stamps of the device: the bits are
    /// those of any run, and the whole takes longer than a run does. No submission is cut. Of fused steps
    /// with more than 2048 dispatches around them the first are timed. As with [`Sampler::submit`], losses
    /// stop nothing meanwhile: [`Info::lost`](crate::Info::lost) counts them, and
    /// [`Sampler::advance_async`] stops at them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) on a device without
    /// [`wgpu::Features::TIMESTAMP_QUERY`], which devices of this crate have where the adapter does, and
    /// for external models; [`ErrorKind::Recording`](crate::ErrorKind::Recording) where an encoder of
    /// [`Sampler::encode`] was not submitted as it was recorded;
    /// [`ErrorKind::NonFinite`](crate::ErrorKind::NonFinite) where a loss has stopped the run;
    /// [`ErrorKind::DeviceLost`](crate::ErrorKind::DeviceLost) and
    /// [`ErrorKind::Device`](crate::ErrorKind::Device).
    pub async fn timed(&mut self, steps: u32) -> Result<Vec<KernelTime>> {
        self.check_asked()?;
        self.check_losses()?;
        self.check_recorded().await?;
        let (gpu, stopwatch) = (self.gpu.clone(), Stopwatch::new(&self.gpu)?);
        let end = self.end_of(steps);
        let mut times = Vec::new();
        while self.encoded < end {
            let entries = gpu.scoped(|| {
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                let mut timed = stopwatch.start(&mut encoder);
                self.encode_segment(&mut timed, end);
                while self.encoded < end && self.dispatches(end) <= timed.left() {
                    self.encode_segment(&mut timed, end);
                }
                let entries = timed.entries;
                stopwatch.encode_end(&mut encoder, entries.len());
                gpu.queue.submit([encoder.finish()]);
                entries
            })?;
            let seconds = stopwatch.seconds(&gpu, entries.len()).await?;
            entries
                .into_iter()
                .zip(seconds)
                .for_each(|(kernel, took)| add(&mut times, kernel, took));
        }
        Ok(times)
    }

    /// Dispatches of what is recorded next, up to step `end`.
    fn dispatches(&self, end: u32) -> usize {
        let mut count = Count(0);
        self.encode_units(&mut count, &self.segment(end));
        count.0
    }
}

/// Counts dispatches.
struct Count(usize);

impl Recorder for Count {
    fn record(&mut self, _: &Dispatch<'_>) {
        self.0 += 1;
    }
}

fn add(times: &mut Vec<KernelTime>, kernel: String, seconds: f64) {
    match times.iter_mut().find(|time| time.kernel == kernel) {
        Some(time) => {
            time.dispatches += 1;
            time.seconds += seconds;
        }
        None => times.push(KernelTime { kernel, dispatches: 1, seconds }),
    }
}

#[cfg(test)]
mod tests {
    use super::KernelTime;
    use crate::{Config, Flow, Initial, Problem, Sampler, Schedule, Target, block_on, testing};

    fn problem() -> Problem {
        let start = Initial::normal(&[0.0; 2], &[2.0; 2]).unwrap();
        Problem::new(Target::double_well(2).unwrap(), start, Flow::annealed()).unwrap()
    }

    fn count(times: &[KernelTime], name: &str) -> Option<u32> {
        times.iter().find(|time| time.kernel == name).map(|time| time.dispatches)
    }

    /// What a host recorded and has not submitted would come after the steps that are timed.
    #[test]
    fn steps_that_wait_in_an_encoder_are_an_error_before_any_is_timed() {
        let Some(gpu) = testing::gpu() else { return };
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return;
        }
        let config = Config {
            particles: 100,
            schedule: Schedule::uniform(1.0, 16).unwrap(),
            ..Config::default()
        };
        let mut sampler = Sampler::new(&gpu, &problem(), config).unwrap();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        sampler.encode(&mut encoder, 8);
        let error = block_on(sampler.timed(8)).unwrap_err().to_string();
        assert!(error.starts_with("steps 0 to 8 were recorded and not executed"), "{error}");
        assert_eq!(sampler.steps_encoded(), 8);
        gpu.queue.submit([encoder.finish()]);
        block_on(sampler.timed(8)).unwrap();
        assert_eq!(block_on(sampler.info()).unwrap().step, 16);
    }

    /// Another way to run: the same dispatches, and the same bits.
    #[test]
    fn a_timed_run_has_the_bits_of_any_other_and_times_every_dispatch() {
        let Some(gpu) = testing::gpu() else { return };
        let problem = problem();
        let config = Config {
            particles: 5000,
            schedule: Schedule::uniform(2.0, 40).unwrap(),
            ess_every: 4,
            ess_threshold: 1.0,
            ..Config::default()
        };
        let mut timed = Sampler::new(&gpu, &problem, config.clone()).unwrap();
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            let error = block_on(timed.timed(40)).unwrap_err().to_string();
            assert!(error.contains("TIMESTAMP_QUERY"), "{error}");
            return;
        }
        let times = block_on(timed.timed(u32::MAX)).unwrap();
        for name in ["reduce", "decide", "scan", "expand", "step"] {
            assert_eq!(count(&times, name), Some(10), "{name}: {times:?}");
        }
        assert!(times.iter().all(|time| (0.0..60.0).contains(&time.seconds)), "{times:?}");
        assert!(times.iter().any(|time| time.seconds > 0.0), "{times:?}");
        let mut plain = Sampler::new(&gpu, &problem, config).unwrap();
        plain.run().unwrap();
        let particles = |sampler: &Sampler| block_on(sampler.particles()).unwrap();
        assert_eq!(particles(&timed).positions(), particles(&plain).positions());
        assert_eq!(particles(&timed).log_weights(), particles(&plain).log_weights());
    }

    /// Steps with a test before them have more dispatches than those without.
    #[test]
    fn none_is_left_out_where_one_submission_has_not_room_for_all() {
        let Some(gpu) = testing::gpu() else { return };
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return;
        }
        // In fused steps of 64, 64 and 32: 7, 2 and 2 dispatches, of which 186 times as many are 2046.
        let steps = 187 * 160;
        let config = Config {
            particles: 64,
            schedule: Schedule::uniform(2.0, steps).unwrap(),
            ess_every: 160,
            ..Config::default()
        };
        let plan = Sampler::recorded(&gpu, &problem(), config.clone()).unwrap();
        let all: usize = plan.order.iter().map(|block| block.dispatches.len()).sum();
        assert!(all > 2048, "{all}");
        let mut sampler = Sampler::new(&gpu, &problem(), config).unwrap();
        let times = block_on(sampler.timed(u32::MAX)).unwrap();
        let timed: u32 = times.iter().map(|time| time.dispatches).sum();
        assert_eq!(timed as usize, all, "{times:?}");
    }
}
