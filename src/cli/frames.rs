//! The population at moments of a run, for animations and genealogies.

use std::ops::ControlFlow;

use wfr::{Axis, BinnedAxis, Histogram, Info, Sampler};

use super::clock::Spent;
use super::failure::{Done, Failure};
use super::run::Watcher;
use crate::output::Frame;

/// Bins of a frame on the line.
const LINE: u32 = 192;
/// Bins of a frame in the plane, per axis.
const PLANE: u32 = 96;

/// Looks at the population at evenly spaced steps, about as many as wanted.
///
/// The steps depend on the settings alone, so that the same run gives the same frames.
pub(crate) struct Frames {
    wanted: u32,
    /// Steps from frame to frame.
    stride: u32,
    dim: u32,
    all: Vec<Frame>,
}

impl Frames {
    /// So many frames from now, the first step, to the end; none at all for 0.
    pub(crate) fn start(sampler: &Sampler, dim: u32, wanted: u32) -> Done<Frames> {
        let every = sampler.config().test_every();
        let is_adaptive = sampler.config().schedule.adaptivity().is_some();
        // Where the number of steps is not known, frames begin dense and are thinned as they come.
        let steps = if is_adaptive { every } else { sampler.steps() };
        let stride = steps.div_ceil(wanted.max(1)).next_multiple_of(every);
        let mut frames = Frames { wanted, stride, dim, all: Vec::new() };
        if wanted > 0 {
            frames.all.push(frame(sampler, dim)?);
        }
        Ok(frames)
    }

    /// Goes on after these frames, so many steps apart.
    pub(crate) fn resume(dim: u32, wanted: u32, stride: u32, all: Vec<Frame>) -> Done<Frames> {
        let bins: Vec<u32> = axes(dim).iter().map(|axis| axis.bins).collect();
        let is_ours = |frame: &Frame| {
            (frame.columns, frame.rows) == (bins[0], bins.get(1).copied().unwrap_or(1))
        };
        match all.iter().all(is_ours) && stride > 0 && all.is_empty() == (wanted == 0) {
            true => Ok(Frames { wanted, stride, dim, all }),
            false => Err(Failure::Usage(
                "the frames of the checkpoint are not those of this run, with its --frames".into(),
            )),
        }
    }

    /// The frames so far, and the steps from frame to frame.
    pub(crate) fn so_far(&self) -> (&[Frame], u32) {
        (&self.all, self.stride)
    }

    /// The step of the next one.
    fn next(&self) -> u32 {
        match self.all.last() {
            Some(last) => (last.step / self.stride + 1).saturating_mul(self.stride),
            None => u32::MAX,
        }
    }

    /// All frames, the last of now.
    pub(crate) fn finish(&self, sampler: &Sampler) -> Done<Vec<Frame>> {
        let mut all = self.all.clone();
        if self.wanted > 0 {
            let now = frame(sampler, self.dim)?;
            if all.last().is_none_or(|last| last.step != now.step) {
                all.push(now);
            }
        }
        Ok(all)
    }
}

impl Watcher for Frames {
    fn look(&mut self, sampler: &mut Sampler, _: &Info, _: Spent) -> Done<ControlFlow<()>> {
        // The end, which an adaptive schedule may reach between two frames, is looked at last.
        if sampler.steps_encoded() >= self.next() && !sampler.is_finished() {
            self.all.push(frame(sampler, self.dim)?);
            if self.all.len() > 2 * self.wanted as usize {
                self.stride *= 2;
                let stride = self.stride;
                self.all.retain(|frame| frame.step.is_multiple_of(stride));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn next_step(&self, _: u32) -> u32 {
        self.next()
    }
}

/// The population of now.
fn frame(sampler: &Sampler, dim: u32) -> Done<Frame> {
    let info = wfr::block_on(sampler.info())?;
    let histogram = wfr::block_on(sampler.histogram(&axes(dim)))?;
    seen(sampler, &info, &histogram)
}

/// The plane of the first two coordinates, or the line of the only one.
fn axes(dim: u32) -> Vec<Axis> {
    match dim > 1 {
        true => vec![Axis::new(0, PLANE), Axis::new(1, PLANE)],
        false => vec![Axis::new(0, LINE)],
    }
}

/// The population of now, of which this is known already.
pub(super) fn seen(sampler: &Sampler, info: &Info, histogram: &Histogram) -> Done<Frame> {
    let ends = |axis: &BinnedAxis| [axis.range.start, axis.range.end];
    let (first, second) = (&histogram.axes[0], histogram.axes.get(1));
    Ok(Frame {
        step: info.step,
        time: info.time,
        ess: info.ess.into(),
        log_normalizer: info.log_normalizer,
        ancestors: wfr::block_on(sampler.survivors())?,
        x: ends(first),
        y: second.map_or([0.0, 1.0], ends),
        columns: first.bins,
        rows: second.map_or(1, |axis| axis.bins),
        density: histogram.density().into_iter().map(|density| density as f32).collect(),
    })
}
