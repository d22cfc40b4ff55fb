//! What the unit tests share: the device, noise, and log-weights to resample.

use std::io::Write as _;
use std::sync::OnceLock;

use crate::gpu::{self, Gpu};
use crate::readback;
use crate::reference::normal::normal_pair;

/// The device of all tests, or none: then a test returns, having said so on the terminal.
///
/// `WFR_TEST_ADAPTER=require` makes a missing adapter a failure.
pub(crate) fn gpu() -> Option<Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| pollster::block_on(open()));
    if gpu.is_none() {
        let name = std::thread::current().name().unwrap_or("a test").to_string();
        say(&format!("skipped: {name} needs a graphics adapter"));
    }
    gpu.clone()
}

async fn open() -> Option<Gpu> {
    let adapter = match gpu::adapter(None).await {
        Ok(adapter) => adapter,
        Err(error) => {
            let require = std::env::var("WFR_TEST_ADAPTER").is_ok_and(|value| value == "require");
            assert!(!require, "WFR_TEST_ADAPTER=require, but {error}");
            return None;
        }
    };
    let (info, limits) = (adapter.get_info(), adapter.limits());
    say(&format!(
        "adapter: {} ({:?}, {:?}), driver: {} {}, limits: {} per binding, {} storage buffers",
        info.name,
        info.backend,
        info.device_type,
        info.driver,
        info.driver_info,
        crate::words::bytes(limits.max_storage_buffer_binding_size),
        limits.max_storage_buffers_per_shader_stage,
    ));
    Some(Gpu::request(&adapter, limits).await.expect("the adapter gives its own limits"))
}

/// Past the capture of the test harness, so that it is always seen.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// `count` random words (splitmix64); each seed has its own.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<u32> {
    let mut state = u64::from(seed) << 40;
    let word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    };
    std::iter::repeat_with(word).take(count).collect()
}

/// `count` standard normals.
pub(crate) fn normals(seed: u32, count: usize) -> Vec<f64> {
    let words = noise(seed, 2 * count.div_ceil(2));
    words.chunks(2).flat_map(|w| normal_pair(w[0], w[1])).take(count).collect()
}

/// Writes to a buffer what a kernel must not rely on.
pub(crate) fn poison(gpu: &Gpu, buffer: &wgpu::Buffer, seed: u32) {
    write(gpu, buffer, &noise(seed, buffer.size() as usize / 4));
}

/// Writes the start of a buffer.
pub(crate) fn write<T: bytemuck::Pod>(gpu: &Gpu, buffer: &wgpu::Buffer, contents: &[T]) {
    gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(contents));
}

/// Reads a whole buffer.
pub(crate) fn read<T: bytemuck::Pod>(gpu: &Gpu, buffer: &wgpu::Buffer) -> Vec<T> {
    pollster::block_on(readback::read(gpu, buffer, 0, buffer.size())).expect("reads back")
}

/// Runs one compute pass.
pub(crate) fn pass(gpu: &Gpu, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) {
    gpu.submit_pass(record).expect("the pass is valid");
}

/// The populations of [`log_weights`]: ordinary, steep and broken ones.
pub(crate) const POPULATIONS: [&str; 7] =
    ["normal", "equal", "one", "zeros at the ends", "not numbers", "wide normal", "cliffs"];

/// The log-weights of `count` particles of a population.
pub(crate) fn log_weights(population: &str, count: usize) -> Vec<f32> {
    const NONE: f32 = f32::NEG_INFINITY;
    let (left, right) = (count / 5, count - count / 4);
    let normal = normals(population.len() as u32, count).into_iter().map(|z| z as f32).enumerate();
    let of: &dyn Fn(usize, f32) -> f32 = match population {
        "normal" => &|_, z| z,
        "wide normal" => &|_, z| 5.0 * z,
        "equal" => &|_, _| -3.25,
        "one" => &|i, _| if i == 2 * count / 3 { 4.0 } else { NONE },
        "zeros at the ends" => &|i, z| {
            if i < left || (i >= right && right > left) { NONE } else { z }
        },
        "not numbers" => &|i, z| match i % 7 {
            1 => f32::NAN,
            3 => f32::INFINITY,
            5 => NONE,
            _ => z,
        },
        // Some blocks far below others, at a height where floats are coarse.
        "cliffs" => &|i, z| z - 1e4 - 7.0 * ((i / 2048) % 9) as f32,
        _ => panic!("no population is called {population}"),
    };
    normal.map(|(i, z)| of(i, z)).collect()
}
