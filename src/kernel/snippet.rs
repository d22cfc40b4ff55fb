//! The inside of a function of an index, run on the device over arrays of words: functions of the
//! shader library by themselves, for tests and the self-test.

use super::{Access, BoundKernel};
use crate::buffers::{filled, storage};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::layout::Settings;
use crate::numbers::Numbers;
use crate::readback;
use crate::reference::cases::noise;
use crate::shaders::{self, Prelude};
use crate::wgsl::{Linked, Source};

const WORKGROUP: u32 = 64;

/// What is run, and on what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Snippet<'a> {
    /// Files of the library that are linked before it.
    pub files: &'a [&'a str],
    /// Functions that it may call.
    pub functions: &'a str,
    /// Statements over an index `i` below `count`, from `inputs` to `outputs`: arrays of words.
    pub body: &'a str,
    pub count: u32,
    /// Words of output per index.
    pub words: u32,
    pub inputs: &'a [u32],
    /// The seed of its random numbers.
    pub seed: u64,
}

impl Snippet<'_> {
    /// The outputs. What `body` does not write is noise.
    pub(crate) fn run(&self, gpu: &Gpu, prelude: Prelude) -> Result<Vec<u32>> {
        let Snippet { files, functions, body, count, words, inputs, seed } = *self;
        let text = format!(
            "{functions}
             @group(0) @binding(0) var<storage, read> inputs: array<u32>;
             @group(0) @binding(1) var<storage, read_write> outputs: array<u32>;
             fn snippet(i: u32) {{\n{body}\n}}
             @compute @workgroup_size({WORKGROUP})
             fn test(
                 @builtin(workgroup_id) id: vec3<u32>,
                 @builtin(local_invocation_index) lane: u32,
             ) {{
                 let i = index_of_workgroup(id) * {WORKGROUP}u + lane;
                 if (i < COUNT) {{ snippet(i); }}
             }}\n"
        );
        let mut sources = vec![prelude.u32("COUNT", count).source()];
        sources.extend(shaders::engine_files(&["index"]));
        sources.extend(shaders::files(files));
        sources.push(Source::new("snippet", text));
        let linked = Linked::new(sources);
        gpu.pipelines().check(&linked)?;
        let numbers = Numbers::alone(gpu, &Settings::default().with_seed(seed))?;
        let (input, output) = gpu.scoped(|| {
            let bytes = bytemuck::cast_slice(inputs);
            let usage = wgpu::BufferUsages::STORAGE;
            let output = storage(&gpu.device, "wfr.outputs", 4 * u64::from(count * words));
            let scrap = noise(77, (count * words) as usize);
            gpu.queue.write_buffer(&output, 0, bytemuck::cast_slice(&scrap));
            (filled(&gpu.device, "wfr.inputs", usage, bytes), output)
        })?;
        let own = [(Access::Read, &input), (Access::ReadWrite, &output)];
        let kernel = BoundKernel::new(gpu, &numbers, (&linked, "test"), &own)?;
        gpu.submit_pass(|pass| kernel.encode(pass, count.div_ceil(WORKGROUP)))?;
        crate::block_on(readback::read(gpu, &output, 0, output.size()))
    }
}
