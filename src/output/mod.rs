//! Results as files and records.

mod arrays;
mod checks;
mod composition;
mod contents;
mod folder;
mod frames;
mod kept;
mod lock;
mod metrics;
#[cfg(feature = "arviz")]
mod netcdf;
mod next;
mod npz;
mod place;
mod posterior;
mod reaction;
mod read;
mod record;
mod report_html;
mod safetensors;
#[cfg(test)]
mod tests;
mod warnings;
mod windows;

pub(crate) use contents::{Contents, Format};
pub(crate) use folder::{Folder, sweep};
pub(crate) use frames::{to_bytes as frames_to_bytes, write as write_frames};
#[cfg(test)]
pub(crate) use kept::made_up;
pub(crate) use kept::{Frame, Kept, Stage};
pub(crate) use lock::Lock;
pub(crate) use metrics::{Metrics, Resumed, Start, Written, is_done};
pub(crate) use next::{Next, recover, settle};
pub(crate) use place::Place;
pub(crate) use posterior::posterior;
pub(crate) use read::read_frames;
pub(crate) use record::{Estimates, LEVELS, ModeRecord, Record, parameters};
pub(crate) use report_html::{Picture, Report};
pub(crate) use warnings::{FAILED, LOST_PARTICLES, STOPPED, WarningRecord, log_z_label};
pub(crate) use windows::{OnDevice, Thinned, Windows};
