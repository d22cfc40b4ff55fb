//! The device: found, asked for what the problem needs, or taken from the host program.

use std::sync::{Arc, Mutex};

use crate::driver;
use crate::error::{Error, ErrorKind, Result};

/// A device, its queue, and what is known of the adapter.
///
/// Cloning is cheap: clones share the device.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    info: wgpu::AdapterInfo,
    fault: Arc<Mutex<Option<ErrorKind>>>,
}

/// An instance with every native back end and without the validation of indirect dispatches: the
/// engine clamps its own, and skipped ones would cost 15 times more.
pub fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    wgpu::Instance::new(descriptor)
}

/// All adapters, the ones to prefer first: discrete, integrated, virtual, software.
pub async fn adapters() -> Vec<wgpu::Adapter> {
    let mut adapters = instance().enumerate_adapters(wgpu::Backends::all()).await;
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Cpu => 3,
        wgpu::DeviceType::Other => 4,
    });
    adapters
}

/// The adapter to use: the best one, or the first whose name contains `wanted` (case ignored), or
/// the one with that number in [`adapters`]'s order.
///
/// # Errors
/// [`ErrorKind::NoAdapter`], with what there is.
pub async fn adapter(wanted: Option<&str>) -> Result<wgpu::Adapter> {
    let all = adapters().await;
    let no_adapter = |message: String| Error::from(ErrorKind::NoAdapter { message });
    if all.is_empty() {
        return Err(no_adapter(
            "no Vulkan, Metal or DX12 adapter was found; install a graphics driver, or Mesa's \
             software driver (Debian and Ubuntu: apt install mesa-vulkan-drivers)"
                .into(),
        ));
    }
    let names: Vec<_> = all.iter().map(|adapter| adapter.get_info().name).collect();
    let index = match wanted {
        None => Some(0),
        Some(text) => text.parse::<usize>().ok().filter(|i| *i < all.len()).or_else(|| {
            names.iter().position(|name| name.to_lowercase().contains(&text.to_lowercase()))
        }),
    };
    let found = index.and_then(|index| all.into_iter().nth(index));
    found.ok_or_else(|| {
        no_adapter(format!(
            "no adapter is called '{}'; there are: {}",
            wanted.unwrap_or_default(),
            names.join(", ")
        ))
    })
}

impl Gpu {
    /// Asks an adapter for a device with the given limits.
    ///
    /// # Errors
    /// [`ErrorKind::RequestDevice`] with the adapter's own words.
    pub async fn request(adapter: &wgpu::Adapter, limits: wgpu::Limits) -> Result<Gpu> {
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("wfr"),
                // Only where there are any: shaders are chosen to suit.
                required_features: adapter.features()
                    & (wgpu::Features::SHADER_INT64 | wgpu::Features::SUBGROUP),
                required_limits: limits,
                memory_hints: wgpu::MemoryHints::Performance,
                ..Default::default()
            })
            .await
            .map_err(|e| ErrorKind::RequestDevice { message: e.to_string() })?;
        let gpu = Gpu::from_parts(device, queue);
        // On a device of our own, an error outside any scope must not panic.
        let fault = gpu.fault.clone();
        gpu.device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            // The host program's own kernels on this device report here too.
            log::error!("{error}");
            record(&fault, ErrorKind::Device { message: error.to_string() });
        }));
        let fault = gpu.fault.clone();
        gpu.device.set_device_lost_callback(move |reason, message| {
            // Dropping the device at the end is no fault.
            let message = if message.is_empty() { format!("{reason:?}") } else { message };
            record(&fault, ErrorKind::DeviceLost { message });
        });
        Ok(gpu)
    }

    /// Takes the host program's device and queue. Its error callbacks are left alone.
    pub fn from_parts(device: wgpu::Device, queue: wgpu::Queue) -> Gpu {
        let info = device.adapter_info();
        Gpu { device, queue, info, fault: Arc::default() }
    }

    /// Whether one is a clone of the other, so that buffers of either are both's. Handles of wgpu
    /// do not tell: those of two instances may compare as equal.
    pub fn is_clone_of(&self, other: &Gpu) -> bool {
        Arc::ptr_eq(&self.fault, &other.fault)
    }

    /// Name, driver and kind of the adapter.
    pub fn adapter_info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// Whether the adapter computes on the processor.
    pub fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// After how many loop iterations the driver stops an invocation, if it does.
    pub(crate) fn loop_cap(&self) -> Option<u32> {
        driver::loop_cap(&self.info)
    }

    /// Whether shaders may use 64-bit integers: the weight kernels are faster with them.
    pub(crate) fn has_wide_integers(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_INT64)
    }

    /// The first fault of the device, if there was one.
    pub(crate) fn check(&self) -> Result<()> {
        // A loss is only told to those who poll.
        let _ = self.device.poll(wgpu::PollType::Poll);
        match self.fault.lock().ok().and_then(|fault| fault.clone()) {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }

    /// Runs `work` and turns what the device reports meanwhile into an error.
    pub(crate) fn scoped<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        self.check()?;
        let filters = [
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::OutOfMemory,
            wgpu::ErrorFilter::Internal,
        ];
        let guards = filters.map(|filter| self.device.push_error_scope(filter));
        let value = work();
        let mut first = None;
        // Scopes close in the reverse order; native devices answer at once.
        for guard in guards.into_iter().rev() {
            first = first.or(pollster::block_on(guard.pop()));
        }
        match first {
            None => Ok(value),
            Some(error) => Err(ErrorKind::Device { message: error.to_string() }.into()),
        }
    }

    /// Records one compute pass and submits it; does not wait.
    pub(crate) fn submit_pass(
        &self,
        record: impl FnOnce(&mut wgpu::ComputePass<'_>),
    ) -> Result<()> {
        self.scoped(|| {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            record(&mut encoder.begin_compute_pass(&Default::default()));
            self.queue.submit([encoder.finish()]);
        })
    }

    /// Blocks until the device has done everything submitted so far.
    pub(crate) fn wait(&self) -> Result<()> {
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|e| ErrorKind::DeviceLost { message: e.to_string() })?;
        self.check()
    }
}

fn record(fault: &Mutex<Option<ErrorKind>>, kind: ErrorKind) {
    if let Ok(mut fault) = fault.lock() {
        fault.get_or_insert(kind);
    }
}

/// Bytes of memory that are free to use, where the system says so.
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
