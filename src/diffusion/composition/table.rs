//! The table of nodes: what the steps read of each level of noise.

use super::Composition;
use crate::diffusion::model::Kind;
use crate::error::Result;
use crate::integrator::Integrator;
use crate::kernel::Access;
use crate::schedule::Schedule;

/// Columns of a node's row before those of the models: `shaders/flow/compose.wgsl`.
pub(super) const COLUMNS: [&str; 13] = [
    "SHRINK",
    "PULL",
    "NOISE",
    "DIFFUSION",
    "DRIFT",
    "BACK_SHRINK",
    "BACK_PULL",
    "BACK_NOISE",
    "LOG_NOISE_RATIO",
    "TRACK_SHRINK",
    "TRACK_VARIANCE",
    "POWER",
    "STRENGTH",
];

/// The largest uniform binding that every adapter has, in bytes.
const UNIFORM_SIZE: usize = 65_536;

/// What every adapter's dynamic offsets may be multiples of, in bytes.
const OFFSET_ALIGNMENT: usize = 256;

/// Below it, windows would cut runs into too many dispatches.
const LEAST_WINDOW: usize = 6;

impl Composition {
    /// Numbers per node of the table.
    pub(crate) fn columns(&self) -> usize {
        let mixtures = self.models.iter().map(|model| match model.kind() {
            Kind::Mixture(mixture) => mixture.columns(),
            Kind::Network(_) | Kind::External { .. } => 0,
        });
        self.first_column_of_models() + mixtures.sum::<usize>()
    }

    /// Where the models' own columns begin: after those of the step, the rule and a frozen drift.
    pub(super) fn first_column_of_models(&self) -> usize {
        let shares = if self.frozen.is_some() { 2 } else { 1 };
        COLUMNS.len() + shares * self.models.len()
    }

    /// The same, as they lie in the table: rows begin where a binding may begin.
    pub(super) fn node_numbers(&self) -> usize {
        self.columns().next_multiple_of(OFFSET_ALIGNMENT / 4)
    }

    /// Numbers of the table of a run of so many steps.
    pub(crate) fn table_numbers(&self, steps: u32) -> u64 {
        (u64::from(steps) + 2 + u64::from(self.window().unwrap_or(0))) * self.node_numbers() as u64
    }

    /// Nodes that are bound at once where the table is a uniform, which drivers read faster; where
    /// nodes are too large for that it is a storage buffer.
    pub(super) fn window(&self) -> Option<u32> {
        let nodes = UNIFORM_SIZE / (4 * self.node_numbers());
        (nodes >= LEAST_WINDOW).then_some(nodes as u32)
    }

    /// How the table is bound.
    pub(crate) fn table_access(&self) -> Access {
        let bytes = |nodes| u64::from(nodes) * 4 * self.node_numbers() as u64;
        self.window().map_or(Access::Read, |nodes| Access::Uniform(bytes(nodes)))
    }

    /// By how many bytes the binding moves from step to step, where it does.
    pub(crate) fn table_stride(&self) -> Option<u32> {
        self.window().map(|_| 4 * self.node_numbers() as u32)
    }

    /// The most steps that one dispatch may take: a step reads three nodes.
    pub(crate) fn most_steps(&self) -> u32 {
        match self.window() {
            _ if self.is_buffered() => 1,
            Some(nodes) => nodes - 2,
            None => u32::MAX,
        }
    }

    /// What the steps read of each level of noise, node by node: computed once, in double
    /// precision.
    pub(crate) fn table(&self, schedule: &Schedule, integrator: Integrator) -> Result<Vec<f32>> {
        let levels = self.noise.levels(schedule)?;
        let stride = self.node_numbers();
        let mut table = Vec::with_capacity((levels.len() + 1) * stride);
        for (k, tau) in levels.iter().enumerate() {
            let next = levels.get(k + 1).copied().unwrap_or(*tau);
            let beta = schedule.beta(k as u32);
            table.extend(self.row(*tau, next, beta, integrator).iter().map(|v| *v as f32));
            for model in &self.models {
                if let Kind::Mixture(mixture) = model.kind() {
                    table.extend(mixture.node(&self.noise, *tau));
                }
            }
            table.resize((k + 1) * stride, 0.0);
        }
        // The last node is its own successor.
        table.extend_from_within(table.len() - stride..);
        // As many as the last window wants.
        table.resize(table.len() + self.window().unwrap_or(0) as usize * stride, 0.0);
        Ok(table)
    }

    /// A node's numbers before those of the models, in the order of [`COLUMNS`].
    pub(crate) fn row(&self, tau: f64, next: f64, beta: f64, integrator: Integrator) -> Vec<f64> {
        let step = self.noise.interval(tau, next);
        let eta = self.stochasticity;
        let shrink = step.drift.exp();
        // The variance that noising adds from the next level to this one.
        let added = step.variance * shrink * shrink;
        let exact = integrator == Integrator::Exponential;
        let (forward, pull, variance) = match exact {
            true => (1.0 / shrink, step.pull, step.variance),
            false => (1.0 - step.drift, step.diffusion, step.diffusion),
        };
        let (back, back_pull, back_variance) = match exact {
            true => (shrink, step.pull * shrink, added),
            false => (1.0 + step.drift, step.diffusion, step.diffusion),
        };
        let ratio = if variance > 0.0 { 0.5 * (variance / back_variance).ln() } else { 0.0 };
        let exponents = self.rule.exponents(beta, self.models.len());
        let mut row = vec![
            forward,
            pull,
            eta * variance.sqrt(),
            step.diffusion,
            step.drift,
            back,
            back_pull,
            eta * back_variance.sqrt(),
            f64::from(self.dim()) * ratio,
            shrink,
            added,
            exponents.power,
            self.reward.as_ref().map_or(0.0, |reward| reward.strength.at(beta)),
        ];
        row.extend(exponents.each);
        row.extend(self.frozen.iter().flatten().map(|share| share.at(beta)));
        row
    }
}
