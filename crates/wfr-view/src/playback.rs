//! A run that is played: forward at a chosen speed, halted, stepped, begun again.

use std::time::{Duration, Instant};

use wfr::{Config, Gpu, Info, Problem, Sampler, TraceEvent, wgpu};

use crate::failure::Failure;
use crate::pace::Pace;

/// A sampler with a speed.
#[derive(Debug)]
pub struct Playback {
    gpu: Gpu,
    problem: Problem,
    sampler: Sampler,
    info: Info,
    trace: Vec<TraceEvent>,
    /// Steps a second, and what the device can do.
    pub pace: Pace,
    /// Whether time goes on.
    pub playing: bool,
}

/// A tenth of the steps a second, to begin with.
const SECONDS: f64 = 10.0;

impl Playback {
    /// The run at time zero, halted; at first it is played within ten seconds.
    ///
    /// # Errors
    /// Those of [`Sampler::new`], and [`Failure::Usage`] where a diffusion model is evaluated by
    /// the host program, which a window does not.
    pub fn new(gpu: Gpu, problem: Problem, config: Config) -> Result<Playback, Failure> {
        let speed = f64::from(config.schedule.steps()) / SECONDS;
        let sampler = Sampler::new(&gpu, &problem, config)?;
        if sampler.model_call().is_some() {
            let message = "the composition has a model outside wfr, which a window cannot ask; \
                           use models in closed form or networks";
            return Err(Failure::Usage(message.into()));
        }
        let info = pollster::block_on(sampler.info())?;
        let (trace, pace) = (Vec::new(), Pace::new(speed));
        Ok(Playback { gpu, problem, sampler, info, trace, pace, playing: false })
    }

    /// Back to time zero, with the same seed: the same run again.
    ///
    /// # Errors
    /// As [`Playback::new`].
    pub fn restart(&mut self) -> Result<(), Failure> {
        let config = self.sampler.config().clone();
        let begun = Playback::new(self.gpu.clone(), self.problem.clone(), config)?;
        *self = Playback { pace: self.pace.clone(), playing: self.playing, ..begun };
        Ok(())
    }

    /// The steps of a frame that comes so long after the one before; says how many there were.
    ///
    /// # Errors
    /// As [`Playback::advance`].
    pub fn frame(&mut self, since: Duration) -> Result<u32, Failure> {
        if !self.playing {
            return Ok(0);
        }
        let steps = self.pace.steps(since);
        self.advance(steps)
    }

    /// Makes up to so many steps and waits for them; says how many there were. Only the numbers of
    /// [`Info`] and the new rows of the trace come back to the host.
    ///
    /// # Errors
    /// As [`Sampler::run`].
    pub fn advance(&mut self, steps: u32) -> Result<u32, Failure> {
        if steps == 0 || self.ended() {
            self.playing &= !self.ended();
            return Ok(0);
        }
        let before = self.sampler.steps_encoded();
        let started = Instant::now();
        self.sampler.submit(steps)?;
        // Without a wait of its own, what the driver queues would be timed as nothing.
        self.gpu
            .device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| Failure::Window(format!("the device no longer answers: {error}")))?;
        let made = self.sampler.steps_encoded() - before;
        self.pace.learn(made, started.elapsed());
        self.info = pollster::block_on(self.sampler.info())?;
        let known = self.trace.len();
        let trace = pollster::block_on(self.sampler.trace())?;
        self.trace.extend_from_slice(&trace[known..]);
        self.playing &= !self.ended();
        Ok(made)
    }

    /// Whether there is no step left.
    pub fn ended(&self) -> bool {
        let adaptive = self.sampler.config().schedule.adaptivity().is_some();
        self.sampler.steps_encoded() >= self.sampler.steps() || adaptive && self.info.beta >= 1.0
    }

    /// What is known of the run at this moment.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// All ESS tests so far, oldest first.
    pub fn trace(&self) -> &[TraceEvent] {
        &self.trace
    }

    /// The sampler, whose buffers are drawn.
    pub fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// What is sampled.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The device, which is the window's too.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }
}
