//! Kernels and shader functions against their oracles in `reference/`, on whatever adapter there is.

mod adapt;
mod arithmetic;
mod autodiff;
mod compose;
mod conditional;
mod derived_targets;
mod formula;
mod histogram;
mod islands;
mod isolation;
mod linking;
mod long_sum;
pub(super) mod loops;
mod losses;
mod network;
mod normal;
mod offspring;
mod payload;
mod reaction;
mod resampling;
mod step;
mod threefry;
mod transform;

use super::snippet::Snippet;
use crate::gpu::Gpu;
use crate::shaders::Prelude;

/// Two words, the lower one first.
fn wide(words: &[u32]) -> u64 {
    u64::from(words[1]) << 32 | u64::from(words[0])
}

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
    let snippet = Snippet { files, functions, body, count, words, inputs, seed: 0 };
    snippet.run(gpu, prelude).unwrap_or_else(|error| panic!("{error}"))
}
