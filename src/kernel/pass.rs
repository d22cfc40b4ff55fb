//! Where dispatches are recorded: a compute pass of the device, or what looks at them.

use super::{Group, Kernel, Offsets};
use crate::numbers;

/// Takes dispatches in their order.
pub(crate) trait Recorder {
    fn record(&mut self, dispatch: &Dispatch<'_>);
}

/// What kernels are recorded into.
pub(crate) type Pass<'p> = dyn Recorder + 'p;

/// One dispatch of a kernel.
#[derive(Debug)]
pub(crate) struct Dispatch<'a> {
    pub(crate) kernel: &'a Kernel,
    /// Its bind groups from group 0 on.
    pub(crate) groups: &'a [Group],
    pub(crate) offsets: Offsets,
    pub(crate) workgroups: Workgroups<'a>,
}

/// How many workgroups a dispatch has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Workgroups<'a> {
    Counted([u32; 3]),
    /// As many as three words of a buffer say, from this byte on.
    Indirect {
        buffer: &'a wgpu::Buffer,
        offset: u64,
    },
}

impl Dispatch<'_> {
    /// Sets the pipeline and all bind groups.
    fn set(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.kernel.compiled.pipeline);
        for (index, group) in self.groups.iter().enumerate() {
            let offsets = self.offsets.of_group(index);
            pass.set_bind_group(index as u32, &group.bind_group, offsets);
        }
        pass.set_bind_group(numbers::GROUP, &self.kernel.numbers.group.bind_group, &[]);
    }
}

impl Recorder for wgpu::ComputePass<'_> {
    fn record(&mut self, dispatch: &Dispatch<'_>) {
        dispatch.set(self);
        match dispatch.workgroups {
            Workgroups::Counted([x, y, z]) => self.dispatch_workgroups(x, y, z),
            Workgroups::Indirect { buffer, offset } => {
                self.dispatch_workgroups_indirect(buffer, offset);
            }
        }
    }
}

/// Dispatches nothing: a driver that compiles a kernel at its first dispatch compiles it now.
pub(crate) struct WarmUp<'p, 'e>(pub &'p mut wgpu::ComputePass<'e>);

impl Recorder for WarmUp<'_, '_> {
    fn record(&mut self, dispatch: &Dispatch<'_>) {
        dispatch.set(self.0);
        self.0.dispatch_workgroups(0, 0, 0);
    }
}
