//! A kept run read back from its folder.
//!
//! Files are untrusted: sizes are held against what is there before anything is allocated by them.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wfr::Particles;

use super::arrays::Number;
use super::kept::{Frame, Kept, Stage};
use super::record::Record;
use super::{npz, safetensors};
use crate::bounded;
use crate::cli::{Done, Failure};

/// Bytes read at a time; a multiple of the size of every number.
const PIECE: usize = 1 << 16;

impl Kept {
    /// Reads `summary.json`, `particles.npz` or else `particles.safetensors`, and `frames.npz` where
    /// there is one.
    ///
    /// # Errors
    /// A usage failure that names the file: it is missing, cut off or not as wfr writes it, or does
    /// not belong to the others.
    pub(crate) fn read(folder: &Path) -> Done<Kept> {
        let summary = folder.join("summary.json");
        let text = bounded::text(&summary, bounded::TABLE).map_err(|reason| {
            wrong(&summary, &format!("{reason}; name a folder that --out has filled"))
        })?;
        let record: Record = serde_json::from_str(&text).map_err(|error| {
            wrong(&summary, &format!("is not the record of a run by this version: {error}"))
        })?;

        let mut file = Arrays::of_particles(folder)?;
        let dim = record.dim as usize;
        let center = record.center.as_deref();
        if center.is_some_and(|center| center.len() != dim || center.iter().any(|c| !c.is_finite()))
        {
            let reason = format!("has a center that is not {dim} finite numbers");
            return Err(wrong(&summary, &reason));
        }
        let (shape, positions) = file.places("positions", center)?;
        let &[n, columns] = &shape[..] else { return Err(file.misshapen("positions", &shape)) };
        if columns != dim {
            return Err(file.misshapen("positions", &shape));
        }
        let (log_weights, ancestors) =
            (file.column("log_weights", n)?, file.column("ancestors0", n)?);
        if let Some(ancestor) = ancestors.iter().find(|a: &&u32| **a >= record.particles) {
            let particles = record.particles;
            let reason = format!("has the ancestor {ancestor} in a run of {particles} particles");
            return Err(wrong(&file.path, &reason));
        }
        let mut particles = Particles::new(dim, positions, log_weights, ancestors)?;
        if let Some(center) = center {
            particles = particles.with_center(center)?;
        }
        let particles = Arc::new(particles);
        let (shape, posterior) = file.places("posterior", center)?;
        if shape.len() != 2 || shape[1] != dim {
            return Err(file.misshapen("posterior", &shape));
        }
        let stages = stages(&mut file)?;

        let path = folder.join("frames.npz");
        let frames = if path.exists() { frames(&mut Arrays::open(path)?)? } else { Vec::new() };
        Ok(Kept { record, particles, posterior, stages, frames })
    }
}

/// The frames that a checkpoint took along; `path` is what errors name.
pub(crate) fn read_frames(path: &Path, bytes: Vec<u8>) -> Done<Vec<Frame>> {
    let path = path.to_path_buf();
    match safetensors::Reader::new(Box::new(Cursor::new(bytes))) {
        Ok(reader) => frames(&mut Arrays { path, reader: Reader::Safetensors(reader) }),
        Err(reason) => Err(wrong(&path, &format!("has frames that cannot be read: {reason}"))),
    }
}

fn stages(file: &mut Arrays) -> Done<Vec<Stage>> {
    let (shape, step) = file.array::<u32>("stage_step")?;
    let &[count] = &shape[..] else { return Err(file.misshapen("stage_step", &shape)) };
    let time = file.column("stage_time", count)?;
    let beta = file.column("stage_beta", count)?;
    let ess = file.column("stage_ess", count)?;
    let cess = file.column("stage_cess", count)?;
    let log_normalizer = file.column("stage_log_normalizer", count)?;
    let max_weight = file.column("stage_max_weight", count)?;
    let non_finite = file.column("stage_non_finite", count)?;
    let resampled = file.column("stage_resampled", count)?;
    let stage = |k: usize| Stage {
        step: step[k],
        time: time[k],
        beta: beta[k],
        ess: ess[k],
        cess: cess[k],
        log_normalizer: log_normalizer[k],
        max_weight: max_weight[k],
        non_finite: non_finite[k],
        resampled: resampled[k],
    };
    Ok((0..count).map(stage).collect())
}

fn frames(file: &mut Arrays) -> Done<Vec<Frame>> {
    let (shape, density) = file.array::<f32>("density")?;
    let sizes =
        (shape.get(1).copied().map(u32::try_from), shape.get(2).copied().map(u32::try_from));
    let (3, (Some(Ok(rows)), Some(Ok(columns)))) = (shape.len(), sizes) else {
        return Err(file.misshapen("density", &shape));
    };
    let count = shape[0];
    let step: Vec<u32> = file.column("step", count)?;
    let time: Vec<f64> = file.column("time", count)?;
    let ess: Vec<f64> = file.column("ess", count)?;
    let log_normalizer: Vec<f64> = file.column("log_normalizer", count)?;
    let ancestors: Vec<u32> = file.column("ancestors", count)?;
    let (x, y): (Vec<f64>, Vec<f64>) = (file.ends("x", count)?, file.ends("y", count)?);
    let cells = rows as usize * columns as usize;
    let frame = |k: usize| Frame {
        step: step[k],
        time: time[k],
        ess: ess[k],
        log_normalizer: log_normalizer[k],
        ancestors: ancestors[k],
        x: [x[2 * k], x[2 * k + 1]],
        y: [y[2 * k], y[2 * k + 1]],
        columns,
        rows,
        density: density[k * cells..(k + 1) * cells].to_vec(),
    };
    Ok((0..count).map(frame).collect())
}

/// A file of arrays with its name.
struct Arrays {
    path: PathBuf,
    reader: Reader,
}

enum Reader {
    Npz(npz::Reader),
    Safetensors(safetensors::Reader),
}

impl Arrays {
    fn of_particles(folder: &Path) -> Done<Arrays> {
        for name in ["particles.npz", "particles.safetensors"] {
            let path = folder.join(name);
            if path.exists() {
                return Arrays::open(path);
            }
        }
        Err(wrong(
            folder,
            "holds no particles.npz or particles.safetensors; run again with --format npz",
        ))
    }

    fn open(path: PathBuf) -> Done<Arrays> {
        let file = File::open(&path).map_err(|error| format!("cannot be read: {error}"));
        let npz = path.extension().is_some_and(|extension| extension == "npz");
        let reader = file.and_then(|file| match npz {
            true => npz::Reader::open(file).map(Reader::Npz),
            false => safetensors::Reader::open(file).map(Reader::Safetensors),
        });
        match reader {
            Ok(reader) => Ok(Arrays { path, reader }),
            Err(reason) => Err(wrong(&path, &reason)),
        }
    }

    fn array<T: Number>(&mut self, name: &str) -> Done<(Vec<usize>, Vec<T>)> {
        let read = match &mut self.reader {
            Reader::Npz(reader) => reader.array(name),
            Reader::Safetensors(reader) => reader.array(name),
        };
        read.map_err(|reason| wrong(&self.path, &reason))
    }

    /// Places, counted from a center where there is one.
    fn places(&mut self, name: &str, center: Option<&[f64]>) -> Done<(Vec<usize>, Vec<f32>)> {
        let Some(center) = center else { return self.array(name) };
        let (shape, places) = self.array::<f64>(name)?;
        let from = |(x, center): (&f64, &f64)| (x - center) as f32;
        let offsets = places.iter().zip(center.iter().cycle()).map(from).collect();
        Ok((shape, offsets))
    }

    fn column<T: Number>(&mut self, name: &str, count: usize) -> Done<Vec<T>> {
        let (shape, numbers) = self.array(name)?;
        if shape == [count] { Ok(numbers) } else { Err(self.misshapen(name, &shape)) }
    }

    fn ends(&mut self, name: &str, count: usize) -> Done<Vec<f64>> {
        let (shape, numbers) = self.array(name)?;
        if shape == [count, 2] { Ok(numbers) } else { Err(self.misshapen(name, &shape)) }
    }

    fn misshapen(&self, name: &str, shape: &[usize]) -> Failure {
        let reason = format!(
            "has an array `{name}` of shape {shape:?}, which does not fit to the rest of the run"
        );
        wrong(&self.path, &reason)
    }
}

fn wrong(path: &Path, reason: &str) -> Failure {
    Failure::Usage(format!("{}: {reason}", path.display()))
}

pub(super) fn unreadable(name: &str, error: &io::Error) -> String {
    format!("has an array `{name}` that cannot be read: {error}")
}

/// The numbers of an array of this shape, which is all that the source has: so many bytes.
///
/// Memory grows with what has been read, so that a size which is not there costs nothing.
pub(super) fn decode<T: Number>(
    name: &str,
    shape: &[usize],
    bytes: u64,
    source: &mut impl Read,
) -> Result<Vec<T>, String> {
    let size = T::ELEMENT.size();
    let expected = shape.iter().try_fold(size, |product, length| product.checked_mul(*length));
    if expected.map(|expected| expected as u64) != Some(bytes) {
        return Err(format!("has an array `{name}` of shape {shape:?} in {bytes} bytes"));
    }
    let (mut numbers, mut piece) = (Vec::new(), vec![0; PIECE]);
    let mut left = bytes;
    while left > 0 {
        let some = &mut piece[..left.min(PIECE as u64) as usize];
        source.read_exact(some).map_err(|error| unreadable(name, &error))?;
        numbers.extend(some.chunks_exact(size).map(T::read));
        left -= some.len() as u64;
    }
    // At its end an archive compares its checksum.
    match source.read(&mut piece[..1]) {
        Ok(0) => Ok(numbers),
        Ok(_) => Err(format!("has an array `{name}` that does not end where it should")),
        Err(error) => Err(unreadable(name, &error)),
    }
}
