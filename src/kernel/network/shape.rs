//! How a network is laid out on a device: who owns which neuron, what shares a weight.

use crate::diffusion::{Divergence, Network, Probe};
use crate::gpu::Gpu;

/// How the lanes of a team hand round what each of them owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// By subgroup operations: a team is a subgroup.
    Subgroup,
    /// Through workgroup memory, with barriers.
    Workgroup,
}

/// Values owned per lane, and how many of them are summed at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Neurons per lane that are summed in one pass: what registers hold.
    pub per_pass: u32,
    pub passes: u32,
}

/// The layout of one network with one way to find divergences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub(super) exchange: Exchange,
    pub dim: u32,
    pub hidden_layers: u32,
    /// Lanes of a team, and teams of a workgroup.
    pub team: u32,
    pub teams: u32,
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

/// The most values that share a weight, with as many neurons: 64 sums are in flight.
const MOST: u32 = 8;

impl Blocks {
    /// For `size` neurons: with the least padding, then in the fewest passes.
    fn of(size: u32, team: u32) -> Blocks {
        let needed = size.div_ceil(team);
        let of = |per_pass: u32| Blocks { per_pass, passes: needed.div_ceil(per_pass) };
        if needed <= MOST {
            return of(needed);
        }
        let best = (MOST / 2 + 1..=MOST).rev().map(of).min_by_key(|blocks| blocks.count());
        best.unwrap_or_else(|| of(MOST))
    }

    /// Blocks of a team's width, of padding too.
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

    /// Where teams are subgroups of `size` lanes.
    pub(crate) fn by_subgroups(
        network: &Network,
        divergence: Option<Divergence>,
        size: u32,
    ) -> Shape {
        Shape::of(network, divergence, Exchange::Subgroup, size, MOST)
    }

    /// What every device can run. Wide layers are spread over more lanes, for the sake of registers.
    pub(crate) fn portable(network: &Network, divergence: Option<Divergence>) -> Shape {
        let (team, most) = if network.hidden() >= 256 { (16, MOST / 2) } else { (8, MOST) };
        Shape::of(network, divergence, Exchange::Workgroup, team, most)
    }

    /// Every layout that a device may choose: a software driver's subgroups are 4, 8 or 16 lanes.
    pub(super) fn all(network: &Network, divergence: Option<Divergence>) -> Vec<Shape> {
        let of = |team| Shape::of(network, divergence, Exchange::Subgroup, team, MOST);
        [4, 8, 16].into_iter().map(of).chain([Shape::portable(network, divergence)]).collect()
    }

    fn of(
        network: &Network,
        divergence: Option<Divergence>,
        exchange: Exchange,
        team: u32,
        most: u32,
    ) -> Shape {
        let directions = directions(divergence, network.dim());
        let chunks = directions.div_ceil(most - 1).max(1);
        let tangents = directions.div_ceil(chunks);
        Shape {
            exchange,
            dim: network.dim(),
            hidden_layers: network.layers.len() as u32,
            team,
            teams: 64 / team,
            groups: (most / (1 + tangents)).max(1),
            tangents,
            chunks,
            hidden: Blocks::of(network.hidden(), team),
            point: Blocks::of(network.dim(), team),
        }
    }

    /// Values and derivatives that share a weight.
    pub(super) fn columns(&self) -> u32 {
        self.groups * (1 + self.tangents)
    }

    /// Blocks of the widest layer.
    pub(super) fn widest(&self) -> u32 {
        self.hidden.count().max(self.point.count())
    }

    /// Particles of a workgroup.
    pub(super) fn particles(&self) -> u32 {
        self.teams * self.groups
    }

    /// Groups of four weights that all lanes of a team load for one block of inputs and one pass.
    pub(super) fn fours(&self, out: Blocks) -> u32 {
        self.team * out.per_pass / 4 * self.team
    }

    /// Groups of four weights of a layer from `inputs` blocks.
    pub(super) fn layer_fours(&self, inputs: u32, out: Blocks) -> u32 {
        out.passes * inputs * self.fours(out)
    }

    /// Loop iterations of one invocation.
    pub(super) fn loops(&self) -> u32 {
        let (hidden, point) = (self.hidden, self.point);
        let layer = |inputs: u32, out: Blocks| out.passes * (inputs + 1) + 1;
        let layers = self.hidden_layers * layer(hidden.count(), hidden)
            + layer(point.count(), hidden)
            + layer(hidden.count(), point);
        self.chunks * (layers + 1)
    }
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
