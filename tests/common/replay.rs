//! A host that knows nothing of wfr: it reads a recorded plan as JSON and replays it with wgpu
//! alone.

use std::collections::HashMap;
use std::num::NonZeroU64;

use serde_json::Value;
use wfr::wgpu;

/// What a replayed plan left on the device.
pub struct Replayed {
    device: wgpu::Device,
    queue: wgpu::Queue,
    plan: Value,
    buffers: HashMap<String, wgpu::Buffer>,
}

struct Kernel {
    pipeline: wgpu::ComputePipeline,
    /// By number of the group.
    layouts: HashMap<u32, wgpu::BindGroupLayout>,
    accesses: HashMap<u32, Vec<Value>>,
}

struct Dispatch<'k> {
    kernel: &'k Kernel,
    groups: Vec<(u32, wgpu::BindGroup)>,
    workgroups: Value,
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn map(value: &Value) -> impl Iterator<Item = (u32, &Value)> {
    let map = value.as_object().unwrap_or_else(|| panic!("{value} is no map"));
    map.iter().map(|(key, value)| (key.parse().unwrap(), value))
}

/// Replays the opening, all blocks and the report in one submission.
pub fn replay(adapter: &wgpu::Adapter, json: &str) -> Replayed {
    let plan: Value = serde_json::from_str(json).unwrap();
    let features = list(&plan["features"]).iter().map(|feature| match text(feature) {
        "shader-int64" => wgpu::Features::SHADER_INT64,
        "subgroups" => wgpu::Features::SUBGROUP,
        other => panic!("nobody knows the feature {other}"),
    });
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
        required_features: features.fold(wgpu::Features::empty(), |all, one| all | one),
        required_limits: adapter.limits(),
        ..Default::default()
    }))
    .unwrap();
    let buffers: HashMap<_, _> = list(&plan["buffers"])
        .iter()
        .map(|made| (text(&made["name"]).to_string(), buffer(&device, &queue, made)))
        .collect();
    let kernels: Vec<_> =
        list(&plan["kernels"]).iter().map(|made| kernel(&device, &plan, made)).collect();
    let dispatches: Vec<_> = list(&plan["dispatches"])
        .iter()
        .map(|made| dispatch(&device, &kernels, &buffers, made))
        .collect();
    let mut encoder = device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let blocks = [&plan["opening"]].into_iter().chain(list(&plan["order"]));
        for block in blocks.chain([&plan["report"]]) {
            record(&mut pass, &dispatches, &buffers, block);
        }
    }
    queue.submit([encoder.finish()]);
    Replayed { device, queue, plan, buffers }
}

fn buffer(device: &wgpu::Device, queue: &wgpu::Queue, made: &Value) -> wgpu::Buffer {
    let copies = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let usage = list(&made["usage"]).iter().map(|usage| match text(usage) {
        "storage" => wgpu::BufferUsages::STORAGE,
        "uniform" => wgpu::BufferUsages::UNIFORM,
        "indirect" => wgpu::BufferUsages::INDIRECT,
        other => panic!("nobody knows the usage {other}"),
    });
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: made["name"].as_str(),
        size: number(&made["bytes"]),
        usage: usage.fold(copies, |all, one| all | one),
        mapped_at_creation: false,
    });
    for piece in list(&made["contents"]) {
        let words: Vec<u32> =
            list(&piece["words"]).iter().map(|word| number(word) as u32).collect();
        queue.write_buffer(&buffer, 4 * number(&piece["at"]), bytemuck::cast_slice(&words));
    }
    buffer
}

fn kernel(device: &wgpu::Device, plan: &Value, made: &Value) -> Kernel {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(
            text(&plan["texts"][number(&made["text"]) as usize]).into(),
        ),
    });
    let accesses: HashMap<u32, Vec<Value>> =
        map(&made["groups"]).map(|(group, bindings)| (group, list(bindings).clone())).collect();
    let layouts: HashMap<u32, _> =
        accesses.iter().map(|(group, bindings)| (*group, layout(device, bindings))).collect();
    let last = *accesses.keys().max().unwrap();
    let places: Vec<_> = (0..=last).map(|group| layouts.get(&group)).collect();
    let constants: Vec<_> = made["constants"].as_object().unwrap().iter().collect();
    let constants: Vec<_> =
        constants.iter().map(|(name, value)| (name.as_str(), value.as_f64().unwrap())).collect();
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: Some(&device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            bind_group_layouts: &places,
            ..Default::default()
        })),
        module: &module,
        entry_point: made["entry"].as_str(),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            ..Default::default()
        },
        cache: None,
    });
    Kernel { pipeline, layouts, accesses }
}

fn layout(device: &wgpu::Device, bindings: &[Value]) -> wgpu::BindGroupLayout {
    use wgpu::BufferBindingType::{Storage, Uniform};
    let entry = |(binding, access): (u32, &Value)| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match access.as_str() {
                Some("read") => Storage { read_only: true },
                Some("read_write") => Storage { read_only: false },
                _ => Uniform,
            },
            has_dynamic_offset: access["window"].is_number(),
            min_binding_size: None,
        },
        count: None,
    };
    let entries: Vec<_> = (0..).zip(bindings).map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: None,
        entries: &entries,
    })
}

fn dispatch<'k>(
    device: &wgpu::Device,
    kernels: &'k [Kernel],
    buffers: &HashMap<String, wgpu::Buffer>,
    made: &Value,
) -> Dispatch<'k> {
    let kernel = &kernels[number(&made["kernel"]) as usize];
    let group = |(group, names): (u32, &Value)| {
        let bound = |(binding, name): (usize, &Value)| wgpu::BindGroupEntry {
            binding: binding as u32,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &buffers[text(name)],
                offset: 0,
                size: kernel.accesses[&group][binding]["window"].as_u64().and_then(NonZeroU64::new),
            }),
        };
        let entries: Vec<_> = list(names).iter().enumerate().map(bound).collect();
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.layouts[&group],
            entries: &entries,
        });
        (group, bind_group)
    };
    let mut groups: Vec<_> = map(&made["groups"]).map(group).collect();
    groups.sort_by_key(|(group, _)| *group);
    Dispatch { kernel, groups, workgroups: made["workgroups"].clone() }
}

fn record(
    pass: &mut wgpu::ComputePass<'_>,
    dispatches: &[Dispatch<'_>],
    buffers: &HashMap<String, wgpu::Buffer>,
    block: &Value,
) {
    let mut offsets = list(&block["offsets"]).iter().map(|offset| number(offset) as u32);
    for place in list(&block["dispatches"]) {
        let Dispatch { kernel, groups, workgroups } = &dispatches[number(place) as usize];
        pass.set_pipeline(&kernel.pipeline);
        for (group, bind_group) in groups {
            let bindings = &kernel.accesses[group];
            let windows = bindings.iter().filter(|access| access["window"].is_number()).count();
            let own: Vec<u32> = offsets.by_ref().take(windows).collect();
            pass.set_bind_group(*group, bind_group, &own);
        }
        match workgroups.as_array() {
            Some(counts) => {
                let [x, y, z] = [0, 1, 2].map(|i| number(&counts[i]) as u32);
                pass.dispatch_workgroups(x, y, z);
            }
            None => {
                let buffer = &buffers[text(&workgroups["buffer"])];
                pass.dispatch_workgroups_indirect(buffer, number(&workgroups["offset"]));
            }
        }
    }
    assert_eq!(offsets.next(), None, "there are more dynamic offsets than bindings that take one");
}

impl Replayed {
    /// The words of a buffer.
    fn words(&self, name: &str) -> Vec<u32> {
        crate::common::read(&self.device, &self.queue, &self.buffers[name])
    }

    /// A row of the state.
    fn row(&self, row: u64) -> Vec<u32> {
        let (result, n) = (&self.plan["result"], number(&self.plan["settings"]["particles"]));
        let page_rows = number(&result["page_rows"]);
        let page = self.words(text(&result["state"][(row / page_rows) as usize]));
        let first = (row % page_rows * n) as usize;
        page[first..first + n as usize].to_vec()
    }

    /// Positions, particle by particle, as bits.
    pub fn positions(&self) -> Vec<u32> {
        let dim = number(&self.plan["settings"]["dim"]);
        let rows: Vec<_> = (0..dim).map(|row| self.row(row)).collect();
        (0..rows[0].len()).flat_map(|i| rows.iter().map(move |row| row[i])).collect()
    }

    pub fn ancestors(&self) -> Vec<u32> {
        self.row(number(&self.plan["result"]["rows"]) - 1)
    }

    pub fn log_weights(&self) -> Vec<u32> {
        self.words(text(&self.plan["result"]["log_weights"]))
    }

    /// A row of a table, whose fields are found by name.
    pub fn record(&self, table: &str, row: u32) -> impl Fn(&str) -> u32 {
        let table = self.plan["result"][table].clone();
        let words = self.words(text(&table["buffer"]));
        move |field: &str| {
            let byte = u64::from(row) * number(&table["row_bytes"]);
            words[((byte + number(&table["fields"][field])) / 4) as usize]
        }
    }

    /// How many rows a table has room for; the report is behind them.
    pub fn rows(&self, table: &str) -> u32 {
        number(&self.plan["result"][table]["rows"]) as u32
    }

    /// What is added to log Z.
    pub fn log_offset(&self) -> Option<f64> {
        self.plan["result"]["log_offset"].as_f64()
    }
}
