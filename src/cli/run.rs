//! One run from its settings to the particles on the host, timed.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use wfr::{
    Checkpoint, Config, Diagnostics, Examination, Gpu, Info, Integrator, Losses, Particles, Pilot,
    Problem, ReactionEvent, Sampler, TraceEvent, Tracked, Truth, Tuned, Warning, wgpu,
};

use super::clock::{Clock, Spent};
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::{file_name, interrupt};
use crate::output::{OnDevice, Thinned};

/// All that is known after a run.
pub(crate) struct Outcome {
    pub(crate) problem: Problem,
    pub(crate) config: Config,
    /// What a small run before it said of the path.
    pub(crate) pilot: Option<Pilot>,
    /// What pilot runs found, where there were any.
    pub(crate) tuned: Option<Tuned>,
    pub(crate) integrator: Integrator,
    pub(crate) adapter: wgpu::AdapterInfo,
    pub(crate) info: Info,
    /// Whether all steps were done.
    pub(crate) complete: bool,
    /// Why it went no further, where it was not the user who stopped it.
    pub(crate) failure: Option<String>,
    /// The particles, or every so many of them where memory would not hold all.
    pub(crate) particles: Arc<Particles>,
    pub(crate) every: u32,
    pub(crate) trace: Vec<TraceEvent>,
    /// The reaction's estimates; none for flows without one.
    pub(crate) reaction: Vec<ReactionEvent>,
    /// What is known exactly of the law that was sampled.
    pub(crate) truth: Option<Truth>,
    /// The particles that were lost on the way.
    pub(crate) losses: Losses,
    /// The log densities that the particles of a composition carry.
    pub(crate) tracked: Vec<Tracked>,
    /// What the particles said when they were held against the density, where they were.
    pub(crate) examination: Option<Examination>,
    /// The sampling loop alone.
    pub(crate) spent: Spent,
    /// Seconds to compile the kernels, allocate and draw the initial particles.
    pub(crate) setup_s: f64,
}

impl Outcome {
    /// What was sampled: the target, or the rule of a composition.
    pub(crate) fn name(&self) -> String {
        match self.problem.composition() {
            Some(composition) => composition.rule().to_string(),
            None => file_name(self.problem.target().name()).to_string(),
        }
    }

    /// The path parameter at the end: 1 at the target, nothing for a flow without a path.
    pub(crate) fn beta(&self) -> Option<f64> {
        self.problem.flow().has_path().then_some(self.info.beta)
    }

    /// Particles times steps.
    pub(crate) fn particle_steps(&self) -> f64 {
        f64::from(self.config.particles) * f64::from(self.info.step)
    }
}

/// The device of a command's first run, kept for the runs after it.
pub(crate) struct Device<'a> {
    adapter: Option<&'a str>,
    gpu: Option<Gpu>,
}

impl<'a> Device<'a> {
    /// A device of the adapter asked for, once there is a run.
    pub(crate) fn new(adapter: Option<&'a str>) -> Device<'a> {
        Device { adapter, gpu: None }
    }

    /// What the device is called; nothing before the first run.
    pub(crate) fn name(&self) -> String {
        self.gpu.as_ref().map_or_else(String::new, |gpu| gpu.adapter_info().name.clone())
    }

    /// The device, which the first run must fit; says so when it is the processor.
    pub(crate) fn for_run(&mut self, problem: &Problem, config: &Config) -> Done<&Gpu> {
        let gpu = match self.gpu.take() {
            Some(gpu) => gpu,
            None => {
                let gpu = wfr::block_on(Gpu::for_problem(problem, config, self.adapter))?;
                console::note_software(&gpu);
                gpu
            }
        };
        Ok(self.gpu.insert(gpu))
    }

    /// Lets go of a device that was lost: the next run asks for another.
    pub(crate) fn renew(&mut self) {
        self.gpu = None;
    }
}

/// Runs to the end with a progress bar.
pub(crate) fn run(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    label: &str,
    console: &Console,
) -> Done<Outcome> {
    let mut session = Session::start(gpu, problem, config)?;
    let end = session.run(label, console, &mut [])?;
    session.outcome(end)
}

/// Runs to the end, and shows the particles to `look` at time zero and after each of `looks` parts,
/// with the state of then and the seconds of sampling so far; the clock stands still meanwhile.
pub(crate) fn watch(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    (label, console): (&str, &Console),
    looks: u32,
    mut look: impl FnMut(Particles, &Info, f64),
) -> Done<Outcome> {
    let mut session = Session::start(gpu, problem, config)?;
    let steps = session.sampler.steps();
    let parts = u64::from(looks.clamp(1, steps));
    let bar = console.bar(label, steps);
    for part in 0..=parts {
        let until = (u64::from(steps) * part).div_ceil(parts) as u32;
        let clock = Clock::start();
        while session.sampler.steps_encoded() < until {
            session.sampler.advance(until - session.sampler.steps_encoded())?;
        }
        session.spent = session.spent.plus(clock.spent());
        let info = wfr::block_on(session.sampler.info())?;
        bar.show(&info);
        look(wfr::block_on(session.sampler.particles())?, &info, session.spent.wall);
    }
    drop(bar);
    let info = wfr::block_on(session.sampler.info())?;
    session.outcome(End { info, complete: true })
}

/// What looks on while a run goes on.
pub(crate) trait Watcher {
    /// After every submission, with the last ESS test and the time of sampling so far; breaking stops
    /// the run between two steps.
    fn look(&mut self, sampler: &mut Sampler, info: &Info, spent: Spent) -> Done<ControlFlow<()>>;

    /// The step after this one at which it wants to look at the latest.
    fn next_step(&self, _step: u32) -> u32 {
        u32::MAX
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) info: Info,
    /// Whether all steps were done.
    pub(crate) complete: bool,
}

/// A run that is going on, and the time it took so far.
pub(crate) struct Session {
    pub(crate) sampler: Sampler,
    problem: Problem,
    spent: Spent,
    setup_s: f64,
}

impl Session {
    /// Compiles, allocates and draws the initial particles.
    pub(crate) fn start(gpu: &Gpu, problem: &Problem, config: &Config) -> Done<Session> {
        let _setting_up = interrupt::SettingUp::begin();
        let setup = Clock::start();
        let sampler = Sampler::new(gpu, problem, config.clone())?;
        wait(gpu)?;
        let setup_s = setup.spent().wall;
        Ok(Session { sampler, problem: problem.clone(), spent: Spent::NOTHING, setup_s })
    }

    /// Goes on at a checkpoint, after so much time of sampling.
    pub(crate) fn resume(
        gpu: &Gpu,
        problem: &Problem,
        checkpoint: &Checkpoint,
        spent: Spent,
    ) -> Done<Session> {
        let _setting_up = interrupt::SettingUp::begin();
        let setup = Clock::start();
        let sampler = Sampler::resume(gpu, problem, checkpoint)?;
        wait(gpu)?;
        let setup_s = setup.spent().wall;
        Ok(Session { sampler, problem: problem.clone(), spent, setup_s })
    }

    /// Whether the device was lost under it.
    pub(crate) fn is_lost(&self) -> bool {
        let state = wfr::block_on(self.sampler.info());
        state.is_err_and(|error| matches!(error.kind(), wfr::ErrorKind::DeviceLost { .. }))
    }

    /// Runs to the end, or until a watcher or the user stops it.
    pub(crate) fn run(
        &mut self,
        label: &str,
        console: &Console,
        watchers: &mut [&mut dyn Watcher],
    ) -> Done<End> {
        let bar = console.bar(label, self.sampler.steps());
        while !self.sampler.is_finished() {
            let info = self.advance(watchers)?;
            bar.show(&info);
            let mut stops = interrupt::asked();
            for watcher in watchers.iter_mut() {
                stops |= watcher.look(&mut self.sampler, &info, self.spent)?.is_break();
            }
            if stops && !self.sampler.is_finished() {
                return self.end();
            }
        }
        Ok(End { info: self.sampler.finish()?, complete: true })
    }

    /// The end of a run that stops where it is.
    pub(crate) fn end(&self) -> Done<End> {
        Ok(End { info: wfr::block_on(self.sampler.info())?, complete: false })
    }

    /// One submission, timed.
    fn advance(&mut self, watchers: &[&mut dyn Watcher]) -> Done<Info> {
        let now = self.sampler.steps_encoded();
        let next = watchers.iter().map(|watcher| watcher.next_step(now)).min();
        let most = next.unwrap_or(u32::MAX).saturating_sub(now).max(1);
        let clock = Clock::start();
        let info = self.sampler.advance(most)?;
        self.spent = self.spent.plus(clock.spent());
        Ok(info)
    }

    /// What the run gives, its particles held against the density. Where the device fails at that, the
    /// results are as good as they were.
    pub(crate) fn examined(&mut self, end: End) -> Done<Outcome> {
        let mut outcome = self.outcome(end)?;
        if interrupt::asked() {
            // Who stops a run does not wait for more compiling.
            let mut none = Examination::default();
            none.not_checked = Some("the run was stopped".into());
            outcome.examination = Some(none);
            return Ok(outcome);
        }
        let diagnostics =
            Diagnostics::new(&outcome.particles).of_run(&self.problem, &outcome.config);
        let gpu = self.sampler.gpu();
        let found = diagnostics.examine(gpu, &self.problem, &outcome.config, &outcome.info);
        outcome.examination = Some(found.unwrap_or_else(|error| {
            let mut none = Examination::default();
            none.not_checked = Some(error.to_string());
            let text = format!("the particles were not held against the density: {error}");
            none.warnings.push(Warning::note("not-examined", text));
            none
        }));
        Ok(outcome)
    }

    /// What the run gives.
    pub(crate) fn outcome(&mut self, end: End) -> Done<Outcome> {
        let outcome = outcome(&mut self.sampler, &self.problem, end)?;
        Ok(Outcome { spent: self.spent, setup_s: self.setup_s, ..outcome })
    }
}

/// What a run gives that is here, with as many particles as the host's memory should hold; the time
/// it took is not known.
pub(crate) fn outcome(sampler: &mut Sampler, problem: &Problem, end: End) -> Done<Outcome> {
    let dim = problem.target().dim();
    let every = thinning(sampler.config().particles, dim);
    Ok(Outcome {
        problem: problem.clone(),
        truth: problem.target().truth(),
        losses: wfr::block_on(sampler.losses())?,
        tracked: wfr::block_on(sampler.tracked())?,
        examination: None,
        config: sampler.config().clone(),
        pilot: None,
        tuned: None,
        integrator: sampler.integrator(),
        adapter: sampler.gpu().adapter_info().clone(),
        info: end.info,
        complete: end.complete,
        failure: None,
        trace: wfr::block_on(sampler.trace())?.to_vec(),
        reaction: wfr::block_on(sampler.reaction_trace())?.to_vec(),
        particles: Arc::new(thinned(sampler, dim, every)?),
        every,
        spent: Spent::NOTHING,
        setup_s: 0.0,
    })
}

/// Bytes of particles and what is worked out from them that the host's memory should hold.
const HOST_BYTES: u64 = 4 << 30;

/// Of how many particles the host looks at one: of all as long as they fit.
fn thinning(particles: u32, dim: u32) -> u32 {
    // Coordinates, log-weight and ancestor, and in double precision a weight, a family's sum, and
    // what quantiles are sorted by.
    let bytes = u64::from(particles) * (4 * u64::from(dim + 2) + 32);
    bytes.div_ceil(HOST_BYTES) as u32
}

/// Every so many particles: a weighted sample of the same law.
fn thinned(sampler: &Sampler, dim: u32, every: u32) -> Done<Particles> {
    let all = OnDevice::new(sampler, dim as usize);
    let left = Thinned::new(&all, every as usize);
    let n = left.count();
    let mut positions = Vec::with_capacity(n * dim as usize);
    let (mut log_weights, mut ancestors) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let unread = |error: io::Error| Failure::Output(error.to_string());
    left.positions(|window| {
        positions.extend_from_slice(window);
        Ok(())
    })
    .map_err(unread)?;
    left.log_weights(|window| {
        log_weights.extend_from_slice(window);
        Ok(())
    })
    .map_err(unread)?;
    left.ancestors(|window| {
        ancestors.extend_from_slice(window);
        Ok(())
    })
    .map_err(unread)?;
    let particles = Particles::new(dim as usize, positions, log_weights, ancestors)?;
    Ok(match sampler.center() {
        Some(center) => particles.with_center(center)?,
        None => particles,
    })
}

/// Waits until the device has done everything submitted so far.
pub(crate) fn wait(gpu: &Gpu) -> Done {
    Ok(gpu.wait()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_looks_at_as_many_particles_as_its_memory_holds() {
        assert_eq!((thinning(1, 1), thinning(1_000_000, 64), thinning(1 << 26, 2)), (1, 1, 1));
        // 2^27 particles in 16 dimensions are 13 GiB with what is worked out from them.
        assert_eq!(thinning(1 << 27, 16), 4);
        for (particles, dim) in [(1_u32 << 27, 2), (1 << 27, 64), (1 << 20, 4096)] {
            let left = u64::from(particles.div_ceil(thinning(particles, dim)));
            assert!(left * (4 * u64::from(dim + 2) + 32) <= HOST_BYTES + (64 << 10));
        }
    }
}
