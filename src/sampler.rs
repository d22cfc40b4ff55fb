//! The loop: test the ESS, resample if it says so, step; all on the device.

mod advance;
mod losses;
mod models;
mod needs;
mod nowhere;
mod pace;
mod parts;
mod population;
mod record;
mod recording;
mod restart;
mod save;
mod shared;
mod stages;
mod status;
mod timed;
mod units;

use std::sync::{Arc, OnceLock};

use crate::aside::give_way;
use crate::buffers::{self, State};
use crate::center::Center;
use crate::checkpoint::Identity;
use crate::config::Config;
use crate::diffusion::Composition;
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::gpu::Gpu;
use crate::histogram::Counter;
use crate::initial;
use crate::integrator::Integrator;
use crate::kernel::gather::Gather;
use crate::kernel::init::{self, Init};
use crate::kernel::losses::Losses as LossCounter;
use crate::kernel::part::{Parts, Run, Site};
use crate::kernel::step::{self, Step, StepShape};
use crate::kernel::survivors::Survivors;
use crate::kernel::{Access, Pass, WarmUp};
use crate::layout::{MOVES_COUNTERS, Settings};
use crate::loss::Lost;
use crate::numbers::RunNumbers;
use crate::plan::{Plan, Room};
use crate::problem::Problem;
use crate::resampling::Resampling;
use crate::shaders::WeightShape;

pub use models::{ModelCall, Tracked};
#[cfg(test)]
pub(crate) use needs::loops_of_run;
pub use needs::requirements;

use needs::Needs;
use pace::Pace;
use recording::Recordings;
pub use shared::Buffers;
pub use timed::KernelTime;

/// A run of weighted particles on a device.
///
/// Between any two steps the positions and log-weights are a valid weighted sample. The device
/// decides when to resample; the host records dispatches and reads back only when asked.
#[derive(Debug)]
pub struct Sampler {
    gpu: Gpu,
    config: Config,
    integrator: Integrator,
    plan: Plan,
    dim: u32,
    center: Center,
    state: State,
    step: Step,
    gather: Gather,
    resampling: Resampling,
    losses: LossCounter,
    /// What this run does beside testing, resampling and stepping.
    parts: Parts,
    /// The diffusion models of the run.
    composition: Option<Composition>,
    /// Which of the models' buffers the host program fills.
    externals: Vec<usize>,
    wgsl: String,
    /// What of it is compiled beside the text.
    constants: Vec<(String, f64)>,
    /// What checkpoints recognise the problem by.
    identity: Identity,
    max_segment: u32,
    encoded: u32,
    trace: Vec<TraceEvent>,
    /// Trace rows read so far, of all that the device has written.
    trace_read: u32,
    reaction_trace: Vec<ReactionEvent>,
    reaction_trace_read: u32,
    /// Steps recorded when the host last read both.
    seen: u32,
    /// Whether an adaptive schedule was seen to have reached its end.
    finished: bool,
    /// What the device leaves out of log Z.
    offset: Offset,
    /// What the host asks when all weights are zero.
    witness: Option<Arc<Problem>>,
    pace: Pace,
    told: losses::Told,
    /// What is in the encoders of the host program.
    recordings: Recordings,
    /// Count the population; compiled when first asked for.
    counter: OnceLock<Counter>,
    survivors: OnceLock<Survivors>,
}

/// What the device leaves out of the log density of the target, and the flow, which says how much
/// of that is left out of log Z.
#[derive(Debug)]
struct Offset {
    flow: Flow,
    target: f64,
}

impl Offset {
    fn at(&self, beta: f64) -> f64 {
        self.flow.offset_at(beta, self.target)
    }
}

/// What is known of a run at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Info {
    /// Steps done.
    pub step: u32,
    /// The time after them.
    pub time: f64,
    /// The path parameter β after them, 0 (initial law) to 1 (target).
    pub beta: f64,
    /// Stages begun, of an adaptive schedule.
    pub stages: u32,
    /// Effective sample size, 0 to N.
    pub ess: f32,
    /// log Z: the log of the mean weight since time zero, resamplings included. Not a number for
    /// the Wasserstein–Fisher–Rao gradient flow, whose weights do not tell it; see
    /// [`Sampler::reaction_trace`].
    pub log_normalizer: f64,
    /// The largest normalised weight.
    pub max_weight: f32,
    /// Particles of now that are lost: they have weight zero and stay where they last were, until a
    /// resampling puts others in their place.
    pub non_finite: u32,
    /// Particles lost since time zero, by cause; see [`Sampler::losses`].
    pub lost: Lost,
    /// Resamplings so far.
    pub resamplings: u32,
    /// The share of moves accepted since time zero, 0 to 1, where the integrator may reject them
    /// ([`Integrator::Mala`]): over the first 2²⁰ particles.
    pub acceptance: Option<f32>,
    /// The share of moves refused since time zero, 0 to 1, by the other integrators: those that
    /// would have left the support of the density, or that the exact weights could not have carried.
    /// The particle stayed, with the weight that belongs there. Over the first 2²⁰ particles; `None`
    /// before the first step, for compositions, and on a device that has no binding left to count.
    pub refused: Option<f32>,
    /// Particles whose weight became zero since time zero: outside the support of the path, or so far
    /// below the others that a log-weight in single precision cannot say how far. Those of now, and
    /// those that resamplings have replaced; of a reaction by jumps, those that it has killed too.
    pub dead: u64,
}

/// One ESS test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TraceEvent {
    /// Steps done before the test.
    pub step: u32,
    /// The time after them.
    pub time: f64,
    /// The path parameter β after them, 0 (initial law) to 1 (target).
    pub beta: f64,
    /// Effective sample size before the test acted.
    pub ess: f32,
    /// Conditional effective sample size as a fraction of N. Of an adaptive schedule: that of the
    /// increment of β that follows the test. With [`Config::trace_cess`]: that of all that the
    /// log-weights gained since the test before.
    pub cess: Option<f32>,
    /// log Z up to here, as in [`Info`].
    pub log_normalizer: f64,
    /// The largest normalised weight.
    pub max_weight: f32,
    /// Particles that are lost, see [`Info::non_finite`].
    pub non_finite: u32,
    /// Whether the test resampled.
    pub resampled: bool,
}

/// One estimate of the population's density by the reaction of a Wasserstein–Fisher–Rao flow.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ReactionEvent {
    /// Steps done before the estimate.
    pub step: u32,
    /// The time after them.
    pub time: f64,
    /// log of the weighted mean of π/p over the population: an estimate of log Z. With all
    /// transition kernels it is importance sampling from the population's own law; with a subset of
    /// them or a kernel density it carries their bias. On a grid both π and p are blurred: it is
    /// log Z once p is π, and off by O(bandwidth²) on the way there.
    pub log_normalizer: f64,
    /// KL(p‖π) for the normalised π: `log_normalizer` minus the weighted mean of log (π/p). On a grid
    /// it is that of the blurred laws.
    pub relative_entropy: f32,
    /// Particles with a weight where π is zero or not a number; they are left out of the mean.
    pub outside: u32,
}

/// Whether the integrator suits the flow.
fn check_integrator(problem: &Problem, config: &Config, integrator: Integrator) -> Result<()> {
    let flow = &problem.flow;
    if let Some(composition) = &problem.composition {
        return composition.check_config(config, integrator);
    }
    if matches!(integrator, Integrator::Euler | Integrator::Strang)
        && let Some(velocity) = flow.without_divergence()
    {
        let reason = format!(
            "= {integrator} needs the divergence of the velocity; write `fn \
             velocity_divergence(x: Point, beta: f32) -> f32` in {velocity}, or use kernel-ratio, \
             which needs none"
        );
        return Err(Error::config("integrator", reason));
    }
    let refused = |reason: &str| {
        Err(Error::config("integrator", format!("= {integrator} {reason}; use euler")))
    };
    if integrator == Integrator::KernelRatio && !flow.has_path() {
        let reason = "needs a path of densities, which the";
        return refused(&format!("{reason} {} flow has not", flow.name()));
    }
    if integrator.needs_density() && !flow.has_density() {
        let reason = "needs a density that the diffusion leaves invariant, which the";
        return refused(&format!("{reason} {} flow has not", flow.name()));
    }
    if matches!(integrator, Integrator::Mala | Integrator::Baoab) && flow.has_velocity() {
        let other = if flow.has_path() { "kernel-ratio" } else { "euler" };
        let or = if flow.velocity().is_some() { ", or leave the velocity out" } else { "" };
        let reason = format!(
            "= {integrator} cannot follow the velocity of the {} flow; use {other}{or}",
            flow.name()
        );
        return Err(Error::config("integrator", reason));
    }
    let ratio = integrator == Integrator::Exponential && flow.has_path();
    if (integrator.needs_density() || ratio) && flow.transport() == 0.0 {
        return refused("needs noise, and transport = 0 leaves none");
    }
    Ok(())
}

pub(crate) fn weight_shape(config: &Config) -> WeightShape {
    WeightShape {
        ess_threshold: config.ess_threshold,
        trace_rows: config.trace_rows,
        ..WeightShape::alone(config.particles, config.resampler, config.seed)
    }
}

impl Sampler {
    /// Compiles the kernels, allocates the buffers and draws the particles from the initial law.
    ///
    /// Outside of [`block_on`](crate::block_on) a thread of its own compiles, so that an executor goes on
    /// meanwhile; in the browser there is none, and other tasks have their turn between two kernels.
    ///
    /// # Errors
    /// Those of [`requirements`]; [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory), on software adapters before anything is
    /// allocated; [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig) when the integrator does not suit the flow;
    /// [`ErrorKind::Shader`](crate::ErrorKind::Shader) when the user's names clash with the engine's.
    pub async fn new_async(gpu: &Gpu, problem: &Problem, config: Config) -> Result<Sampler> {
        let (mut sampler, init) = prepared(gpu, problem, config, true).await?;
        sampler.open(problem, init).await?;
        Ok(sampler)
    }

    /// All but the particles.
    async fn made(gpu: &Gpu, problem: &Problem, config: Config) -> Result<Sampler> {
        let room = Room::of_device(gpu);
        let needs = Needs::new(problem, &config)?;
        let plan = needs.plan(&room)?;
        let integrator = problem.integrator(&config);
        check_integrator(problem, &config, integrator)?;
        problem.check_resampling(&config)?;
        log::debug!("{}", plan.table());
        if room.loops.is_some() {
            problem.warn_of_loops();
        }
        let max_segment = needs.most_fused(&room);
        Sampler::build(gpu, problem, config.clone(), plan.clone(), max_segment)
            .await
            .map_err(|error| needs.refused(error, &plan, &room))
    }

    async fn build(
        gpu: &Gpu,
        problem: &Problem,
        config: Config,
        plan: Plan,
        max_segment: u32,
    ) -> Result<Sampler> {
        let integrator = problem.integrator(&config);
        let shape = StepShape::of(gpu, &config, problem.target.dim());
        let linked = step::linked(problem, &plan, &config, integrator, shape);
        gpu.pipelines().check(&linked)?;
        let flow_data = problem.flow_data(&config)?;
        let shape = weight_shape(&config).on(gpu);
        let settings = Settings::of_run(&shape, problem, &config);
        let numbers = RunNumbers::new(gpu, &settings, problem, &config)?;
        let flow_data = flow_data.as_deref();
        let state = gpu.scoped(|| allocate(gpu, problem, &plan, &config, flow_data, numbers))?;
        let State { log_weights, ancestors, numbers, .. } = &state;
        let resampling =
            Resampling::over(gpu, &numbers.engine, &shape, log_weights, ancestors.clone())?;
        let resampling =
            if config.test_every() > 1 { resampling.with_tick(&shape)? } else { resampling };
        let state = State { control: resampling.scratch.control.clone(), ..state };
        give_way().await;
        let step = Step::new(gpu, &linked, problem, &plan, &config, &state)?;
        give_way().await;
        let (dim, steps) = (problem.target.dim(), config.schedule.steps());
        let gather = Gather::new(gpu, &shape, &plan, &state)?;
        give_way().await;
        let losses = LossCounter::new(gpu, &shape, dim, steps, &plan, &state)?;
        give_way().await;
        let run = Run { problem, config: &config, integrator };
        let scratch = &resampling.scratch;
        let site = Site { gpu, run, plan: &plan, shape: &shape, state: &state, scratch };
        let mut parts = Vec::new();
        for kind in parts::KINDS {
            parts.extend((kind.make)(&site)?);
            give_way().await;
        }
        let recordings = Recordings::new(gpu)?;
        let sampler = Sampler {
            gpu: gpu.clone(),
            integrator,
            dim: problem.target.dim(),
            center: problem.target.origin().clone(),
            state,
            step,
            gather,
            resampling,
            losses,
            parts,
            externals: problem.composition.as_ref().map(Composition::externals).unwrap_or_default(),
            composition: problem.composition.clone(),
            wgsl: linked.text().to_string(),
            constants: problem.compiled_constants(),
            offset: Offset { flow: problem.flow.clone(), target: problem.log_offset() },
            witness: nowhere::witness(problem),
            identity: Identity::of(problem, &config),
            max_segment,
            encoded: 0,
            trace: Vec::new(),
            trace_read: 0,
            reaction_trace: Vec::new(),
            reaction_trace_read: 0,
            seen: 0,
            finished: false,
            pace: Pace::new(
                config.submission_limit,
                plan.particles,
                max_segment,
                config.test_every(),
            ),
            told: losses::Told::default(),
            recordings,
            counter: OnceLock::new(),
            survivors: OnceLock::new(),
            plan,
            config,
        };
        sampler.warm_up()?;
        Ok(sampler)
    }

    /// Records up to `steps` steps into your encoder; past the schedule's end nothing is recorded.
    /// Steps recorded past the end of an adaptive schedule, which only the device knows, change
    /// nothing. With external models it is one step, and [`Sampler::model_call`] says what it needs.
    ///
    /// [`Sampler::info`] and the like see them once you have submitted the encoder. Nothing is
    /// submitted, allocated or written to the queue here.
    ///
    /// From here on the sampler counts these steps as done. So submit every encoder once, in the order of
    /// recording, and before anything is read, run, saved or submitted by the sampler. The device notes
    /// which steps it had done before each recording, and whatever reads (the state, the trace, particles,
    /// histograms, checkpoints, [`Sampler::advance_async`]) is
    /// [`ErrorKind::Recording`](crate::ErrorKind::Recording) where that differs: until a missing encoder
    /// is submitted, or [`Sampler::rewind`] goes back to the steps before one that was dropped; for good
    /// where it was executed out of order.
    pub fn encode(&mut self, encoder: &mut wgpu::CommandEncoder, steps: u32) {
        let end = self.end_of(steps);
        if self.encoded < end {
            let (control, steps) = (&self.state.control, (self.encoded, end));
            self.recordings.open(Some(encoder), control, steps);
        }
        self.encode_steps(encoder, end);
    }

    /// As [`Sampler::encode`], into a compute pass of yours, whose pipeline and bind groups 0 to 3 are
    /// others afterwards.
    ///
    /// A pass has no place where the device could note the steps done before: one that is dropped is
    /// noticed, and two that are executed in another order are not.
    pub fn encode_into(&mut self, pass: &mut wgpu::ComputePass<'_>, steps: u32) {
        let end = self.end_of(steps);
        if self.encoded < end {
            let (control, steps) = (&self.state.control, (self.encoded, end));
            self.recordings.open(None, control, steps);
        }
        self.encode_passes(pass, end);
    }

    /// The step to which so many may be recorded.
    fn end_of(&self, steps: u32) -> u32 {
        self.encoded.saturating_add(self.recordable(steps)).min(self.steps())
    }

    /// Records up to step `end`.
    fn encode_steps(&mut self, encoder: &mut wgpu::CommandEncoder, end: u32) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("wfr.steps"),
            timestamp_writes: None,
        });
        self.encode_passes(&mut pass, end);
    }

    /// Records what comes before the first step, but for the draw of the particles.
    fn encode_opening(&self, pass: &mut Pass<'_>) {
        self.parts.iter().for_each(|part| part.encode_opening(pass));
    }

    fn encode_passes(&mut self, pass: &mut Pass<'_>, end: u32) {
        while self.encoded < end {
            self.encode_segment(pass, end);
        }
    }

    /// Records the steps that one dispatch fuses next, up to step `end`.
    fn encode_segment(&mut self, pass: &mut Pass<'_>, end: u32) {
        let segment = self.segment(end);
        self.encode_units(pass, &segment);
        self.pass_by(&segment);
    }

    /// Submits up to `steps` steps and does not wait. What [`Sampler::encode`] recorded before has to be
    /// submitted by then.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceLost`](crate::ErrorKind::DeviceLost) and [`ErrorKind::Device`](crate::ErrorKind::Device).
    pub fn submit(&mut self, steps: u32) -> Result<wgpu::SubmissionIndex> {
        self.submit_steps(steps, false)
    }

    /// The same, and counts what was lost by then if it is asked for.
    fn submit_steps(&mut self, steps: u32, counts: bool) -> Result<wgpu::SubmissionIndex> {
        let gpu = self.gpu.clone();
        gpu.scoped(|| {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            self.encode_steps(&mut encoder, self.end_of(steps));
            if counts {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                self.losses.encode_now(&mut pass);
            }
            gpu.queue.submit([encoder.finish()])
        })
    }

    /// The buffers of now, for kernels of the host program.
    pub fn buffers(&self) -> Buffers<'_> {
        Buffers {
            pages: &self.state.pages,
            page_rows: self.plan.page_rows,
            rows: self.plan.rows,
            log_weights: &self.state.log_weights,
            particles: self.plan.particles,
            dim: self.dim,
        }
    }

    /// The WGSL of the step kernel as compiled.
    pub fn wgsl(&self) -> &str {
        &self.wgsl
    }

    /// What the positions on the device are counted from, where that is not the origin; see
    /// [`Target::with_center`](crate::Target::with_center). A particle lies at the center plus its
    /// position, a sum that single precision may not hold.
    pub fn center(&self) -> Option<&[f64]> {
        self.center.point()
    }

    /// The settings of the run.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The integrator of the run.
    pub fn integrator(&self) -> Integrator {
        self.integrator
    }

    /// The device of the run.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Steps of the whole schedule; of an adaptive one, the most there can be.
    pub fn steps(&self) -> u32 {
        self.config.schedule.steps()
    }

    /// Steps recorded so far.
    pub fn steps_encoded(&self) -> u32 {
        self.encoded
    }

    /// The kernel that draws the particles, where none are given.
    fn init(&self, problem: &Problem) -> Result<Option<Init>> {
        use initial::Kind::{Particles, Positions};
        if matches!(problem.start().kind, Positions(_) | Particles { .. }) {
            return Ok(None);
        }
        let linked = init::linked(problem, &self.plan, &self.config);
        self.gpu.pipelines().check(&linked)?;
        let init = Init::new(&self.gpu, problem, &self.plan, &self.config, &self.state)?;
        self.gpu.submit_pass(|pass| init.encode(&mut WarmUp(pass), None))?;
        Ok(Some(init))
    }

    /// Does what comes before the first step.
    async fn open(&mut self, problem: &Problem, init: Option<Init>) -> Result<()> {
        self.gpu.submit_pass(|pass| self.encode_opening(pass))?;
        self.write_given(problem)?;
        let Some(init) = init else { return Ok(()) };
        self.gpu.wait_async().await?;
        self.draw_in_slices(&init).await
    }

    /// Writes the particles that are given.
    fn write_given(&self, problem: &Problem) -> Result<()> {
        match &problem.start().kind {
            initial::Kind::Positions(positions) => self.write_positions(positions),
            initial::Kind::Particles { positions, log_weights, .. } => {
                self.write_positions(positions)?;
                self.gpu.scoped(|| {
                    let bytes = bytemuck::cast_slice(log_weights);
                    self.gpu.queue.write_buffer(&self.state.log_weights, 0, bytes);
                    self.gpu.queue.submit([]);
                })
            }
            _ => Ok(()),
        }
    }

    fn write_positions(&self, positions: &[f32]) -> Result<()> {
        let dim = self.dim as usize;
        if positions.len() != self.plan.particles as usize * dim {
            let reason = format!(
                "holds {} positions, but particles = {}; give one per particle",
                positions.len() / dim,
                self.plan.particles
            );
            return Err(Error::config("initial", reason));
        }
        let row_bytes = 4 * u64::from(self.plan.particles);
        self.gpu.scoped(|| {
            for row in 0..self.plan.rows {
                let words: Vec<u32> = if row as usize >= dim && row + 1 < self.plan.rows {
                    // The integrator fills what it carries at the first step.
                    continue;
                } else if (row as usize) < dim {
                    positions.chunks(dim).map(|x| x[row as usize].to_bits()).collect()
                } else {
                    (0..self.plan.particles).collect()
                };
                let page = &self.state.pages[(row / self.plan.page_rows) as usize];
                let offset = u64::from(row % self.plan.page_rows) * row_bytes;
                self.gpu.queue.write_buffer(page, offset, bytemuck::cast_slice(&words));
            }
            self.gpu.queue.submit([]);
        })
    }
}

/// A sampler whose kernels are compiled, and the kernel that draws the particles if it is wanted.
async fn compiled(
    gpu: &Gpu,
    problem: &Problem,
    config: Config,
    draws: bool,
) -> Result<(Sampler, Option<Init>)> {
    let sampler = Sampler::made(gpu, problem, config).await?;
    let init = if draws { sampler.init(problem)? } else { None };
    Ok((sampler, init))
}

/// The same on a thread of its own, where the caller does not block anyway and where there are any.
async fn prepared(
    gpu: &Gpu,
    problem: &Problem,
    config: Config,
    draws: bool,
) -> Result<(Sampler, Option<Init>)> {
    #[cfg(not(target_arch = "wasm32"))]
    if !crate::blocking::is_blocking() {
        let (gpu, problem) = (gpu.clone(), problem.clone());
        let work = move || crate::blocking::block_on(compiled(&gpu, &problem, config, draws));
        return crate::aside::aside(work).await;
    }
    compiled(gpu, problem, config, draws).await
}

/// A number of two words, the lower first.
fn wide([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn allocate(
    gpu: &Gpu,
    problem: &Problem,
    plan: &Plan,
    config: &Config,
    flow_data: Option<&[f32]>,
    numbers: RunNumbers,
) -> State {
    let device = &gpu.device;
    let row = 4 * u64::from(plan.particles);
    let pages = |label| {
        let size = |page| u64::from(plan.rows_of_page(page)) * row;
        (0..plan.pages).map(|page| buffers::storage(device, label, size(page))).collect()
    };
    let filled = |data: &[f32]| {
        let bytes = bytemuck::cast_slice(data);
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        buffers::filled(device, "wfr.data", usage, bytes)
    };
    let schedule = config.schedule.rows();
    let integrator = problem.integrator(config);
    let composition = problem.composition.as_ref();
    let rows = composition.map(|c| c.output_rows(integrator)).unwrap_or_default();
    let outputs =
        rows.into_iter().map(|rows| buffers::storage(device, "wfr.model", u64::from(rows) * row));
    State {
        pages: pages("wfr.state"),
        gathered: pages("wfr.gathered"),
        log_weights: buffers::storage(device, "wfr.log_weights", row),
        ancestors: buffers::storage(device, "wfr.ancestors", row),
        // Replaced by the resampling's own.
        control: buffers::storage(device, "wfr.control", 4),
        schedule: buffers::filled(
            device,
            "wfr.schedule",
            wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
            bytemuck::cast_slice(&schedule),
        ),
        data: problem.data().map(filled).collect(),
        flow_data: flow_data.map(|data| {
            let access = problem.composition.as_ref().map(Composition::table_access);
            let bytes = bytemuck::cast_slice(data);
            let usage = wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::COPY_DST;
            (access.unwrap_or(Access::Read), buffers::filled(device, "wfr.flow", usage, bytes))
        }),
        outputs: outputs.collect(),
        moves: plan
            .counts
            .then(|| buffers::storage(device, "wfr.moves", 4 * u64::from(MOVES_COUNTERS))),
        numbers,
    }
}
