//! Compiled kernels, kept by their text: what a device was told once, it is not told again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::Access;

/// The most kernels that are kept, a run having some ten; of more, the texts that were not used for
/// longest go first. A software driver keeps megabytes for each.
const MOST: usize = 64;

/// A compiled kernel and the layouts of its bind groups, the numbers' last.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layouts: Vec<Arc<wgpu::BindGroupLayout>>,
}

/// What a kernel is compiled from beside its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) entry: String,
    /// The buffers of each bind group in binding order, and of the numbers.
    pub(crate) groups: Vec<Vec<Access>>,
    pub(crate) numbers: Vec<Access>,
    /// Names and the bits of their values.
    pub(crate) constants: Vec<(String, u64)>,
}

/// A text and the kernels made of it.
#[derive(Debug)]
struct Text {
    module: wgpu::ShaderModule,
    kernels: HashMap<Shape, Compiled>,
    used: u64,
}

#[derive(Debug, Default)]
struct Kept {
    texts: HashMap<Arc<str>, Text>,
    layouts: HashMap<Vec<Access>, Arc<wgpu::BindGroupLayout>>,
    clock: u64,
    made: u64,
}

/// The compiled kernels of a device, shared by the clones of its [`Gpu`].
#[derive(Debug, Default)]
pub(crate) struct Pipelines(Mutex<Kept>);

impl Pipelines {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many kernels were compiled so far.
    pub(crate) fn made(&self) -> u64 {
        self.kept().made
    }

    /// Whether a kernel of this text was compiled, which has been checked then.
    pub(crate) fn knows(&self, text: &str) -> bool {
        self.kept().texts.contains_key(text)
    }

    /// The layout of a bind group.
    pub(crate) fn layout(
        &self,
        gpu: &Gpu,
        accesses: &[Access],
    ) -> Result<Arc<wgpu::BindGroupLayout>> {
        if let Some(layout) = self.kept().layouts.get(accesses) {
            return Ok(layout.clone());
        }
        let layout = Arc::new(gpu.scoped(|| layout(&gpu.device, accesses))?);
        self.kept().layouts.insert(accesses.to_vec(), layout.clone());
        Ok(layout)
    }

    /// The kernel of a text, compiled if it was not before.
    pub(crate) fn kernel(&self, gpu: &Gpu, text: &str, shape: Shape) -> Result<Compiled> {
        let module = {
            let mut kept = self.kept();
            kept.clock += 1;
            let now = kept.clock;
            kept.texts.get_mut(text).map(|known| {
                known.used = now;
                (known.module.clone(), known.kernels.get(&shape).cloned())
            })
        };
        let module = match module {
            Some((_, Some(kernel))) => return Ok(kernel),
            Some((module, None)) => module,
            None => gpu.scoped(|| {
                gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: Some(&format!("wfr.{}", shape.entry)),
                    source: wgpu::ShaderSource::Wgsl(text.into()),
                })
            })?,
        };
        let kernel = self.compiled(gpu, &module, &shape)?;
        self.keep(text, module, shape, kernel.clone());
        Ok(kernel)
    }

    fn compiled(&self, gpu: &Gpu, module: &wgpu::ShaderModule, shape: &Shape) -> Result<Compiled> {
        let own = shape.groups.iter().chain([&shape.numbers]);
        let layouts: Vec<_> = own.map(|group| self.layout(gpu, group)).collect::<Result<_>>()?;
        let label = format!("wfr.{}", shape.entry);
        let constants: Vec<(&str, f64)> = shape
            .constants
            .iter()
            .map(|(name, bits)| (name.as_str(), f64::from_bits(*bits)))
            .collect();
        // The numbers have a place of their own whatever groups come before.
        let mut places: Vec<Option<&wgpu::BindGroupLayout>> =
            vec![None; crate::numbers::GROUP as usize + 1];
        for (place, layout) in places.iter_mut().zip(&layouts[..shape.groups.len()]) {
            *place = Some(layout);
        }
        places[crate::numbers::GROUP as usize] = layouts.last().map(|layout| &**layout);
        let pipeline = gpu.scoped(|| {
            let layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(&label),
                bind_group_layouts: &places,
                ..Default::default()
            });
            gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&label),
                layout: Some(&layout),
                module,
                entry_point: Some(&shape.entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    ..Default::default()
                },
                cache: None,
            })
        })?;
        Ok(Compiled { pipeline, layouts })
    }

    fn keep(&self, text: &str, module: wgpu::ShaderModule, shape: Shape, kernel: Compiled) {
        let mut kept = self.kept();
        kept.made += 1;
        let now = kept.clock;
        if let Some(known) = kept.texts.get_mut(text) {
            known.kernels.insert(shape, kernel);
        } else {
            let kernels = HashMap::from([(shape, kernel)]);
            kept.texts.insert(text.into(), Text { module, kernels, used: now });
        }
        while kept.kernels() > MOST
            && let Some(oldest) = kept.oldest()
        {
            kept.texts.remove(&oldest);
        }
    }
}

impl Kept {
    fn kernels(&self) -> usize {
        self.texts.values().map(|text| text.kernels.len()).sum()
    }

    fn oldest(&self) -> Option<Arc<str>> {
        let oldest = self.texts.iter().min_by_key(|(_, text)| text.used);
        oldest.map(|(text, _)| text.clone())
    }
}

fn layout(device: &wgpu::Device, accesses: &[Access]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = (0..)
        .zip(accesses)
        .map(|(binding, access)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: match access {
                    Access::Uniform(_) | Access::Whole => wgpu::BufferBindingType::Uniform,
                    _ => wgpu::BufferBindingType::Storage { read_only: *access == Access::Read },
                },
                has_dynamic_offset: matches!(access, Access::Uniform(_)),
                min_binding_size: None,
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("wfr"),
        entries: &entries,
    })
}
