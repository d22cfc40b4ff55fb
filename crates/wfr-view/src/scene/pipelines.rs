//! The shaders, compiled.

use eframe::egui_wgpu::wgpu;

/// The pipelines of the files of the same names in shaders/.
#[derive(Debug)]
pub(super) struct Pipelines {
    pub(super) peak: wgpu::ComputePipeline,
    pub(super) gather: wgpu::ComputePipeline,
    pub(super) brightest: wgpu::ComputePipeline,
    pub(super) glance: wgpu::ComputePipeline,
    pub(super) density: wgpu::RenderPipeline,
    pub(super) points: wgpu::RenderPipeline,
}

const VIEW: &str = include_str!("../../shaders/view.wgsl");
const PARTICLE: &str = include_str!("../../shaders/particle.wgsl");
const PEAK: &str = include_str!("../../shaders/peak.wgsl");
const GATHER: &str = include_str!("../../shaders/gather.wgsl");
const CELLS: &str = include_str!("../../shaders/cells.wgsl");
const BRIGHTEST: &str = include_str!("../../shaders/brightest.wgsl");
const GLANCE: &str = include_str!("../../shaders/glance.wgsl");
const DENSITY: &str = include_str!("../../shaders/density.wgsl");
const POINTS: &str = include_str!("../../shaders/points.wgsl");

impl Pipelines {
    pub(super) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Pipelines {
        let compute = |entry: &str, texts: &[&str]| {
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry),
                layout: None,
                module: &module(device, entry, texts),
                entry_point: Some(entry),
                compilation_options: Default::default(),
                cache: None,
            })
        };
        let render = |name: &str, texts: &[&str]| {
            let module = module(device, name, texts);
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(name),
                layout: None,
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some(&format!("{name}_corner")),
                    compilation_options: Default::default(),
                    buffers: &[],
                },
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some(&format!("{name}_colour")),
                    compilation_options: Default::default(),
                    targets: &[Some(wgpu::ColorTargetState {
                        format,
                        blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                        write_mask: wgpu::ColorWrites::ALL,
                    })],
                }),
                primitive: wgpu::PrimitiveState::default(),
                depth_stencil: None,
                multisample: wgpu::MultisampleState::default(),
                multiview_mask: None,
                cache: None,
            })
        };
        Pipelines {
            peak: compute("find_peak", &[VIEW, PEAK]),
            gather: compute("gather", &[VIEW, PARTICLE, GATHER]),
            brightest: compute("find_brightest", &[VIEW, CELLS, BRIGHTEST]),
            glance: compute("glance", &[VIEW, PARTICLE, GLANCE]),
            density: render("density", &[VIEW, CELLS, DENSITY]),
            points: render("points", &[VIEW, PARTICLE, POINTS]),
        }
    }
}

fn module(device: &wgpu::Device, label: &str, texts: &[&str]) -> wgpu::ShaderModule {
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(texts.join("\n").into()),
    })
}
