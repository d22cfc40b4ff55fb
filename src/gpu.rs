//! The device: found, asked for what the problem needs, or taken from the host program.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::driver;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::pipelines::Pipelines;
use crate::readback::{Counts, ReadBacks};
use crate::shaders::WeightShape;
#[cfg(not(target_arch = "wasm32"))]
use crate::watch::Watch;

/// How long a device may be silent before it counts as lost, unless the host says otherwise.
const PATIENCE: Duration = Duration::from_secs(600);

/// A device, its queue, and what is known of the adapter.
///
/// Cloning is cheap: clones share the device.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    info: Arc<wgpu::AdapterInfo>,
    /// Unknown of a host's device.
    adapter_limits: Option<Arc<wgpu::Limits>>,
    fault: Arc<Mutex<Option<ErrorKind>>>,
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "nobody polls in the browser"))]
    patience: Duration,
    pipelines: Arc<Pipelines>,
    pub(crate) read_backs: Arc<Counts>,
    /// Polls for whoever awaits something of the device.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) watch: Arc<Watch>,
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

impl WeightShape {
    /// The same, as it is fastest on a device.
    pub(crate) fn on(self, gpu: &Gpu) -> WeightShape {
        WeightShape { native_wide: gpu.has_wide_integers(), tiled: !gpu.is_software(), ..self }
    }
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
                    & (wgpu::Features::SHADER_INT64
                        | wgpu::Features::SUBGROUP
                        | wgpu::Features::TIMESTAMP_QUERY),
                required_limits: limits,
                memory_hints: wgpu::MemoryHints::Performance,
                ..Default::default()
            })
            .await
            .map_err(|e| ErrorKind::RequestDevice { message: e.to_string() })?;
        let adapter_limits = Some(Arc::new(adapter.limits()));
        let gpu = Gpu { adapter_limits, ..Gpu::from_parts(device, queue) };
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
        let info = Arc::new(device.adapter_info());
        Gpu {
            device,
            queue,
            info,
            adapter_limits: None,
            fault: Arc::default(),
            patience: PATIENCE,
            pipelines: Arc::default(),
            read_backs: Arc::default(),
            #[cfg(not(target_arch = "wasm32"))]
            watch: Arc::default(),
        }
    }

    /// The same, which counts as lost when it does not answer for so long: ten minutes unless this is
    /// called, far longer than [`Config::submission_limit`](crate::Config::submission_limit). Work of
    /// your own that takes longer in one submission needs more.
    pub fn with_patience(self, patience: Duration) -> Gpu {
        Gpu { patience, ..self }
    }

    /// Whether one is a clone of the other, so that buffers of either are both's. Handles of wgpu
    /// do not tell: those of two instances may compare as equal.
    pub fn is_clone_of(&self, other: &Gpu) -> bool {
        Arc::ptr_eq(&self.fault, &other.fault)
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// What this crate has read back from the device so far, by all clones together.
    pub fn read_backs(&self) -> ReadBacks {
        self.read_backs.so_far()
    }

    /// Name, driver and kind of the adapter.
    pub fn adapter_info(&self) -> &wgpu::AdapterInfo {
        &self.info
    }

    /// What the adapter allows, of which the device may have been requested with less.
    pub(crate) fn adapter_limits(&self) -> Option<&wgpu::Limits> {
        self.adapter_limits.as_deref()
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

    /// How many kernels were compiled for the device so far. They are kept, by their text: another seed,
    /// other parameters or another number of particles compile nothing.
    pub fn kernels_compiled(&self) -> u64 {
        self.pipelines.made()
    }

    /// The kernels that were compiled for the device.
    pub(crate) fn pipelines(&self) -> &Pipelines {
        &self.pipelines
    }

    /// The first fault of the device, if there was one.
    pub(crate) fn check(&self) -> Result<()> {
        // A loss is only told to those who poll.
        self.poll(wgpu::PollType::Poll)?;
        if let Some(kind) = self.fault.lock().ok().and_then(|fault| fault.clone()) {
            return Err(kind.into());
        }
        if self.is_there() {
            return Ok(());
        }
        // A callback tells it only once all work has ended, and a host's not to us.
        let message = "it was destroyed, or its driver gave it up".to_string();
        record(&self.fault, ErrorKind::DeviceLost { message: message.clone() });
        Err(ErrorKind::DeviceLost { message }.into())
    }

    /// Whether a buffer can be made and mapped: a lost device accepts everything else without a word.
    fn is_there(&self) -> bool {
        let probe = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("wfr.probe"),
            size: 4,
            usage: wgpu::BufferUsages::MAP_WRITE,
            mapped_at_creation: true,
        });
        probe.get_mapped_range(..).is_ok()
    }

    /// [`wgpu::Device::poll`] in which a loss is an error: wgpu panics at one that a wait meets.
    pub(crate) fn poll(&self, kind: wgpu::PollType) -> Result<bool> {
        self.polled(|| self.device.poll(kind))
    }

    fn polled(
        &self,
        poll: impl FnOnce() -> std::result::Result<wgpu::PollStatus, wgpu::PollError>,
    ) -> Result<bool> {
        let polled = catch_unwind(AssertUnwindSafe(poll));
        let message = match polled {
            Ok(Ok(_)) => return Ok(true),
            Ok(Err(wgpu::PollError::Timeout)) => return Ok(false),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the driver reported it while waiting".to_string(),
        };
        // What the driver said of the loss itself comes first.
        record(&self.fault, ErrorKind::DeviceLost { message: message.clone() });
        let fault = self.fault.lock().ok().and_then(|fault| fault.clone());
        Err(fault.unwrap_or(ErrorKind::DeviceLost { message }).into())
    }

    /// Runs `work` and turns what the device reports meanwhile into an error.
    ///
    /// In the browser, where nobody can wait for that here, it is an error of the next call.
    pub(crate) fn scoped<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        self.check()?;
        if cfg!(target_arch = "wasm32") {
            return Ok(work());
        }
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
            first = first.or(at_once(guard.pop()));
        }
        match first {
            None => Ok(value),
            Some(wgpu::Error::OutOfMemory { source }) => Err(self.out_of_memory(&*source).into()),
            Some(error) => Err(ErrorKind::Device { message: error.to_string() }.into()),
        }
    }

    /// What the device did not have the memory for. What it has is not told; what it holds, sometimes.
    fn out_of_memory(&self, source: &dyn std::error::Error) -> ErrorKind {
        use crate::words::bytes;
        let held = self.device.generate_allocator_report().map(|r| r.total_allocated_bytes);
        let of_which = held.map_or_else(String::new, |held| {
            format!(", of which this program's buffers hold {}", bytes(held))
        });
        let hint = format!(
            "{} has no memory left{of_which} ({source}); use fewer particles, or end other programs \
             that use it",
            self.info.name
        );
        ErrorKind::OutOfMemory { needed: None, available: held, hint }
    }

    /// Records one compute pass and submits it; does not wait.
    pub(crate) fn submit_pass(
        &self,
        record: impl FnOnce(&mut wgpu::ComputePass<'_>),
    ) -> Result<wgpu::SubmissionIndex> {
        self.scoped(|| {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            record(&mut encoder.begin_compute_pass(&Default::default()));
            self.queue.submit([encoder.finish()])
        })
    }

    /// Done when a submission will hold up nobody: the queue of a software driver takes one after the
    /// other.
    pub(crate) async fn takes_more(&self) -> Result<()> {
        #[cfg(not(target_arch = "wasm32"))]
        if self.is_software() && !crate::blocking::is_blocking() {
            return self.wait_async().await;
        }
        Ok(())
    }

    /// Done when the device has done everything submitted so far; holds up no thread meanwhile.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceLost`], also when the device does not answer, see [`Gpu::with_patience`].
    pub async fn wait_async(&self) -> Result<()> {
        Pending::work(self, None).await.map(|_| ())
    }
}

/// What a future gives that is ready.
fn at_once<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => None,
    }
}

fn record(fault: &Mutex<Option<ErrorKind>>, kind: ErrorKind) {
    if let Ok(mut fault) = fault.lock() {
        fault.get_or_insert(kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Flow, Initial, Problem, Sampler, Target, testing};

    fn device() -> Option<Gpu> {
        testing::gpu()?;
        let adapter = crate::block_on(adapter(None)).unwrap();
        Some(crate::block_on(Gpu::request(&adapter, wgpu::Limits::default())).unwrap())
    }

    /// What the device's callback does when a driver resets it.
    #[test]
    fn a_reset_that_the_driver_tells_of_ends_every_call() {
        let Some(gpu) = device() else { return };
        let normal = Initial::normal(&[0.0; 2], &[1.0; 2]).unwrap();
        let target = Target::standard_normal(2).unwrap();
        let problem = Problem::new(target, normal, Flow::annealed()).unwrap();
        let config = Config { particles: 1000, ..Config::default() };
        let mut sampler = Sampler::new(&gpu, &problem, config).unwrap();
        sampler.advance(10).unwrap();
        let message = "the GPU was reset".to_string();
        record(&gpu.fault, ErrorKind::DeviceLost { message });
        for error in [
            sampler.run().unwrap_err(),
            sampler.submit(1).unwrap_err(),
            crate::block_on(sampler.particles()).unwrap_err(),
            crate::block_on(sampler.survivors()).unwrap_err(),
            gpu.wait().unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "the device was lost: the GPU was reset");
        }
    }

    /// wgpu panics when a wait meets a loss, having told the callback: both are one error.
    #[test]
    fn a_loss_met_while_waiting_is_an_error() {
        let Some(gpu) = device() else { return };
        let error = gpu.polled(|| panic!("Error in Device::poll")).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::DeviceLost { .. }), "{error}");
        assert!(gpu.check().is_err());
        let Some(gpu) = device() else { return };
        let error = gpu.polled(|| {
            record(&gpu.fault, ErrorKind::DeviceLost { message: "hung".into() });
            panic!("Error in Device::poll")
        });
        assert_eq!(error.unwrap_err().to_string(), "the device was lost: hung");
    }

    /// A process that may have no more memory, which is another than this one: the device says so, and
    /// the error tells what was asked for.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_refused_allocation_is_out_of_memory() {
        const NAME: &str = "gpu::tests::a_refused_allocation_is_out_of_memory";
        let Some(gpu) = device() else { return };
        if gpu.loop_cap().is_none() {
            return;
        }
        if std::env::var_os("WFR_TEST_LITTLE_MEMORY").is_none() {
            let ulimit = "ulimit -v 2500000; exec \"$0\" --exact \"$1\" --nocapture";
            let tests = std::env::current_exe().unwrap();
            let mut little = std::process::Command::new("sh");
            little.args(["-c", ulimit]).arg(tests).arg(NAME);
            let done = little.env("WFR_TEST_LITTLE_MEMORY", "1").output().unwrap();
            let text = String::from_utf8_lossy(&done.stdout);
            assert!(done.status.success() && text.contains("refused: "), "{done:?}");
            return;
        }
        let normal = Initial::normal(&[0.0; 6], &[1.0; 6]).unwrap();
        let target = Target::standard_normal(6).unwrap();
        let problem = Problem::new(target, normal, Flow::annealed()).unwrap();
        let config = Config { particles: 1 << 25, ..Config::default() };
        let gpu = crate::block_on(Gpu::for_problem(&problem, &config, None)).unwrap();
        let error = Sampler::new(&gpu, &problem, config).unwrap_err();
        println!("refused: {error}");
        let ErrorKind::OutOfMemory { needed, .. } = error.kind() else { panic!("{error}") };
        assert!(needed.is_some_and(|needed| needed > 2 << 30), "{error}");
        assert!(error.to_string().contains("(state 1.8 GiB, log_weights 128 MiB"), "{error}");
        assert!(error.to_string().ends_with("may fit"), "{error}");
        gpu.check().unwrap();
    }
}
