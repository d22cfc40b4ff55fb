//! What a run asks of a device, for any number of particles.

use super::traces_cess;
use crate::config::Config;
use crate::diffusion::Composition;
use crate::driver::SOFTWARE_LOOP_CAP;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::kernel::loops::{self, Loops};
use crate::kernel::{Access, adapt, conditional, losses, network};
use crate::layout::{
    BLOCK, Block, Instant, MAX_SEGMENT, MOVES_COUNTERS, SCHEDULE_WINDOW, TraceRow,
};
use crate::plan::{self, Carries, Counts, Draft, Need, Plan, Reading, Room};
use crate::problem::Problem;
use crate::reactor;
use crate::readback;

/// Storage buffers of the kernel `adapt` beside the state and the data: log-weights, ancestors,
/// control, the stage and its sums.
const ADAPT_BINDINGS: u32 = 5;

/// How a run is laid out on an adapter with these limits: what a host must ask its adapter for.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) with the largest number of particles
/// that fits, and [`ErrorKind::InvalidConfig`](crate::ErrorKind::InvalidConfig). Nothing is allocated.
pub fn requirements(problem: &Problem, config: &Config, limits: &wgpu::Limits) -> Result<Plan> {
    Needs::new(problem, config)?.plan(&Room::within(limits))
}

/// A run that fits, as soon as it is known on what.
#[derive(Debug)]
pub(super) struct Needs<'a> {
    problem: &'a Problem,
    config: &'a Config,
    integrator: Integrator,
}

impl<'a> Needs<'a> {
    /// Checks the settings.
    pub(super) fn new(problem: &'a Problem, config: &'a Config) -> Result<Needs<'a>> {
        config.check()?;
        config.check_preconditioner(problem.target.dim())?;
        let integrator = problem.integrator(config);
        if let Some(reaction) = problem.flow.reaction() {
            reactor::check(reaction, problem, config, integrator)?;
        }
        Ok(Needs { problem, config, integrator })
    }

    /// Where the run fits, or why it does not and the largest number of particles that does.
    pub(super) fn plan(&self, room: &Room) -> Result<Plan> {
        Plan::largest(self.config.particles, room, |particles| self.draft(particles, room))
    }

    /// The same error, with what takes how much, where a device did not have the memory after all.
    pub(super) fn refused(&self, error: Error, plan: &Plan, room: &Room) -> Error {
        plan::refused(error, plan, room, |particles| self.draft(particles, room))
    }

    /// The most steps that one dispatch fuses.
    pub(super) fn most_fused(&self, room: &Room) -> u32 {
        let composition = self.problem.composition.as_ref();
        let most = composition.map_or(u32::MAX, Composition::most_steps);
        let wanted = self.config.test_every().min(MAX_SEGMENT).min(most);
        let (dim, models) = (self.problem.target.dim(), self.models());
        match room.loops {
            Some(cap) => loops::most_fused(cap, self.evaluation(), dim, models).min(wanted),
            None => wanted,
        }
    }

    fn models(&self) -> u32 {
        self.problem.composition.as_ref().map_or(0, |composition| composition.models().len() as u32)
    }

    /// Loop iterations of an evaluation: counted on the host, which takes as long as evaluating.
    fn evaluation(&self) -> u64 {
        self.problem.evaluation_loops().most
    }

    /// The run with so many particles; loops are left out where no driver stops them.
    fn draft(&self, particles: u32, room: &Room) -> Draft {
        let Needs { problem, config, integrator, .. } = *self;
        let dim = problem.target.dim();
        let carries = match &problem.composition {
            Some(composition) => composition.carries(integrator),
            None => Carries::of(dim, integrator, problem.flow.is_spoiled_by_walls()),
        };
        let (mut needs, data) = self.data(particles);
        let mut draft = Draft {
            particles,
            carries,
            needs: self.weights(particles),
            data,
            readings: Vec::new(),
            loops: Vec::new(),
            cess_items: 0,
        };
        draft.needs.append(&mut needs);
        if carries.counts != Counts::No {
            draft.needs.push(Need::in_parts("moves", 4 * u64::from(MOVES_COUNTERS)));
        }
        if let Some(reaction) = problem.flow.reaction() {
            reactor::draft(reaction, problem, config, &mut draft);
        }
        self.adaptive(&mut draft);
        self.networks(&mut draft);
        if room.loops.is_some() {
            draft.loops.extend(self.loops(particles, draft.cess_items));
        }
        draft
            .needs
            .push(Need::in_parts("read back", readback::WINDOW.min(4 * u64::from(particles))));
        draft
    }

    /// What every run has beside the state.
    fn weights(&self, particles: u32) -> Vec<Need> {
        let config = self.config;
        let row = 4 * u64::from(particles);
        let only_if = |wanted: bool| if wanted { row } else { 4 };
        let ordered = config.resampler.is_ordered();
        let steps = u64::from(config.schedule.steps());
        let schedule = (steps + u64::from(SCHEDULE_WINDOW)) * size_of::<Instant>() as u64;
        // Two kinds of run see more of the schedule than a window.
        let sees_all =
            config.schedule.adaptivity().is_some() || self.problem.flow.reaction().is_some();
        vec![
            Need::whole("log_weights", row),
            Need::whole("ancestors", row),
            Need::whole("offsets", only_if(!ordered)),
            Need::whole("fractions", only_if(!ordered)),
            Need::whole("copies", only_if(config.resampler == crate::Resampler::Residual)),
            Need::whole("blocks", u64::from(particles.div_ceil(BLOCK)) * size_of::<Block>() as u64),
            Need::whole(
                "losses",
                losses::bytes(config.schedule.steps(), self.problem.target.dim()),
            ),
            Need::whole("trace", u64::from(config.trace_rows + 1) * size_of::<TraceRow>() as u64),
            if sees_all {
                Need::whole("schedule", schedule)
            } else {
                Need::in_parts("schedule", schedule)
            },
        ]
    }

    /// The data of the laws and of the flow, and how many storage buffers the step kernel binds.
    fn data(&self, particles: u32) -> (Vec<Need>, u32) {
        let problem = self.problem;
        let mut needs: Vec<_> =
            problem.data().map(|data| Need::whole("data", 4 * data.len() as u64)).collect();
        match &problem.composition {
            Some(composition) => {
                let table = 4 * composition.table_numbers(self.config.schedule.steps());
                needs.push(match composition.table_access() {
                    Access::Uniform(_) => Need::in_parts("flow data", table),
                    _ => Need::whole("flow data", table),
                });
                let row = 4 * u64::from(particles);
                let outputs = composition.output_rows(self.integrator).into_iter();
                needs.extend(
                    outputs.map(|rows| Need::whole("model outputs", u64::from(rows) * row)),
                );
            }
            None if problem.ends.data.is_empty() => {}
            None => needs.push(Need::whole("flow data", 4 * problem.ends.data.len() as u64)),
        }
        let bindings = needs.len() as u32;
        (needs, bindings)
    }

    /// What chooses the stages of an adaptive schedule, or traces the conditional ESS of another.
    fn adaptive(&self, draft: &mut Draft) {
        let Needs { problem, config, .. } = *self;
        let (particles, dim) = (draft.particles, problem.target.dim());
        if config.schedule.adaptivity().is_some() {
            let items =
                adapt::items(SOFTWARE_LOOP_CAP / 2, loops::per_step(self.evaluation(), dim));
            let partials = crate::buffers::partial_bytes(particles, items);
            draft.needs.push(Need::whole("partials", partials));
            draft.readings.push(Reading {
                bindings: ADAPT_BINDINGS + draft.data,
                way_out: "use a fixed schedule, or fewer arrays of data",
            });
            draft.cess_items = items;
        } else if traces_cess(config) {
            let buffers = conditional::buffers(particles).into_iter();
            draft.needs.extend(buffers.map(|(name, bytes)| Need::whole(name, bytes)));
        }
    }

    /// The kernels of a composition's networks.
    fn networks(&self, draft: &mut Draft) {
        let Some(composition) = &self.problem.composition else { return };
        let divergence = composition.network_divergence(self.integrator);
        let levels = u64::from(self.config.schedule.steps()) + 1;
        for (_, network) in composition.networks() {
            let ([weights, biases], loops) = network::needs(network, divergence, levels);
            draft.needs.extend([
                Need::whole("network weights", weights),
                Need::whole("network biases", biases),
            ]);
            draft.loops.push(loops);
        }
    }

    /// The loops of all kernels but the networks'.
    fn loops(&self, particles: u32, cess_items: u32) -> Vec<Loops> {
        let Needs { problem, config, .. } = *self;
        let (dim, evaluation) = (problem.target.dim(), self.evaluation());
        let mut all = vec![loops::step(1, evaluation, dim, self.models())];
        if !problem.start().is_given() {
            let weighs = problem.start().law().is_some() || problem.composition.is_some();
            let weighing = if weighs { evaluation } else { 0 };
            all.push(loops::init(problem.sampling_loops().most, weighing, dim));
        }
        if cess_items > 0 {
            all.extend(loops::of_adaptive(particles, dim, evaluation, cess_items));
        } else if traces_cess(config) {
            all.extend(loops::of_conditional(particles));
        }
        if let Some(reaction) = problem.flow.reaction() {
            all.extend(reactor::loops(reaction, problem, particles, evaluation));
        }
        all.extend(loops::of_weights(particles));
        all.push(loops::of_losses(dim));
        all.extend(loops::of_looks(particles));
        all
    }
}

impl Gpu {
    /// A device of its own for a run: the best adapter, or the one whose name contains `adapter`.
    ///
    /// # Errors
    /// [`ErrorKind::NoAdapter`](crate::ErrorKind::NoAdapter),
    /// [`ErrorKind::RequestDevice`](crate::ErrorKind::RequestDevice), those of [`requirements`], and
    /// [`ErrorKind::OutOfMemory`](crate::ErrorKind::OutOfMemory) on software adapters.
    pub async fn for_problem(
        problem: &Problem,
        config: &Config,
        adapter: Option<&str>,
    ) -> Result<Gpu> {
        let adapter = crate::gpu::adapter(adapter).await?;
        let room = Room::of(&adapter.limits(), &adapter.get_info());
        let plan = Needs::new(problem, config)?.plan(&room)?;
        Gpu::request(&adapter, plan.limits()).await
    }
}

/// The loops of a run's kernels on a driver that stops them after `cap`, with as many steps fused as
/// it will.
#[cfg(test)]
pub(crate) fn loops_of_run(problem: &Problem, config: &Config, cap: u32) -> Result<Vec<Loops>> {
    let needs = Needs::new(problem, config)?;
    let room = Room { loops: Some(cap), ..Room::within(&wgpu::Limits::default()) };
    let mut all = needs.draft(config.particles, &room).loops;
    let (dim, fused) = (problem.target.dim(), needs.most_fused(&room));
    let step = loops::step(fused, needs.evaluation(), dim, needs.models());
    all.iter_mut().filter(|loops| loops.kernel == "step").for_each(|loops| *loops = step);
    Ok(all)
}

#[cfg(test)]
mod tests;
