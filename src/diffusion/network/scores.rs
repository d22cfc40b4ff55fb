//! A network evaluated on a device at given points.

use crate::buffers::{State, filled, storage};
use crate::diffusion::{Divergence, Network};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::WarmUp;
use crate::kernel::network::{self, NetworkKernel, Shape};
use crate::layout::{Control, Settings};
use crate::numbers::RunNumbers;
use crate::plan::Plan;
use crate::readback;

/// The scores of a network at points of your own, on a device, apart from any run.
#[derive(Debug)]
pub struct Scores {
    gpu: Gpu,
    kernel: NetworkKernel,
    out: wgpu::Buffer,
}

impl Scores {
    /// Compiles the kernel for the points `positions` (points, dim) at one level of noise, with
    /// divergences on request; point i has the probes that particle i of a run with this seed has in
    /// its first step.
    ///
    /// # Errors
    /// When the points do not fit the network or the device, or the level means nothing to it.
    pub fn new(
        gpu: &Gpu,
        network: &Network,
        positions: &[f32],
        tau: f64,
        divergence: Option<Divergence>,
        seed: u64,
    ) -> Result<Scores> {
        let dim = network.dim() as usize;
        if positions.is_empty() || !positions.len().is_multiple_of(dim) {
            let reason = format!(
                "holds {} numbers, which are no points of {dim} coordinates; give one or more",
                positions.len()
            );
            return Err(Error::config("positions", reason));
        }
        let particles = (positions.len() / dim) as u32;
        let rows = network::rows(network.dim(), divergence);
        let bytes = 4 * u64::from(rows) * u64::from(particles);
        let most = gpu.device.limits().max_storage_buffer_binding_size;
        if bytes > most {
            let reason = format!(
                "holds {particles} points, whose scores need a binding of {bytes} bytes, and this \
                 device allows {most}; give fewer at a time"
            );
            return Err(Error::config("positions", reason));
        }
        let settings = Settings { particles, ..Settings::default() }.with_seed(seed);
        let numbers = RunNumbers::alone(gpu, &settings)?;
        let (out, state) = gpu.scoped(|| {
            let out = storage(&gpu.device, "wfr.scores", bytes);
            (out, state(gpu, positions, dim, numbers))
        })?;
        let plan = Plan::in_pages(particles, network.dim(), network.dim());
        let shape = Shape::new(gpu, network, divergence);
        let kernel =
            NetworkKernel::new(gpu, network, shape, &[tau], divergence, &plan, &state, &out)?;
        gpu.submit_pass(|pass| kernel.encode(&mut WarmUp(pass), None))?;
        Ok(Scores { gpu: gpu.clone(), kernel, out })
    }

    /// Evaluates the network once; done when the device is.
    ///
    /// # Errors
    /// [`ErrorKind::DeviceLost`](crate::ErrorKind::DeviceLost) and
    /// [`ErrorKind::Device`](crate::ErrorKind::Device).
    pub async fn evaluate_async(&self) -> Result<()> {
        self.gpu.submit_pass(|pass| self.kernel.encode(pass, None))?;
        self.gpu.wait_async().await
    }

    /// What was last evaluated: (dim, points), a row per coordinate of the score, and a last row of
    /// divergences if they were asked for.
    ///
    /// # Errors
    /// As [`Scores::evaluate_async`].
    pub async fn read(&self) -> Result<Vec<f32>> {
        readback::read(&self.gpu, &self.out, 0, self.out.size()).await
    }
}

/// A state of these positions at the beginning of a run.
fn state(gpu: &Gpu, positions: &[f32], dim: usize, numbers: RunNumbers) -> State {
    let axis = |j: usize| positions.iter().skip(j).step_by(dim).copied();
    let rows: Vec<f32> = (0..dim).flat_map(axis).collect();
    let usage = wgpu::BufferUsages::STORAGE;
    let page = filled(&gpu.device, "wfr.state", usage, bytemuck::cast_slice(&rows));
    let none = || storage(&gpu.device, "wfr.none", 4);
    State {
        pages: vec![page],
        gathered: Vec::new(),
        log_weights: none(),
        ancestors: none(),
        control: storage(&gpu.device, "wfr.control", size_of::<Control>() as u64),
        schedule: none(),
        data: Vec::new(),
        flow_data: None,
        outputs: Vec::new(),
        moves: None,
        numbers,
    }
}
