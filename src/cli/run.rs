//! One run from its settings to the particles on the host, timed.

use std::ops::ControlFlow;

use wfr::{
    Config, Gpu, Info, Integrator, Particles, Pilot, Problem, ReactionEvent, Sampler, TraceEvent,
    Tracked, Truth, Tuned, wgpu,
};

use super::clock::{Clock, Spent};
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::file_name;

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
    pub(crate) particles: Particles,
    pub(crate) trace: Vec<TraceEvent>,
    /// The reaction's estimates; none for flows without one.
    pub(crate) reaction: Vec<ReactionEvent>,
    /// What is known exactly of the law that was sampled.
    pub(crate) truth: Option<Truth>,
    /// The log densities that the particles of a composition carry.
    pub(crate) tracked: Vec<Tracked>,
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
                let gpu = pollster::block_on(Gpu::for_problem(problem, config, self.adapter))?;
                console::note_software(&gpu);
                gpu
            }
        };
        Ok(self.gpu.insert(gpu))
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
    let setup = Clock::start();
    let mut sampler = Sampler::new(gpu, problem, config.clone())?;
    wait(gpu)?;
    let setup_s = setup.spent().wall;

    let bar = console.bar(label, sampler.steps());
    let clock = Clock::start();
    let info = sampler.run_observed(|info| {
        bar.show(info);
        ControlFlow::Continue(())
    })?;
    let spent = clock.spent();
    drop(bar);
    outcome(sampler, problem, info, spent, setup_s)
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
    let setup = Clock::start();
    let mut sampler = Sampler::new(gpu, problem, config.clone())?;
    wait(gpu)?;
    let setup_s = setup.spent().wall;

    let steps = sampler.steps();
    let parts = u64::from(looks.clamp(1, steps));
    let bar = console.bar(label, steps);
    let mut spent = Spent::default();
    for part in 0..=parts {
        let until = (u64::from(steps) * part).div_ceil(parts) as u32;
        let clock = Clock::start();
        sampler.submit(until - sampler.steps_encoded())?;
        wait(gpu)?;
        spent = if part == 0 { clock.spent() } else { spent.plus(clock.spent()) };
        let info = pollster::block_on(sampler.info())?;
        bar.show(&info);
        look(pollster::block_on(sampler.particles())?, &info, spent.wall);
    }
    drop(bar);
    let info = pollster::block_on(sampler.info())?;
    outcome(sampler, problem, info, spent, setup_s)
}

fn outcome(
    mut sampler: Sampler,
    problem: &Problem,
    info: Info,
    spent: Spent,
    setup_s: f64,
) -> Done<Outcome> {
    Ok(Outcome {
        problem: problem.clone(),
        truth: problem.target().truth(),
        tracked: pollster::block_on(sampler.tracked())?,
        config: sampler.config().clone(),
        pilot: None,
        tuned: None,
        integrator: sampler.integrator(),
        adapter: sampler.gpu().adapter_info().clone(),
        info,
        trace: pollster::block_on(sampler.trace())?.to_vec(),
        reaction: pollster::block_on(sampler.reaction_trace())?.to_vec(),
        particles: pollster::block_on(sampler.particles())?,
        spent,
        setup_s,
    })
}

/// Waits until the device has done everything submitted so far.
pub(crate) fn wait(gpu: &Gpu) -> Done {
    let waited = gpu.device.poll(wgpu::PollType::wait_indefinitely());
    waited.map(|_| ()).map_err(|error| {
        Failure::Wfr(wfr::ErrorKind::DeviceLost { message: error.to_string() }.into())
    })
}
