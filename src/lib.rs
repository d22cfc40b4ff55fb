#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adaptive;
mod adaptor;
mod anchor;
mod aside;
pub mod autodiff;
mod beta;
mod bits;
#[cfg(not(target_arch = "wasm32"))]
mod blocking;
mod bounded;
mod buffers;
mod center;
pub mod check;
pub mod checkpoint;
mod clock;
mod config;
mod data;
mod diagnostics;
pub mod diffusion;
pub mod distance;
mod driver;
mod error;
mod excerpt;
mod flow;
mod formula;
mod generator;
mod gpu;
mod histogram;
mod initial;
mod integrator;
mod kernel;
mod layout;
mod loss;
mod memory;
mod normals;
mod numbers;
mod parameters;
mod particles;
mod pending;
mod pipelines;
mod plan;
mod problem;
mod random;
mod reaction;
mod reactor;
mod readback;
pub mod recorded;
#[cfg(any(test, feature = "reference"))]
pub mod reference;
mod resampling;
mod resolution;
mod rows;
mod sampler;
mod schedule;
#[cfg(any(test, feature = "reference"))]
pub mod selftest;
mod shaders;
mod shown;
mod slopes;
mod target;
#[cfg(test)]
mod testing;
mod truth;
mod tuning;
#[cfg(not(target_arch = "wasm32"))]
mod watch;
#[doc = include_str!("../docs/methods.md")]
pub mod methods {
    #[cfg(not(target_arch = "wasm32"))]
    #[allow(unused_imports, reason = "a name that the text links to")]
    use crate::tune;
    #[allow(unused_imports, reason = "names that the text links to")]
    use crate::{
        Annealing, Config, Density, Diagnostics, Flow, Generator, Pilot, Realisation, Sampler,
        Schedule, Splitting,
    };
}
#[doc = include_str!("../docs/composition.md")]
pub mod composition {
    #[allow(unused_imports, reason = "names that the text links to")]
    use crate::diffusion::{Composition, ScoreError};
}
#[doc = include_str!("../docs/tutorial.md")]
pub mod tutorial {
    #[allow(unused_imports, reason = "names that the text links to")]
    use crate::{Target, autodiff};
}
pub mod wgsl;
mod words;

pub use adaptive::Adaptive;
pub use adaptor::Score;
pub use bits::BITS;
#[cfg(not(target_arch = "wasm32"))]
pub use blocking::{block_on, tune};
pub use checkpoint::Checkpoint;
pub use config::{Config, Resampler};
pub use data::Data;
#[cfg(feature = "data")]
pub use data::DataFile;
pub use diagnostics::{
    Diagnostics, Drift, Estimate, Examination, Identities, IdentityTest, Mode, Modes,
    PrecisionLoss, Reach, Warning, WarningSeverity,
};
pub use error::{CheckpointFault, Error, ErrorKind, Location, RecordingFault, Result};
pub use flow::{Flow, Path, Pilot};
pub use generator::Generator;
pub use gpu::{Gpu, adapter, adapters, instance};
pub use histogram::{Axis, BinnedAxis, Histogram, Histograms};
pub use initial::Initial;
pub use integrator::Integrator;
pub use loss::{Cause, Loss, Losses, Lost, OnLoss};
pub use particles::{ParticleParts, Particles};
pub use plan::Plan;
pub use problem::Problem;
pub use reaction::{Bandwidth, Density, Reaction, Realisation, Splitting};
pub use readback::ReadBacks;
pub use recorded::RecordedPlan;
pub use resampling::{Gather, Payload, Resampled, Resampling};
pub use resolution::Resolution;
pub use sampler::{
    Buffers, Info, KernelTime, ModelCall, ReactionEvent, Sampler, TraceEvent, Tracked, requirements,
};
pub use schedule::{Annealing, Schedule};
pub use target::{Component, Entry, MAX_DIM, Parameter, Target, catalogue};
pub use truth::Truth;
pub use tuning::{Tuned, Tuning, tune_async};
pub use {rand, wgpu};
