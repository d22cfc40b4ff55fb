//! Results as files and records.

mod composition;
mod kept;
mod npz;
mod place;
mod reaction;
mod record;

#[cfg(test)]
pub(crate) use kept::made_up;
pub(crate) use kept::{Frame, Kept, Stage};
pub(crate) use npz::write as write_npz;
pub(crate) use place::Place;
pub(crate) use record::{Estimates, ModeRecord, Record, parameters};
