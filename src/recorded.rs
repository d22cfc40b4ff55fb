//! A run written down: everything that the device is given and in which order, as one value.
//!
//! [`Sampler::recorded`](crate::Sampler::recorded) and `wfr sample --print-plan` make a
//! [`RecordedPlan`], and nothing is run for it. Whoever replays it makes the buffers with their
//! contents, the kernels and the bind groups, and then records the dispatches of
//! [`RecordedPlan::opening`] and of each block of [`RecordedPlan::order`] into one compute pass, or
//! into as many as suit. No result is looked at in between. On one device with one driver the bits
//! are those of [`Sampler::run`](crate::Sampler::run).
//!
//! The pages of the particles' state are the buffers `state_0`, `state_1`, …, those of [`Outcome`] and
//! the numbers in group 3 (`settings`, `coordinates`, `preconditioner`, `parameters`) have the names
//! that stand there. The others have the name of the variable that the first kernel to bind them has for them, `unused` if it has
//! none; another one of the same name has a number after it.

mod read;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use write::Writer;

/// The version of what [`RecordedPlan::to_json`] writes.
pub const SCHEMA: u32 = 2;

/// A run written down, see [the module](self).
///
/// The seed is a number of the buffer `settings` and in no text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordedPlan {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The version of wfr that wrote it.
    pub wfr: String,
    /// [`BITS`](crate::BITS).
    pub bits: u32,
    /// What the texts ask of a device beyond WebGPU's core: `shader-int64`, `subgroups`. On a
    /// device that lacks them, the recorded plan does without.
    pub features: Vec<String>,
    /// What shapes the kernels.
    pub settings: Settings,
    /// WGSL, each text once.
    pub texts: Vec<String>,
    /// Compute pipelines.
    pub kernels: Vec<Kernel>,
    /// In the order in which they are bound first.
    pub buffers: Vec<Buffer>,
    /// Kernels with their buffers, each once.
    pub dispatches: Vec<Dispatch>,
    /// What comes before the first step: the draw of the particles, and the opening of an adaptive
    /// schedule.
    pub opening: Block,
    /// All steps, block by block.
    pub order: Vec<Block>,
    /// What may come at any time after the opening: writes the population as it is into the row
    /// behind those of [`Outcome::trace`], and changes nothing else.
    pub report: Block,
    /// Where a host finds what it wants once all is done.
    pub result: Outcome,
}

/// What shapes the kernels of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// N.
    pub particles: u32,
    /// Coordinates of a particle.
    pub dim: u32,
    /// Steps; of an adaptive schedule, the most there can be.
    pub steps: u32,
    /// Steps between two tests of the ESS; of an adaptive schedule, those of a stage.
    pub ess_every: u32,
    /// Particles of a workgroup of the step kernel.
    pub workgroup_size: u32,
    /// The seed.
    pub seed: u64,
}

/// A compute pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Kernel {
    /// Its place among [`RecordedPlan::texts`].
    pub text: u32,
    /// The entry point.
    pub entry: String,
    /// Values of the text's `override`s.
    pub constants: BTreeMap<String, f64>,
    /// The layouts of its bind groups, by their number: how it uses the buffers of bindings 0, 1,
    /// ….
    pub groups: BTreeMap<u32, Vec<Access>>,
}

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
    /// `var<uniform>`, all of the buffer.
    Uniform,
    /// `var<uniform>`, so many bytes of the buffer from a dynamic offset on.
    Window(u64),
}

/// A buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Buffer {
    /// By which everything else calls it.
    pub name: String,
    /// Its size, a multiple of 4.
    pub bytes: u64,
    /// What it is used for; a host adds what it copies.
    pub usage: Vec<Usage>,
    /// What it holds before the opening; all other words are zero.
    pub contents: Vec<Words>,
}

/// What a buffer is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Usage {
    /// A storage binding.
    Storage,
    /// A uniform binding.
    Uniform,
    /// Says how many workgroups a dispatch has.
    Indirect,
}

/// Words of 32 bits of a buffer, whatever they mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Words {
    /// The first of them: byte 4 · `at` of the buffer.
    pub at: u64,
    /// Their values.
    pub words: Vec<u32>,
}

/// A kernel with its buffers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dispatch {
    /// Its place among [`RecordedPlan::kernels`].
    pub kernel: u32,
    /// The names of the buffers of each bind group, by its number.
    pub groups: BTreeMap<u32, Vec<String>>,
    /// How many workgroups.
    pub workgroups: Workgroups,
}

/// How many workgroups a dispatch has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Workgroups {
    /// In x, y and z.
    Counted([u32; 3]),
    /// As many as three words of a buffer say, which kernels before it write.
    Indirect {
        /// Its name.
        buffer: String,
        /// The byte of the first of them.
        offset: u64,
    },
}

/// Dispatches one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Block {
    /// Steps done before it.
    pub first: u32,
    /// Steps that it does, all in one dispatch; 0 of the opening and the report.
    pub steps: u32,
    /// Places among [`RecordedPlan::dispatches`].
    pub dispatches: Vec<u32>,
    /// The dynamic offsets of those dispatches in bytes, one for each [`Access::Window`] as they
    /// come: by dispatch, then group, then binding.
    pub offsets: Vec<u32>,
}

/// Where a host finds what it wants once all is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The pages of the particles' state. Row r, N words, is row `r % page_rows` of page `r /
    /// page_rows`. The first `dim` rows are the coordinates (f32), the last one the index
    /// of the time-zero ancestor (u32), and those between are the integrator's own.
    pub state: Vec<String>,
    /// Rows of a page.
    pub page_rows: u32,
    /// Rows in all.
    pub rows: u32,
    /// What is added to the positions, a number for each coordinate; nothing where it is the
    /// origin.
    pub center: Option<Vec<f64>>,
    /// N log-weights (f32), up to a common constant.
    pub log_weights: String,
    /// One row: the clock, and what the device knows of the run. Its field `trace_rows` says how
    /// many rows of the trace were written.
    pub control: Table,
    /// A row for each test of the ESS: row k is at place `k % rows`, so that the newest are kept.
    /// The report is behind them, at place `rows`.
    pub trace: Table,
    /// A row for each estimate of the population's density, likewise, where the flow makes any.
    pub reaction_trace: Option<Table>,
    /// What is added to the sum of a row's `nats` and ln 2 times its `log2`, both signed 32.32
    /// fixed point with the lower word first, for log Z at the end of the path; nothing where the
    /// weights do not tell it.
    pub log_offset: Option<f64>,
}

/// A buffer of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub buffer: String,
    /// How many records there is room for.
    pub rows: u32,
    /// Bytes of a record.
    pub row_bytes: u32,
    /// The byte of a record where each field begins. The structures in the texts tell their types.
    pub fields: BTreeMap<String, u32>,
}
