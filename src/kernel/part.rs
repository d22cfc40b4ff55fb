//! A part of the loop that some runs have: what it asks of a device, what it records around a block of
//! steps, what it keeps from one block to the next, and what it reports.
//!
//! A new part is a file of `kernel/` with a [`Kind`], its shader, and its place in `sampler/parts.rs`.

use std::fmt::Debug;

use super::Pass;
use crate::buffers::{Scratch, State};
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::integrator::Integrator;
use crate::plan::{Draft, Plan};
use crate::problem::Problem;
use crate::shaders::WeightShape;

/// How parts of one kind join a run.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Refuses settings that the part cannot work with.
    pub(crate) check: fn(&Run<'_>) -> Result<()>,
    /// Adds what the part takes of a device, for as many particles as the draft has.
    pub(crate) ask: fn(&Run<'_>, &mut Draft),
    /// Makes the parts that the run has.
    pub(crate) make: fn(&Site<'_>) -> Result<Parts>,
}

/// A run before it has a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) config: &'a Config,
    pub(crate) integrator: Integrator,
}

impl Run<'_> {
    /// Loop iterations of an evaluation: counted on the host, which takes as long as evaluating.
    pub(crate) fn evaluation(&self) -> u64 {
        self.problem.evaluation_loops().most
    }
}

/// Where a part is made.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    pub(crate) gpu: &'a Gpu,
    pub(crate) run: Run<'a>,
    pub(crate) plan: &'a Plan,
    pub(crate) shape: &'a WeightShape,
    pub(crate) state: &'a State,
    pub(crate) scratch: &'a Scratch,
}

/// When in a block of steps a pass belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the ESS test that begins a block.
    BeforeTest,
    AfterTest,
    /// Before fused steps, whether a test came before them or not.
    BeforeSteps,
    /// After the last step of a block.
    AfterBlock,
}

/// A pass that may go through the particles in slices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slices {
    /// What passes that take the same time per particle have in common.
    pub(crate) name: &'static str,
    /// Particles of a workgroup.
    pub(crate) workgroup: u32,
}

/// What of a run's reports a part fills.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reports<'a> {
    /// The conditional ESS in the rows of the trace.
    pub(crate) cess: bool,
    /// Estimates of the population's density.
    pub(crate) estimates: Option<Estimates<'a>>,
}

/// Where estimates are: a `ReactionState`, and the ring of `ReactionRow`s.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimates<'a> {
    pub(crate) state: &'a wgpu::Buffer,
    pub(crate) trace: &'a wgpu::Buffer,
}

/// Parts of one run.
pub(crate) type Parts = Vec<Box<dyn Part>>;

/// A part of the loop of a run.
pub(crate) trait Part: Debug + wgpu::WasmNotSendSync {
    /// Its passes in a phase that begins after `step` steps, by numbers of its own.
    fn passes(&self, phase: Phase, step: u32) -> Vec<u32>;

    /// Records one of them: of all particles, or of a slice from `Control::first_slot` on.
    fn encode(&self, pass: &mut Pass<'_>, number: u32, slice: Option<u32>);

    /// How a pass may be cut, if it may.
    fn slices(&self, _number: u32) -> Option<Slices> {
        None
    }

    /// Records what comes before the first step.
    fn encode_opening(&self, _pass: &mut Pass<'_>) {}

    /// The buffers that one block leaves to the next, by their names in a checkpoint. The others are
    /// written before they are read, within a block.
    fn persistent(&self) -> Vec<(&'static str, &wgpu::Buffer)> {
        Vec::new()
    }

    fn reports(&self) -> Reports<'_> {
        Reports::default()
    }
}
