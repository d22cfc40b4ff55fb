//! The numbers of a run on the device, which no shader text holds: its settings, and what the texts of
//! the problem read beside them. They form group 3 of every kernel.

use crate::buffers::filled;
use crate::config::Config;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernel::{Access, Group};
use crate::layout::{LANES, Settings, WEIGHT_BITS, fold, headroom};
use crate::problem::Problem;
use crate::shaders::WeightShape;

/// The bind group of the numbers.
pub(crate) const GROUP: u32 = 3;

/// One way to bind the numbers: what a kernel's layout says of them, and they themselves.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    pub(crate) group: Group,
}

impl Numbers {
    fn new(gpu: &Gpu, buffers: &[&wgpu::Buffer]) -> Result<Numbers> {
        let bindings: Vec<_> = buffers.iter().map(|buffer| (Access::Whole, *buffer)).collect();
        let group = Group::of(gpu, &bindings)?;
        Ok(Numbers { group })
    }

    /// Settings alone, of what is no run.
    pub(crate) fn alone(gpu: &Gpu, settings: &Settings) -> Result<Numbers> {
        let buffer = gpu.scoped(|| uniform(gpu, bytemuck::bytes_of(settings)))?;
        Numbers::new(gpu, &[&buffer])
    }
}

/// The numbers of a run.
#[derive(Debug)]
pub(crate) struct RunNumbers {
    settings: wgpu::Buffer,
    /// Of each coordinate what the start's text reads, and the parameters.
    coordinates: wgpu::Buffer,
    parameters: wgpu::Buffer,
    /// For kernels that see weights and states alone.
    pub(crate) engine: Numbers,
    /// For kernels with texts of the problem.
    pub(crate) problem: Numbers,
}

impl RunNumbers {
    pub(crate) fn new(
        gpu: &Gpu,
        settings: &Settings,
        problem: &Problem,
        config: &Config,
    ) -> Result<RunNumbers> {
        let coordinates = problem.start_numbers();
        let parameters = problem.parameter_values();
        let preconditioner: Vec<[f32; 4]> = match &config.preconditioner {
            Some(mobilities) => mobilities.iter().map(|m| [*m, m.sqrt(), 0.0, 0.0]).collect(),
            None => Vec::new(),
        };
        let (settings, coordinates, preconditioner, parameters) = gpu.scoped(|| {
            (
                uniform(gpu, bytemuck::bytes_of(settings)),
                uniform(gpu, bytemuck::cast_slice(&coordinates)),
                uniform(gpu, bytemuck::cast_slice(&preconditioner)),
                uniform(gpu, bytemuck::cast_slice(&parameters)),
            )
        })?;
        let engine = Numbers::new(gpu, &[&settings])?;
        let all = [&settings, &coordinates, &preconditioner, &parameters];
        let problem = Numbers::new(gpu, &all)?;
        Ok(RunNumbers { settings, coordinates, parameters, engine, problem })
    }

    /// Those of what is no run: settings, for kernels without texts of a problem.
    pub(crate) fn alone(gpu: &Gpu, settings: &Settings) -> Result<RunNumbers> {
        let buffer = gpu.scoped(|| uniform(gpu, bytemuck::bytes_of(settings)))?;
        let engine = Numbers::new(gpu, &[&buffer])?;
        let none = gpu.scoped(|| uniform(gpu, &[]))?;
        let (coordinates, parameters) = (none.clone(), none);
        Ok(RunNumbers {
            settings: buffer,
            coordinates,
            parameters,
            problem: engine.clone(),
            engine,
        })
    }

    /// Other numbers, which what is submitted from here on reads.
    pub(crate) fn write(&self, gpu: &Gpu, settings: &Settings, problem: &Problem) {
        let write = |buffer, bytes: &[u8]| gpu.queue.write_buffer(buffer, 0, bytes);
        write(&self.settings, bytemuck::bytes_of(settings));
        write(&self.coordinates, bytemuck::cast_slice(&problem.start_numbers()));
        write(&self.parameters, bytemuck::cast_slice(&problem.parameter_values()));
    }
}

/// A uniform buffer, of at least a row.
fn uniform(gpu: &Gpu, bytes: &[u8]) -> wgpu::Buffer {
    let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let contents = if bytes.is_empty() { &[0; 16] } else { bytes };
    filled(&gpu.device, "wfr.settings", usage, contents)
}

impl Settings {
    /// What kernels of weights read.
    pub(crate) fn of_weights(shape: &WeightShape) -> Settings {
        let particles = shape.particles;
        let (blocks, headroom) = (shape.blocks(), headroom(particles));
        let bits = |n: u32| 2.0_f32.powi(-(n as i32));
        let folded = |groups: u32| {
            let [x, y, _] = fold(groups);
            [x, y, shape.islands, 0]
        };
        Settings {
            groups_of_blocks: folded(blocks),
            groups_of_particles: folded(particles.div_ceil(LANES)),
            islands: shape.islands,
            particles,
            blocks,
            headroom,
            sum_unit: bits(WEIGHT_BITS + headroom),
            ess_threshold: shape.ess_threshold,
            trace_rows: shape.trace_rows,
            ..Settings::default()
        }
        .with_seed(shape.seed)
    }

    /// What the kernels of a run read.
    pub(crate) fn of_run(shape: &WeightShape, problem: &Problem, config: &Config) -> Settings {
        let schedule = &config.schedule;
        let adaptive = schedule.adaptivity();
        let reaction = problem.flow.reaction();
        Settings {
            steps: schedule.steps(),
            equal_steps: schedule.equal_steps().unwrap_or(0.0),
            transport: problem.flow.transport(),
            friction: config.friction,
            stiffness: config.stiffness,
            stage_moves: adaptive.map_or(0, |adaptive| adaptive.moves_per_stage),
            stage_cess: adaptive.map_or(0.0, |adaptive| adaptive.cess as f32),
            stage_floor: adaptive.map_or(0.0, |adaptive| adaptive.floor as f32),
            reaction_rate: reaction.map_or(0.0, |reaction| reaction.rate),
            reaction_share: reaction.map_or(0.0, |reaction| reaction.share()),
            reaction_every: config.test_every(),
            ..Settings::of_weights(shape)
        }
    }

    /// The same with another key of the random numbers.
    pub(crate) fn with_seed(self, seed: u64) -> Settings {
        Settings { seed: [seed as u32, (seed >> 32) as u32], ..self }
    }
}
