//! Compiled kernels, kept by their text: what a device was told once, it is not told again.

#[cfg(not(target_arch = "wasm32"))]
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::Access;
use crate::wgsl::Linked;

/// The most kernels that are kept, a run having some ten; of more, the texts that were not used for
/// longest go first. A software driver keeps megabytes for each.
const MOST: usize = 64;

/// A compiled kernel, the layouts of its bind groups, the numbers' last, and what it was compiled from.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layouts: Vec<Arc<wgpu::BindGroupLayout>>,
    pub(crate) text: Arc<str>,
    pub(crate) shape: Arc<Shape>,
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
    text: Arc<str>,
    module: wgpu::ShaderModule,
    kernels: HashMap<Arc<Shape>, Arc<Compiled>>,
    used: u64,
}

#[derive(Debug, Default)]
struct Cache {
    texts: HashMap<Arc<str>, Text>,
    layouts: HashMap<Vec<Access>, Arc<wgpu::BindGroupLayout>>,
    clock: u64,
    made: u64,
}

/// The compiled kernels of a device, shared by the clones of its [`Gpu`].
#[derive(Debug, Default)]
pub(crate) struct Pipelines(Mutex<Cache>);

impl Pipelines {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many kernels were compiled so far.
    pub(crate) fn made(&self) -> u64 {
        self.cache().made
    }

    /// Checks a text, unless a kernel of it was compiled before.
    pub(crate) fn check(&self, linked: &Linked) -> Result<()> {
        if self.cache().texts.contains_key(linked.text()) {
            return Ok(());
        }
        linked.checked().map(drop)
    }

    /// The layout of a bind group.
    pub(crate) fn layout(
        &self,
        gpu: &Gpu,
        accesses: &[Access],
    ) -> Result<Arc<wgpu::BindGroupLayout>> {
        if let Some(layout) = self.cache().layouts.get(accesses) {
            return Ok(layout.clone());
        }
        let layout = Arc::new(gpu.scoped(|| layout(&gpu.device, accesses))?);
        self.cache().layouts.insert(accesses.to_vec(), layout.clone());
        Ok(layout)
    }

    /// The kernel of a text, compiled if it was not before.
    pub(crate) fn kernel(&self, gpu: &Gpu, linked: &Linked, shape: Shape) -> Result<Arc<Compiled>> {
        let found = self.cache().find(linked.text(), &shape);
        let (text, module) = match found {
            Found::Kernel(kernel) => return Ok(kernel),
            Found::Module(text, module) => (text, module),
            Found::Nothing => {
                let descriptor = wgpu::ShaderModuleDescriptor {
                    label: Some(&format!("wfr.{}", shape.entry)),
                    source: shader(linked)?,
                };
                let module = gpu.scoped(|| gpu.device.create_shader_module(descriptor))?;
                (linked.text().into(), module)
            }
        };
        let kernel = Arc::new(self.compiled(gpu, (text, &module), shape)?);
        self.keep(module, kernel.clone());
        Ok(kernel)
    }

    fn compiled(
        &self,
        gpu: &Gpu,
        (text, module): (Arc<str>, &wgpu::ShaderModule),
        shape: Shape,
    ) -> Result<Compiled> {
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
        Ok(Compiled { pipeline, layouts, text, shape: shape.into() })
    }

    fn keep(&self, module: wgpu::ShaderModule, kernel: Arc<Compiled>) {
        let mut cache = self.cache();
        cache.made += 1;
        let now = cache.clock;
        let (text, shape) = (kernel.text.clone(), kernel.shape.clone());
        let new = |text: &Arc<str>| Text {
            text: text.clone(),
            module,
            kernels: HashMap::new(),
            used: now,
        };
        cache.texts.entry(text).or_insert_with_key(new).kernels.insert(shape, kernel);
        while cache.kernels() > MOST
            && let Some(oldest) = cache.oldest()
        {
            cache.texts.remove(&oldest);
        }
    }
}

/// What wgpu makes a module of: ours, so that it does not parse the text again.
#[cfg(not(target_arch = "wasm32"))]
fn shader(linked: &Linked) -> Result<wgpu::ShaderSource<'_>> {
    let module = match linked.unrolled()? {
        Some(module) => module,
        None => linked.module()?.clone(),
    };
    Ok(wgpu::ShaderSource::Naga(Cow::Owned(module)))
}

/// The browser takes nothing but text.
#[cfg(target_arch = "wasm32")]
fn shader(linked: &Linked) -> Result<wgpu::ShaderSource<'_>> {
    linked.compiled().map(wgpu::ShaderSource::Wgsl)
}

/// What there is of a kernel.
enum Found {
    Kernel(Arc<Compiled>),
    Module(Arc<str>, wgpu::ShaderModule),
    Nothing,
}

impl Cache {
    /// Notes that a text is used, and what there is of it.
    fn find(&mut self, text: &str, shape: &Shape) -> Found {
        self.clock += 1;
        let Some(known) = self.texts.get_mut(text) else { return Found::Nothing };
        known.used = self.clock;
        match known.kernels.get(shape) {
            Some(kernel) => Found::Kernel(kernel.clone()),
            None => Found::Module(known.text.clone(), known.module.clone()),
        }
    }

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

#[cfg(test)]
mod tests;
