//! The loop on the host: submissions that neither starve a device nor freeze a desktop.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Info, Sampler};
use crate::clock::Instant;
use crate::error::Result;
use crate::loss::OnLoss;
use crate::pending::Pending;

impl Sampler {
    /// Runs to the end of the schedule. Submissions are awaited, and hold up no thread.
    ///
    /// A future of a run that is dropped stops it between two steps: what is submitted is done, and the
    /// particles are a valid weighted sample.
    ///
    /// # Errors
    /// [`ErrorKind::AllWeightsZero`]; [`ErrorKind::NonFinite`] where [`Config::on_loss`] says so: the
    /// particles are there and valid, those lost without weight, but the run goes no further;
    /// [`ErrorKind::MostLost`] at the end, likewise; [`ErrorKind::Recording`] where an encoder of
    /// [`Sampler::encode`] was not submitted as it was recorded; [`ErrorKind::StagesExhausted`],
    /// [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    ///
    /// [`ErrorKind::MostLost`]: crate::ErrorKind::MostLost
    /// [`ErrorKind::Recording`]: crate::ErrorKind::Recording
    /// [`Config::on_loss`]: crate::Config::on_loss
    /// [`ErrorKind::NonFinite`]: crate::ErrorKind::NonFinite
    /// [`ErrorKind::AllWeightsZero`]: crate::ErrorKind::AllWeightsZero
    /// [`ErrorKind::StagesExhausted`]: crate::ErrorKind::StagesExhausted
    /// [`ErrorKind::DeviceLost`]: crate::ErrorKind::DeviceLost
    /// [`ErrorKind::Device`]: crate::ErrorKind::Device
    pub async fn run_async(&mut self) -> Result<Info> {
        self.run_observed_async(|_| ControlFlow::Continue(())).await
    }

    /// Runs to the end of the schedule, and shows the last ESS test to the observer after
    /// every submission; [`ControlFlow::Break`] stops between two steps.
    ///
    /// # Errors
    /// As [`Sampler::run_async`].
    pub async fn run_observed_async(
        &mut self,
        mut observer: impl FnMut(&Info) -> ControlFlow<()>,
    ) -> Result<Info> {
        while !self.is_finished() {
            let info = self.advance_async(u32::MAX).await?;
            if observer(&info).is_break() {
                return self.info().await;
            }
        }
        self.finish_async().await
    }

    /// Submits steps, at most `most`, awaits them, and returns the last ESS test: the loop of
    /// [`Sampler::run_async`] in the caller's hands.
    ///
    /// No submission takes longer than [`Config::submission_limit`](crate::Config::submission_limit),
    /// by what those before it took; the first is the smallest there is.
    ///
    /// ```no_run
    /// # async fn f(sampler: &mut wfr::Sampler) -> wfr::Result<()> {
    /// while !sampler.is_finished() {
    ///     let info = sampler.advance_async(u32::MAX).await?;
    ///     println!("step {}: ESS {:.0}", info.step, info.ess);
    /// }
    /// let info = sampler.finish_async().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::run_async`].
    pub async fn advance_async(&mut self, most: u32) -> Result<Info> {
        self.check_asked()?;
        self.check_losses()?;
        self.check_recorded().await?;
        let (started, begin) = (Instant::now(), self.encoded);
        // Tests are read before the device's ring of rows comes round.
        let ring = self.config.test_every().saturating_mul(self.config.trace_rows);
        let end = begin.saturating_add(most.min(ring)).min(self.steps());
        let before = begin.div_ceil(self.config.test_every());
        loop {
            self.advance_unseen(end.saturating_sub(self.encoded)).await?;
            // While submissions are short, until there is another test to see.
            let sees_more = self.encoded.div_ceil(self.config.test_every()) > before;
            if sees_more || self.encoded >= end || started.elapsed() >= self.config.submission_limit
            {
                let info = self.progress().await?;
                self.check_losses()?;
                return Ok(info);
            }
        }
    }

    /// The same up to step `end`, without a look at what the device wrote.
    pub(crate) async fn advance_to(&mut self, end: u32) -> Result<()> {
        while self.encoded < end.min(self.steps()) {
            self.advance_unseen(end - self.encoded).await?;
        }
        Ok(())
    }

    async fn advance_unseen(&mut self, most: u32) -> Result<()> {
        let left = most.min(self.steps() - self.encoded);
        if left == 0 {
            return self.gpu.check();
        }
        let Some(steps) = self.pace.steps() else {
            self.steps_in_parts(left).await?;
            return match self.stops_at_losses() {
                true => self.count_losses().await,
                false => Ok(()),
            };
        };
        let before = self.encoded;
        let started = Instant::now();
        let submission = self.submit_steps(steps.min(left), self.stops_at_losses())?;
        let done = Pending::work(&self.gpu, Some(submission)).await?;
        let took = done.duration_since(started);
        self.pace.stepped((self.encoded - before).max(1), took);
        Ok(())
    }

    /// Whether the first loss stops the run.
    fn stops_at_losses(&self) -> bool {
        self.config.on_loss == OnLoss::Stop
    }

    /// What the longest submission of this sampler took, its first ones included; see
    /// [`Config::submission_limit`](crate::Config::submission_limit). Those of [`Sampler::submit`] are
    /// not measured.
    pub fn longest_submission(&self) -> Duration {
        self.pace.took().0
    }

    /// What the last one took.
    pub fn last_submission(&self) -> Duration {
        self.pace.took().1
    }

    /// Whether all steps of the schedule are done, or an adaptive schedule has reached its end.
    pub fn is_finished(&self) -> bool {
        self.encoded >= self.steps() || self.finished
    }

    /// The state at the end of the schedule.
    ///
    /// # Errors
    /// As [`Sampler::run_async`]; [`ErrorKind::StagesExhausted`](crate::ErrorKind::StagesExhausted) when
    /// an adaptive schedule has no stage left and has not arrived;
    /// [`ErrorKind::MostLost`](crate::ErrorKind::MostLost) when there were more losses than half of the
    /// population.
    pub async fn finish_async(&self) -> Result<Info> {
        let info = self.info().await?;
        self.check_finished(&info)?;
        self.check_most_lost(&info).await?;
        Ok(info)
    }
}
