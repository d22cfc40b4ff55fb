//! What a device has room for.

use crate::driver::loop_cap;
use crate::gpu::Gpu;
use crate::memory;

/// What a device has room for.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub limits: wgpu::Limits,
    /// The limits of its adapter, where they are known: the device may have been requested with less.
    pub adapter: Option<wgpu::Limits>,
    /// Bytes of memory, where that is known.
    pub memory: Option<u64>,
    /// Loop iterations after which the driver stops an invocation, if it does.
    pub loops: Option<u32>,
}

/// A limit, and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub most: u64,
    /// After what is needed and a comma.
    pub words: String,
    /// Whether the device, rather than its adapter, sets it, as far as that is known.
    pub by_request: bool,
}

impl Room {
    /// Within these limits of an adapter, whatever the device.
    pub(crate) fn within(limits: &wgpu::Limits) -> Room {
        let adapter = Some(limits.clone());
        Room { limits: limits.clone(), adapter, memory: None, loops: None }
    }

    /// What an adapter has room for. A software adapter's memory is the machine's, and its driver
    /// would hand out more than there is; wgpu does not tell what a GPU has.
    pub(crate) fn of(limits: &wgpu::Limits, info: &wgpu::AdapterInfo) -> Room {
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let memory = if software { memory::available() } else { None };
        Room { memory, loops: loop_cap(info), ..Room::within(limits) }
    }

    /// What a device has room for.
    pub(crate) fn of_device(gpu: &Gpu) -> Room {
        let adapter = gpu.adapter_limits().cloned();
        Room { adapter, ..Room::of(&gpu.device.limits(), gpu.adapter_info()) }
    }

    /// The largest binding.
    pub(crate) fn binding(&self) -> u64 {
        binding(&self.limits)
    }

    /// The largest binding, in words.
    pub(crate) fn allowed_binding(&self) -> Allowed {
        self.allowed(binding, crate::words::bytes)
    }

    /// The storage buffers of a kernel, in words.
    pub(crate) fn allowed_bindings(&self) -> Allowed {
        self.allowed(|limits| limits.max_storage_buffers_per_shader_stage.into(), |n| n.to_string())
    }

    pub(crate) fn allowed(
        &self,
        limit: impl Fn(&wgpu::Limits) -> u64,
        shown: impl Fn(u64) -> String,
    ) -> Allowed {
        let most = limit(&self.limits);
        let (words, by_request) = match self.adapter.as_ref().map(&limit) {
            Some(of_adapter) if of_adapter <= most => {
                (format!("this adapter allows {}", shown(most)), false)
            }
            Some(of_adapter) => {
                let (most, of_adapter) = (shown(most), shown(of_adapter));
                let words = format!(
                    "this device was requested with {most} of the {of_adapter} that its adapter \
                     allows"
                );
                (words, true)
            }
            None => (format!("this device was requested with {}", shown(most)), true),
        };
        Allowed { most, words, by_request }
    }
}

fn binding(limits: &wgpu::Limits) -> u64 {
    limits.max_storage_buffer_binding_size.min(limits.max_buffer_size)
}
