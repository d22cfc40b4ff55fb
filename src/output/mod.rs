//! Results as files and records.

mod arrays;
mod composition;
mod contents;
mod frames;
mod kept;
#[cfg(feature = "arviz")]
mod netcdf;
mod npz;
mod place;
mod reaction;
mod read;
mod record;
mod safetensors;
#[cfg(test)]
mod tests;
mod windows;

pub(crate) use contents::{Contents, Format};
pub(crate) use frames::write as write_frames;
pub(crate) use kept::{Frame, Kept, Stage};
pub(crate) use place::Place;
pub(crate) use record::{Estimates, LEVELS, Record, parameters};
pub(crate) use windows::Windows;
