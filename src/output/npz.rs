//! Arrays as a NumPy archive: `numpy.load("particles.npz")`.
//!
//! Format: numpy.lib.format, version 1.0, in a ZIP whose members are stored as they are.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use npyz::zip::result::ZipError;
use npyz::zip::write::FileOptions;
use npyz::zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};
use serde_json::{Map, Value};

use super::arrays::{Array, Number};
use super::read::{decode, unreadable};

/// What begins an array, before the length of its header.
const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

/// Writes the arrays, and the attributes as JSON in the array of one string `attributes`.
///
/// Nothing is compressed, which would take 30 times longer, and no moment is told: same arrays,
/// same bytes.
pub(crate) fn write(
    path: &Path,
    arrays: &[Array<'_>],
    attributes: &Map<String, Value>,
) -> io::Result<()> {
    let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
    if let Err(error) = fill(&mut zip, arrays, attributes) {
        // What is unfinished would complain on standard error that it is.
        std::mem::forget(zip);
        return Err(error);
    }
    let mut file = zip.finish()?;
    file.flush()?;
    file.get_ref().sync_all()
}

fn fill(
    zip: &mut ZipWriter<BufWriter<File>>,
    arrays: &[Array<'_>],
    attributes: &Map<String, Value>,
) -> io::Result<()> {
    let text = Value::Object(attributes.clone()).to_string();
    let characters: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    start(zip, "attributes", &format!("<U{}", characters.len() / 4), &[], characters.len())?;
    zip.write_all(&characters)?;
    for array in arrays {
        start(zip, array.name, array.element().numpy(), &array.shape, array.size())?;
        array.each_bytes(|bytes| zip.write_all(bytes))?;
    }
    Ok(())
}

/// Begins a member with the header of an array that has so many bytes.
fn start(
    zip: &mut ZipWriter<BufWriter<File>>,
    name: &str,
    code: &str,
    shape: &[usize],
    bytes: usize,
) -> io::Result<()> {
    let options = FileOptions::default()
        .compression_method(CompressionMethod::Stored)
        // The first moment a ZIP can tell.
        .last_modified_time(DateTime::default())
        .large_file(bytes as u64 > u64::from(u32::MAX / 2));
    zip.start_file(format!("{name}.npy"), options)?;
    let mut header = dictionary(code, shape);
    // Numbers begin at a multiple of 64 bytes of the array.
    let length = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(64) - MAGIC.len() - 2;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    zip.write_all(MAGIC)?;
    zip.write_all(&(length as u16).to_le_bytes())?;
    zip.write_all(header.as_bytes())
}

/// What a header says, as Python writes it.
fn dictionary(code: &str, shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let shape = sizes.join(", ");
    format!("{{'descr': '{code}', 'fortran_order': False, 'shape': ({shape}{comma}), }}")
}

/// An archive whose arrays are read one by one.
pub(crate) struct Reader {
    zip: ZipArchive<BufReader<File>>,
}

impl Reader {
    /// Opens an archive; a reason where it is none.
    pub(crate) fn open(file: File) -> Result<Reader, String> {
        let zip = ZipArchive::new(BufReader::new(file));
        let zip = zip.map_err(|error| format!("is not an archive of arrays: {error}"))?;
        Ok(Reader { zip })
    }

    /// The shape and the numbers of an array; a reason where there is none or it is broken.
    pub(crate) fn array<T: Number>(&mut self, name: &str) -> Result<(Vec<usize>, Vec<T>), String> {
        let mut member = self.zip.by_name(&format!("{name}.npy")).map_err(|error| match error {
            ZipError::FileNotFound => format!("has no array `{name}`"),
            other => format!("has an array `{name}` that cannot be read: {other}"),
        })?;
        let foreign = || {
            format!(
                "has an array `{name}` that is not as wfr writes it, {} in C order and stored \
                 without compression",
                T::ELEMENT.numpy()
            )
        };
        if member.compression() != CompressionMethod::Stored {
            return Err(foreign());
        }
        let mut start = [0; MAGIC.len() + 2];
        member.read_exact(&mut start).map_err(|error| unreadable(name, &error))?;
        let length = usize::from(u16::from_le_bytes([start[8], start[9]]));
        let mut header = vec![0; length];
        member.read_exact(&mut header).map_err(|error| unreadable(name, &error))?;
        let shape = std::str::from_utf8(&header).ok().and_then(|text| shape::<T>(text.trim_end()));
        let Some(shape) = shape.filter(|_| start[..8] == *MAGIC) else { return Err(foreign()) };
        let bytes = member.size().saturating_sub((start.len() + length) as u64);
        let numbers = decode(name, &shape, bytes, &mut member)?;
        Ok((shape, numbers))
    }
}

/// The shape in the header of an array of this type.
fn shape<T: Number>(header: &str) -> Option<Vec<usize>> {
    let (_, inside) = header.split_once("'shape': (")?;
    let (inside, _) = inside.split_once(')')?;
    let sizes = inside.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> = sizes.map(str::parse).collect::<Result<_, _>>().ok()?;
    // Nothing else is taken than what `write` writes.
    (header == dictionary(T::ELEMENT.numpy(), &shape)).then_some(shape)
}
