//! The buffers of a run on the device: what they hold, and how they are made.

use crate::kernel::Access;
use crate::layout::{Block, Control, Dispatches, TraceRow};
use crate::numbers::RunNumbers;
use crate::plan::Need;
use crate::shaders::WeightShape;

/// The particles on the device.
#[derive(Debug)]
pub(crate) struct State {
    pub pages: Vec<wgpu::Buffer>,
    /// As many again, which a resampling passes through.
    pub gathered: Vec<wgpu::Buffer>,
    pub log_weights: wgpu::Buffer,
    pub ancestors: wgpu::Buffer,
    pub control: wgpu::Buffer,
    pub schedule: wgpu::Buffer,
    /// Group 1: the data of the target and of the initial law.
    pub data: Vec<wgpu::Buffer>,
    /// Group 2: the data of the flow, and how they are bound.
    pub flow_data: Option<(Access, wgpu::Buffer)>,
    /// Group 2, after them: what each model in a buffer writes, rows of N numbers.
    pub outputs: Vec<wgpu::Buffer>,
    /// The counts of kept or refused moves, where they are counted.
    pub moves: Option<wgpu::Buffer>,
    /// Group 3: the numbers of the run.
    pub numbers: RunNumbers,
}

impl State {
    /// The buffers of the groups after the engine's own: the data of both laws, then of the flow.
    pub(crate) fn data_groups(&self) -> Vec<Vec<(Access, &wgpu::Buffer)>> {
        let read = |buffer| (Access::Read, buffer);
        let laws: Vec<_> = self.data.iter().map(read).collect();
        match &self.flow_data {
            Some((access, flow)) => {
                let outputs = self.outputs.iter().map(read);
                vec![laws, [(*access, flow)].into_iter().chain(outputs).collect()]
            }
            None if laws.is_empty() => Vec::new(),
            None => vec![laws],
        }
    }
}

/// What the weight kernels keep between their passes.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub blocks: wgpu::Buffer,
    pub control: wgpu::Buffer,
    pub trace: wgpu::Buffer,
    pub dispatches: wgpu::Buffer,
    /// Workgroup counts of `expand`, which only some resamplings need.
    pub overflow: wgpu::Buffer,
    pub offsets: wgpu::Buffer,
    pub fractions: wgpu::Buffer,
    pub copies_through: wgpu::Buffer,
}

impl Scratch {
    /// What they take, in the order of the fields.
    pub(crate) fn needs(shape: &WeightShape) -> [Need; 8] {
        let row = 4 * u64::from(shape.slots());
        let only_if = |wanted: bool| if wanted { row } else { 4 };
        let is_searched = only_if(!shape.resampler.is_ordered());
        let islands = u64::from(shape.islands);
        let records = islands * u64::from(shape.blocks() + 1);
        let rows = islands * u64::from(shape.trace_rows + 1);
        [
            Need::whole("blocks", records * size_of::<Block>() as u64),
            Need::whole("control", islands * size_of::<Control>() as u64),
            Need::whole("trace", rows * size_of::<TraceRow>() as u64),
            Need::whole("dispatches", size_of::<Dispatches>() as u64),
            Need::whole("overflow", 16),
            Need::whole("offsets", is_searched),
            Need::whole("fractions", is_searched),
            Need::whole("copies", only_if(shape.resampler == crate::Resampler::Residual)),
        ]
    }

    pub(crate) fn new(device: &wgpu::Device, shape: &WeightShape) -> Scratch {
        let [blocks, control, trace, dispatches, overflow, offsets, fractions, copies_through] =
            Scratch::needs(shape);
        let storage = |need: Need| storage(device, &format!("wfr.{}", need.name), need.bytes);
        let indirect = |need: Need| {
            use wgpu::BufferUsages as Usage;
            let usage = Usage::STORAGE | Usage::INDIRECT | Usage::COPY_SRC;
            empty(device, &format!("wfr.{}", need.name), usage, need.bytes)
        };
        Scratch {
            blocks: storage(blocks),
            control: storage(control),
            trace: storage(trace),
            dispatches: indirect(dispatches),
            overflow: indirect(overflow),
            offsets: storage(offsets),
            fractions: storage(fractions),
            copies_through: storage(copies_through),
        }
    }
}

/// A storage buffer that can be copied from and to; the device zeroes it.
pub(crate) fn storage(device: &wgpu::Device, label: &str, size: u64) -> wgpu::Buffer {
    let usage =
        wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    empty(device, label, usage, size)
}

/// A buffer that the device zeroes.
pub(crate) fn empty(
    device: &wgpu::Device,
    label: &str,
    usage: wgpu::BufferUsages,
    size: u64,
) -> wgpu::Buffer {
    let label = Some(label);
    device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false })
}

/// A buffer filled at its creation, without the queue, that can be copied from.
pub(crate) fn filled(
    device: &wgpu::Device,
    label: &str,
    usage: wgpu::BufferUsages,
    contents: &[u8],
) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: (contents.len() as u64).max(4).next_multiple_of(4),
        usage: usage | wgpu::BufferUsages::COPY_SRC,
        mapped_at_creation: true,
    });
    if let Ok(mut view) = buffer.get_mapped_range_mut(..contents.len() as u64) {
        view.copy_from_slice(contents);
    }
    buffer.unmap();
    buffer
}
