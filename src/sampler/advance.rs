//! The loop on the host: submissions that neither starve a device nor freeze a desktop.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{Info, Sampler};
use crate::error::Result;
use crate::loss::OnLoss;

impl Sampler {
    /// Runs to the end of the schedule, blocking.
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
    pub fn run(&mut self) -> Result<Info> {
        self.run_observed(|_| ControlFlow::Continue(()))
    }

    /// Runs to the end of the schedule, blocking, and shows the last ESS test to the observer after
    /// every submission; [`ControlFlow::Break`] stops between two steps.
    ///
    /// # Errors
    /// As [`Sampler::run`].
    pub fn run_observed(
        &mut self,
        mut observer: impl FnMut(&Info) -> ControlFlow<()>,
    ) -> Result<Info> {
        while !self.is_finished() {
            let info = self.advance(u32::MAX)?;
            if observer(&info).is_break() {
                return pollster::block_on(self.info());
            }
        }
        self.finish()
    }

    /// Submits steps, at most `most`, waits for them, and returns the last ESS test: the loop of
    /// [`Sampler::run`] in the caller's hands.
    ///
    /// No submission takes longer than [`Config::submission_limit`](crate::Config::submission_limit),
    /// by what those before it took; the first is the smallest there is.
    ///
    /// ```no_run
    /// # fn f(sampler: &mut wfr::Sampler) -> wfr::Result<()> {
    /// while !sampler.is_finished() {
    ///     let info = sampler.advance(u32::MAX)?;
    ///     println!("step {}: ESS {:.0}", info.step, info.ess);
    ///     let tests = pollster::block_on(sampler.trace())?;
    /// }
    /// let info = sampler.finish()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::run`].
    pub fn advance(&mut self, most: u32) -> Result<Info> {
        self.check_asked()?;
        self.check_losses()?;
        pollster::block_on(self.check_recorded())?;
        let (started, begin) = (Instant::now(), self.encoded);
        // Tests are read before the device's ring of rows comes round.
        let ring = self.config.test_every().saturating_mul(self.config.trace_rows);
        let end = begin.saturating_add(most.min(ring)).min(self.steps());
        let before = begin.div_ceil(self.config.test_every());
        loop {
            self.advance_unseen(end.saturating_sub(self.encoded))?;
            // While submissions are short, until there is another test to see.
            let sees_more = self.encoded.div_ceil(self.config.test_every()) > before;
            if sees_more || self.encoded >= end || started.elapsed() >= self.config.submission_limit
            {
                let info = pollster::block_on(self.progress())?;
                self.check_losses()?;
                return Ok(info);
            }
        }
    }

    /// The same up to step `end`, without a look at what the device wrote.
    pub(crate) fn advance_to(&mut self, end: u32) -> Result<()> {
        while self.encoded < end.min(self.steps()) {
            self.advance_unseen(end - self.encoded)?;
        }
        Ok(())
    }

    fn advance_unseen(&mut self, most: u32) -> Result<()> {
        let left = most.min(self.steps() - self.encoded);
        if left == 0 {
            return self.gpu.check();
        }
        let Some(steps) = self.pace.steps() else {
            self.steps_in_parts(left)?;
            return self.see_losses();
        };
        let before = self.encoded;
        let started = Instant::now();
        self.submit(steps.min(left))?;
        self.see_losses()?;
        self.gpu.wait()?;
        let took = started.elapsed();
        self.pace.stepped((self.encoded - before).max(1), took);
        Ok(())
    }

    /// Counts the losses where the first of them stops the run.
    fn see_losses(&self) -> Result<()> {
        match self.config.on_loss {
            OnLoss::Stop => self.count_losses(),
            OnLoss::Drop => Ok(()),
        }
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
    /// As [`Sampler::run`]; [`ErrorKind::StagesExhausted`](crate::ErrorKind::StagesExhausted) when
    /// an adaptive schedule has no stage left and has not arrived;
    /// [`ErrorKind::MostLost`](crate::ErrorKind::MostLost) when there were more losses than half of the
    /// population.
    pub fn finish(&self) -> Result<Info> {
        let info = pollster::block_on(self.info())?;
        self.check_finished(&info)?;
        pollster::block_on(self.check_most_lost(&info))?;
        Ok(info)
    }
}
