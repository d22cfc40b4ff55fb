//! The kernels: one file per WGSL file. A struct holds the pipelines and bind groups, its `encode`
//! records into a pass that is given to it; nothing here submits, allocates later or writes queues.

pub(crate) mod adapt;
pub(crate) mod check;
pub(crate) mod conditional;
pub(crate) mod decide;
pub(crate) mod draw;
pub(crate) mod entropy;
pub(crate) mod expand;
pub(crate) mod grid;
pub(crate) mod grid_target;
pub(crate) mod histogram;
pub(crate) mod init;
pub(crate) mod loops;
pub(crate) mod losses;
pub(crate) mod mixture;
pub(crate) mod moments;
pub(crate) mod network;
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
pub(crate) mod survivors;
pub(crate) mod tally;
/// What a device says of a shader, without the lines of the shader that wgpu draws below it.
fn without_source(error: Error) -> Error {
    let ErrorKind::Device { message } = error.kind() else { return error };
    let is_drawn = |line: &str| line.contains(['┌', '│', '└']);
    let kept: Vec<&str> = message.lines().take_while(|line| !is_drawn(line)).collect();
    ErrorKind::Device { message: kept.join("\n").trim_end().to_string() }.into()
}

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::buffers::State;
use crate::error::{Error, ErrorKind, Result};
use crate::gpu::Gpu;
use crate::numbers::{self, Numbers};
use crate::pipelines::Shape;
use crate::wgsl::{Linked, guarded};

/// The group of the flow's data.
const FLOW_GROUP: u32 = 2;

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read,
    ReadWrite,
    /// A uniform of so many bytes at a dynamic offset.
    Uniform(u64),
    /// A uniform that is bound whole.
    Whole,
}

/// A compute pipeline, the layouts of its bind groups, and the numbers it reads.
#[derive(Debug)]
pub(crate) struct Kernel {
    pipeline: wgpu::ComputePipeline,
    groups: Vec<(Arc<wgpu::BindGroupLayout>, Vec<Access>)>,
    numbers: wgpu::BindGroup,
}

impl Kernel {
    /// One entry point, compiled if the device does not have it yet. `groups` lists the buffers of
    /// each bind group in binding order.
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        linked: &Linked,
        entry: &str,
        groups: &[&[Access]],
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
            groups: groups.iter().map(|group| group.to_vec()).collect(),
            numbers: numbers.accesses.clone(),
            constants: constants.iter().map(|(name, x)| (name.clone(), x.to_bits())).collect(),
        };
        let made = || gpu.pipelines().kernel(gpu, linked, shape);
        let made = guarded(made).map_err(|reason| linked.error(reason, None))?;
        let compiled = made.map_err(without_source)?;
        let accesses = groups.iter().map(|group| group.to_vec());
        let groups = compiled.layouts.into_iter().zip(accesses).collect();
        Ok(Kernel { pipeline: compiled.pipeline, groups, numbers: numbers.group.clone() })
    }

    /// A kernel that reads data in the groups after its own, a group for each list of buffers, and
    /// those groups.
    pub(crate) fn reading(
        gpu: &Gpu,
        numbers: &Numbers,
        linked: &Linked,
        entry: &str,
        own: &[Access],
        constants: &[(String, f64)],
        data: &[Vec<(Access, &wgpu::Buffer)>],
    ) -> Result<(Kernel, Vec<wgpu::BindGroup>)> {
        let accesses = |group: &Vec<(Access, _)>| group.iter().map(|(a, _)| *a).collect();
        let reads: Vec<Vec<Access>> = data.iter().map(accesses).collect();
        let groups: Vec<_> = [own].into_iter().chain(reads.iter().map(Vec::as_slice)).collect();
        let kernel = Kernel::new(gpu, numbers, linked, entry, &groups, constants)?;
        let buffers = |group: &Vec<(_, _)>| group.iter().map(|(_, b)| *b).collect::<Vec<_>>();
        let bound = (1..).zip(data).map(|(at, group)| kernel.bind(gpu, at, &buffers(group)));
        let bound = bound.collect::<Result<_>>()?;
        Ok((kernel, bound))
    }

    /// Makes this the kernel of the next dispatch, with group 0 and its dynamic offsets.
    pub(crate) fn set(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        group: &wgpu::BindGroup,
        offsets: &[u32],
    ) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, group, offsets);
        pass.set_bind_group(numbers::GROUP, &self.numbers, &[]);
    }

    /// Dispatches nothing: a driver that compiles a kernel at its first dispatch compiles it now.
    pub(crate) fn warm_up(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        group: &wgpu::BindGroup,
        offsets: &[u32],
    ) {
        self.set(pass, group, offsets);
        pass.dispatch_workgroups(0, 0, 0);
    }

    /// Binds buffers in binding order: storage whole, a uniform's window at its dynamic offset.
    pub(crate) fn bind(
        &self,
        gpu: &Gpu,
        group: usize,
        buffers: &[&wgpu::Buffer],
    ) -> Result<wgpu::BindGroup> {
        let (layout, accesses) = &self.groups[group];
        bound(gpu, layout, accesses, buffers)
    }
}

/// Buffers bound in binding order, as [`Kernel::bind`] does.
pub(crate) fn bound(
    gpu: &Gpu,
    layout: &wgpu::BindGroupLayout,
    accesses: &[Access],
    buffers: &[&wgpu::Buffer],
) -> Result<wgpu::BindGroup> {
    let resources = buffers.iter().zip(accesses).map(|(buffer, access)| match access {
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
    gpu.scoped(|| {
        gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &entries,
        })
    })
}

/// A kernel that reads the current state, which is the one or the other of its two copies: buffers
/// of its own, then the pages of the state, and the data of the laws where it evaluates them.
#[derive(Debug)]
pub(crate) struct Reader {
    kernel: Kernel,
    /// One per copy of the state.
    groups: [wgpu::BindGroup; 2],
    data: Vec<wgpu::BindGroup>,
}

impl Reader {
    pub(crate) fn new(
        gpu: &Gpu,
        numbers: &Numbers,
        (linked, entry): (&Linked, &str),
        buffers: &[(Access, &wgpu::Buffer)],
        state: &State,
        constants: &[(String, f64)],
        data: &[Vec<(Access, &wgpu::Buffer)>],
    ) -> Result<Reader> {
        let pages = state.pages[0].len();
        let mut accesses: Vec<_> = buffers.iter().map(|(access, _)| *access).collect();
        accesses.resize(buffers.len() + pages, Access::Read);
        let (kernel, data) =
            Kernel::reading(gpu, numbers, linked, entry, &accesses, constants, data)?;
        let bind = |copy: usize| {
            let own = buffers.iter().map(|(_, buffer)| *buffer);
            kernel.bind(gpu, 0, &own.chain(&state.pages[copy]).collect::<Vec<_>>())
        };
        let groups = [bind(0)?, bind(1)?];
        Ok(Reader { kernel, groups, data })
    }

    /// Makes this the kernel of the next dispatch, on copy `copy` of the state.
    pub(crate) fn set(&self, pass: &mut wgpu::ComputePass<'_>, copy: usize, offsets: &[u32]) {
        self.kernel.set(pass, &self.groups[copy], offsets);
        set_data(pass, &self.data, None);
    }

    pub(crate) fn encode(&self, pass: &mut wgpu::ComputePass<'_>, copy: usize, groups: u32) {
        self.set(pass, copy, &[]);
        dispatch(pass, groups);
    }

    pub(crate) fn warm_up(&self, pass: &mut wgpu::ComputePass<'_>, offsets: &[u32]) {
        self.set(pass, 0, offsets);
        pass.dispatch_workgroups(0, 0, 0);
    }
}

/// Sets the groups of data for the next dispatch, that of the flow from an offset on where it is a
/// table that moves.
pub(crate) fn set_data(
    pass: &mut wgpu::ComputePass<'_>,
    data: &[wgpu::BindGroup],
    offset: Option<u32>,
) {
    for (group, data) in (1..).zip(data) {
        let moves = if group == FLOW_GROUP { offset.as_slice() } else { &[] };
        pass.set_bind_group(group, data, moves);
    }
}

/// Dispatches `groups` workgroups, folded into two dimensions.
pub(crate) fn dispatch(pass: &mut wgpu::ComputePass<'_>, groups: u32) {
    let [x, y, z] = crate::layout::fold(groups);
    pass.dispatch_workgroups(x, y, z);
}
