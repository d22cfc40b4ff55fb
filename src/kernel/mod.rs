//! The kernels: one file per WGSL file. A struct holds the pipelines and bind groups, its `encode`
//! records into a pass that is given to it; nothing here submits, allocates later or writes queues.

pub(crate) mod decide;
pub(crate) mod init;
pub(crate) mod reduce;
pub(crate) mod resample;
pub(crate) mod residual;
pub(crate) mod scan;
pub(crate) mod step;
#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::gpu::Gpu;
use crate::wgsl::Linked;

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    ReadWrite,
    /// A uniform at a dynamic offset.
    Uniform,
}

/// A compute pipeline and the layouts of its bind groups.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub pipeline: wgpu::ComputePipeline,
    layouts: Vec<wgpu::BindGroupLayout>,
}

impl Kernel {
    /// Compiles one entry point. `groups` lists the buffers of each bind group in binding order.
    pub(crate) fn new(
        gpu: &Gpu,
        linked: &Linked,
        entry: &str,
        groups: &[&[Access]],
        constants: &[(String, f64)],
    ) -> Result<Kernel> {
        let label = format!("wfr.{entry}");
        let constants: Vec<(&str, f64)> =
            constants.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        gpu.scoped(|| {
            let device = &gpu.device;
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(&label),
                source: wgpu::ShaderSource::Wgsl(linked.text().into()),
            });
            let layouts: Vec<_> =
                groups.iter().map(|group| layout(device, &label, group)).collect();
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(&label),
                bind_group_layouts: &layouts.iter().map(Some).collect::<Vec<_>>(),
                ..Default::default()
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&label),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    ..Default::default()
                },
                cache: None,
            });
            Kernel { pipeline, layouts }
        })
    }

    /// Binds whole buffers, in binding order; a uniform binds its first 256 bytes' worth of `size`.
    pub(crate) fn bind(
        &self,
        gpu: &Gpu,
        group: usize,
        buffers: &[&wgpu::Buffer],
    ) -> Result<wgpu::BindGroup> {
        gpu.scoped(|| {
            let entries: Vec<_> = buffers
                .iter()
                .enumerate()
                .map(|(binding, buffer)| wgpu::BindGroupEntry {
                    binding: binding as u32,
                    resource: if buffer.usage().contains(wgpu::BufferUsages::UNIFORM) {
                        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                            buffer,
                            offset: 0,
                            size: std::num::NonZeroU64::new(4),
                        })
                    } else {
                        buffer.as_entire_binding()
                    },
                })
                .collect();
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &self.layouts[group],
                entries: &entries,
            })
        })
    }
}

fn layout(device: &wgpu::Device, label: &str, accesses: &[Access]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = accesses
        .iter()
        .enumerate()
        .map(|(binding, access)| wgpu::BindGroupLayoutEntry {
            binding: binding as u32,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match access {
                    Access::Uniform => wgpu::BufferBindingType::Uniform,
                    _ => wgpu::BufferBindingType::Storage { read_only: *access == Access::Read },
                },
                has_dynamic_offset: *access == Access::Uniform,
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(label),
        entries: &entries,
    })
}

/// Dispatches `groups` workgroups, folded into two dimensions.
pub(crate) fn dispatch(pass: &mut wgpu::ComputePass<'_>, groups: u32) {
    let [x, y, z] = crate::layout::fold(groups);
    pass.dispatch_workgroups(x, y, z);
}
