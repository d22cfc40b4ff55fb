//! What the unit tests share: the device, its buffers, and cases to compare on.

use std::io::Write as _;
use std::sync::OnceLock;

use crate::gpu::{self, Gpu};
use crate::loss::Lost;
use crate::readback;
pub(crate) use crate::reference::cases::{POPULATIONS, log_weights, noise, normals};
use crate::sampler::Info;

/// The device of all tests, or none: then a test returns, having said so on the terminal.
///
/// `WFR_TEST_ADAPTER=require` makes a missing adapter a failure.
pub(crate) fn gpu() -> Option<Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| crate::block_on(open()));
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

/// Those of some numbers of rows per page that leave a state of `rows` rows, which is read and written
/// beside `others` further buffers, within the adapter's bindings: one at least.
pub(crate) fn page_rows<const K: usize>(
    gpu: &Gpu,
    of: [u32; K],
    rows: u32,
    others: u32,
) -> Vec<u32> {
    let most = gpu.device.limits().max_storage_buffers_per_shader_stage;
    let fits = |page_rows: &u32| 2 * rows.div_ceil(*page_rows) + others <= most;
    let some: Vec<u32> = of.into_iter().filter(fits).collect();
    assert!(!some.is_empty(), "{most} storage buffers are too few to split a state of {rows} rows");
    some
}

/// Past the capture of the test harness, so that it is always seen.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
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
    crate::block_on(readback::read(gpu, buffer, 0, buffer.size())).expect("reads back")
}

/// Runs one compute pass.
pub(crate) fn pass(gpu: &Gpu, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) {
    gpu.submit_pass(record).expect("the pass is valid");
}

/// A run of 100 steps at its end, of this ESS.
pub(crate) fn info(ess: f32) -> Info {
    Info {
        step: 100,
        time: 1.0,
        beta: 1.0,
        stages: 0,
        ess,
        log_normalizer: 0.0,
        max_weight: 1.0 / ess,
        non_finite: 0,
        lost: Lost::default(),
        resamplings: 0,
        acceptance: None,
        refused: None,
        dead: 0,
    }
}
