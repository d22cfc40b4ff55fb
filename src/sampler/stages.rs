//! What a run says of an adaptive schedule: whether it ended, and what it was.

use super::{Info, Sampler};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{Control, Instant};
use crate::readback::{self, Part};
use crate::schedule::Schedule;

impl Sampler {
    /// The schedule of the steps done so far: the configured one, or what the device has chosen of
    /// an adaptive one, as points.
    ///
    /// A run with this schedule and another seed adapts nothing: with exact weights its
    /// exp(log-normaliser) is unbiased.
    ///
    /// ```no_run
    /// # fn f(gpu: &wfr::Gpu, problem: &wfr::Problem) -> wfr::Result<()> {
    /// use wfr::{Adaptive, Config, Sampler, Schedule};
    /// let adaptive = Adaptive::default();
    /// let config = Config { schedule: Schedule::adaptive(adaptive)?, ..Config::default() };
    /// let mut pilot = Sampler::new(gpu, problem, config.clone())?;
    /// pilot.run()?;
    /// let config = Config {
    ///     schedule: wfr::block_on(pilot.schedule())?,
    ///     ess_every: adaptive.moves_per_stage,
    ///     seed: 1,
    ///     ..config
    /// };
    /// let unbiased = Sampler::new(gpu, problem, config)?.run()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When no step is done yet; [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    pub async fn schedule(&self) -> Result<Schedule> {
        let schedule = &self.config.schedule;
        if schedule.adaptivity().is_none() {
            return Ok(schedule.clone());
        }
        let bytes = u64::from(self.encoded + 1) * size_of::<Instant>() as u64;
        let rows = Part { buffer: &self.state.schedule, offset: 0, bytes };
        let [control, words] = self.clock_parts();
        let mut read = readback::gather(&self.gpu, |_| (), &[rows, control, words]).await?;
        let (rows, control) = (read.next::<Instant>(), read.next::<Control>()[0]);
        self.check_clock(&control, &read.next())?;
        let steps = control.step_end;
        if steps == 0 {
            let reason = "= adaptive has chosen nothing before the first step; run the sampler";
            return Err(Error::config("schedule", reason));
        }
        let rows = &rows[..=steps as usize];
        let point = |(row, k): (&Instant, u32)| (schedule.time(k), f64::from(row.beta));
        Schedule::from_points(&rows.iter().zip(0..).map(point).collect::<Vec<_>>())
    }

    /// An error when an adaptive schedule has no stage left and is not at the path's end.
    pub(super) fn check_finished(&self, info: &Info) -> Result<()> {
        if self.config.schedule.adaptivity().is_none() || info.beta >= 1.0 {
            return Ok(());
        }
        Err(ErrorKind::StagesExhausted { beta: info.beta, stages: info.stages }.into())
    }
}
