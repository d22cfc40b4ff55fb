//! The reaction on the device: estimates the population's density and reacts, around each block of
//! steps.

use crate::buffers::{State, storage};
use crate::driver::SOFTWARE_LOOP_CAP;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::kernel::Pass;
use crate::kernel::entropy::{self, Entropy, EntropyBuffers};
use crate::kernel::grid::{self, Grid};
use crate::kernel::loops::{self, Loops};
use crate::kernel::mixture::{self, Components, Mixture};
use crate::kernel::moments::{self, Moments};
use crate::kernel::part::{self, Estimates, Part, Parts, Phase, Reports, Run, Site, Slices};
use crate::kernel::ratio::{self, Ratio};
use crate::kernel::react::React;
use crate::layout::{ReactionRow, ReactionState};
use crate::plan::{Draft, Need, Reading};
use crate::problem::Problem;
use crate::reaction::{Density, Reaction, Realisation, Splitting};
use crate::shaders::{Prelude, WeightShape};

/// What a checkpoint calls the state of the reaction.
pub(crate) const STATE: &str = "device.reaction";

/// Storage buffers of the kernels beside the pages of the state.
const GRID_BINDINGS: u32 = 4;
const MIXTURE_BINDINGS: u32 = 6;
/// And beside the data.
const RATIO_BINDINGS: u32 = 4;
/// Pairs of points, at most, that look for the support of the target about a particle.
const COVER_TRIALS: u32 = 8;

/// The kernels of a reaction, recorded before and after every block of steps.
#[derive(Debug)]
struct Reactor {
    splitting: Splitting,
    moments: Moments,
    field: Field,
    ratio: Ratio,
    /// At time zero, where the density is the initial law's.
    first_ratio: Option<Ratio>,
    entropy: Entropy,
    react: React,
    state: wgpu::Buffer,
    trace: wgpu::Buffer,
    /// log π − log p of every particle, which the half of a Strang step before a block takes from the
    /// one after the block before.
    ratios: wgpu::Buffer,
}

/// The passes by number; from [`SWEEPS`] on, some of the components of a mixture.
const MOMENTS: u32 = 0;
const FIRST_RATIO: u32 = 1;
/// The density, or the components of one.
const FIELD: u32 = 2;
const RATIO: u32 = 3;
const ENTROPY: u32 = 4;
const REACT_BEFORE: u32 = 5;
const REACT_AFTER: u32 = 6;
const SWEEPS: u32 = 7;

/// The reaction of a Wasserstein–Fisher–Rao flow.
pub(crate) const KIND: part::Kind = part::Kind { check, ask, make };

/// What `density_log_ratio` reads.
#[derive(Debug)]
enum Field {
    Grid(Grid),
    Mixture(Mixture),
}

impl Field {
    fn buffer(&self) -> &wgpu::Buffer {
        match self {
            Field::Grid(grid) => grid.field(),
            Field::Mixture(mixture) => &mixture.sums,
        }
    }
}

/// A density worked out for a run.
#[derive(Debug)]
enum Estimate {
    Grid { cells: u32, bandwidth: String },
    Mixture(Components),
}

impl Estimate {
    fn of(reaction: &Reaction, dim: u32, particles: u32) -> Estimate {
        match &reaction.density {
            Density::Grid { cells, bandwidth } => Estimate::Grid {
                cells: cells.unwrap_or([1024, 256, 64][(dim as usize - 1).min(2)]),
                bandwidth: bandwidth.wgsl(dim, particles),
            },
            Density::Kernel { landmarks, bandwidth } => {
                let count = (*landmarks).min(particles);
                let text = bandwidth.wgsl(dim, count);
                let (file, cover) = ("density/kernel", "density/cover");
                Estimate::Mixture(Components { count, file, cover, text })
            }
            Density::Transition { components } => Estimate::Mixture(Components {
                count: components.unwrap_or(particles).min(particles),
                file: "density/transition",
                cover: "density/whole",
                text: String::new(),
            }),
        }
    }

    /// The files that define `density_log_ratio`.
    fn files(&self) -> Vec<&'static str> {
        match self {
            Estimate::Grid { .. } => vec!["density/grid_frame", "density/grid"],
            Estimate::Mixture(components) => {
                vec!["density/subset", components.cover, "density/mixture"]
            }
        }
    }

    /// What those files know; `trials` as in [`cover_trials`].
    fn constants(&self, prelude: Prelude, dim: u32, trials: u32) -> Prelude {
        match self {
            Estimate::Grid { cells, bandwidth } => grid::constants(prelude, *cells, dim, bandwidth),
            Estimate::Mixture(Components { count, text, .. }) => {
                let prelude = mixture::constants(prelude, *count, dim);
                prelude.u32("COVER_TRIALS", trials).text(text)
            }
        }
    }
}

/// Whether a reaction suits the run's settings.
fn check(run: &Run<'_>) -> Result<()> {
    let Run { problem, config, integrator } = *run;
    let Some(reaction) = problem.flow.reaction() else { return Ok(()) };
    reaction.check(problem.target.dim(), problem.flow.transport())?;
    if reaction.realisation == Realisation::Jumps && config.ess_threshold != 1.0 {
        let reason = format!(
            "= {} leaves jumps waiting, which a resampling makes; use 1",
            config.ess_threshold
        );
        return Err(Error::config("ess_threshold", reason));
    }
    let is_euler = matches!(integrator, Integrator::Euler | Integrator::Strang);
    if reaction.is_of_moves() && !is_euler {
        let reason = format!(
            "= {integrator} has another transition density than a Langevin step, which the \
             transition estimator takes; use euler"
        );
        return Err(Error::config("integrator", reason));
    }
    if reaction.is_of_moves() && config.preconditioner.is_some() {
        let reason = "gives steps another transition density than the transition estimator takes; \
                      use the kernel estimator, or none";
        return Err(Error::config("preconditioner", reason));
    }
    Ok(())
}

fn ask(run: &Run<'_>, draft: &mut Draft) {
    let Run { problem, config, .. } = *run;
    let Some(reaction) = problem.flow.reaction() else { return };
    let (n, dim) = (draft.particles, problem.target.dim());
    draft.needs.extend([
        Need::whole("ratios", 4 * u64::from(n)),
        Need::whole("moments", moments::block_bytes(n, dim)),
        Need::whole("entropy", entropy::block_bytes(n)),
        Need::whole("reaction trace", trace_bytes(config.trace_rows)),
    ]);
    let own = match Estimate::of(reaction, dim, n) {
        Estimate::Grid { cells, .. } => {
            let field = Need::whole("grid", grid::field_bytes(cells, dim));
            draft.needs.extend([field; 2]);
            GRID_BINDINGS
        }
        Estimate::Mixture(Components { count, .. }) => {
            draft.needs.extend([
                Need::whole("components", mixture::component_bytes(count, dim)),
                Need::whole("mixture sums", mixture::sum_bytes(n)),
            ]);
            MIXTURE_BINDINGS
        }
    };
    let way_out = "lower the dimension, or use fewer arrays of data";
    for bindings in [own, RATIO_BINDINGS + draft.data] {
        draft.readings.push(Reading { bindings, way_out });
    }
    draft.count_loops(|| loops(reaction, problem, n, run.evaluation()));
}

fn make(site: &Site<'_>) -> Result<Parts> {
    let Site { gpu, run, plan, shape, state, .. } = site;
    let Some(reaction) = run.problem.flow.reaction() else { return Ok(Vec::new()) };
    let reactor = Reactor::new(gpu, reaction, run.problem, shape, plan.page_rows, state)?;
    Ok(vec![Box::new(reactor)])
}

/// The loops of a reaction's kernels.
fn loops(reaction: &Reaction, problem: &Problem, particles: u32, evaluation: u64) -> Vec<Loops> {
    let dim = problem.target.dim();
    let mut all = loops::of_reaction(particles, dim);
    let in_density = match Estimate::of(reaction, dim, particles) {
        Estimate::Grid { cells, .. } => {
            all.extend(loops::of_grid(cells, evaluation, dim));
            loops::density_on_grid(dim)
        }
        Estimate::Mixture(Components { count, .. }) => {
            all.extend(loops::of_mixture(count, dim));
            let trials = loops::most_trials(SOFTWARE_LOOP_CAP, COVER_TRIALS, evaluation, dim);
            loops::cover(trials, evaluation, dim)
        }
    };
    all.push(loops::ratio(evaluation, in_density, dim));
    all
}

/// How many pairs of points look for the support, at most: fewer where a driver stops long loops.
fn cover_trials(gpu: &Gpu, problem: &Problem) -> u32 {
    let Some(cap) = gpu.loop_cap() else { return COVER_TRIALS };
    let evaluation = problem.evaluation_loops().most;
    loops::most_trials(cap, COVER_TRIALS, evaluation, problem.target.dim())
}

fn trace_bytes(rows: u32) -> u64 {
    u64::from(rows) * size_of::<ReactionRow>() as u64
}

impl Reactor {
    fn new(
        gpu: &Gpu,
        reaction: &Reaction,
        problem: &Problem,
        shape: &WeightShape,
        page_rows: u32,
        run: &State,
    ) -> Result<Reactor> {
        let (n, dim) = (shape.particles, problem.target.dim());
        let numbers = &run.numbers.engine;
        let (state, trace, ratios) = gpu.scoped(|| {
            let storage = |name, bytes| storage(&gpu.device, name, bytes);
            (
                storage("wfr.reaction", size_of::<ReactionState>() as u64),
                storage("wfr.reaction_trace", trace_bytes(shape.trace_rows)),
                storage("wfr.ratios", 4 * u64::from(n)),
            )
        })?;
        let moments = Moments::new(gpu, shape, dim, page_rows, run)?;
        let estimate = Estimate::of(reaction, dim, n);
        let at = (dim, page_rows);
        let field = match &estimate {
            Estimate::Grid { cells, bandwidth } => {
                let moments = &moments.buffer;
                Field::Grid(Grid::new(gpu, problem, shape, at, (*cells, bandwidth), run, moments)?)
            }
            Estimate::Mixture(components) => {
                Field::Mixture(Mixture::new(gpu, shape, at, components, run, &moments.buffer)?)
            }
        };
        let (pages, trials) = (run.pages.len() as u32, cover_trials(gpu, problem));
        let prelude = || moments::prelude(shape, dim, 4, pages, page_rows);
        let ratio = |prelude: Prelude, density: &[&str]| {
            let linked = ratio::linked(prelude.source(), density, problem);
            gpu.pipelines().check(&linked)?;
            let buffers = [&moments.buffer, field.buffer(), &ratios];
            Ratio::new(gpu, &linked, problem, run, buffers, n)
        };
        let jumps = reaction.realisation == Realisation::Jumps;
        let first_ratio = match reaction.needs_initial_density() {
            true => Some(ratio(prelude(), &["density/initial"])?),
            false => None,
        };
        let entropy = EntropyBuffers {
            log_weights: &run.log_weights,
            ratios: &ratios,
            control: &run.control,
            reaction: &state,
            trace: &trace,
        };
        let reacting = [&run.log_weights, &ratios, &run.control, &run.schedule, &state];
        Ok(Reactor {
            splitting: reaction.splitting,
            ratio: ratio(estimate.constants(prelude(), dim, trials), &estimate.files())?,
            first_ratio,
            entropy: Entropy::new(gpu, numbers, shape, &entropy)?,
            react: React::new(gpu, numbers, shape, jumps, reacting)?,
            moments,
            field,
            state,
            trace,
            ratios,
        })
    }

    /// What estimates the density after `step` steps.
    fn estimate(&self, step: u32) -> Vec<u32> {
        let mut passes = vec![MOMENTS];
        if self.first_ratio.is_some() && step == 0 {
            passes.push(FIRST_RATIO);
        } else {
            passes.push(FIELD);
            if let Field::Mixture(mixture) = &self.field {
                passes.extend((0..mixture.sweeps()).map(|sweep| SWEEPS + sweep));
            }
            passes.push(RATIO);
        }
        passes.push(ENTROPY);
        passes
    }
}

impl Part for Reactor {
    fn passes(&self, phase: Phase, step: u32) -> Vec<u32> {
        let (estimates, reacts) = match (phase, self.splitting) {
            (Phase::BeforeTest, Splitting::ReactionFirst) => (true, REACT_BEFORE),
            // Later blocks use the estimate that was made after the block before.
            (Phase::BeforeTest, Splitting::Strang) => (step == 0, REACT_BEFORE),
            (Phase::AfterBlock, Splitting::TransportFirst | Splitting::Strang) => {
                (true, REACT_AFTER)
            }
            _ => return Vec::new(),
        };
        let mut passes = if estimates { self.estimate(step) } else { Vec::new() };
        passes.push(reacts);
        passes
    }

    fn encode(&self, pass: &mut Pass<'_>, number: u32, slice: Option<u32>) {
        match (number, &self.field) {
            (MOMENTS, _) => self.moments.encode(pass),
            (FIRST_RATIO, _) => {
                self.first_ratio.iter().for_each(|ratio| ratio.encode(pass));
            }
            (FIELD, Field::Grid(grid)) => grid.encode(pass),
            (FIELD, Field::Mixture(mixture)) => mixture.encode_components(pass),
            (RATIO, _) => self.ratio.encode(pass),
            (ENTROPY, _) => self.entropy.encode(pass),
            (REACT_BEFORE, _) => self.react.encode_before(pass),
            (REACT_AFTER, _) => self.react.encode_after(pass),
            (sweep, Field::Mixture(mixture)) => {
                mixture.encode_sweep(pass, sweep - SWEEPS, slice);
            }
            (_, Field::Grid(_)) => {}
        }
    }

    fn slices(&self, number: u32) -> Option<Slices> {
        match &self.field {
            Field::Mixture(mixture) if number >= SWEEPS => {
                Some(Slices { name: "sweep", workgroup: mixture.sweep_block() })
            }
            _ => None,
        }
    }

    fn persistent(&self) -> Vec<(&'static str, &wgpu::Buffer)> {
        vec![(STATE, &self.state), ("device.ratios", &self.ratios)]
    }

    fn reports(&self) -> Reports<'_> {
        let estimates = Estimates { state: &self.state, trace: &self.trace };
        Reports { estimates: Some(estimates), ..Reports::default() }
    }
}
