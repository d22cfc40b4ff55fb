//! What a run says of the particles that it loses, and of a weight that gathers on one of them.

use super::{Info, Sampler, TraceEvent};
use crate::diagnostics::is_collapsed;
use crate::error::{ErrorKind, Result};
use crate::kernel::losses;
use crate::loss::{Loss, Losses, Lost, OnLoss, described};
use crate::readback;

/// What a run has said already.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The losses that were seen last, and the first of them.
    lost: Lost,
    first: Option<Loss>,
    collapse: bool,
}

impl Sampler {
    /// The particles lost since time zero: how many by each cause, in which steps, and the first of
    /// them. Some bytes are read where none was lost, otherwise 16 for each step since the first.
    ///
    /// # Errors
    /// [`ErrorKind::Recording`], [`ErrorKind::DeviceLost`] and [`ErrorKind::Device`].
    pub async fn losses(&self) -> Result<Losses> {
        self.check_recorded().await?;
        let record = |encoder: &mut wgpu::CommandEncoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            self.losses.encode_now(&mut pass);
        };
        let mut read = readback::gather(&self.gpu, record, &[self.losses_part()]).await?;
        let (lost, first) = self.lost_of(&read.next());
        let Some(since) = first.as_ref().map(|first| first.step) else {
            return Ok(Losses::default());
        };
        let offset = losses::row_offset(since, self.dim);
        let bytes = losses::row_offset(self.encoded + 1, self.dim).saturating_sub(offset);
        let rows: Vec<[u32; 4]> =
            readback::read(&self.gpu, &self.losses.buffer, offset, bytes).await?;
        let by_step = (since..)
            .zip(rows)
            .map(|(step, [position, score, weight, _])| (step, [position, score, weight]));
        let by_step = by_step.filter(|(_, counts)| counts.iter().any(|count| *count > 0));
        Ok(Losses { lost, by_step: by_step.collect(), first })
    }

    /// Counts what was lost since the last ESS test.
    pub(super) async fn count_losses(&self) -> Result<()> {
        self.gpu.takes_more().await?;
        self.gpu.submit_pass(|pass| self.losses.encode_now(pass)).map(drop)
    }

    /// An error where a loss was seen that should stop the run.
    pub(super) fn check_losses(&self) -> Result<()> {
        let Told { lost, first, .. } = &self.told;
        match first {
            Some(first) if self.config.on_loss == OnLoss::Stop => {
                let Loss { step, slot, cause, position } = first.clone();
                Err(ErrorKind::NonFinite { lost: *lost, step, slot, cause, position }.into())
            }
            _ => Ok(()),
        }
    }

    /// An error where so many were lost that what is left is no sample.
    pub(super) async fn check_most_lost(&self, info: &Info) -> Result<()> {
        let particles = self.plan.particles;
        if !info.lost.are_most(particles) {
            return Ok(());
        }
        let mut read = readback::gather(&self.gpu, |_| (), &[self.losses_part()]).await?;
        let (lost, first) = self.lost_of(&read.next());
        Err(ErrorKind::MostLost { lost, particles, first }.into())
    }

    /// Warns of the first loss, and of the first collapse among the tests from `from` on; once each.
    pub(super) fn tell(&mut self, info: &Info, first: Option<&Loss>, from: usize) {
        if info.lost != self.told.lost {
            let lost = info.lost;
            if let (None, Some(first)) = (&self.told.first, first)
                && self.config.on_loss == OnLoss::Drop
            {
                log::warn!(
                    "particles are lost by step {}: {}",
                    info.step,
                    described(&lost, self.plan.particles, Some(first))
                );
            }
            (self.told.lost, self.told.first) = (lost, first.cloned());
        }
        let particles = self.plan.particles as usize;
        let collapsed = |test: &&TraceEvent| is_collapsed(test.max_weight, particles);
        if let Some(test) =
            self.trace[from..].iter().find(collapsed).filter(|_| !self.told.collapse)
        {
            log::warn!(
                "at step {} one particle holds {:.0} % of the weight, ESS {:.1} of {}; use more \
                 steps, a smaller ess-every, or an initial law nearer to the target",
                test.step,
                100.0 * test.max_weight,
                test.ess,
                self.plan.particles
            );
            self.told.collapse = true;
        }
    }
}
