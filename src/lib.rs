#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adaptor;
pub mod autodiff;
mod buffers;
pub mod check;
mod config;
mod data;
mod diagnostics;
mod error;
mod flow;
mod formula;
mod gpu;
mod initial;
mod integrator;
mod kernel;
mod layout;
mod particles;
mod problem;
mod readback;
#[cfg(any(test, feature = "reference"))]
pub mod reference;
mod resampling;
mod sampler;
mod schedule;
mod shaders;
mod target;
#[cfg(test)]
mod testing;
mod truth;
mod tuning;
#[doc = include_str!("../docs/tutorial.md")]
pub mod tutorial {
    #[allow(unused_imports, reason = "names that the text links to")]
    use crate::{Target, autodiff};
}
pub mod wgsl;
mod words;

pub use adaptor::Score;
pub use buffers::Plan;
pub use config::{Config, Resampler};
pub use data::Data;
#[cfg(feature = "data")]
pub use data::DataFile;
pub use diagnostics::{Diagnostics, Estimate};
pub use error::{Error, ErrorKind, Location, Result};
pub use flow::Flow;
pub use gpu::{Gpu, adapter, adapters, instance};
pub use initial::Initial;
pub use integrator::Integrator;
pub use particles::Particles;
pub use problem::Problem;
pub use resampling::Resampling;
pub use sampler::{Buffers, Info, Sampler, TraceEvent, requirements};
pub use schedule::Schedule;
pub use target::{Component, Entry, MAX_DIM, Parameter, Target, catalogue};
pub use truth::Truth;
pub use tuning::{Tuned, Tuning, tune};
pub use wgpu;
