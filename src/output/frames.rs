//! The frames of a run as a NumPy archive, and as bytes that a checkpoint takes along.

use std::io;
use std::path::Path;

use serde_json::Map;

use super::arrays::{Array, Values};
use super::kept::Frame;
use super::{npz, safetensors};

/// Writes `frames.npz`.
///
/// # Panics
/// When frames are not all of as many columns and rows.
pub(crate) fn write(path: &Path, frames: &[Frame]) -> io::Result<()> {
    npz::write(path, &arrays(frames), &Map::new())
}

/// The same arrays as a safetensors file in memory; [`super::read_frames`] takes it back.
///
/// # Panics
/// As [`write`].
pub(crate) fn to_bytes(frames: &[Frame]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    safetensors::write_to(&mut bytes, &arrays(frames), &Map::new())?;
    Ok(bytes)
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

    let ends = |name, pick: fn(&Frame) -> [f64; 2]| {
        Array::new(name, &[count, 2], Values::F64(frames.iter().flat_map(pick).collect()))
    };
    let density = frames.iter().flat_map(|frame| frame.density.iter().copied()).collect();
    vec![
        Array::wholes("step", frames, |frame| frame.step),
        Array::reals("time", frames, |frame| frame.time),
        Array::reals("ess", frames, |frame| frame.ess),
        Array::reals("log_normalizer", frames, |frame| frame.log_normalizer),
        Array::wholes("ancestors", frames, |frame| frame.ancestors),
        ends("x", |frame| frame.x),
        ends("y", |frame| frame.y),
        Array::new("density", &[count, rows as usize, columns as usize], Values::F32(density)),
    ]
}
