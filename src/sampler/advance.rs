//! The loop on the host: submissions that neither starve a device nor freeze a desktop.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{Info, Sampler};
use crate::error::Result;
use crate::loss::OnLoss;

/// Longest a submission should keep a GPU that also draws a desktop.
const SUBMISSION: Duration = Duration::from_millis(100);

impl Sampler {
    /// Runs to the end of the schedule, blocking.
    ///
    /// # Errors
    /// [`ErrorKind::AllWeightsZero`]; [`ErrorKind::NonFinite`] where [`Config::on_loss`] says so: the
    /// particles are there and valid, those lost without weight, but the run goes no further;
    /// [`ErrorKind::StagesExhausted`], [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    ///
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

    /// Submits steps for about a tenth of a second, at most `most`, waits for them, and returns the
    /// last ESS test: the loop of [`Sampler::run`] in the caller's hands.
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
        // A software driver freezes no desktop, and whole blocks run fused.
        let every = self.config.test_every();
        let least = if self.gpu.is_software() { every } else { 1 };
        // Tests are read before the device's ring of rows comes round.
        let longest = every.saturating_mul(self.config.trace_rows);
        if self.chunk == 0 {
            self.chunk = every.min(self.max_segment).max(least).min(longest);
        }
        let started = Instant::now();
        let before = self.encoded;
        self.submit(self.chunk.min(most))?;
        if self.config.on_loss == OnLoss::Stop {
            self.count_losses()?;
        }
        self.gpu.wait()?;
        let per_step = started.elapsed() / (self.encoded - before).max(1);
        let fits = SUBMISSION.as_nanos() / per_step.as_nanos().max(1);
        let grown = u32::try_from(fits).unwrap_or(u32::MAX).min(self.chunk.saturating_mul(2));
        // Whole blocks where they fit.
        let whole = if grown >= every { grown - grown % every } else { grown };
        self.chunk = whole.max(least).min(longest);
        let info = pollster::block_on(self.progress())?;
        self.check_losses()?;
        Ok(info)
    }

    /// Whether all steps of the schedule are done, or an adaptive schedule has reached its end.
    pub fn is_finished(&self) -> bool {
        self.encoded >= self.steps() || self.finished
    }

    /// The state at the end of the schedule.
    ///
    /// # Errors
    /// As [`Sampler::run`]; [`ErrorKind::StagesExhausted`](crate::ErrorKind::StagesExhausted) when
    /// an adaptive schedule has no stage left and has not arrived.
    pub fn finish(&self) -> Result<Info> {
        let info = pollster::block_on(self.info())?;
        self.check_finished(&info)?;
        Ok(info)
    }
}
