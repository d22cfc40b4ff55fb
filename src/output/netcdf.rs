//! Arrays as NetCDF-4 for ArviZ and xarray: `arviz.from_netcdf("particles.nc", engine="h5netcdf")`.
//!
//! | group | variables | dimensions |
//! | --- | --- | --- |
//! | `posterior` | `x`, draws of equal weight | chain, draw, x_dim |
//! | `weighted_posterior` | `x`, the particles | chain, particle, x_dim |
//! | `sample_stats` | `log_weight`, `ancestor0` of the particles | chain, particle |
//! | | `log_normalizer`, `log_normalizer_se` | |
//! | `stages` | `step`, `time`, `beta`, `ess`, … | stage |
//!
//! Draws and particles have dimensions of their own, so that what belongs to the ones is never laid
//! over the others; `chain` has one entry, because ArviZ asks for it. Format: an HDF5 file whose
//! dimensions are scales, by the conventions of NetCDF-4.

use std::io;
use std::path::Path;

use rust_hdf5::types::VarLenUnicode;
use rust_hdf5::{H5Dataset, H5File, H5Group, H5Type, Hdf5Error};
use serde_json::{Map, Value};

use super::arrays::{Array, Element, Piece};

/// The dimensions that have no variable, being long and without meaning.
const BARE: &str = "particle";

/// Indices in a chunk of such a dimension.
const CHUNK: usize = 1 << 20;

/// A variable of the file.
struct Variable<'a> {
    group: &'static str,
    name: &'static str,
    dimensions: &'static [&'static str],
    array: &'a Array<'a>,
}

impl<'a> Variable<'a> {
    fn of(array: &'a Array<'a>) -> Variable<'a> {
        let (group, name, dimensions): (_, _, &[&str]) = match array.name {
            "posterior" => ("posterior", "x", &["chain", "draw", "x_dim"]),
            "positions" => ("weighted_posterior", "x", &["chain", "particle", "x_dim"]),
            "log_weights" => ("sample_stats", "log_weight", &["chain", "particle"]),
            "ancestors0" => ("sample_stats", "ancestor0", &["chain", "particle"]),
            name => match name.strip_prefix("stage_") {
                Some(name) => ("stages", name, &["stage"]),
                None => ("sample_stats", name, &[]),
            },
        };
        Variable { group, name, dimensions, array }
    }

    /// The array's shape under the one chain.
    fn shape(&self) -> Vec<usize> {
        let chain = self.dimensions.first().is_some_and(|first| *first == "chain");
        chain.then_some(1).into_iter().chain(self.array.shape.iter().copied()).collect()
    }
}

/// What every group tells by itself, because people take groups out of their file.
const OF_GROUPS: [&str; 3] = ["inference_library", "inference_library_version", "note"];

/// Writes the arrays to their groups, and the attributes to the root.
pub(crate) fn write(
    path: &Path,
    arrays: &[Array<'_>],
    attributes: &Map<String, Value>,
) -> io::Result<()> {
    let file = H5File::options().best_effort_locking().create(path).map_err(failed)?;
    let root = file.root_group();
    describe(&root, attributes.iter())?;
    let variables: Vec<_> = arrays.iter().map(Variable::of).collect();
    let mut groups: Vec<_> = variables.iter().map(|variable| variable.group).collect();
    groups.dedup();
    groups.sort_unstable();
    groups.dedup();
    for name in groups {
        let group = root.create_group(name).map_err(failed)?;
        describe(&group, attributes.iter().filter(|(key, _)| OF_GROUPS.contains(&&***key)))?;
        let mut scales = Vec::new();
        for variable in variables.iter().filter(|variable| variable.group == name) {
            add(&group, variable, &mut scales)?;
        }
    }
    file.close().map_err(failed)
}

fn describe<'a>(
    group: &H5Group,
    attributes: impl Iterator<Item = (&'a String, &'a Value)>,
) -> io::Result<()> {
    for (name, value) in attributes {
        match value {
            Value::String(text) => group.set_attr_string(name, text),
            value => match value.as_u64() {
                Some(whole) => group.set_attr_numeric(name, &whole),
                None => group.set_attr_numeric(name, &value.as_f64().unwrap_or(f64::NAN)),
            },
        }
        .map_err(failed)?;
    }
    Ok(())
}

/// Adds a variable to its group, and the dimensions that the group does not have yet.
fn add(
    group: &H5Group,
    variable: &Variable<'_>,
    scales: &mut Vec<(&'static str, H5Dataset)>,
) -> io::Result<()> {
    let (array, shape) = (variable.array, variable.shape());
    let dataset = match array.element() {
        Element::F32 => create::<f32>(group, variable.name, &shape),
        Element::F64 => create::<f64>(group, variable.name, &shape),
        Element::U32 => create::<u32>(group, variable.name, &shape),
        // NetCDF has no truth values; xarray knows them by an attribute.
        Element::Bool => create::<i8>(group, variable.name, &shape),
    }?;
    let mut done = 0;
    array.each_piece(|piece| match piece {
        Piece::F32(some) => append(&dataset, &shape, &mut done, some),
        Piece::F64(some) => append(&dataset, &shape, &mut done, some),
        Piece::U32(some) => append(&dataset, &shape, &mut done, some),
        Piece::Bool(some) => {
            let bytes: Vec<_> = some.iter().copied().map(i8::from).collect();
            append(&dataset, &shape, &mut done, &bytes)
        }
    })?;
    let note = |name, text| {
        let attribute = dataset.new_attr::<VarLenUnicode>().shape(()).create(name);
        attribute.and_then(|attribute| attribute.write_string(text)).map_err(failed)
    };
    if array.element() == Element::Bool {
        note("dtype", "bool")?;
    }
    if array.name == "positions" {
        note("weights", "exp(sample_stats/log_weight)")?;
    }
    for (axis, (dimension, length)) in variable.dimensions.iter().zip(&shape).enumerate() {
        let known = scales.iter().position(|(name, _)| name == dimension);
        let place = match known {
            Some(place) => place,
            None => {
                scales.push((dimension, scale(group, dimension, *length)?));
                scales.len() - 1
            }
        };
        dataset.attach_scale(axis, &scales[place].1).map_err(failed)?;
    }
    Ok(())
}

/// A dimension: of its indices, or without any.
fn scale(group: &H5Group, name: &str, length: usize) -> io::Result<H5Dataset> {
    let dataset = if name == BARE {
        // Chunks that are never written take no room.
        let dataset = group.new_dataset::<f32>().shape([length]).chunk(&[length.clamp(1, CHUNK)]);
        let dataset = dataset.create(name).map_err(failed)?;
        let label = format!("This is a netCDF dimension but not a netCDF variable.{length:>11}");
        dataset.set_scale(Some(&label)).map_err(failed)?;
        dataset
    } else {
        let dataset = create::<i64>(group, name, &[length])?;
        let indices: Vec<_> = (0..length as i64).collect();
        append(&dataset, &[length], &mut 0, &indices)?;
        dataset.set_scale(Some(name)).map_err(failed)?;
        dataset
    };
    Ok(dataset)
}

fn create<T: H5Type>(group: &H5Group, name: &str, shape: &[usize]) -> io::Result<H5Dataset> {
    let dataset = group.new_dataset::<T>();
    let dataset = if shape.is_empty() { dataset.scalar() } else { dataset.shape(shape) };
    dataset.create(name).map_err(failed)
}

/// Writes the numbers that follow the `done` ones.
fn append<T: H5Type>(
    dataset: &H5Dataset,
    shape: &[usize],
    done: &mut usize,
    numbers: &[T],
) -> io::Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    if shape.is_empty() {
        return dataset.write_raw(numbers).map_err(failed);
    }
    // Behind a chain of one, rows follow each other along the next axis.
    let axis = usize::from(shape.len() > 1);
    let row: usize = shape[axis + 1..].iter().product();
    let (mut starts, mut counts) = (vec![0; shape.len()], shape.to_vec());
    (starts[axis], counts[axis]) = (*done / row, numbers.len() / row);
    *done += numbers.len();
    dataset.write_slice(&starts, &counts, numbers).map_err(failed)
}

fn failed(error: Hdf5Error) -> io::Error {
    io::Error::other(error.to_string())
}
