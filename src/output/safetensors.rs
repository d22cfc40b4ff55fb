//! Arrays as a safetensors file: `safetensors.numpy.load_file("particles.safetensors")`.
//!
//! Format: eight bytes of length, a header of JSON, then the numbers. The crate wants all numbers in
//! memory; here they are written one window at a time.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::tensor::Metadata;
use serde_json::{Map, Value, json};

use super::arrays::{Array, Number};
use super::read::{decode, unreadable};

/// The longest header that other readers take.
const LONGEST_HEADER: u64 = 100_000_000;

/// Writes the arrays, and the attributes as text in the header's `__metadata__`.
pub(crate) fn write(
    path: &Path,
    arrays: &[Array<'_>],
    attributes: &Map<String, Value>,
) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write_to(&mut file, arrays, attributes)?;
    file.flush()?;
    file.get_ref().sync_all()
}

/// The bytes of such a file.
pub(crate) fn write_to(
    file: &mut impl Write,
    arrays: &[Array<'_>],
    attributes: &Map<String, Value>,
) -> io::Result<()> {
    // Every number lies at a multiple of its own size.
    let mut arrays: Vec<_> = arrays.iter().collect();
    arrays.sort_by_key(|array| std::cmp::Reverse(array.element().size()));

    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let metadata: Map<_, Value> =
        attributes.iter().map(|(name, value)| (name.clone(), text(value).into())).collect();
    let mut header = Map::from_iter([("__metadata__".to_string(), metadata.into())]);
    let mut end = 0;
    for array in &arrays {
        let begin = end;
        end += array.size();
        let tensor = json!({
            "dtype": array.element().dtype().to_string(),
            "shape": array.shape,
            "data_offsets": [begin, end],
        });
        header.insert(array.name.to_string(), tensor);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');

    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for array in arrays {
        array.each_bytes(|bytes| file.write_all(bytes))?;
    }
    Ok(())
}

/// What a file lies in: the disk, or memory.
pub(crate) trait Source: Read + Seek {}

impl<S: Read + Seek> Source for S {}

/// A file whose arrays are read one by one.
pub(crate) struct Reader {
    file: Box<dyn Source>,
    header: Metadata,
    /// Where the numbers begin.
    start: u64,
}

impl Reader {
    /// Opens a file; a reason where it is none.
    pub(crate) fn open(file: File) -> Result<Reader, String> {
        Reader::new(Box::new(BufReader::new(file)))
    }

    /// Reads a file that lies in memory or on disk; a reason where it is none.
    pub(crate) fn new(mut file: Box<dyn Source>) -> Result<Reader, String> {
        let unread = |error: io::Error| format!("cannot be read: {error}");
        let size = file.seek(SeekFrom::End(0)).map_err(unread)?;
        file.rewind().map_err(unread)?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| "is no safetensors file: it is too short")?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > size - 8 {
            return Err(format!("is no safetensors file: its header would have {length} bytes"));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(unread)?;
        let header: Metadata = serde_json::from_slice(&header)
            .map_err(|error| format!("is no safetensors file: {error}"))?;
        let (promised, there) = (header.data_len() as u64, size - 8 - length);
        if promised != there {
            return Err(format!(
                "has {there} bytes of numbers where its header promises {promised}; the file is \
                 cut off"
            ));
        }
        Ok(Reader { file, header, start: 8 + length })
    }

    /// The shape and the numbers of an array; a reason where there is none or it is broken.
    pub(crate) fn array<T: Number>(&mut self, name: &str) -> Result<(Vec<usize>, Vec<T>), String> {
        let Some(info) = self.header.info(name) else {
            return Err(format!("has no array `{name}`"));
        };
        if info.dtype != T::ELEMENT.dtype() {
            return Err(format!(
                "has an array `{name}` of type {}; expected {}",
                info.dtype,
                T::ELEMENT.dtype()
            ));
        }
        let (begin, end) = info.data_offsets;
        self.file
            .seek(SeekFrom::Start(self.start + begin as u64))
            .map_err(|error| unreadable(name, &error))?;
        let bytes = (end - begin) as u64;
        let numbers = decode(name, &info.shape, bytes, &mut (&mut self.file).take(bytes))?;
        Ok((info.shape.clone(), numbers))
    }
}
