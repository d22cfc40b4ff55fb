//! The calls that block the thread they are made on until the device has answered. Each has an async twin
//! of the same name with `_async`, and there is none of them in the browser, where nothing may block.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::diffusion::Scores;
use crate::error::Result;
use crate::flow::Pilot;
use crate::gpu::Gpu;
use crate::initial::Initial;
use crate::pending::Wait;
use crate::problem::Problem;
use crate::recorded::RecordedPlan;
use crate::sampler::{Info, ModelCall, Sampler};
use crate::target::Target;
use crate::tuning::{self, Tuned, Tuning};

thread_local! {
    /// What the future that this thread blocks on waits for; nothing where it does not block.
    static WAITS: RefCell<Option<Vec<Wait>>> = const { RefCell::new(None) };
}

/// Whether this thread is within [`block_on`].
pub(crate) fn is_blocking() -> bool {
    WAITS.with_borrow(Option::is_some)
}

/// Notes what the blocked thread has to poll the device for; false where it does not block.
pub(crate) fn watches(wait: &Wait) -> bool {
    WAITS.with_borrow_mut(|waits| waits.as_mut().map(|waits| waits.push(wait.clone())).is_some())
}

/// Wakes the thread that blocks.
struct Blocked {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Blocked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// The waits of this thread, and after it those of whoever it interrupts.
struct Turn(Option<Vec<Wait>>);

impl Turn {
    fn begin() -> Turn {
        Turn(WAITS.replace(Some(Vec::new())))
    }

    fn end(self) -> Vec<Wait> {
        WAITS.with_borrow_mut(Option::take).unwrap_or_default()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        WAITS.set(self.0.take());
    }
}

/// Blocks this thread until the future is done: any, for instance [`Sampler::info`] or
/// [`adapter`](crate::adapter).
///
/// Where it waits for a device of this crate, this thread polls it, so that no other has to be woken.
/// What an async function of this crate would compile on a thread of its own is compiled on this one.
/// Within an executor use `.await`.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let blocked = Arc::new(Blocked { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&blocked));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        let turn = Turn::begin();
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        let waits = turn.end();
        while !blocked.woken.swap(false, Ordering::Acquire) {
            match waits.iter().find(|wait| !wait.signal.is_over()) {
                Some(wait) => wait.look(),
                None => thread::park(),
            }
        }
    }
}

impl Gpu {
    /// Blocks until the device has done everything submitted so far; see [`Gpu::wait_async`].
    ///
    /// # Errors
    /// As [`Gpu::wait_async`].
    pub fn wait(&self) -> Result<()> {
        block_on(self.wait_async())
    }
}

impl Sampler {
    /// Blocks while it compiles the kernels, allocates the buffers and draws the particles from the
    /// initial law; see [`Sampler::new_async`].
    ///
    /// # Errors
    /// As [`Sampler::new_async`].
    pub fn new(gpu: &Gpu, problem: &Problem, config: Config) -> Result<Sampler> {
        block_on(Sampler::new_async(gpu, problem, config))
    }

    /// The run as it would be recorded on this device, as one value, blocking; nothing is run. See
    /// [`Sampler::recorded_async`].
    ///
    /// ```no_run
    /// # fn f(gpu: &wfr::Gpu, problem: &wfr::Problem) -> wfr::Result<()> {
    /// let plan = wfr::Sampler::recorded(gpu, problem, wfr::Config::default())?;
    /// let steps = plan.order.iter().map(|block| block.steps).sum::<u32>();
    /// println!("{steps} steps in {} blocks of {} kernels", plan.order.len(), plan.kernels.len());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::recorded_async`].
    pub fn recorded(gpu: &Gpu, problem: &Problem, config: Config) -> Result<RecordedPlan> {
        block_on(Sampler::recorded_async(gpu, problem, config))
    }

    /// A run that goes on where the checkpoint was made, blocking; see [`Sampler::resume_async`].
    ///
    /// # Errors
    /// As [`Sampler::resume_async`].
    pub fn resume(gpu: &Gpu, problem: &Problem, checkpoint: &Checkpoint) -> Result<Sampler> {
        block_on(Sampler::resume_async(gpu, problem, checkpoint))
    }

    /// Begins anew with another seed, blocking; see [`Sampler::restart_async`].
    ///
    /// ```no_run
    /// # fn f(gpu: &wfr::Gpu, start: wfr::Initial, config: wfr::Config) -> wfr::Result<()> {
    /// use wfr::{Flow, Problem, Sampler, Target};
    /// let of = |depth: f64| -> wfr::Result<Problem> {
    ///     let target = Target::double_well(2)?.set("a", depth)?;
    ///     Problem::new(target, start.clone(), Flow::annealed())
    /// };
    /// let mut sampler = Sampler::new(gpu, &of(1.0)?, config)?;
    /// for seed in 0..200 {
    ///     sampler.restart(&of(1.0 + 0.1 * seed as f64)?, seed)?;
    ///     println!("{}", sampler.run()?.log_normalizer);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::restart_async`].
    pub fn restart(&mut self, problem: &Problem, seed: u64) -> Result<()> {
        block_on(self.restart_async(problem, seed))
    }

    /// Runs to the end of the schedule, blocking; see [`Sampler::run_async`].
    ///
    /// # Errors
    /// As [`Sampler::run_async`].
    pub fn run(&mut self) -> Result<Info> {
        block_on(self.run_async())
    }

    /// Runs to the end of the schedule, blocking, and shows the last ESS test to the observer after
    /// every submission; see [`Sampler::run_observed_async`].
    ///
    /// # Errors
    /// As [`Sampler::run_async`].
    pub fn run_observed(&mut self, observer: impl FnMut(&Info) -> ControlFlow<()>) -> Result<Info> {
        block_on(self.run_observed_async(observer))
    }

    /// Runs to the end of the schedule, blocking, and asks the external models before every step; see
    /// [`Sampler::run_with_async`].
    ///
    /// ```no_run
    /// # fn f(mut sampler: wfr::Sampler, encode: impl Fn(&wfr::ModelCall<'_>) -> wgpu::CommandBuffer)
    /// # -> wfr::Result<()> {
    /// let info = sampler.run_with(|call| {
    ///     call.gpu.queue.submit([encode(call)]);
    ///     Ok(())
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::run_async`], and those of `models`.
    pub fn run_with(&mut self, models: impl FnMut(&ModelCall<'_>) -> Result<()>) -> Result<Info> {
        block_on(self.run_with_async(models))
    }

    /// Submits steps, at most `most`, blocks until they are done, and returns the last ESS test; see
    /// [`Sampler::advance_async`].
    ///
    /// ```no_run
    /// # fn f(sampler: &mut wfr::Sampler) -> wfr::Result<()> {
    /// while !sampler.is_finished() {
    ///     let info = sampler.advance(u32::MAX)?;
    ///     println!("step {}: ESS {:.0}", info.step, info.ess);
    ///     let tests = wfr::block_on(sampler.trace())?;
    /// }
    /// let info = sampler.finish()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Sampler::run_async`].
    pub fn advance(&mut self, most: u32) -> Result<Info> {
        block_on(self.advance_async(most))
    }

    /// The state at the end of the schedule, blocking; see [`Sampler::finish_async`].
    ///
    /// # Errors
    /// As [`Sampler::finish_async`].
    pub fn finish(&self) -> Result<Info> {
        block_on(self.finish_async())
    }

    /// Writes the run as it is between two steps into a file, blocking; see [`Sampler::save_async`].
    ///
    /// # Errors
    /// As [`Sampler::save_async`].
    pub fn save(&mut self, path: &Path, attached: &BTreeMap<String, Vec<u8>>) -> Result<()> {
        block_on(self.save_async(path, attached))
    }
}

impl Scores {
    /// Evaluates the network once, blocking; see [`Scores::evaluate_async`].
    ///
    /// # Errors
    /// As [`Scores::evaluate_async`].
    pub fn evaluate(&self) -> Result<()> {
        block_on(self.evaluate_async())
    }
}

impl Pilot {
    /// Runs the pilot on the device, blocking; see [`Pilot::run_async`].
    ///
    /// # Errors
    /// As [`Pilot::run_async`].
    pub fn run(gpu: &Gpu, target: &Target, initial: &Initial, config: &Config) -> Result<Pilot> {
        block_on(Pilot::run_async(gpu, target, initial, config))
    }
}

/// The settings with what short runs found to suit the problem, blocking; see
/// [`tune_async`](crate::tune_async).
///
/// # Errors
/// As [`tune_async`](crate::tune_async).
pub fn tune(gpu: &Gpu, problem: &Problem, config: &Config, tuning: &Tuning) -> Result<Tuned> {
    block_on(tuning::tune_async(gpu, problem, config, tuning))
}
