//! From the device's buffers to host memory.

use crate::error::{ErrorKind, Result};
use crate::gpu::Gpu;
use crate::pending::Pending;

/// Bytes per staging copy: large buffers come over in windows.
pub(crate) const WINDOW: u64 = 64 << 20;

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
        gpu.takes_more().await?;
        let (staging, mapped) = gpu.scoped(|| {
            let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("wfr.staging"),
                size: length,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(buffer, offset + done, &staging, 0, Some(length));
            let submission = gpu.queue.submit([encoder.finish()]);
            let mapped = Pending::map(gpu, submission, &staging);
            (staging, mapped)
        })?;
        mapped.await?;
        let view = staging
            .get_mapped_range(..)
            .map_err(|e| ErrorKind::Device { message: e.to_string() })?;
        out.extend_from_slice(bytemuck::cast_slice(&view));
        done += length;
    }
    Ok(out)
}
