//! The frames of a run as a NumPy archive.

use std::io;
use std::path::Path;

use serde_json::Map;

use super::arrays::{Array, Values};
use super::kept::Frame;
use super::npz;

/// Writes `frames.npz`.
///
/// # Panics
/// When frames are not all of as many columns and rows.
pub(crate) fn write(path: &Path, frames: &[Frame]) -> io::Result<()> {
    npz::write(path, &arrays(frames), &Map::new())
}

/// A row per frame: `step`, `time`, `ess`, `log_normalizer`, `ancestors` (F,), the ends of the axes
/// `x` and `y` (F, 2), and `density` (F, rows, columns).
fn arrays(frames: &[Frame]) -> Vec<Array<'_>> {
    let count = frames.len();
    let (rows, columns) = frames.first().map_or((0, 0), |frame| (frame.rows, frame.columns));
    let same = |frame: &Frame| {
        let cells = frame.rows as usize * frame.columns as usize;
        (frame.rows, frame.columns) == (rows, columns) && frame.density.len() == cells
    };
    assert!(frames.iter().all(same), "the frames of a run have one size");

    let array = |name, shape: &[usize], values| Array { name, shape: shape.to_vec(), values };
    let real = |name, pick: fn(&Frame) -> f64| {
        array(name, &[count], Values::F64(frames.iter().map(pick).collect()))
    };
    let whole = |name, pick: fn(&Frame) -> u32| {
        array(name, &[count], Values::U32(frames.iter().map(pick).collect()))
    };
    let ends = |name, pick: fn(&Frame) -> [f64; 2]| {
        array(name, &[count, 2], Values::F64(frames.iter().flat_map(pick).collect()))
    };
    let density = frames.iter().flat_map(|frame| frame.density.iter().copied()).collect();
    vec![
        whole("step", |frame| frame.step),
        real("time", |frame| frame.time),
        real("ess", |frame| frame.ess),
        real("log_normalizer", |frame| frame.log_normalizer),
        whole("ancestors", |frame| frame.ancestors),
        ends("x", |frame| frame.x),
        ends("y", |frame| frame.y),
        array("density", &[count, rows as usize, columns as usize], Values::F32(density)),
    ]
}
