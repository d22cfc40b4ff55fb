//! How a network is laid out on a device: who owns which neuron, what shares a weight.

use crate::diffusion::network::Architecture;
use crate::diffusion::{Divergence, Network, Probe};
use crate::gpu::Gpu;

/// Who has the neurons of a particle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A team of lanes, which hands them round through workgroup memory: `network/teams`.
    Teams,
    /// One lane; weights are handed round by subgroup operations: `network/lanes`.
    Lanes,
}

/// Neurons of a layer that a lane owns, and how many of them are made at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Neurons of the layer, without padding.
    pub size: u32,
    pub per_pass: u32,
    pub passes: u32,
}

/// The layout of one network with one way to find divergences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(super) form: Form,
    pub dim: u32,
    pub hidden_layers: u32,
    pub residual: bool,
    /// Lanes of a team, and teams of a workgroup.
    pub team: u32,
    pub teams: u32,
    /// Lanes that load weights together.
    pub readers: u32,
    /// Particles of a team.
    pub groups: u32,
    /// Directions that go through the network with each of them.
    pub tangents: u32,
    /// How many times that is done for all directions.
    pub chunks: u32,
    /// Of a hidden layer, and of a point.
    pub(super) hidden: Blocks,
    pub(super) point: Blocks,
}

/// The most columns.
const MOST: u32 = 8;
/// Neurons that a lane of a team owns, where the team is not yet a whole workgroup.
const NEURONS: u32 = 8;
/// Registers of a lane for the numbers of all its neurons. Of the 256 that a card has, compilers take
/// up to as many again for weights and inputs on their way, and some more for addresses.
const REGISTERS: u32 = 96;
/// Numbers of a lane in workgroup memory: of that every device has 16 KiB, 64 numbers for each lane.
const SHARED: u32 = 64;
/// Vectors of a processor for one layer: what its first cache holds, of 32 bytes each.
const VECTORS: u32 = 1024;
/// Outputs of a lane that are kept together before they join the rest of the layer: both of them are
/// shifted, these for every output, the layer once for all of these.
const OUTPUTS: u32 = 8;
/// Multiplications that are written out in a loop: more of them do not fit the processor's cache of
/// decoded instructions.
const WRITTEN_OUT: u32 = 640;
/// Groups of four in the largest uniform that every adapter binds, 64 KiB.
const WINDOW: u32 = 4096;

impl Blocks {
    /// For `size` neurons of a team.
    fn of_team(size: u32, team: u32) -> Blocks {
        Blocks { size, per_pass: size.div_ceil(team), passes: 1 }
    }

    /// For `size` neurons: at most `most` at a time, with the least padding, then in the fewest passes.
    fn of(size: u32, most: u32) -> Blocks {
        let of = |per_pass: u32| Blocks { size, per_pass, passes: size.div_ceil(per_pass) };
        if size <= most {
            return of(size);
        }
        let best = (most / 2 + 1..=most).rev().map(of).min_by_key(|blocks| blocks.count());
        best.unwrap_or_else(|| of(most))
    }

    /// All of them, with padding.
    pub(super) fn count(self) -> u32 {
        self.per_pass * self.passes
    }
}

impl Shape {
    pub(crate) fn new(gpu: &Gpu, network: &Network, divergence: Option<Divergence>) -> Shape {
        let info = gpu.adapter_info();
        let subgroups = gpu.device.features().contains(wgpu::Features::SUBGROUP)
            && info.subgroup_min_size == info.subgroup_max_size;
        // A software driver loops over lanes at every access of memory; a GPU does not, and its
        // weights come from caches.
        if gpu.is_software() && subgroups {
            Shape::by_subgroups(network, divergence, info.subgroup_max_size)
        } else {
            Shape::portable(network, divergence)
        }
    }

    /// Where a lane has all neurons of its particles, and `readers` lanes, which are a subgroup or the
    /// first of one, load weights together.
    pub(crate) fn by_subgroups(
        network: &Network,
        divergence: Option<Divergence>,
        readers: u32,
    ) -> Shape {
        let widest = network.hidden().max(network.dim());
        let most = halved(|most| most * widest <= VECTORS);
        let layer = |size| Blocks::of(size, OUTPUTS);
        let blocks = [layer(network.hidden()), layer(network.dim())];
        Shape::of(network, divergence, (Form::Lanes, 1, readers), most, blocks)
    }

    /// What every device can run. The team is the larger the wider the network is, so that a lane has
    /// few neurons; together with the columns they are as many as fit registers and workgroup memory.
    pub(crate) fn portable(network: &Network, divergence: Option<Divergence>) -> Shape {
        let widest = network.hidden().max(network.dim());
        let team = widest.div_ceil(NEURONS).next_power_of_two().clamp(4, WORKGROUP);
        let blocks = [network.hidden(), network.dim()].map(|size| Blocks::of_team(size, team));
        let [hidden, point] = blocks.map(Blocks::count);
        // The point is kept while layers are made, and what enters a residual block.
        let own = point + point.max(hidden * (1 + u32::from(residual(network))));
        let most = halved(|most| {
            most * own <= REGISTERS && most.next_multiple_of(4) * hidden.max(point) <= SHARED
        });
        Shape::of(network, divergence, (Form::Teams, team, team), most, blocks)
    }

    /// Every layout that a device may choose: a software driver's subgroups are 4, 8 or 16 lanes.
    pub(super) fn all(network: &Network, divergence: Option<Divergence>) -> Vec<Shape> {
        let of = |readers| Shape::by_subgroups(network, divergence, readers);
        [4, 8, 16].into_iter().map(of).chain([Shape::portable(network, divergence)]).collect()
    }

    fn of(
        network: &Network,
        divergence: Option<Divergence>,
        (form, team, readers): (Form, u32, u32),
        most: u32,
        [hidden, point]: [Blocks; 2],
    ) -> Shape {
        let directions = directions(divergence, network.dim());
        let chunks = directions.div_ceil(most - 1).max(1);
        let tangents = directions.div_ceil(chunks);
        Shape {
            form,
            dim: network.dim(),
            hidden_layers: network.layers.len() as u32,
            residual: residual(network),
            team,
            teams: WORKGROUP / team,
            readers,
            groups: (most / (1 + tangents)).max(1),
            tangents,
            chunks,
            hidden,
            point,
        }
    }

    /// Values and derivatives that share a weight.
    pub(super) fn columns(&self) -> u32 {
        self.groups * (1 + self.tangents)
    }

    /// Particles of a workgroup.
    pub(super) fn particles(&self) -> u32 {
        self.teams * self.groups
    }

    /// Neurons of a layer, with padding.
    pub(super) fn neurons(&self, layer: Blocks) -> u32 {
        layer.count() * self.team
    }

    /// Outputs of a lane for which one loop iteration writes out the products with all inputs: a
    /// divisor of the layer's `per_pass`.
    pub(super) fn outputs(&self, inputs: Blocks, out: Blocks) -> u32 {
        let fits = |outputs: &u32| {
            out.per_pass.is_multiple_of(*outputs)
                && outputs * inputs.size * self.columns() <= WRITTEN_OUT
        };
        (1..=out.per_pass).rev().find(fits).unwrap_or(1)
    }

    /// Groups of four weights that one loop iteration of a layer takes.
    pub(super) fn fours(&self, inputs: Blocks, out: Blocks) -> u32 {
        match self.form {
            // Of four inputs.
            Form::Teams => self.neurons(out),
            Form::Lanes => {
                let weights = self.outputs(inputs, out) * inputs.size;
                weights.div_ceil(4 * self.readers) * self.readers
            }
        }
    }

    /// Loop iterations of a layer, but for those of its passes.
    pub(super) fn iterations(&self, inputs: Blocks, out: Blocks) -> u32 {
        match self.form {
            Form::Teams => inputs.size.div_ceil(4),
            Form::Lanes => out.count() / self.outputs(inputs, out),
        }
    }

    /// Groups of four weights of a layer.
    pub(super) fn layer_fours(&self, inputs: Blocks, out: Blocks) -> u32 {
        self.iterations(inputs, out) * self.fours(inputs, out)
    }

    /// How many uniforms share the weights of a layer: a power of two that divides the iterations of
    /// a pass, so that each has a loop of its own in every pass. None where that is not possible.
    fn layer_windows(&self, inputs: Blocks, out: Blocks) -> Option<u32> {
        let turns = out.per_pass / self.outputs(inputs, out);
        let fours = self.layer_fours(inputs, out);
        (0..u32::BITS)
            .map(|k| 1 << k)
            .take_while(|windows| turns.is_multiple_of(*windows))
            .find(|windows| fours / windows <= WINDOW)
    }

    /// How many uniforms hold the weights of each layer, first that of the points, last the output; one
    /// for all layers is an empty list. None where they do not fit uniforms.
    pub(super) fn windows(&self) -> Option<Vec<u32>> {
        match self.form {
            _ if self.weight_fours() <= WINDOW => Some(Vec::new()),
            Form::Teams => None,
            Form::Lanes => {
                let of = |(inputs, out)| self.layer_windows(inputs, out);
                self.layers().into_iter().map(of).collect()
            }
        }
    }

    /// Groups of four in each of these.
    pub(super) fn window_fours(&self, windows: &[u32]) -> Vec<u32> {
        if windows.is_empty() {
            return vec![self.weight_fours()];
        }
        let each = |((inputs, out), count): ((Blocks, Blocks), &u32)| {
            let fours = self.layer_fours(inputs, out) / count;
            std::iter::repeat_n(fours, *count as usize)
        };
        self.layers().into_iter().zip(windows).flat_map(each).collect()
    }

    /// Inputs and outputs of all layers.
    pub(super) fn layers(&self) -> Vec<(Blocks, Blocks)> {
        let (hidden, point) = (self.hidden, self.point);
        let mut layers = vec![(hidden, hidden); self.hidden_layers as usize];
        layers.insert(0, (point, hidden));
        layers.push((hidden, point));
        layers
    }

    /// Groups of four weights of all layers.
    pub(super) fn weight_fours(&self) -> u32 {
        self.layers().into_iter().map(|(inputs, out)| self.layer_fours(inputs, out)).sum()
    }

    /// Loop iterations of one invocation.
    pub(super) fn loops(&self) -> u32 {
        // Every loop of a pass has a last test, and there is one for each uniform of the layer.
        let tests = |out: Blocks| out.passes * (1 + out.per_pass) + 2;
        let layer = |(inputs, out): (Blocks, Blocks)| self.iterations(inputs, out) + tests(out);
        let layers: u32 = self.layers().into_iter().map(layer).sum();
        self.chunks * (layers + 2 * (self.point.passes + 1) + 2)
    }
}

/// Lanes of a workgroup.
const WORKGROUP: u32 = 64;

/// The most columns that fit, of `MOST` and its halves; two at least, for a value and a derivative.
fn halved(fits: impl Fn(u32) -> bool) -> u32 {
    let mut most = MOST;
    while most > 2 && !fits(most) {
        most /= 2;
    }
    most
}

fn residual(network: &Network) -> bool {
    network.architecture() == Architecture::Residual
}

/// Along how many directions derivatives are taken.
pub(super) fn directions(divergence: Option<Divergence>, dim: u32) -> u32 {
    match divergence {
        None => 0,
        Some(Divergence::Exact) => dim,
        Some(Divergence::Hutchinson { probes, .. }) => probes,
    }
}

/// The file that draws directions.
pub(crate) fn direction_file(divergence: Option<Divergence>) -> &'static str {
    match divergence {
        None | Some(Divergence::Exact) => "network/exact",
        Some(Divergence::Hutchinson { probe: Probe::Rademacher, .. }) => "network/rademacher",
        Some(Divergence::Hutchinson { probe: Probe::Gaussian, .. }) => "network/gaussian",
    }
}
