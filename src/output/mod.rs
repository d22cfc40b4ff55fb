//! Results as files and records.

mod composition;
mod folder;
mod kept;
mod metrics;
mod npz;
mod place;
mod posterior;
mod reaction;
mod record;

pub(crate) use folder::Folder;
#[cfg(test)]
pub(crate) use kept::made_up;
pub(crate) use kept::{Frame, Kept, Stage};
pub(crate) use metrics::{Metrics, Start};
pub(crate) use npz::write as write_npz;
pub(crate) use place::Place;
pub(crate) use posterior::posterior;
pub(crate) use record::{Estimates, ModeRecord, Record, parameters};
