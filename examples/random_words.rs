//! The GPU's random numbers as a stream of bytes, for statistical test batteries.
//!
//! Usage: `random_words [--words N] [--order particle|step|axis|seed] [--kind words|normals]
//! [--seed S]`
//!
//! Writes the Threefry words that particles take for their steps, one call of four words each, in an
//! order in which they could depend on each other:
//! - by `particle`: all 1024 steps of particle 0, then those of particle 1, …, in four dimensions;
//! - by `step`: step 0 of all 1048576 particles, then step 1, …, in four dimensions;
//! - by `axis`: all 256 calls of one step of particle 0 in 1024 dimensions, then those of particle 1, …;
//! - by `seed`: step 0 of particle 0 in 1048576 runs whose seeds follow each other, then of particle
//!   1, ….
//!
//! Words are little-endian u32; `normals` are the normals made of them, as f32. Without `--words` the
//! stream ends only with its reader: `random_words | dieharder -a -g 200`.

use std::io::{Error, ErrorKind, Result, Write};

use wfr::wgpu;
use wfr::wgsl::{Linked, Source, library};

/// Threefry calls per submission, particles in the order by step, seeds in that by seed.
const CALLS: u32 = 1 << 20;
/// Steps per particle in the order by particle.
const STEPS: u32 = 1024;
/// Calls per particle in the order by axis.
const BLOCKS: u32 = 256;

const KERNEL: &str = "
@group(0) @binding(0) var<uniform> chunk: u32;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;

@compute @workgroup_size(64)
fn random_words(@builtin(global_invocation_id) id: vec3<u32>) {
    // By step.
    var slot = id.x;
    var time = chunk;
    var block = 0u;
    var seed = 0u;
    if (ORDER == BY_PARTICLE) {
        slot = chunk * (CALLS / STEPS) + id.x / STEPS;
        time = id.x % STEPS;
    } else if (ORDER == BY_AXIS) {
        slot = chunk * (CALLS / BLOCKS) + id.x / BLOCKS;
        time = 0u;
        block = id.x % BLOCKS;
    } else if (ORDER == BY_SEED) {
        slot = chunk;
        time = 0u;
        seed = id.x;
    }
    let counter = random_counter(random_place(slot), time, block, STREAM_STEP);
    let words = threefry_keyed(counter, random_key() + vec4<u32>(seed, 0u, 0u, 0u));
    if (NORMALS) {
        let z = vec4<f32>(normal_pair(words.x, words.y), normal_pair(words.z, words.w));
        out[id.x] = bitcast<vec4<u32>>(z);
    } else {
        out[id.x] = words;
    }
}
";

/// What comes after what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Particle,
    Step,
    Axis,
    Seed,
}

/// What to write.
pub struct Options {
    pub words: u64,
    pub order: Order,
    pub normals: bool,
    pub seed: u64,
}

fn options() -> std::result::Result<Options, String> {
    let mut options = Options { words: u64::MAX, order: Order::Particle, normals: false, seed: 0 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match (name.as_str(), value.as_str()) {
            ("--words", n) => options.words = n.parse().map_err(|e| format!("--words {n}: {e}"))?,
            ("--seed", s) => options.seed = s.parse().map_err(|e| format!("--seed {s}: {e}"))?,
            ("--order", "particle") => options.order = Order::Particle,
            ("--order", "step") => options.order = Order::Step,
            ("--order", "axis") => options.order = Order::Axis,
            ("--order", "seed") => options.order = Order::Seed,
            ("--kind", "words") => options.normals = false,
            ("--kind", "normals") => options.normals = true,
            _ => return Err(format!("{name} {value} is not known; see the top of the file")),
        }
    }
    Ok(options)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let adapter = wfr::block_on(wfr::adapter(None))?;
    match stream(&adapter, &options()?, &mut std::io::stdout().lock()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes words until there are enough of them.
pub fn stream(adapter: &wgpu::Adapter, options: &Options, to: &mut impl Write) -> Result<()> {
    let words = Words::new(adapter, kernel(options)?)?;
    let mut left = options.words.saturating_mul(4);
    // The device works on the next chunk while this one is written.
    words.start(0);
    for chunk in 0.. {
        words.device.poll(wgpu::PollType::wait_indefinitely()).map_err(Error::other)?;
        words.start(chunk + 1);
        let staging = &words.staging[chunk as usize % 2];
        let length = left.min(staging.size());
        let view = staging.get_mapped_range(..length).map_err(Error::other)?;
        to.write_all(&view)?;
        drop(view);
        staging.unmap();
        left -= length;
        if left == 0 {
            break;
        }
    }
    Ok(())
}

fn kernel(options: &Options) -> Result<String> {
    let constants = format!(
        "fn random_key() -> vec4<u32> {{ return vec4<u32>({}u, {}u, 0u, 0u); }}\nconst DIM = 4u;\n\
         alias Point = vec4<f32>;\n\
         const CALLS = {CALLS}u;\nconst STEPS = {STEPS}u;\nconst BLOCKS = {BLOCKS}u;\n\
         const BY_PARTICLE = {}u;\nconst BY_AXIS = {}u;\nconst BY_SEED = {}u;\n\
         const ORDER = {}u;\nconst NORMALS = {};\n",
        options.seed as u32,
        (options.seed >> 32) as u32,
        Order::Particle as u32,
        Order::Axis as u32,
        Order::Seed as u32,
        options.order as u32,
        options.normals
    );
    let library = |name| library(name).expect("a file of the library");
    let linked = Linked::new([
        Source::new("constants", constants),
        library("threefry"),
        library("normal"),
        Source::new("random_words", KERNEL),
    ]);
    linked.check().map_err(Error::other)?;
    Ok(linked.text().to_string())
}

/// The kernel, its output and two staging buffers that take turns.
struct Words {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::ComputePipeline,
    group: wgpu::BindGroup,
    chunk: wgpu::Buffer,
    out: wgpu::Buffer,
    staging: [wgpu::Buffer; 2],
}

impl Words {
    fn new(adapter: &wgpu::Adapter, text: String) -> Result<Words> {
        let (device, queue) =
            wfr::block_on(adapter.request_device(&Default::default())).map_err(Error::other)?;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("random_words"),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("random_words"),
            layout: None,
            module: &module,
            entry_point: Some("random_words"),
            compilation_options: Default::default(),
            cache: None,
        });
        let buffer = |size: u64, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("random_words"),
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let bytes = 16 * u64::from(CALLS);
        let chunk = buffer(4, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST);
        let out = buffer(bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        let staging = || buffer(bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: chunk.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: out.as_entire_binding() },
            ],
        });
        let staging = [staging(), staging()];
        Ok(Words { device, queue, pipeline, group, chunk, out, staging })
    }

    /// Submits one chunk.
    fn start(&self, chunk: u32) {
        self.queue.write_buffer(&self.chunk, 0, &chunk.to_le_bytes());
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.group, &[]);
            pass.dispatch_workgroups(CALLS / 64, 1, 1);
        }
        let staging = &self.staging[chunk as usize % 2];
        encoder.copy_buffer_to_buffer(&self.out, 0, staging, 0, None);
        self.queue.submit([encoder.finish()]);
        // `get_mapped_range` says whether it was mapped; at the end one chunk is left over.
        staging.map_async(wgpu::MapMode::Read, .., |_| ());
    }
}
