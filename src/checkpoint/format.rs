//! The bytes of a checkpoint: written by windows and checked by windows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crc32fast::Hasher;
use safetensors::tensor::Metadata;
use serde_json::{Map, Value, json};

use super::{ATTACHED, fault};
use crate::aside::aside;
use crate::error::{CheckpointFault, Error, Result};
use crate::gpu::Gpu;
use crate::readback;

/// What every checkpoint of every version has at its ninth byte.
const MAGIC: &str = r#"{"__metadata__":{"format":"wfr checkpoint","#;
/// The longest header: particles, texts and attachments are elsewhere.
const LONGEST_HEADER: u64 = 1 << 20;
/// Bytes at a time.
pub(super) const WINDOW: u64 = 16 << 20;
/// The tensor of checksums, also of later versions: the header's is its first.
const CHECKSUMS: &str = "checksums";

/// What a checkpoint is read from.
pub(super) trait Stream: Read + Seek + Send {}

impl<T: Read + Seek + Send> Stream for T {}

/// The type of a tensor's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    F64,
    F32,
    U32,
    U8,
}

impl Element {
    fn name(self) -> &'static str {
        match self {
            Element::F64 => "F64",
            Element::F32 => "F32",
            Element::U32 => "U32",
            Element::U8 => "U8",
        }
    }

    fn bytes(self) -> u64 {
        match self {
            Element::F64 => 8,
            Element::F32 | Element::U32 => 4,
            Element::U8 => 1,
        }
    }
}

/// Part of a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub buffer: &'a wgpu::Buffer,
    pub offset: u64,
    pub bytes: u64,
}

/// A tensor to write.
#[derive(Debug)]
pub(crate) struct Tensor<'a> {
    pub name: String,
    pub element: Element,
    pub shape: Vec<u64>,
    pub content: Content<'a>,
}

/// Where its bytes are.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Host(Cow<'a, [u8]>),
    Device(Vec<Segment<'a>>),
}

impl<'a> Tensor<'a> {
    /// Bytes in host memory.
    pub(crate) fn of_bytes(name: String, bytes: &'a [u8]) -> Tensor<'a> {
        let (shape, content) = (vec![bytes.len() as u64], Content::Host(bytes.into()));
        Tensor { name, element: Element::U8, shape, content }
    }

    /// The caller's own bytes.
    pub(crate) fn attached(name: &str, bytes: &'a [u8]) -> Tensor<'a> {
        Tensor::of_bytes(format!("{ATTACHED}{name}"), bytes)
    }

    fn bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.element.bytes()
    }

    async fn each_window(
        &self,
        gpu: &Gpu,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        match &self.content {
            Content::Host(bytes) => each(bytes),
            Content::Device(segments) => {
                for segment in segments {
                    let mut done = 0;
                    while done < segment.bytes {
                        let length = (segment.bytes - done).min(WINDOW);
                        let (buffer, offset) = (segment.buffer, segment.offset + done);
                        each(&readback::read::<u8>(gpu, buffer, offset, length).await?)?;
                        done += length;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes a file that appears at its place whole or not at all: beside it first, to the disk, then
/// renamed, and that to the disk too.
///
/// The last `attached` of the tensors are in host memory and may be of any size; the others are
/// multiples of four bytes, and those of eight come first.
pub(crate) async fn write(
    gpu: &Gpu,
    path: &Path,
    settings: &Value,
    tensors: &[Tensor<'_>],
    attached: &[Tensor<'_>],
) -> Result<()> {
    let beside = Beside(beside(path));
    write_to(gpu, path, &beside.0, settings, tensors, attached).await?;
    fs::rename(&beside.0, path).map_err(|error| unwritten(path, &error))?;
    // The file is there; file systems that sync no folder see to their names themselves.
    let _ = sync_folder(path);
    Ok(())
}

/// A file that goes away unless it was renamed.
struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        // Where the file cannot be written that is the error; one that was never made cannot be removed.
        let _ = fs::remove_file(&self.0);
    }
}

async fn write_to(
    gpu: &Gpu,
    path: &Path,
    beside: &Path,
    settings: &Value,
    tensors: &[Tensor<'_>],
    attached: &[Tensor<'_>],
) -> Result<()> {
    let failed = |error: io::Error| unwritten(path, &error);
    let count = 1 + tensors.len() + attached.len();
    let header = header(settings, tensors, attached, count);
    if header.len() as u64 > LONGEST_HEADER {
        let (length, most) = (header.len(), LONGEST_HEADER);
        let reason = format!(
            "cannot be written: its header would have {length} bytes, more than {most}, the most; \
             attach fewer things"
        );
        return Err(Error::file(path, reason));
    }
    let mut file = BufWriter::new(File::create(beside).map_err(failed)?);
    let length = (header.len() as u64).to_le_bytes();
    file.write_all(&length).and_then(|()| file.write_all(&header)).map_err(failed)?;
    let mut sums = vec![checksum(&[&length, &header])];
    for tensor in tensors {
        let mut sum = Hasher::new();
        let each = |window: &[u8]| {
            sum.update(window);
            file.write_all(window).map_err(failed)
        };
        tensor.each_window(gpu, each).await?;
        sums.push(sum.finalize());
    }
    for tensor in attached {
        let mut sum = Hasher::new();
        tensor
            .each_window(gpu, |window| {
                sum.update(window);
                Ok(())
            })
            .await?;
        sums.push(sum.finalize());
    }
    let sums: Vec<u8> = sums.into_iter().flat_map(u32::to_le_bytes).collect();
    file.write_all(&sums).map_err(failed)?;
    for tensor in attached {
        tensor.each_window(gpu, |window| file.write_all(window).map_err(failed)).await?;
    }
    let path = path.to_path_buf();
    aside(move || {
        let synced = file.flush().and_then(|()| file.get_ref().sync_all());
        synced.map_err(|error| unwritten(&path, &error))
    })
    .await
}

/// The JSON before the numbers.
fn header(
    settings: &Value,
    tensors: &[Tensor<'_>],
    attached: &[Tensor<'_>],
    checksums: usize,
) -> Vec<u8> {
    let mut end = 0;
    let mut entries = Map::new();
    let mut add = |name: &str, element: Element, shape: &[u64], bytes: u64| {
        let begin = end;
        end += bytes;
        let entry = json!({
            "dtype": element.name(),
            "shape": shape,
            "data_offsets": [begin, end],
        });
        entries.insert(name.to_string(), entry);
    };
    for tensor in tensors {
        add(&tensor.name, tensor.element, &tensor.shape, tensor.bytes());
    }
    add(CHECKSUMS, Element::U32, &[checksums as u64], 4 * checksums as u64);
    for tensor in attached {
        add(&tensor.name, tensor.element, &tensor.shape, tensor.bytes());
    }
    let settings = Value::String(settings.to_string());
    // The entries' own opening brace makes way for what comes before them.
    let entries = Value::Object(entries).to_string();
    let header = format!("{MAGIC}\"wfr\":{settings}}},{}", &entries[1..]);
    let mut header = header.into_bytes();
    // Numbers of eight bytes lie at multiples of eight.
    header.resize(header.len().next_multiple_of(8), b' ');
    header
}

/// A hidden name in the same folder, of this call alone.
fn beside(path: &Path) -> PathBuf {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{}-{call}-{name}", std::process::id()))
}

/// A rename is on the disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder is no file that could be opened.
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: &io::Error) -> Error {
    Error::file(path, format!("cannot be written: {error}"))
}

/// The checksum of some bytes one after the other.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut sum = Hasher::new();
    parts.iter().for_each(|part| sum.update(part));
    sum.finalize()
}

/// Little-endian numbers.
pub(super) fn numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
}

/// Where a tensor lies in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    begin: u64,
    pub bytes: u64,
    checksum: u32,
}

impl Place {
    /// Reads it window by window; an error when it is not as it was written.
    pub(super) fn each_window(
        &self,
        name: &Path,
        tensor: &str,
        stream: &mut dyn Stream,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut reading = Reading::new(*self);
        let mut window = Vec::new();
        while reading.next(name, tensor, stream, &mut window)? {
            each(&window)?;
        }
        Ok(())
    }
}

/// A tensor that is read window by window.
pub(super) struct Reading {
    place: Place,
    done: u64,
    sum: Hasher,
}

impl Reading {
    pub(super) fn new(place: Place) -> Reading {
        Reading { place, done: 0, sum: Hasher::new() }
    }

    /// Reads the next window; false after the last, where the whole is as it was written.
    pub(super) fn next(
        &mut self,
        name: &Path,
        tensor: &str,
        stream: &mut dyn Stream,
        window: &mut Vec<u8>,
    ) -> Result<bool> {
        let failed = |error: io::Error| unread(name, &error);
        let length = (self.place.bytes - self.done).min(WINDOW);
        if length > 0 {
            window.resize(length as usize, 0);
            stream.seek(SeekFrom::Start(self.place.begin + self.done)).map_err(failed)?;
            stream.read_exact(window).map_err(failed)?;
            self.sum.update(window);
            self.done += length;
            return Ok(true);
        }
        if self.sum.clone().finalize() != self.place.checksum {
            let reason = format!(
                "is damaged: the checksum of `{tensor}` is not that of what was written; go on \
                 from another checkpoint"
            );
            return Err(fault(name, CheckpointFault::Corrupt, &reason));
        }
        Ok(false)
    }
}

/// The settings' text and the tensors of a file, all of which has been checked.
pub(super) fn read(
    name: &Path,
    stream: &mut dyn Stream,
) -> Result<(String, BTreeMap<String, Place>)> {
    let failed = |error: io::Error| unread(name, &error);
    let corrupt = |reason: &str| fault(name, CheckpointFault::Corrupt, reason);
    let truncated = |reason: &str| fault(name, CheckpointFault::Truncated, reason);
    let foreign = |reason: &str| fault(name, CheckpointFault::NotACheckpoint, reason);
    let size = stream.seek(SeekFrom::End(0)).map_err(failed)?;
    stream.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut start = [0; 8 + MAGIC.len()];
    let there = size.min(start.len() as u64) as usize;
    stream.read_exact(&mut start[..there]).map_err(failed)?;
    if there <= 8 || !MAGIC.as_bytes().starts_with(&start[8..there]) {
        let what = if size == 0 { "is empty" } else { "is no checkpoint of wfr" };
        return Err(foreign(&format!("{what}; name a file that Sampler::save wrote")));
    }
    let cut = "is cut off within its header; go on from another checkpoint";
    if there < start.len() {
        return Err(truncated(cut));
    }
    let (length, _) = start.split_first_chunk().unwrap_or((&[0; 8], &[]));
    let length = u64::from_le_bytes(*length);
    if !(MAGIC.len() as u64..=LONGEST_HEADER).contains(&length) {
        let reason = format!(
            "is damaged: its header would have {length} bytes, which is not {} to \
             {LONGEST_HEADER}; go on from another checkpoint",
            MAGIC.len()
        );
        return Err(corrupt(&reason));
    }
    if size - 8 < length {
        return Err(truncated(cut));
    }
    let mut header = vec![0; length as usize];
    header[..MAGIC.len()].copy_from_slice(&start[8..]);
    stream.read_exact(&mut header[MAGIC.len()..]).map_err(failed)?;
    let data = 8 + length;

    let parsed: Metadata = serde_json::from_slice(&header).map_err(|error| {
        corrupt(&format!(
            "is damaged: its header cannot be read ({error}); go on from another checkpoint"
        ))
    })?;
    let (promised, there) = (parsed.data_len() as u64, size - data);
    if there < promised {
        let reason = format!(
            "is cut off: it has {there} of its {promised} bytes of numbers; go on from another \
             checkpoint"
        );
        return Err(truncated(&reason));
    }
    if there > promised {
        let more = there - promised;
        return Err(corrupt(&format!("is damaged: it has {more} bytes after its end")));
    }

    let mut order = parsed.offset_keys();
    let sums = parsed.info(CHECKSUMS).map(|info| info.data_offsets);
    order.retain(|tensor| tensor != CHECKSUMS);
    let Some((begin, end)) = sums.filter(|(begin, end)| end - begin == 4 * (1 + order.len()))
    else {
        return Err(corrupt("is damaged: it has not a checksum for every tensor"));
    };
    let mut sums = vec![0; end - begin];
    stream.seek(SeekFrom::Start(data + begin as u64)).map_err(failed)?;
    stream.read_exact(&mut sums).map_err(failed)?;
    let mut sums = sums.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
    if sums.next() != Some(checksum(&[&start[..8], &header])) {
        let reason = "is damaged: the checksum of its header is not that of what was written; go \
                      on from another checkpoint";
        return Err(corrupt(reason));
    }
    let text = parsed.metadata().as_ref().and_then(|texts| texts.get("wfr")).cloned();
    let text = text.ok_or_else(|| corrupt("is damaged: it has no settings"))?;
    super::settings::check_version(&text).map_err(|(kind, reason)| fault(name, kind, &reason))?;

    let mut tensors = BTreeMap::new();
    for (tensor, checksum) in order.into_iter().zip(sums) {
        let Some(info) = parsed.info(&tensor) else { continue };
        let (begin, end) = info.data_offsets;
        let bytes = (end - begin) as u64;
        let place = Place { begin: data + begin as u64, bytes, checksum };
        place.each_window(name, &tensor, stream, |_| Ok(()))?;
        tensors.insert(tensor, place);
    }
    Ok((text, tensors))
}

/// A file that became shorter while it was read is cut off too.
fn unread(name: &Path, error: &io::Error) -> Error {
    if error.kind() == ErrorKind::UnexpectedEof {
        return fault(name, CheckpointFault::Truncated, "was cut off while it was read");
    }
    Error::file(name, format!("cannot be read: {error}"))
}
