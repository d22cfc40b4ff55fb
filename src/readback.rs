//! From the device's buffers to host memory.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{ErrorKind, Result};
use crate::gpu::Gpu;
use crate::pending::Pending;

/// Bytes per staging copy: large buffers come over in windows.
pub(crate) const WINDOW: u64 = 64 << 20;

/// What has been read back from a device by this crate, each time at the price of its answer: see
/// [`Gpu::read_backs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadBacks {
    /// How many times.
    pub count: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// Counts them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    fn add(&self, bytes: u64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn so_far(&self) -> ReadBacks {
        let [count, bytes] = [&self.count, &self.bytes].map(|n| n.load(Ordering::Relaxed));
        ReadBacks { count, bytes }
    }
}

/// Part of a buffer: offset and length are multiples of 4.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub buffer: &'a wgpu::Buffer,
    pub offset: u64,
    pub bytes: u64,
}

impl<'a> Part<'a> {
    pub(crate) fn whole(buffer: &'a wgpu::Buffer) -> Part<'a> {
        Part { buffer, offset: 0, bytes: buffer.size() }
    }
}

/// Several parts in host memory, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    bytes: Vec<u8>,
    begin: usize,
    lengths: std::collections::VecDeque<usize>,
}

impl Gathered {
    /// The next part.
    pub(crate) fn next<T: bytemuck::AnyBitPattern>(&mut self) -> Vec<T> {
        let end = self.begin + self.lengths.pop_front().unwrap_or_default();
        let part = &self.bytes[self.begin..end];
        self.begin = end;
        part.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect()
    }
}

/// Does what is recorded and reads these parts as they are then: one submission, and one answer.
pub(crate) async fn gather(
    gpu: &Gpu,
    record: impl FnOnce(&mut wgpu::CommandEncoder),
    parts: &[Part<'_>],
) -> Result<Gathered> {
    let mut all = Gathered::default();
    all.lengths.extend(parts.iter().map(|part| part.bytes as usize));
    fetch(gpu, record, parts, |bytes| all.bytes.extend_from_slice(bytes)).await?;
    Ok(all)
}

/// Reads `bytes` bytes of a buffer from `offset`, both multiples of 4.
pub(crate) async fn read<T: bytemuck::Pod>(
    gpu: &Gpu,
    buffer: &wgpu::Buffer,
    offset: u64,
    bytes: u64,
) -> Result<Vec<T>> {
    let mut out: Vec<T> = Vec::with_capacity((bytes as usize) / size_of::<T>());
    let mut done = 0;
    while done < bytes {
        let length = (bytes - done).min(WINDOW);
        let part = Part { buffer, offset: offset + done, bytes: length };
        fetch(gpu, |_| (), &[part], |read| out.extend_from_slice(bytemuck::cast_slice(read)))
            .await?;
        done += length;
    }
    Ok(out)
}

async fn fetch(
    gpu: &Gpu,
    record: impl FnOnce(&mut wgpu::CommandEncoder),
    parts: &[Part<'_>],
    take: impl FnOnce(&[u8]),
) -> Result<()> {
    gpu.takes_more().await?;
    let size = parts.iter().map(|part| part.bytes).sum();
    let (staging, mapped) = gpu.scoped(|| {
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("wfr.staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        record(&mut encoder);
        let mut done = 0;
        for Part { buffer, offset, bytes } in parts.iter().filter(|part| part.bytes > 0) {
            encoder.copy_buffer_to_buffer(buffer, *offset, &staging, done, Some(*bytes));
            done += bytes;
        }
        let submission = gpu.queue.submit([encoder.finish()]);
        let mapped = Pending::map(gpu, submission, &staging);
        (staging, mapped)
    })?;
    mapped.await?;
    gpu.read_backs.add(size);
    let view =
        staging.get_mapped_range(..).map_err(|e| ErrorKind::Device { message: e.to_string() })?;
    take(&view);
    Ok(())
}
