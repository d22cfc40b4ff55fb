//! The kernels: one file per WGSL file. A struct holds the pipelines and bind groups, its `encode`
//! records into a pass that is given to it; nothing here submits, allocates later or writes queues.

pub(crate) mod adapt;
pub(crate) mod check;
pub(crate) mod conditional;
pub(crate) mod decide;
pub(crate) mod draw;
pub(crate) mod entropy;
pub(crate) mod expand;
pub(crate) mod gather;
pub(crate) mod grid;
pub(crate) mod grid_target;
pub(crate) mod histogram;
pub(crate) mod init;
pub(crate) mod loops;
pub(crate) mod losses;
pub(crate) mod mixture;
pub(crate) mod moments;
pub(crate) mod network;
pub(crate) mod part;
pub(crate) mod pass;
pub(crate) mod payload;
pub(crate) mod quantile;
pub(crate) mod ratio;
pub(crate) mod react;
pub(crate) mod reduce;
pub(crate) mod residual;
pub(crate) mod scan;
pub(crate) mod settle;
#[cfg(any(test, feature = "reference"))]
pub(crate) mod snippet;
pub(crate) mod step;
pub(crate) mod stopwatch;
pub(crate) mod survivors;
pub(crate) mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::buffers::State;
use crate::error::{Error, ErrorKind, Result};
use crate::gpu::Gpu;
use crate::numbers::Numbers;
use crate::pipelines::{Compiled, Shape};
use crate::wgsl::{Linked, guarded};
pub(crate) use pass::{Dispatch, Pass, Recorder, WarmUp, Workgroups};

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read,
    ReadWrite,
    /// A uniform of this many bytes at a dynamic offset.
    Uniform(u64),
    /// A uniform that is bound whole.
    Whole,
}

/// Buffers of a bind group in binding order, and how a kernel uses each.
pub(crate) type Bindings<'a> = [(Access, &'a wgpu::Buffer)];

/// A bind group and the buffers in it.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) bind_group: wgpu::BindGroup,
    pub(crate) buffers: Vec<(Access, wgpu::Buffer)>,
}

impl Group {
    /// Binds storage whole, and a uniform's window at its dynamic offset.
    fn new(gpu: &Gpu, layout: &wgpu::BindGroupLayout, bindings: &Bindings<'_>) -> Result<Group> {
        let resources = bindings.iter().map(|(access, buffer)| match access {
            Access::Uniform(size) => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset: 0,
                size: std::num::NonZeroU64::new(*size),
            }),
            _ => buffer.as_entire_binding(),
        });
        let entries: Vec<_> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let bind_group = gpu.scoped(|| {
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout,
                entries: &entries,
            })
        })?;
        let buffers =
            bindings.iter().map(|(access, buffer)| (*access, (*buffer).clone())).collect();
        Ok(Group { bind_group, buffers })
    }

    fn accesses(&self) -> Vec<Access> {
        self.buffers.iter().map(|(access, _)| *access).collect()
    }

    /// A group of the layout that these bindings have.
    pub(crate) fn of(gpu: &Gpu, bindings: &Bindings<'_>) -> Result<Group> {
        let layout = gpu.pipelines().layout(gpu, &accesses(bindings))?;
        Group::new(gpu, &layout, bindings)
    }
}

fn accesses(bindings: &Bindings<'_>) -> Vec<Access> {
    bindings.iter().map(|(access, _)| *access).collect()
}

/// A compiled entry point, and the numbers that it reads.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) numbers: Numbers,
}

impl Kernel {
    /// One entry point, compiled if the device does not have it yet. `groups` lists the buffers of
    /// each bind group in binding order.
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        linked: &Linked,
        entry: &str,
        groups: Vec<Vec<Access>>,
        constants: &[(String, f64)],
    ) -> Result<Kernel> {
        #[cfg(test)]
        crate::wgsl::record(linked);
        #[cfg(test)]
        let burdened = tests::loops::burdened(linked, entry);
        #[cfg(test)]
        let linked = burdened.as_ref().unwrap_or(linked);
        let shape = Shape {
            entry: entry.to_string(),
            groups,
            numbers: numbers.group.accesses(),
            constants: constants.iter().map(|(name, x)| (name.clone(), x.to_bits())).collect(),
        };
        let made = || gpu.pipelines().kernel(gpu, linked, shape);
        let made = guarded(made).map_err(|reason| linked.error(reason, None))?;
        let compiled = made.map_err(without_source)?;
        Ok(Kernel { compiled, numbers: numbers.clone() })
    }

    /// Binds the buffers of group 0; kernels of the same shape share those of the other groups.
    pub(crate) fn bind(
        &self,
        gpu: &Gpu,
        own: &Bindings<'_>,
        data: &[Group],
    ) -> Result<BoundKernel> {
        let own = Group::new(gpu, &self.compiled.layouts[0], own)?;
        let groups = [own].into_iter().chain(data.iter().cloned()).collect();
        Ok(BoundKernel { kernel: self.clone(), groups })
    }
}

/// A kernel with its buffers, ready to be dispatched.
#[derive(Debug)]
pub(crate) struct BoundKernel {
    kernel: Kernel,
    groups: Vec<Group>,
}

/// The dynamic offsets of a dispatch, in bytes: of group 0, and of the flow's data.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Offsets {
    pub own: Option<u32>,
    pub flow: Option<u32>,
}

impl Offsets {
    pub(crate) fn own(offset: u32) -> Offsets {
        Offsets { own: Some(offset), flow: None }
    }

    pub(crate) fn of_group(&self, group: usize) -> &[u32] {
        match group {
            0 => self.own.as_slice(),
            FLOW_GROUP => self.flow.as_slice(),
            _ => &[],
        }
    }
}

/// The group of the flow's data.
const FLOW_GROUP: usize = 2;

impl BoundKernel {
    /// An entry point of a text of the engine.
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        (linked, entry): (&Linked, &str),
        own: &Bindings<'_>,
    ) -> Result<BoundKernel> {
        let groups = vec![accesses(own)];
        Kernel::new(gpu, numbers, linked, entry, groups, &[])?.bind(gpu, own, &[])
    }

    /// An entry point that reads data in the groups after its own, a group for each list of buffers.
    pub(crate) fn reading(
        gpu: &Gpu,
        numbers: &Numbers,
        (linked, entry): (&Linked, &str),
        own: &Bindings<'_>,
        constants: &[(String, f64)],
        data: &[Vec<(Access, &wgpu::Buffer)>],
    ) -> Result<BoundKernel> {
        let groups = [own].into_iter().chain(data.iter().map(Vec::as_slice)).map(accesses);
        let kernel = Kernel::new(gpu, numbers, linked, entry, groups.collect(), constants)?;
        let data: Vec<_> = data.iter().map(|group| Group::of(gpu, group)).collect::<Result<_>>()?;
        kernel.bind(gpu, own, &data)
    }

    /// An entry point that reads the state: buffers of its own, then the pages of the state, and the
    /// data of the laws where it evaluates them.
    pub(crate) fn on_state(
        gpu: &Gpu,
        numbers: &Numbers,
        text: (&Linked, &str),
        buffers: &Bindings<'_>,
        state: &State,
        constants: &[(String, f64)],
        data: &[Vec<(Access, &wgpu::Buffer)>],
    ) -> Result<BoundKernel> {
        let pages = state.pages.iter().map(|page| (Access::Read, page));
        let own: Vec<_> = buffers.iter().copied().chain(pages).collect();
        BoundKernel::reading(gpu, numbers, text, &own, constants, data)
    }

    /// The same of the engine, which evaluates no law.
    pub(crate) fn of_state(
        gpu: &Gpu,
        text: (&Linked, &str),
        buffers: &Bindings<'_>,
        state: &State,
        constants: &[(String, f64)],
    ) -> Result<BoundKernel> {
        BoundKernel::on_state(gpu, &state.numbers.engine, text, buffers, state, constants, &[])
    }

    /// Another entry point of the engine, with the same buffers and numbers.
    pub(crate) fn sibling(&self, gpu: &Gpu, linked: &Linked, entry: &str) -> Result<BoundKernel> {
        let (numbers, groups) = (&self.kernel.numbers, self.groups.clone());
        let shapes = groups.iter().map(Group::accesses).collect();
        let kernel = Kernel::new(gpu, numbers, linked, entry, shapes, &[])?;
        Ok(BoundKernel { kernel, groups })
    }

    /// Dispatches `count` workgroups.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, count: u32) {
        self.encode_at(pass, Offsets::default(), count);
    }

    pub(crate) fn encode_at(&self, pass: &mut Pass<'_>, offsets: Offsets, count: u32) {
        self.record(pass, offsets, Workgroups::Counted(crate::layout::fold(count)));
    }

    /// Dispatches `count` workgroups for each island.
    pub(crate) fn encode_islands(
        &self,
        pass: &mut Pass<'_>,
        offsets: Offsets,
        count: u32,
        islands: u32,
    ) {
        let [x, y, _] = crate::layout::fold(count);
        self.record(pass, offsets, Workgroups::Counted([x, y, islands]));
    }

    /// Dispatches as many workgroups as three words of `dispatches` say, from byte `offset` on.
    pub(crate) fn encode_indirect(
        &self,
        pass: &mut Pass<'_>,
        dispatches: &wgpu::Buffer,
        offset: u64,
    ) {
        let workgroups = Workgroups::Indirect { buffer: dispatches, offset };
        self.record(pass, Offsets::default(), workgroups);
    }

    fn record(&self, pass: &mut Pass<'_>, offsets: Offsets, workgroups: Workgroups<'_>) {
        let BoundKernel { kernel, groups } = self;
        pass.record(&Dispatch { kernel, groups, offsets, workgroups });
    }
}

/// What a device says of a shader, without the lines of the shader that wgpu draws below it.
fn without_source(error: Error) -> Error {
    let ErrorKind::Device { message } = error.kind() else { return error };
    let is_drawn = |line: &str| line.contains(['┌', '│', '└']);
    let kept: Vec<&str> = message.lines().take_while(|line| !is_drawn(line)).collect();
    ErrorKind::Device { message: kept.join("\n").trim_end().to_string() }.into()
}
