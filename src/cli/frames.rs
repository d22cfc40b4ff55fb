//! The population at moments of a run, for animations and genealogies.

use std::ops::ControlFlow;

use wfr::{Axis, BinnedAxis, Histogram, Info, Sampler};

use super::failure::Done;
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

    /// All frames, the last of now.
    pub(crate) fn finish(mut self, sampler: &Sampler) -> Done<Vec<Frame>> {
        let now = sampler.steps_encoded();
        if self.wanted > 0 && self.all.last().is_none_or(|last| last.step != now) {
            self.all.push(frame(sampler, self.dim)?);
        }
        Ok(self.all)
    }
}

impl Watcher for Frames {
    fn look(&mut self, sampler: &mut Sampler, _: &Info, _: f64) -> Done<ControlFlow<()>> {
        if sampler.steps_encoded() >= self.next_step() {
            self.all.push(frame(sampler, self.dim)?);
            if self.all.len() > 2 * self.wanted as usize {
                self.stride *= 2;
                let stride = self.stride;
                self.all.retain(|frame| frame.step.is_multiple_of(stride));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn next_step(&self) -> u32 {
        match self.all.last() {
            Some(last) => (last.step / self.stride + 1).saturating_mul(self.stride),
            None => u32::MAX,
        }
    }
}

/// The population of now.
fn frame(sampler: &Sampler, dim: u32) -> Done<Frame> {
    let info = pollster::block_on(sampler.info())?;
    let plane = dim > 1;
    let axes = match plane {
        true => vec![Axis::new(0, PLANE), Axis::new(1, PLANE)],
        false => vec![Axis::new(0, LINE)],
    };
    let histogram = pollster::block_on(sampler.histogram(&axes))?;
    seen(sampler, &info, &histogram)
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
        ancestors: pollster::block_on(sampler.survivors())?,
        x: ends(first),
        y: second.map_or([0.0, 1.0], ends),
        columns: first.bins,
        rows: second.map_or(1, |axis| axis.bins),
        density: histogram.density().into_iter().map(|density| density as f32).collect(),
    })
}
