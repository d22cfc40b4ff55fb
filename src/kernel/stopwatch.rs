//! The device's own clock before and after each dispatch, which has a pass of its own for it.

use super::pass::{Dispatch, Recorder};
use crate::buffers;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::readback;

/// Dispatches that are timed in one submission.
const MOST: u32 = wgpu::QUERY_SET_MAX_QUERIES / 2;

#[derive(Debug)]
pub(crate) struct Stopwatch {
    queries: wgpu::QuerySet,
    ticks: wgpu::Buffer,
    seconds_per_tick: f64,
}

impl Stopwatch {
    /// # Errors
    /// Where the device has no clock for it.
    pub(crate) fn new(gpu: &Gpu) -> Result<Stopwatch> {
        if !gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            let reason = format!(
                "need a device with the feature TIMESTAMP_QUERY, which this one on {} was not \
                 requested with or does not have",
                gpu.adapter_info().name
            );
            return Err(Error::config("time stamps", reason));
        }
        let (queries, ticks) = gpu.scoped(|| {
            let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("wfr.stopwatch"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * MOST,
            });
            let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
            let bytes = 16 * u64::from(MOST);
            (queries, buffers::empty(&gpu.device, "wfr.stopwatch", usage, bytes))
        })?;
        let seconds_per_tick = 1e-9 * f64::from(gpu.queue.get_timestamp_period());
        Ok(Stopwatch { queries, ticks, seconds_per_tick })
    }

    pub(crate) fn start<'s>(&'s self, encoder: &'s mut wgpu::CommandEncoder) -> Timed<'s> {
        Timed { queries: &self.queries, encoder, entries: Vec::new() }
    }

    /// Records that the clock's readings for so many dispatches are kept.
    pub(crate) fn encode_end(&self, encoder: &mut wgpu::CommandEncoder, dispatches: usize) {
        encoder.resolve_query_set(&self.queries, 0..2 * dispatches as u32, &self.ticks, 0);
    }

    /// The seconds of each dispatch that was executed.
    pub(crate) async fn seconds(&self, gpu: &Gpu, dispatches: usize) -> Result<Vec<f64>> {
        let ticks: Vec<[u64; 2]> =
            readback::read(gpu, &self.ticks, 0, 16 * dispatches as u64).await?;
        let seconds =
            |[begin, end]: &[u64; 2]| end.saturating_sub(*begin) as f64 * self.seconds_per_tick;
        Ok(ticks.iter().map(seconds).collect())
    }
}

/// Dispatches that are timed.
pub(crate) struct Timed<'s> {
    queries: &'s wgpu::QuerySet,
    encoder: &'s mut wgpu::CommandEncoder,
    /// The entry point of each.
    pub(crate) entries: Vec<String>,
}

impl Timed<'_> {
    /// Dispatches that can still be timed; more are recorded and not timed.
    pub(crate) fn left(&self) -> usize {
        MOST as usize - self.entries.len()
    }
}

impl Recorder for Timed<'_> {
    fn record(&mut self, dispatch: &Dispatch<'_>) {
        let is_timed = self.left() > 0;
        let at = 2 * self.entries.len() as u32;
        let mut pass = self.encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: is_timed.then_some(wgpu::ComputePassTimestampWrites {
                query_set: self.queries,
                beginning_of_pass_write_index: Some(at),
                end_of_pass_write_index: Some(at + 1),
            }),
        });
        pass.record(dispatch);
        if is_timed {
            self.entries.push(dispatch.kernel.compiled.shape.entry.clone());
        }
    }
}
