//! The scores of a network at all particles: `shaders/network.wgsl`.

mod pack;
mod shape;
mod text;

use super::loops::{self, Loops};
use super::{Access, BoundKernel, Pass};
use crate::buffers::{State, filled};
use crate::diffusion::network::Activation;
use crate::diffusion::{Divergence, Network};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernel::part::{self, Part, Parts, Phase, Run, Site, Slices};
use crate::plan::{Draft, Need, Plan};
use crate::shaders::{self, Prelude, state_in};
use crate::wgsl::{Linked, Source};
use shape::Form;
pub(crate) use shape::{Shape, direction_file};

/// The networks of a composition.
pub(crate) const KIND: part::Kind = part::Kind { check: |_| Ok(()), ask, make };

fn ask(run: &Run<'_>, draft: &mut Draft) {
    let Some(composition) = &run.problem.composition else { return };
    let divergence = composition.network_divergence(run.integrator);
    let levels = u64::from(run.config.schedule.steps()) + 1;
    for (_, network) in composition.networks() {
        let ([weights, biases], loops) = needs(network, divergence, levels);
        draft.needs.extend([
            Need::whole("network weights", weights),
            Need::whole("network biases", biases),
        ]);
        draft.count_loops(|| vec![loops]);
    }
}

fn make(site: &Site<'_>) -> Result<Parts> {
    let Site { gpu, run, plan, state, .. } = site;
    let Some(composition) = &run.problem.composition else { return Ok(Vec::new()) };
    let levels = composition.noise().levels(&run.config.schedule)?;
    let divergence = composition.network_divergence(run.integrator);
    let kernel = |(i, network): (usize, &Network)| -> Result<Box<dyn Part>> {
        let (shape, out) = (Shape::new(gpu, network, divergence), &state.outputs[i]);
        let kernel =
            NetworkKernel::new(gpu, network, shape, &levels, divergence, plan, state, out)?;
        Ok(Box::new(kernel))
    };
    composition.networks().map(kernel).collect()
}

/// Evaluates one network at the current state, which is not yet gathered: slot by slot.
#[derive(Debug)]
pub(crate) struct NetworkKernel {
    kernel: BoundKernel,
    particles: u32,
    /// Particles of a workgroup.
    workgroup: u32,
}

/// Rows of N numbers that a network's kernel writes.
pub(crate) fn rows(dim: u32, divergence: Option<Divergence>) -> u32 {
    dim + u32::from(divergence.is_some())
}

/// What a network's kernel takes in the layouts that devices choose from: the most bytes of its
/// weights and of its biases at so many levels of noise, and the most loop iterations.
fn needs(network: &Network, divergence: Option<Divergence>, levels: u64) -> ([u64; 2], Loops) {
    let shapes = Shape::all(network, divergence);
    let most = |of: &dyn Fn(&Shape) -> u64| shapes.iter().map(of).max().unwrap_or(0);
    let weights = most(&|shape| 16 * u64::from(shape.weight_fours()));
    let levels = levels.saturating_mul(most(&|shape| 4 * u64::from(pack::level_numbers(shape))));
    let loops = shapes.iter().map(of_shape).max_by_key(|loops| loops.iterations);
    ([weights, levels], loops.unwrap_or_else(|| of_shape(&Shape::portable(network, divergence))))
}

/// The loop iterations of a layout.
fn of_shape(shape: &Shape) -> Loops {
    let way_out = "use fewer probes, a smaller network, or a GPU";
    Loops { kernel: "network", iterations: shape.loops().into(), way_out }
}

/// Checks that divergences can be found so in so many dimensions.
pub(crate) fn check(divergence: Option<Divergence>, dim: u32) -> Result<()> {
    let refused = |reason: String| Err(Error::config("divergence", reason));
    match divergence {
        Some(Divergence::Exact) if dim > Divergence::MAX_EXACT => refused(format!(
            "= exact takes {dim} derivatives per particle, above {}, the most; use Hutchinson's",
            Divergence::MAX_EXACT
        )),
        Some(Divergence::Hutchinson { probes, .. })
            if !(1..=Divergence::MAX_PROBES).contains(&probes) =>
        {
            refused(format!("has {probes} probes; give 1 to {}", Divergence::MAX_PROBES))
        }
        _ => Ok(()),
    }
}

/// The text of the kernel. `uniform`: whether weights are in uniforms.
pub(super) fn linked(
    network: &Network,
    shape: &Shape,
    divergence: Option<Divergence>,
    plan: &Plan,
    uniform: bool,
) -> Linked {
    let (hidden, point) = (shape.hidden, shape.point);
    let input = shape.layer_fours(point, hidden);
    let inner = shape.layer_fours(hidden, hidden);
    let output = input + shape.hidden_layers * inner;
    let weight = match divergence {
        Some(Divergence::Hutchinson { probes, .. }) => 1.0 / probes as f32,
        _ => 1.0,
    };
    let fresh = !matches!(divergence, Some(Divergence::Hutchinson { fresh: false, .. }));
    let windows = windows(shape, uniform);
    let (bindings, next) = weight_bindings(shape, &windows, uniform);
    let prelude = Prelude::default()
        .dimension(network.dim())
        .u32("NETWORK_WORKGROUP", shape.team * shape.teams)
        .u32("TEAM", shape.team)
        .u32("TEAMS", shape.teams)
        .u32("READERS", shape.readers)
        .u32("GROUPS", shape.groups)
        .u32("CHUNKS", shape.chunks)
        .u32("DIRECTIONS", shape::directions(divergence, network.dim()))
        .f32("DIRECTION_WEIGHT", weight)
        .u32("FRESH", u32::from(fresh))
        .u32("HIDDEN_LAYERS", shape.hidden_layers)
        .bool("RESIDUAL", shape.residual)
        .u32("HIDDEN_FOURS", hidden.size.div_ceil(4))
        .u32("POINT_FOURS", point.size.div_ceil(4))
        .u32("INPUT_WEIGHTS", input)
        .u32("LAYER_WEIGHTS", inner)
        .u32("OUTPUT_WEIGHTS", if windows.is_empty() { output } else { 0 })
        .u32("LAYER_BIASES", pack::layer_biases(shape))
        .u32("LEVEL_NUMBERS", pack::level_numbers(shape))
        .text(&format!(
            "@group(0) @binding(0) var<storage, read_write> outputs: array<f32>;
@group(0) @binding(1) var<storage, read> levels: array<f32>;
@group(0) @binding(2) var<storage, read> control: Control;
{bindings}"
        ))
        .text(&state_in(next, plan.pages, plan.page_rows));
    let mut sources = vec![prelude.source()];
    let shared = ["types", "index", "threefry", "normal", "hidden/control"];
    sources.extend(shaders::engine_files(&shared));
    sources.push(shaders::file(direction_file(divergence)));
    sources.extend(shaders::files(match network.activation() {
        Activation::Silu => &["network/silu"],
        Activation::Gelu => &["network/tanh_of", "network/gelu"],
        Activation::Tanh => &["network/tanh_of", "network/tanh"],
    }));
    let form = match shape.form {
        Form::Teams => "network/teams",
        Form::Lanes => "network/lanes",
    };
    sources.extend([shaders::file("network"), shaders::file(form)]);
    sources.push(Source::own("columns", text::functions(shape, &windows)));
    Linked::new(sources)
}

/// How many uniforms hold the weights of each layer, where one does not hold all.
fn windows(shape: &Shape, uniform: bool) -> Vec<u32> {
    if uniform { shape.windows().unwrap_or_default() } else { Vec::new() }
}

/// The variables of the weights, and the binding after them.
fn weight_bindings(shape: &Shape, windows: &[u32], uniform: bool) -> (String, u32) {
    let space = if uniform { "uniform" } else { "storage, read" };
    let fours = shape.window_fours(windows);
    let count = fours.len() as u32;
    let name = |k: u32| if windows.is_empty() { "weights".into() } else { format!("weights_{k}") };
    let variable = |(k, fours)| {
        let (binding, name) = (WEIGHTS + k, name(k));
        format!("@group(0) @binding({binding}) var<{space}> {name}: array<vec4<f32>, {fours}>;\n")
    };
    ((0..).zip(fours).map(variable).collect(), WEIGHTS + count)
}

/// The binding of the first weights.
const WEIGHTS: u32 = 3;

impl NetworkKernel {
    /// In a layout `shape`; `taus` are the levels of noise of all nodes of the schedule, and `out`
    /// takes [`rows`] rows.
    #[allow(clippy::too_many_arguments, reason = "one constructor, each said once")]
    pub(crate) fn new(
        gpu: &Gpu,
        network: &Network,
        shape: Shape,
        taus: &[f64],
        divergence: Option<Divergence>,
        plan: &Plan,
        state: &State,
        out: &wgpu::Buffer,
    ) -> Result<NetworkKernel> {
        check(divergence, network.dim())?;
        loops::check(gpu, network.name(), &[of_shape(&shape)])?;
        let levels = levels(network, &shape, taus)?;
        // Beside the numbers, which are uniforms too.
        let numbers = state.numbers.engine.group.buffers.len();
        let room = gpu.device.limits().max_uniform_buffers_per_shader_stage as usize;
        let fit = |windows: Vec<u32>| shape.window_fours(&windows).len() + numbers <= room;
        // What a software driver gathers faster. Lanes read apart, which GPUs' uniforms are slow at.
        let uniform = gpu.is_software() && shape.windows().is_some_and(fit);
        let linked = linked(network, &shape, divergence, plan, uniform);
        gpu.pipelines().check(&linked)?;
        let (usage, access) = match uniform {
            true => (wgpu::BufferUsages::UNIFORM, Access::Whole),
            false => (wgpu::BufferUsages::STORAGE, Access::Read),
        };
        let packed = pack::weights(network, &shape, &windows(&shape, uniform));
        let (levels, weights) = gpu.scoped(|| {
            let filled = |name, usage, numbers: &[f32]| {
                filled(&gpu.device, name, usage, bytemuck::cast_slice(numbers))
            };
            let weights =
                packed.iter().map(|numbers| filled("wfr.network_weights", usage, numbers));
            (
                filled("wfr.network_levels", wgpu::BufferUsages::STORAGE, &levels),
                weights.collect::<Vec<_>>(),
            )
        })?;
        let mut buffers =
            vec![(Access::ReadWrite, out), (Access::Read, &levels), (Access::Read, &state.control)];
        buffers.extend(weights.iter().map(|weights| (access, weights)));
        let kernel = BoundKernel::of_state(gpu, (&linked, "network"), &buffers, state, &[])?;
        let (particles, workgroup) = (plan.particles, shape.particles());
        Ok(NetworkKernel { kernel, particles, workgroup })
    }

    /// Evaluates the particles at the node that the clock shows.
    pub(crate) fn encode(&self, pass: &mut Pass<'_>, slice: Option<u32>) {
        let groups = slice.unwrap_or(self.particles).div_ceil(self.workgroup);
        self.kernel.encode(pass, groups);
    }
}

impl Part for NetworkKernel {
    fn passes(&self, phase: Phase, _step: u32) -> Vec<u32> {
        if phase == Phase::BeforeSteps { vec![0] } else { Vec::new() }
    }

    fn encode(&self, pass: &mut Pass<'_>, _number: u32, slice: Option<u32>) {
        self.encode(pass, slice);
    }

    fn slices(&self, _number: u32) -> Option<Slices> {
        Some(Slices { name: "network", workgroup: self.workgroup })
    }
}

/// The numbers of all levels of noise, one row each.
fn levels(network: &Network, shape: &Shape, taus: &[f64]) -> Result<Vec<f32>> {
    let mut numbers = Vec::with_capacity(taus.len() * pack::level_numbers(shape) as usize);
    for tau in taus {
        let row = pack::level(&network.level(*tau), shape);
        if !row.iter().all(|number| number.is_finite()) {
            let reason = format!(
                "comes to τ = {tau}, where {} means nothing: its prediction divides by the noise; \
                 end at a level above it, for instance 0.001",
                network.name()
            );
            return Err(Error::config("schedule", reason));
        }
        numbers.extend(row);
    }
    Ok(numbers)
}
