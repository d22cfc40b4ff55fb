//! Several diffusion models as one law.

use super::model::Kind;
use super::{Curve, Divergence, Network, Noise, Rule, ScoreError, ScoreModel};
use crate::buffers::Carries;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::initial::Initial;
use crate::integrator::Integrator;
use crate::kernel::Access;
use crate::kernel::network::{self, direction_file};
use crate::schedule::Schedule;
use crate::shaders::{self, Prelude};
use crate::target::Target;
use crate::wgsl::Source;

/// Several diffusion models on one noise, combined by a rule: what is sampled, and how.
///
/// Particles follow the reverse SDE dx = (−f + ((1+η²)/2) g² S) dt + η g dW with the score S of the
/// combined density ρ, and carry the log-weight whose rate ψ makes the result exact: M. Skreta et
/// al., arXiv:2503.02819, and arXiv 2512.17878. No model is trained again.
///
/// ```
/// use wfr::diffusion::{Composition, Noise, Rule, ScoreModel};
/// use wfr::{Component, Problem};
///
/// # fn main() -> wfr::Result<()> {
/// let one = |mean| Component { weight: 1.0, mean: vec![mean], scale: vec![0.5] };
/// let models = vec![
///     ScoreModel::gaussian_mixture(&[one(-3.0), one(1.0)])?,
///     ScoreModel::gaussian_mixture(&[one(-1.0), one(2.5)])?,
/// ];
/// let noise = Noise::variance_preserving(0.1, 20.0);
/// let problem = Composition::new(noise, models, Rule::fisher_rao(0.5)).problem()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Composition {
    pub(crate) noise: Noise,
    pub(crate) models: Vec<ScoreModel>,
    pub(crate) rule: Rule,
    /// η.
    pub(crate) stochasticity: f64,
    pub(crate) tracking: Tracking,
    /// How divergences are found; `None` takes what suits the model.
    pub(crate) divergence: Option<Divergence>,
    /// The constants cᵢ of a drift by Σ cᵢ sᵢ in place of the score.
    pub(crate) frozen: Option<Vec<Curve>>,
    pub(crate) reward: Option<Reward>,
    /// What log-weights are multiplied by.
    pub(crate) correction: f64,
}

/// Where the log densities of models come from, where a rule needs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Tracking {
    /// Evaluated where the model can; the others by [`Tracking::Ito`].
    #[default]
    Exact,
    /// The Itô density estimator along each particle's path (M. Skreta et al., arXiv:2412.17762):
    /// error of order 1/2 in the step, unbiased; needs divergences unless η = 1.
    Ito,
    /// The ratio of each model's own kernels backward and forward: errors of log densities about
    /// a third of Itô's, the same for their differences; needs η = 1.
    KernelRatio,
}

impl Tracking {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Tracking::Exact => "exact",
            Tracking::Ito => "ito",
            Tracking::KernelRatio => "kernel-ratio",
        }
    }
}

/// A tilt of the density by exp(B r(x)) with B growing from 0.
#[derive(Debug, Clone)]
pub(crate) struct Reward {
    pub(crate) target: Target,
    pub(crate) strength: Curve,
    /// λ, by which the drift follows ∇r.
    pub(crate) guidance: Option<f64>,
}

/// Columns of a node's row before those of the models: `shaders/flow/compose.wgsl`.
const COLUMNS: [&str; 13] = [
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
    /// A composition with the usual reverse SDE, η = 1, and exact weights.
    pub fn new(noise: Noise, models: Vec<ScoreModel>, rule: Rule) -> Composition {
        Composition {
            noise,
            models,
            rule,
            stochasticity: 1.0,
            tracking: Tracking::Exact,
            divergence: None,
            frozen: None,
            reward: None,
            correction: 1.0,
        }
    }

    /// The same with noise η g dW: 0 is the probability flow, 1 the reverse SDE, more mixes more.
    ///
    /// The law does not depend on it, and the weights hardly; at 0 copies that resampling makes
    /// never part.
    pub fn with_stochasticity(self, eta: f64) -> Composition {
        Composition { stochasticity: eta, ..self }
    }

    /// The same with log densities from elsewhere.
    pub fn with_tracking(self, tracking: Tracking) -> Composition {
        Composition { tracking, ..self }
    }

    /// The same with divergences found so, where any are needed: at a stochasticity other than 1
    /// with tracked log densities, or with a frozen drift. Unless set they are exact for closed forms,
    /// and for networks in as many dimensions as that is affordable in.
    pub fn with_divergence(self, divergence: Divergence) -> Composition {
        Composition { divergence: Some(divergence), ..self }
    }

    /// The same with the density tilted by exp(B(β) r(x)): r is the log density of `reward`, a
    /// formula or WGSL, and B goes from 0 to its final strength.
    pub fn with_reward(self, reward: Target, strength: impl Into<Curve>) -> Composition {
        let strength = strength.into();
        Composition { reward: Some(Reward { target: reward, strength, guidance: None }), ..self }
    }

    /// The same with the drift following the reward by λ g² B ∇r; η²/2 unless set, which needs no
    /// second derivative of r, and has weights of the least variance.
    pub fn with_reward_guidance(mut self, lambda: f64) -> Composition {
        if let Some(reward) = &mut self.reward {
            reward.guidance = Some(lambda);
        }
        self
    }

    /// The same with a drift by Σ cᵢ sᵢ with constants cᵢ in place of the score of ρ.
    ///
    /// The weights still make the result exact, but they need divergences and vary more: for
    /// comparison, not for use.
    pub fn with_frozen_drift(self, shares: Vec<Curve>) -> Composition {
        Composition { frozen: Some(shares), ..self }
    }

    /// The same without weights: scores are combined and nothing makes up for it, as is customary.
    ///
    /// What comes out is not ρ; for comparison.
    pub fn without_correction(self) -> Composition {
        self.with_correction(0.0)
    }

    /// The same with log-weights multiplied by a number: 1 is exact, 0 has no weights, and what is
    /// between is neither; for comparison.
    pub fn with_correction(self, correction: f64) -> Composition {
        Composition { correction, ..self }
    }

    /// The problem to sample.
    ///
    /// # Errors
    /// When there is no model, dimensions or noises differ, a number is out of its bounds, or the
    /// models cannot tell what the rule needs.
    pub fn problem(self) -> Result<crate::Problem> {
        crate::Problem::composed(self)
    }

    /// The noise of all models.
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    /// The models.
    pub fn models(&self) -> &[ScoreModel] {
        &self.models
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The number of coordinates.
    pub fn dim(&self) -> u32 {
        self.models.first().map_or(0, ScoreModel::dim)
    }

    /// Where log densities come from.
    pub fn tracking(&self) -> Tracking {
        self.tracking
    }

    /// Whether the density is tilted by a reward.
    pub fn has_reward(&self) -> bool {
        self.reward.is_some()
    }

    /// η, the noise of the particles beside that of the models.
    pub fn stochasticity(&self) -> f64 {
        self.stochasticity
    }

    /// log ρ at the end of the run, not normalised, at a point (dim,), where all models know theirs;
    /// without the reward.
    pub fn log_density(&self, x: &[f64], tau: f64, beta: f64) -> Option<f64> {
        let logs: Option<Vec<f64>> = self
            .models
            .iter()
            .map(|model| Some(model.exact(&self.noise, tau, x)?.log_density))
            .collect();
        Some(self.rule.log_density(beta, &logs?))
    }

    /// λ of the reward.
    pub(crate) fn guidance(&self) -> f64 {
        let own = self.reward.as_ref().and_then(|reward| reward.guidance);
        own.unwrap_or(0.5 * self.stochasticity.powi(2))
    }

    /// (1 + η²)/2.
    pub(crate) fn kappa(&self) -> f64 {
        0.5 * (1.0 + self.stochasticity.powi(2))
    }

    /// Whether ψ needs the Laplacian of the reward.
    pub(crate) fn needs_laplacian(&self) -> bool {
        self.reward.is_some() && self.guidance() != 0.5 * self.stochasticity.powi(2)
    }

    /// Whether steps by this integrator read log densities.
    fn needs_logs(&self, integrator: Integrator) -> bool {
        self.rule.needs_log_densities() || self.weighs_by_ratio(integrator)
    }

    /// Whether weights are ratios of kernels.
    pub(crate) fn weighs_by_ratio(&self, integrator: Integrator) -> bool {
        self.is_corrected()
            && match integrator {
                Integrator::KernelRatio => true,
                Integrator::Exponential => self.has_ratio(),
                _ => false,
            }
    }

    /// Whether particles are weighted.
    pub fn is_corrected(&self) -> bool {
        self.correction != 0.0
    }

    /// The integrator a run takes when none is asked for: the kernel ratio where it is exact, which
    /// costs nothing more, and Euler elsewhere.
    pub fn default_integrator(&self) -> Integrator {
        if self.has_ratio() { Integrator::KernelRatio } else { Integrator::Euler }
    }

    /// Whether kernel ratios are exact: log densities are evaluated, and there is noise.
    fn has_ratio(&self) -> bool {
        let exact = |model: &ScoreModel| matches!(model.kind(), Kind::Mixture(_));
        self.tracking == Tracking::Exact
            && self.models.iter().all(exact)
            && self.stochasticity > 0.0
    }

    /// Whether the log density of model `i` is carried along, in one row of the state.
    pub(crate) fn tracks(&self, i: usize, integrator: Integrator) -> bool {
        let model = &self.models[i];
        let known = model.has_log_density() && self.tracking == Tracking::Exact;
        self.needs_logs(integrator) && !known
    }

    /// The models whose log densities are carried along.
    pub(crate) fn tracked(&self, integrator: Integrator) -> Vec<usize> {
        (0..self.models.len()).filter(|i| self.tracks(*i, integrator)).collect()
    }

    /// How networks find the divergences that enter, if any do.
    pub(crate) fn network_divergence(&self, integrator: Integrator) -> Option<Divergence> {
        let suits = Divergence::of_dim(self.dim());
        self.needs_divergence(integrator).then(|| self.divergence.unwrap_or(suits))
    }

    /// Hutchinson's directions of closed forms, whose exact divergences are left out for a study.
    fn probes(&self, needed: bool) -> Option<Divergence> {
        self.divergence.filter(|divergence| needed && *divergence != Divergence::Exact)
    }

    /// What a particle carries.
    pub(crate) fn carries(&self, integrator: Integrator) -> Carries {
        let more = self.tracked(integrator).len() as u32;
        Carries { dim: self.dim(), more, counts: false }
    }

    /// Whether divergences of scores enter.
    pub(crate) fn needs_divergence(&self, integrator: Integrator) -> bool {
        let tracks = !self.tracked(integrator).is_empty() && self.stochasticity != 1.0;
        tracks || (self.frozen.is_some() && self.is_corrected())
    }

    /// Whether models are evaluated by kernels of their own, one step at a time.
    pub(crate) fn is_buffered(&self) -> bool {
        self.models.iter().any(ScoreModel::is_buffered)
    }

    /// The law at the largest noise.
    pub(crate) fn initial(&self) -> Result<Initial> {
        let degree = self.rule.exponents(0.0, self.models.len()).degree();
        let sd = (self.noise.sigma(self.noise.end()) / degree.sqrt()) as f32;
        let dim = self.dim() as usize;
        Initial::normal(&vec![0.0; dim], &vec![sd; dim])
    }

    /// The reward, or a density that is the same everywhere.
    pub(crate) fn target(&self) -> Result<Target> {
        match &self.reward {
            Some(reward) => Ok(reward.target.clone()),
            None => {
                let text = "fn log_density(x: ptr<function, Point>) -> f32 { return 0.0; }\n\
                            fn score(x: ptr<function, Point>) -> Point { return Point(); }\n";
                Target::from_wgsl(self.dim(), "no reward", text)
            }
        }
    }

    /// Numbers per node of the table.
    pub(crate) fn columns(&self) -> usize {
        let models = self.models.len();
        let frozen = if self.frozen.is_some() { models } else { 0 };
        let mixtures = self.models.iter().map(|model| match model.kind() {
            Kind::Mixture(mixture) => mixture.columns(),
            Kind::Network(_) | Kind::External { .. } => 0,
        });
        COLUMNS.len() + models + frozen + mixtures.sum::<usize>()
    }

    /// The same, as they lie in the table: rows begin where a binding may begin.
    fn node_numbers(&self) -> usize {
        self.columns().next_multiple_of(OFFSET_ALIGNMENT / 4)
    }

    /// Numbers of the table of a run of so many steps.
    pub(crate) fn table_numbers(&self, steps: u32) -> u64 {
        (u64::from(steps) + 2 + u64::from(self.window().unwrap_or(0))) * self.node_numbers() as u64
    }

    /// Nodes that are bound at once where the table is a uniform, which drivers read faster; where
    /// nodes are too large for that it is a storage buffer.
    fn window(&self) -> Option<u32> {
        let nodes = UNIFORM_SIZE / (4 * self.node_numbers());
        (nodes >= LEAST_WINDOW).then_some(nodes as u32)
    }

    /// How the table is bound.
    pub(crate) fn table_access(&self) -> Access {
        let bytes = |nodes| u64::from(nodes) * 4 * self.node_numbers() as u64;
        self.window().map_or(Access::Read, |nodes| Access::Uniform(bytes(nodes)))
    }

    /// Where the binding begins of a dispatch from step `first` on, where it moves.
    pub(crate) fn table_offset(&self, first: u32) -> Option<u32> {
        self.window().map(|_| first * 4 * self.node_numbers() as u32)
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

    /// The constants of the shader, and the calls of the models; `None` for the initial weights,
    /// which read all log densities.
    pub(crate) fn constants(&self, integrator: Option<Integrator>) -> Source {
        let models = self.models.len();
        let mut prelude = Prelude::default();
        for (column, name) in (0..).zip(COLUMNS) {
            prelude = prelude.u32(&format!("COLUMN_{name}"), column);
        }
        let each = COLUMNS.len();
        let tracked = integrator.map_or_else(Vec::new, |integrator| self.tracked(integrator));
        let mask = |models: &[usize]| models.iter().map(|i| 1 << i).sum();
        let evaluated: Vec<usize> =
            (0..models).filter(|i| !self.models[*i].is_buffered()).collect();
        let divergence = integrator.is_some_and(|integrator| self.needs_divergence(integrator));
        let eta = self.stochasticity;
        let ends = self.noise.sigma(self.noise.end());
        let prelude = prelude
            .u32("COLUMN_EACH", each as u32)
            .u32("COLUMN_FROZEN", (each + models) as u32)
            .u32("NODE_COLUMNS", self.node_numbers() as u32)
            .u32("MODELS", models as u32)
            .u32("TRACKED", mask(&tracked))
            .u32("EVALUATED", mask(&evaluated))
            .bool("TRACK_BY_RATIO", self.tracking == Tracking::KernelRatio)
            .f32("CORRECTION", self.correction as f32)
            .bool("FROZEN", self.frozen.is_some())
            .bool("LOG_LINEAR", self.rule.is_log_linear())
            .bool("NEEDS_LOGS", integrator.is_none_or(|integrator| self.needs_logs(integrator)))
            .bool("NEEDS_DIVERGENCE", divergence)
            .bool("HAS_REWARD", self.reward.is_some())
            .f32("STOCHASTICITY", eta as f32)
            .f32("KAPPA", self.kappa() as f32)
            .f32("GUIDANCE", self.guidance() as f32)
            .f32("NOISIEST", ends as f32)
            .f32("NOISIEST_LOG_PEAK", {
                let log = -(ends.ln() + 0.5 * std::f64::consts::TAU.ln());
                (f64::from(self.dim()) * log) as f32
            });
        let prelude = match self.probes(divergence) {
            Some(Divergence::Hutchinson { probes, fresh, .. }) => {
                prelude.u32("DIRECTIONS", probes).u32("FRESH", fresh.into())
            }
            _ => prelude,
        };
        prelude.text(&self.number()).text(&self.calls(divergence)).named("composition")
    }

    /// `compose_number`: a number of the table.
    fn number(&self) -> String {
        let (space, ty, offset, at) = match self.window() {
            Some(nodes) => {
                let fours = nodes as usize * self.node_numbers() / 4;
                let ty = format!("array<vec4<f32>, {fours}>");
                ("uniform", ty, " - compose_first * NODE_COLUMNS", "i / 4u][i % 4u")
            }
            None => ("storage, read", "array<f32>".into(), "", "i"),
        };
        format!(
            "@group(2) @binding(0) var<{space}> compose_nodes: {ty};\nfn compose_number(at: u32) -> \
             f32 {{\n    let i = at{offset};\n    return compose_nodes[{at}];\n}}\n"
        )
    }

    /// `compose_models`: the score of every model, and what else it knows.
    fn calls(&self, divergence: bool) -> String {
        let mut bindings = String::new();
        let mut text = String::from(
            "fn compose_models(\n    x: ptr<function, Point>, node: u32, source: u32, local: \
             ptr<function, Local>,\n) {\n    var term: Term;\n",
        );
        let frozen = if self.frozen.is_some() { self.models.len() } else { 0 };
        let mut column = COLUMNS.len() + self.models.len() + frozen;
        let mut binding = 1;
        for (i, model) in self.models.iter().enumerate() {
            match model.kind() {
                Kind::Mixture(mixture) => {
                    let count = mixture.components.len();
                    let apart = u32::from(!mixture.is_isotropic());
                    text += &format!(
                        "    mixture_term(x, node + {column}u, {count}u, {apart}u, &term);\n"
                    );
                    if self.probes(divergence).is_some() {
                        text += &format!(
                            "    mixture_probed(x, node + {column}u, {count}u, {apart}u, source, \
                             node / NODE_COLUMNS, &term);\n"
                        );
                    }
                    column += mixture.columns();
                    text += &distortion(model, i);
                }
                Kind::Network(_) | Kind::External { .. } => {
                    bindings += &format!(
                        "@group(2) @binding({binding}) var<storage, read> model_{i}: array<f32>;\n"
                    );
                    binding += 1;
                    text += &self.reading(i, divergence);
                }
            }
            text += &format!(
                "    (*local).score[{i}] = term.score;\n    (*local).log_density[{i}] = \
                 term.log_density;\n    (*local).divergence[{i}] = term.divergence;\n"
            );
        }
        bindings + &text + "}\n"
    }

    /// Reads the outputs of model `i` for one particle: rows of N numbers.
    fn reading(&self, i: usize, divergence: bool) -> String {
        let model = &self.models[i];
        let mut text = format!(
            "    for (var j = 0u; j < DIM; j++) {{\n        term.score[j] = model_{i}[j * \
             PARTICLES + source];\n    }}\n"
        );
        let dim = self.dim();
        let mut row = dim;
        let has_divergence = model.writes_divergence(divergence);
        for (name, has) in
            [("divergence", has_divergence), ("log_density", model.has_log_density())]
        {
            if has {
                text += &format!("    term.{name} = model_{i}[{row}u * PARTICLES + source];\n");
                row += 1;
            }
        }
        text
    }

    /// Rows of N numbers in the buffer of each buffered model.
    pub(crate) fn output_rows(&self, integrator: Integrator) -> Vec<u32> {
        let divergence = self.needs_divergence(integrator);
        let buffered = self.models.iter().filter(|model| model.is_buffered());
        let more = |model: &ScoreModel| {
            u32::from(model.writes_divergence(divergence)) + u32::from(model.has_log_density())
        };
        buffered.map(|model| model.dim() + more(model)).collect()
    }

    /// Of the models in buffers, those that the host program fills.
    pub(crate) fn externals(&self) -> Vec<usize> {
        let buffered = self.models.iter().filter(|model| model.is_buffered()).enumerate();
        let externals = buffered.filter(|(_, m)| matches!(m.kind(), Kind::External { .. }));
        externals.map(|(i, _)| i).collect()
    }

    /// The networks, with their places among the models in buffers.
    pub(crate) fn networks(&self) -> impl Iterator<Item = (usize, &Network)> {
        let buffered = self.models.iter().filter(|model| model.is_buffered()).enumerate();
        buffered.filter_map(|(i, model)| match model.kind() {
            Kind::Network(network) => Some((i, &**network)),
            _ => None,
        })
    }

    /// The files of the flow and of the integrator.
    pub(crate) fn files(&self) -> Vec<Source> {
        let mut files = shaders::files(&["flow/compose", "flow/compose_rule"]);
        if self.models.iter().any(|model| !model.is_buffered()) {
            files.push(shaders::file("score/mixture"));
        }
        if self.models.iter().any(|model| model.error().is_some()) {
            files.push(shaders::file("score/error"));
        }
        if !self.needs_laplacian() {
            files.push(shaders::file("flow/compose_slope"));
        }
        files
    }

    /// The integrator's files, and that of divergences that are not exact.
    pub(crate) fn integrator_files(&self, integrator: Integrator) -> Vec<Source> {
        let ratio = self.weighs_by_ratio(integrator);
        let weights = if ratio { "integrator/compose_ratio" } else { "integrator/compose_rates" };
        let mut files = shaders::files(&["integrator/compose", weights]);
        if let Some(divergence) = self.probes(self.needs_divergence(integrator)) {
            files.push(shaders::file("score/probed"));
            files.push(shaders::file(direction_file(Some(divergence))));
        }
        files
    }

    /// Loop iterations of one evaluation.
    pub(crate) fn loops(&self) -> u32 {
        let dim = self.dim();
        let each = |model: &ScoreModel| match model.kind() {
            Kind::Mixture(mixture) => {
                let error = if model.error().is_some() { 3 * dim + 5 } else { 0 };
                let components = mixture.components.len() as u32;
                let probed = match self.divergence {
                    Some(Divergence::Hutchinson { probes, .. }) => {
                        probes * (components * (2 * dim + 4) + dim + 2)
                    }
                    _ => 0,
                };
                components * (2 * dim + 3) + dim + 1 + error + probed
            }
            Kind::Network(_) | Kind::External { .. } => dim + 1,
        };
        let models = self.models.len() as u32;
        self.models.iter().map(each).sum::<u32>() + 12 * models * (dim + 1)
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.noise.check()?;
        let Some(first) = self.models.first() else {
            return Err(Error::config("models", "has no model; give one at least"));
        };
        if self.models.len() > 16 {
            let reason = format!("has {} models; at most 16 are composed", self.models.len());
            return Err(Error::config("models", reason));
        }
        if let Some(other) = self.models.iter().find(|model| model.dim() != first.dim()) {
            let reason = format!(
                "{} has {} coordinates and {} has {}; compose models of one space",
                first.name(),
                first.dim(),
                other.name(),
                other.dim()
            );
            return Err(Error::config("models", reason));
        }
        for (_, network) in self.networks() {
            if network.noise() != self.noise {
                let reason = format!(
                    "{} was trained on the noise {} and the composition has {}; use the networks' \
                     own",
                    network.name(),
                    network.noise(),
                    self.noise
                );
                return Err(Error::config("noise", reason));
            }
        }
        for model in &self.models {
            model.check_error()?;
        }
        self.rule.check(self.models.len())?;
        if !(0.0..=10.0).contains(&self.stochasticity) {
            let reason = format!(
                "= {} is not between 0, the probability flow, and 10; 1 is the reverse SDE",
                self.stochasticity
            );
            return Err(Error::config("stochasticity", reason));
        }
        if !self.correction.is_finite() {
            let reason = format!("= {} is not a number; 1 is exact", self.correction);
            return Err(Error::config("correction", reason));
        }
        if let Some(frozen) = &self.frozen
            && (frozen.len() != self.models.len() || !frozen.iter().all(Curve::is_finite))
        {
            let reason = format!(
                "has {} shares for {} models; give one finite number each",
                frozen.len(),
                self.models.len()
            );
            return Err(Error::config("frozen drift", reason));
        }
        if let Some(reward) = &self.reward {
            reward.check(self.dim())?;
        }
        Ok(())
    }

    /// Whether the integrator suits, and the settings do.
    pub(crate) fn check_config(&self, config: &Config, integrator: Integrator) -> Result<()> {
        let refused = |reason: String| Err(Error::config("integrator", reason));
        if matches!(integrator, Integrator::Strang | Integrator::Mala | Integrator::Baoab) {
            return refused(format!(
                "= {integrator} does not run a diffusion backward; use euler, exponential or \
                 kernel-ratio"
            ));
        }
        if integrator == Integrator::KernelRatio && self.stochasticity == 0.0 {
            return refused("= kernel-ratio needs noise, and stochasticity = 0 leaves none".into());
        }
        let exact = |model: &ScoreModel| matches!(model.kind(), Kind::Mixture(_));
        if self.weighs_by_ratio(integrator)
            && !self.models.iter().all(exact)
            && (self.stochasticity != 1.0 || self.frozen.is_some())
        {
            return refused(
                "= kernel-ratio with models in buffers needs stochasticity = 1 and the score's own \
                 drift; use euler"
                    .into(),
            );
        }
        network::check(self.divergence, self.dim())?;
        if config.preconditioner.is_some() {
            let reason = "is not for compositions, whose noise is the models'; leave it out";
            return Err(Error::config("preconditioner", reason));
        }
        if self.tracking == Tracking::KernelRatio && self.stochasticity != 1.0 {
            let reason = format!(
                "= kernel-ratio needs stochasticity = 1, and it is {}; use ito",
                self.stochasticity
            );
            return Err(Error::config("tracking", reason));
        }
        if self.needs_divergence(integrator)
            && let Some(model) = self.models.iter().find(|model| !model.has_divergence())
        {
            let reason = format!(
                "{} tells no divergence, which log densities tracked at stochasticity = {} and \
                 frozen drifts need; let it, or use stochasticity = 1",
                model.name(),
                self.stochasticity
            );
            return Err(Error::config("models", reason));
        }
        self.noise.levels(&config.schedule).map(|_| ())
    }
}

/// The call that puts the error of model `i` on its score, where it has one.
fn distortion(model: &ScoreModel, i: usize) -> String {
    let Some(ScoreError { scale, wave, noise }) = model.error() else { return String::new() };
    let numbers = format!("vec3<f32>({:?}, {wave:?}, {noise:?})", 1.0 + scale);
    format!("    score_error(x, node, {i}u, {numbers}, &term);\n")
}

impl Reward {
    fn check(&self, dim: u32) -> Result<()> {
        if self.target.dim() != dim {
            let reason = format!(
                "has {} coordinates and the models have {dim}; give one of the same space",
                self.target.dim()
            );
            return Err(Error::config("reward", reason));
        }
        if !self.strength.is_finite() || self.guidance.is_some_and(|lambda| !lambda.is_finite()) {
            return Err(Error::config("reward", "has a strength that is not a finite number"));
        }
        Ok(())
    }
}
