//! How many loop iterations an invocation of each kernel takes, at most.
//!
//! Mesa's llvmpipe ends every invocation silently after [`SOFTWARE_LOOP_CAP`] of them, all loops
//! together, those of called functions and the last test of each loop included; invocations that run
//! side by side count together. Here is the one table of what kernels take, as functions of the
//! settings; a run whose kernels could take more is refused before it begins. What is written out
//! before (`wgsl/unroll.rs`), or by the driver's compiler, it does not count, so that these are bounds.
//! `kernel/tests/loops.rs` holds each against the driver.
//!
//! [`SOFTWARE_LOOP_CAP`]: crate::driver::SOFTWARE_LOOP_CAP

use super::mixture;
use crate::error::{ErrorKind, Result};
use crate::gpu::Gpu;
use crate::layout::{BLOCK, CESS_GROUPS, CESS_LANES, ITEMS, LANES};

/// What one kernel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loops {
    /// The entry point.
    pub kernel: &'static str,
    pub iterations: u64,
    /// What lowers them.
    pub way_out: &'static str,
}

impl Loops {
    /// What is said where a driver stops after `cap`.
    pub(crate) fn words(&self, cap: u32) -> String {
        format!(
            "{} loop iterations in the kernel `{}`, and this software driver silently stops at {cap}",
            self.iterations, self.kernel
        )
    }
}

/// Refuses kernels whose loops the device's driver would stop; `of` is what they belong to.
pub(crate) fn check(gpu: &Gpu, of: &str, loops: &[Loops]) -> Result<()> {
    let Some(cap) = gpu.loop_cap() else { return Ok(()) };
    match loops.iter().find(|loops| loops.iterations > u64::from(cap)) {
        None => Ok(()),
        Some(loops) => Err(ErrorKind::LimitExceeded {
            limit: LIMIT.into(),
            needed: loops.iterations,
            available: u64::from(cap),
            hint: format!("{of} needs {}; {}", loops.words(cap), loops.way_out),
        }
        .into()),
    }
}

/// What is limited, in the words of [`ErrorKind::LimitExceeded`].
pub(crate) const LIMIT: &str = "loop iterations per invocation";

const GENERAL: &str = "lower the dimension, or use a GPU";
pub(super) const FEWER_PARTICLES: &str = "use fewer particles, or a GPU";
const TARGET: &str = "shorten the target's loops, use fewer data or components, or a GPU";

/// A loop of so many rounds with loops inside, and the test that ends it.
pub(super) const fn times(rounds: u64, inside: u64) -> u64 {
    rounds.saturating_mul(inside.saturating_add(1)).saturating_add(1)
}

/// A loop over one lane's items.
const OVER_ITEMS: u64 = times(ITEMS as u64, 0);
/// A loop over all lanes of a workgroup.
const OVER_LANES: u64 = times(LANES as u64, 0);
/// `prefix_exclusive`, `last_before`, `moment_of_workgroup`: sixteen lanes' values, then all sums.
const PREFIX: u64 = times(16, 0) + times(LANES as u64 / 16, 0);
/// `fixed_log2`.
const LOG2: u64 = times(32, 0);
/// `offspring_block`: four digits, three times.
const OFFSPRING: u64 = 3 * times(4, 0);
/// `decide_allow` and `mark_overflow`.
const ALLOW: u64 = times(3, 0);
/// A tree over the lanes of a workgroup, halved or quartered.
pub(super) const TREE: u64 = times(8, 0);
/// A binary search among particles.
const SEARCH: u64 = times(28, 0);

/// A loop over blocks of particles, one lane's share.
fn over_blocks(particles: u32, inside: u64) -> u64 {
    times(u64::from(particles.div_ceil(BLOCK).div_ceil(LANES)), inside)
}

/// `population_reduce`.
fn population(particles: u32) -> u64 {
    2 * over_blocks(particles, 0) + 2 * PREFIX
}

/// A loop over coordinates.
fn over(dim: u32) -> u64 {
    times(dim.into(), 0)
}

/// `normal_draw` and `normal_words`.
fn normal_draw(dim: u32) -> u64 {
    times(u64::from(dim.div_ceil(4)), times(4, 0)).max(over(dim))
}

/// The kernels of every resampling.
pub(crate) fn of_weights(particles: u32) -> Vec<Loops> {
    let blocks = u64::from(particles.div_ceil(BLOCK));
    let each = |kernel, iterations| Loops { kernel, iterations, way_out: FEWER_PARTICLES };
    vec![
        each("reduce", 2 * OVER_ITEMS),
        each(
            "decide",
            population(particles) + over_blocks(particles, 0) + 2 * 2 * LOG2 + 3 * ALLOW,
        ),
        each("report", population(particles) + 2 * LOG2),
        // The blocks that begin among a lane's offspring: one particle may have all of them.
        each("scan", OFFSPRING + 4 * OVER_ITEMS + PREFIX + times(ITEMS.into(), 1) + blocks + ALLOW),
        each("expand", 2 * OVER_ITEMS + PREFIX),
        each("spine", 2 * over_blocks(particles, 0) + PREFIX),
        each("copies", 2 * OVER_ITEMS + PREFIX),
        each("draw", 2 * SEARCH),
    ]
}

/// The rows of a particle.
pub(crate) fn gather(rows: u32) -> Loops {
    Loops { kernel: "gather", iterations: over(rows), way_out: GENERAL }
}

/// The position of the first particle that was lost.
pub(crate) fn of_losses(dim: u32) -> Loops {
    Loops { kernel: "losses_first", iterations: over(dim.div_ceil(LANES)), way_out: GENERAL }
}

/// What looks at a population.
pub(crate) fn of_looks(particles: u32) -> Vec<Loops> {
    let each = |kernel, iterations| Loops { kernel, iterations, way_out: FEWER_PARTICLES };
    let words = u64::from(particles.div_ceil(32).div_ceil(BLOCK)).min(1) * OVER_ITEMS;
    vec![
        each("tally_peak", OVER_ITEMS),
        each("histogram", OVER_ITEMS),
        each("quantile_count", times(ITEMS.into(), times(2, 0))),
        each("quantile_choose", 2 * times(u64::from((1_u32 << 16) / LANES), 0) + PREFIX),
        each("survivors_mark", OVER_ITEMS),
        each("survivors_count", words),
    ]
}

/// A stage of an adaptive schedule, `items` particles a lane; `evaluation` as in [`step`].
pub(crate) fn of_adaptive(particles: u32, dim: u32, evaluation: u64, items: u32) -> Vec<Loops> {
    let groups = u64::from(CESS_GROUPS);
    let blocks = particles.div_ceil(CESS_LANES * items.max(1));
    let share = blocks.saturating_mul(CESS_GROUPS).div_ceil(CESS_LANES * CESS_GROUPS);
    let particle = evaluation.saturating_add(3 * over(dim) + times(groups, times(4, 0)));
    let measure = 2 * times(groups, 0) + times(items.into(), particle) + TREE;
    let choose = times(share.into(), 0) + TREE + 2 * times(4 * groups, 0);
    vec![
        Loops { kernel: "adapt", iterations: measure, way_out: TARGET },
        Loops { kernel: "adapt_choose", iterations: choose, way_out: FEWER_PARTICLES },
        Loops { kernel: "adapt_open", iterations: times(4 * groups, 0), way_out: GENERAL },
    ]
}

/// Loop iterations of a step: what integrators and flows do over coordinates, whether all numbers are
/// finite, and an evaluation of the laws and of what the flow adds.
pub(crate) fn per_step(evaluation: u64, dim: u32) -> u64 {
    evaluation.saturating_add(22 * u64::from(dim) + 32)
}

/// What loads and stores a particle.
fn around_steps(dim: u32, models: u32) -> u64 {
    6 * over(dim) + 2 * over(models) + 2
}

/// The evaluations of `fused` steps: one more than steps, and for each of them room for two, which no
/// kernel takes today: what a text does beside the evaluations is estimated.
fn evaluated(fused: u32) -> u64 {
    if fused > 1 { 3 * u64::from(fused) + 1 } else { 2 }
}

/// The kernel `step` with `fused` steps.
pub(crate) fn step(fused: u32, evaluation: u64, dim: u32, models: u32) -> Loops {
    let steps = per_step(evaluation, dim).saturating_mul(evaluated(fused));
    let iterations = steps.saturating_add(around_steps(dim, models));
    Loops { kernel: "step", iterations, way_out: TARGET }
}

/// The most steps that one dispatch fuses where the driver stops after `cap`: 0 where not even one
/// is possible.
pub(crate) fn most_fused(cap: u32, evaluation: u64, dim: u32, models: u32) -> u32 {
    let room = u64::from(cap).saturating_sub(around_steps(dim, models));
    match room / per_step(evaluation, dim) {
        most if most >= evaluated(2) => ((most - 1) / 3) as u32,
        most => u32::from(most >= evaluated(1)),
    }
}

/// Draws the particles: `sampling` iterations of the law's own, and an evaluation of the laws for
/// their weights.
pub(crate) fn init(sampling: u64, evaluation: u64, dim: u32) -> Loops {
    let iterations =
        sampling.saturating_add(evaluation).saturating_add(normal_draw(dim) + 6 * over(dim));
    let way_out = "shorten the initial law's loops, use fewer components, or a GPU";
    Loops { kernel: "init", iterations, way_out }
}

/// The estimates of a reaction, whatever the density.
pub(crate) fn of_reaction(particles: u32, dim: u32) -> Vec<Loops> {
    let each = |kernel, iterations| Loops { kernel, iterations, way_out: GENERAL };
    let of_blocks =
        times(ITEMS.into(), over(dim)) + OVER_LANES + times(dim.into(), OVER_ITEMS + PREFIX);
    vec![
        each("moments_of_blocks", of_blocks),
        each("moments_of_all", 2 * over_blocks(particles, 0) + OVER_LANES + PREFIX),
        each("entropy_of_blocks", OVER_ITEMS + TREE),
        each("entropy_of_all", over_blocks(particles, 0) + TREE),
    ]
}

/// The density and the target on a grid of `cells` nodes per axis; `evaluation` as in [`step`].
pub(crate) fn of_grid(cells: u32, evaluation: u64, dim: u32) -> Vec<Loops> {
    let each =
        |kernel, iterations| Loops { kernel, iterations, way_out: "use fewer cells, or a GPU" };
    vec![
        each("grid_deposit", 2 * over(dim) + times(1 << dim, over(dim))),
        Loops {
            kernel: "grid_target",
            iterations: evaluation.saturating_add(over(dim)),
            way_out: TARGET,
        },
        each("grid_spread", times(1 << dim, 2 * over(dim))),
        // Four widths, and eight of them fit a grid.
        each("grid_blur", over(dim) + times(u64::from(cells.div_ceil(2)), 0)),
    ]
}

/// The density as a mixture of `components`.
pub(crate) fn of_mixture(components: u32, dim: u32) -> Vec<Loops> {
    let each =
        |kernel, iterations| Loops { kernel, iterations, way_out: "use fewer landmarks, or a GPU" };
    let moved = normal_draw(dim) + over(dim);
    let share = u64::from(components.div_ceil(LANES));
    vec![
        each("mixture_gather", 3 * over(dim) + moved),
        each("mixture_total", times(share, 0) + OVER_LANES + over(dim)),
        each("mixture_sweep", mixture::sweep_loops(components, dim, moved)),
    ]
}

/// The ratio of target and population; `density` are the loops of `density_log_ratio`.
pub(crate) fn ratio(evaluation: u64, density: u64, dim: u32) -> Loops {
    let iterations = evaluation.saturating_add(density).saturating_add(2 * over(dim));
    Loops { kernel: "ratio", iterations, way_out: TARGET }
}

/// `density_log_ratio` on a grid.
pub(crate) fn density_on_grid(dim: u32) -> u64 {
    times(1 << dim, over(dim)) + over(dim)
}

/// `cover_log` with so many trials.
pub(crate) fn cover(trials: u32, evaluation: u64, dim: u32) -> u64 {
    let point = evaluation.saturating_add(over(dim));
    times(trials.into(), normal_draw(dim).saturating_add(times(2, point)))
}

/// The most trials of `cover_log`, 1 to `wanted`, with which `ratio` stays below `cap`.
pub(crate) fn most_trials(cap: u32, wanted: u32, evaluation: u64, dim: u32) -> u32 {
    let fits = |trials: &u32| {
        let all = ratio(evaluation, cover(*trials, evaluation, dim), dim);
        all.iterations <= u64::from(cap)
    };
    (2..=wanted).rev().find(fits).unwrap_or(1)
}

/// `repeats` evaluations by the kernel of `wfr check`.
pub(crate) fn evaluations(evaluation: u64, repeats: u32, dim: u32) -> Loops {
    let all = times(repeats.into(), evaluation.saturating_add(over(dim)));
    Loops { kernel: "check_cost", iterations: all.saturating_add(over(dim)), way_out: TARGET }
}
