//! Kernels and shader functions against their oracles in `reference/`, on whatever adapter there is.

mod adapt;
mod arithmetic;
mod autodiff;
mod compose;
mod conditional;
mod derived_targets;
mod formula;
mod histogram;
mod isolation;
mod linking;
mod network;
mod normal;
mod reaction;
mod resampling;
mod step;
mod threefry;
mod transform;

use super::{Access, Kernel, dispatch};
use crate::buffers::storage;
use crate::gpu::Gpu;
use crate::shaders::{self, Prelude};
use crate::testing::{self, noise, poison, read, write};
use crate::wgsl::{Linked, Source};

/// Runs `body`, the inside of a function of an index `i` below `count`, on the device.
///
/// It reads `inputs` and writes `outputs`, arrays of words; `files` of the library are linked before
/// it. The outputs come back, `words` per index.
fn run_snippet(
    gpu: &Gpu,
    prelude: Prelude,
    files: &[&str],
    body: &str,
    count: u32,
    words: u32,
    inputs: &[u32],
) -> Vec<u32> {
    run_functions(gpu, prelude, files, "", body, count, words, inputs)
}

/// The same with functions that `body` may call.
#[allow(clippy::too_many_arguments, reason = "as many as there are things to say")]
fn run_functions(
    gpu: &Gpu,
    prelude: Prelude,
    files: &[&str],
    functions: &str,
    body: &str,
    count: u32,
    words: u32,
    inputs: &[u32],
) -> Vec<u32> {
    let text = format!(
        "{functions}
         @group(0) @binding(0) var<storage, read> inputs: array<u32>;
         @group(0) @binding(1) var<storage, read_write> outputs: array<u32>;
         fn snippet(i: u32) {{\n{body}\n}}
         @compute @workgroup_size(64)
         fn test(
             @builtin(workgroup_id) id: vec3<u32>,
             @builtin(num_workgroups) count: vec3<u32>,
             @builtin(local_invocation_index) lane: u32,
         ) {{
             let i = index_of_workgroup(id, count) * 64u + lane;
             if (i < COUNT) {{ snippet(i); }}
         }}\n"
    );
    let mut sources = vec![prelude.u32("COUNT", count).source(), shaders::file("index")];
    sources.extend(shaders::files(files));
    sources.push(Source::new("snippet", text));
    let linked = Linked::new(sources);
    linked.check().unwrap_or_else(|error| panic!("{error}"));
    let kernel =
        Kernel::new(gpu, &linked, "test", &[&[Access::Read, Access::ReadWrite]], &[]).unwrap();
    let input = storage(&gpu.device, "inputs", 4 * inputs.len().max(1) as u64);
    let output = storage(&gpu.device, "outputs", 4 * u64::from(count * words));
    write(gpu, &input, inputs);
    poison(gpu, &output, 77);
    let group = kernel.bind(gpu, 0, &[&input, &output]).unwrap();
    testing::pass(gpu, |pass| {
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, &group, &[]);
        dispatch(pass, count.div_ceil(64));
    });
    read(gpu, &output)
}

/// Random words with every tenth or so an extreme one.
fn words_with_extremes(seed: u32, count: usize) -> Vec<u32> {
    const EXTREMES: [u32; 8] =
        [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, u32::MAX];
    let mut words = noise(seed, count);
    for (i, choice) in noise(seed + 1, count).into_iter().enumerate() {
        if choice % 10 == 0 {
            words[i] = EXTREMES[(choice / 10) as usize % EXTREMES.len()];
        }
    }
    words
}
