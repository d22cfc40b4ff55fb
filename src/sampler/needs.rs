//! What a run asks of a device, for any number of particles.

use super::{parts, weight_shape};
use crate::buffers::Scratch;
use crate::config::Config;
use crate::diffusion::Composition;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::loops::{self, Loops};
use crate::kernel::part::Run;
use crate::kernel::{Access, losses};
use crate::layout::{Instant, MAX_SEGMENT, MOVES_COUNTERS, SCHEDULE_WINDOW};
use crate::plan::{self, Carries, Counts, Draft, Need, Plan, Room};
use crate::problem::Problem;
use crate::readback;
use crate::shaders::WeightShape;

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
    run: Run<'a>,
}

impl<'a> Needs<'a> {
    /// Checks the settings.
    pub(super) fn new(problem: &'a Problem, config: &'a Config) -> Result<Needs<'a>> {
        config.check()?;
        config.check_preconditioner(problem.target.dim())?;
        let run = Run { problem, config, integrator: problem.integrator(config) };
        parts::KINDS.iter().try_for_each(|kind| (kind.check)(&run))?;
        Ok(Needs { run })
    }

    /// Where the run fits, or why it does not and the largest number of particles that does.
    pub(super) fn plan(&self, room: &Room) -> Result<Plan> {
        Plan::largest(self.run.config.particles, room, |particles| self.draft(particles, room))
    }

    /// The same error, with what takes how much, where a device did not have the memory after all.
    pub(super) fn refused(&self, error: Error, plan: &Plan, room: &Room) -> Error {
        plan::refused(error, plan, room, |particles| self.draft(particles, room))
    }

    /// The most steps that one dispatch fuses.
    pub(super) fn most_fused(&self, room: &Room) -> u32 {
        let composition = self.run.problem.composition.as_ref();
        let most = composition.map_or(u32::MAX, Composition::most_steps);
        let wanted = self.run.config.test_every().min(MAX_SEGMENT).min(most);
        let (dim, models) = (self.run.problem.target.dim(), self.models());
        match room.loops {
            Some(cap) => loops::most_fused(cap, self.run.evaluation(), dim, models).min(wanted),
            None => wanted,
        }
    }

    fn models(&self) -> u32 {
        self.run
            .problem
            .composition
            .as_ref()
            .map_or(0, |composition| composition.models().len() as u32)
    }

    /// The run with so many particles; loops are left out where no driver stops them.
    fn draft(&self, particles: u32, room: &Room) -> Draft {
        let Run { problem, integrator, .. } = self.run;
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
            loops: room.loops.map(|_| self.loops(particles, carries.rows())),
        };
        draft.needs.append(&mut needs);
        if carries.counts != Counts::No {
            draft.needs.push(Need::in_parts("moves", 4 * u64::from(MOVES_COUNTERS)));
        }
        parts::KINDS.iter().for_each(|kind| (kind.ask)(&self.run, &mut draft));
        draft
            .needs
            .push(Need::in_parts("read back", readback::WINDOW.min(4 * u64::from(particles))));
        draft
    }

    /// What every run has beside the state.
    fn weights(&self, particles: u32) -> Vec<Need> {
        let config = self.run.config;
        let row = 4 * u64::from(particles);
        let steps = u64::from(config.schedule.steps());
        let schedule = (steps + u64::from(SCHEDULE_WINDOW)) * size_of::<Instant>() as u64;
        // Two kinds of run see more of the schedule than a window.
        let sees_all =
            config.schedule.adaptivity().is_some() || self.run.problem.flow.reaction().is_some();
        let lost = losses::bytes(config.schedule.steps(), self.run.problem.target.dim());
        let mut needs = vec![
            Need::whole("log_weights", row),
            Need::whole("ancestors", row),
            Need::whole("losses", lost),
            if sees_all {
                Need::whole("schedule", schedule)
            } else {
                Need::in_parts("schedule", schedule)
            },
        ];
        let shape = WeightShape { particles, ..weight_shape(config) };
        needs.extend(Scratch::needs(&shape));
        needs
    }

    /// The data of the laws and of the flow, and how many storage buffers the step kernel binds.
    fn data(&self, particles: u32) -> (Vec<Need>, u32) {
        let problem = self.run.problem;
        let mut needs: Vec<_> =
            problem.data().map(|data| Need::whole("data", 4 * data.len() as u64)).collect();
        match &problem.composition {
            Some(composition) => {
                let table = 4 * composition.table_numbers(self.run.config.schedule.steps());
                needs.push(match composition.table_access() {
                    Access::Uniform(_) => Need::in_parts("flow data", table),
                    _ => Need::whole("flow data", table),
                });
                let row = 4 * u64::from(particles);
                let outputs = composition.output_rows(self.run.integrator).into_iter();
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

    /// The loops of the kernels that every run has.
    fn loops(&self, particles: u32, rows: u32) -> Vec<Loops> {
        let problem = self.run.problem;
        let (dim, evaluation) = (problem.target.dim(), self.run.evaluation());
        let mut all = vec![loops::step(1, evaluation, dim, self.models())];
        if !problem.start().is_given() {
            let weighs = problem.start().law().is_some() || problem.composition.is_some();
            let weighing = if weighs { evaluation } else { 0 };
            all.push(loops::init(problem.sampling_loops().most, weighing, dim));
        }
        all.extend(loops::of_weights(particles));
        all.push(loops::of_losses(dim));
        all.push(loops::gather(rows));
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
    let mut all = needs.draft(config.particles, &room).loops.unwrap_or_default();
    let (dim, fused) = (problem.target.dim(), needs.most_fused(&room));
    let step = loops::step(fused, needs.run.evaluation(), dim, needs.models());
    all.iter_mut().filter(|loops| loops.kernel == "step").for_each(|loops| *loops = step);
    Ok(all)
}

#[cfg(test)]
mod tests;
