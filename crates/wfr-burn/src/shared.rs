//! One device for wfr and burn.

use burn::tensor::Device;
use burn_cubecl::cubecl::wgpu::WgpuSetup;
use wfr::{ErrorKind, Gpu, Info, ModelCall, Result, Sampler, wgpu};

use crate::exchange::{self, Exchange};
use crate::model::{Level, Model};

/// A device that wfr and burn both compute on.
///
/// burn has its callbacks: what the device reports outside of wfr's and burn's own scopes panics,
/// and its loss is an error of the next step.
#[derive(Debug, Clone)]
pub struct Shared {
    gpu: Gpu,
    device: Device,
}

impl Shared {
    /// Asks an adapter for a device with all its features and limits, and registers it with burn.
    ///
    /// burn's compiler takes types from the adapter, such as 64-bit integers, without asking the
    /// device for them, so that a device with less fails at its kernels. Left out are experimental
    /// features and mappable primary buffers, as burn itself leaves out the latter.
    ///
    /// # Errors
    /// [`ErrorKind::RequestDevice`] with the adapter's or burn's own words.
    pub async fn open(adapter: &wgpu::Adapter) -> Result<Shared> {
        let refused = |message: String| ErrorKind::RequestDevice { message };
        let without =
            wgpu::Features::MAPPABLE_PRIMARY_BUFFERS | wgpu::Features::all_experimental_mask();
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("wfr and burn"),
                required_features: adapter.features() - without,
                required_limits: adapter.limits(),
                ..Default::default()
            })
            .await
            .map_err(|error| refused(error.to_string()))?;
        let setup = WgpuSetup {
            instance: wfr::instance(),
            adapter: adapter.clone(),
            device: device.clone(),
            queue: queue.clone(),
            backend: adapter.get_info().backend,
        };
        let burn = Device::wgpu_options().setup(setup).init();
        let burn = burn.map_err(|error| refused(error.to_string()))?;
        Ok(Shared::from_parts(Gpu::from_parts(device, queue), burn))
    }

    /// A device that the host program has both handles of, for instance from
    /// `burn::tensor::Device::wgpu_options().init_with_setup()`.
    pub fn from_parts(gpu: Gpu, device: Device) -> Shared {
        Shared { gpu, device }
    }

    /// wfr's handle.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// burn's handle, for modules and tensors.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs to the end of the schedule, blocking; `models` are the composition's external models in
    /// their order.
    ///
    /// # Errors
    /// As [`Sampler::run_with`], and [`Shared::answer`].
    pub fn run(&self, sampler: &mut Sampler, models: &[Model<'_>]) -> Result<Info> {
        let particles = sampler.config().particles;
        sampler.run_with(|call| self.answer(call, particles, models))
    }

    /// Answers what a sampler of so many particles asks its external models before a step.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidConfig`] when the sampler is on another device, or the models are not as
    /// many as it asks, or answer with other shapes, types or outputs than they said; and
    /// [`ErrorKind::Device`] with burn's own words.
    pub fn answer(&self, call: &ModelCall<'_>, particles: u32, models: &[Model<'_>]) -> Result<()> {
        if !call.gpu.is_clone_of(&self.gpu) {
            let reason = "is on another device than the models; make it with Shared::gpu";
            return Err(exchange::invalid("sampler", reason));
        }
        if models.len() != call.outputs.len() {
            let reason = format!(
                "are {}, and the composition has {} external ones; give each, in its order",
                models.len(),
                call.outputs.len()
            );
            return Err(exchange::invalid("models", reason));
        }
        let exchange = Exchange { shared: self, particles: particles as usize };
        let fits = |(model, output): (&Model<'_>, &&wgpu::Buffer)| {
            exchange.bytes(model.rows()) == output.size()
        };
        if let Some(i) = models.iter().zip(&call.outputs).position(|pair| !fits(pair)) {
            let reason = "has another dimension or other outputs than the composition's model in \
                          its place; give the models the composition was made of";
            return Err(exchange::invalid(format!("model {}", models[i].name()), reason));
        }
        let level = Level::of(call);
        let positions = exchange.positions(&call.particles, models[0].dim())?;
        for (model, output) in models.iter().zip(&call.outputs) {
            exchange.write(model, model.evaluate(positions.clone(), &level), output)?;
        }
        Ok(())
    }
}
