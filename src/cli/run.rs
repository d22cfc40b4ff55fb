//! One run from its settings to the particles on the host, timed.

use std::ops::ControlFlow;

use wfr::{Config, Gpu, Info, Integrator, Particles, Problem, Sampler, TraceEvent, Tuned, wgpu};

use super::clock::{Clock, Spent};
use super::console::{self, Console};
use super::failure::{Done, Failure};
use super::integrator::IntegratorOptions;

/// All that is known after a run.
pub(crate) struct Outcome {
    pub(crate) problem: Problem,
    pub(crate) config: Config,
    /// What pilot runs found, where there were any.
    pub(crate) tuned: Option<Tuned>,
    pub(crate) integrator: Integrator,
    pub(crate) adapter: wgpu::AdapterInfo,
    pub(crate) info: Info,
    pub(crate) particles: Particles,
    pub(crate) trace: Vec<TraceEvent>,
    /// The sampling loop alone.
    pub(crate) spent: Spent,
    /// Seconds to compile the kernels, allocate and draw the initial particles.
    pub(crate) setup_s: f64,
}

impl Outcome {
    /// Particles times steps.
    pub(crate) fn particle_steps(&self) -> f64 {
        f64::from(self.config.particles) * f64::from(self.config.schedule.steps())
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

    let trace = pollster::block_on(sampler.trace())?.to_vec();
    let particles = pollster::block_on(sampler.particles())?;
    Ok(Outcome {
        problem: problem.clone(),
        config: config.clone(),
        tuned: None,
        integrator: sampler.integrator(),
        adapter: gpu.adapter_info().clone(),
        info,
        particles,
        trace,
        spent,
        setup_s,
    })
}

/// Runs with the settings that pilot runs find, where the options ask for them.
pub(crate) fn run_tuned(
    gpu: &Gpu,
    problem: &Problem,
    config: &Config,
    options: &IntegratorOptions,
    label: &str,
    console: &Console,
) -> Done<Outcome> {
    let tuned = options.tune(gpu, problem, config)?;
    let config = tuned.as_ref().map_or(config, |tuned| &tuned.config);
    let outcome = run(gpu, problem, config, label, console)?;
    Ok(Outcome { tuned, ..outcome })
}

/// Waits until the device has done everything submitted so far.
pub(crate) fn wait(gpu: &Gpu) -> Done {
    let waited = gpu.device.poll(wgpu::PollType::wait_indefinitely());
    waited.map(|_| ()).map_err(|error| {
        Failure::Wfr(wfr::ErrorKind::DeviceLost { message: error.to_string() }.into())
    })
}
