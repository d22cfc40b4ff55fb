//! The buffers of a run on the device: what they hold, and how they are made.

use crate::kernel::Access;
use crate::layout::{BLOCK, Block, CESS_GROUPS, CESS_LANES, Control, Dispatches, Sums, TraceRow};
use crate::shaders::WeightShape;

/// Bytes of the blocks' sums that the kernel `adapt` writes.
pub(crate) fn partial_bytes(particles: u32, items: u32) -> u64 {
    let blocks = particles.div_ceil(CESS_LANES * items);
    u64::from(blocks * CESS_GROUPS) * size_of::<Sums>() as u64
}

/// The particles on the device: two copies of the state that every step reads and writes in turn.
#[derive(Debug)]
pub(crate) struct State {
    pub pages: [Vec<wgpu::Buffer>; 2],
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
}

impl State {
    /// The buffers of group 0 in binding order, for the step that reads state `parity`.
    pub(crate) fn bindings(&self, parity: usize) -> Vec<&wgpu::Buffer> {
        let mut buffers: Vec<_> = self.pages[parity].iter().collect();
        buffers.extend(&self.pages[1 - parity]);
        buffers.extend([&self.log_weights, &self.ancestors, &self.control, &self.schedule]);
        buffers.extend(&self.moves);
        buffers
    }

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
    pub offsets: wgpu::Buffer,
    pub fractions: wgpu::Buffer,
    pub copies_through: wgpu::Buffer,
}

impl Scratch {
    pub(crate) fn new(device: &wgpu::Device, shape: &WeightShape) -> Scratch {
        let row = 4 * u64::from(shape.particles);
        let only_if = |wanted: bool| if wanted { row } else { 4 };
        let storage = |name: &str, size: u64| storage(device, name, size);
        Scratch {
            blocks: storage(
                "wfr.blocks",
                u64::from(shape.particles.div_ceil(BLOCK)) * size_of::<Block>() as u64,
            ),
            control: storage("wfr.control", size_of::<Control>() as u64),
            trace: storage(
                "wfr.trace",
                u64::from(shape.trace_rows + 1) * size_of::<TraceRow>() as u64,
            ),
            dispatches: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("wfr.dispatches"),
                size: size_of::<Dispatches>() as u64,
                usage: wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::INDIRECT
                    | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            offsets: storage("wfr.offsets", only_if(!shape.resampler.is_ordered())),
            fractions: storage("wfr.fractions", only_if(!shape.resampler.is_ordered())),
            copies_through: storage(
                "wfr.copies",
                only_if(shape.resampler == crate::Resampler::Residual),
            ),
        }
    }
}

/// A storage buffer that can be copied from and to; the device zeroes it.
pub(crate) fn storage(device: &wgpu::Device, label: &str, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A buffer filled at its creation, without the queue.
pub(crate) fn filled(
    device: &wgpu::Device,
    label: &str,
    usage: wgpu::BufferUsages,
    contents: &[u8],
) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: (contents.len() as u64).max(4).next_multiple_of(4),
        usage,
        mapped_at_creation: true,
    });
    if let Ok(mut view) = buffer.get_mapped_range_mut(..contents.len() as u64) {
        view.copy_from_slice(contents);
    }
    buffer.unmap();
    buffer
}
