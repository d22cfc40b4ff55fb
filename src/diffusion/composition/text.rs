//! The shader's text: constants, the calls of the models, and which files play along.

use super::table::COLUMNS;
use super::{Composition, Tracking};
use crate::diffusion::model::Kind;
use crate::diffusion::{Divergence, Network, ScoreError, ScoreModel, Survey};
use crate::integrator::Integrator;
use crate::kernel::network::direction_file;
use crate::shaders::{self, Prelude};
use crate::wgsl::Source;

impl Composition {
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
        let prelude = prelude
            .u32("COLUMN_EACH", each as u32)
            .u32("COLUMN_FROZEN", (each + models) as u32)
            .u32("NODE_COLUMNS", self.node_numbers() as u32)
            .u32("MODELS", models as u32)
            .u32("TRACKED", mask(&tracked))
            .u32("EVALUATED", mask(&evaluated))
            .bool("TRACK_BY_RATIO", self.tracking == Tracking::KernelRatio)
            .bool("FROZEN", self.frozen.is_some())
            .bool("LOG_LINEAR", self.rule.is_log_linear())
            .bool("NEEDS_LOGS", integrator.is_none_or(|integrator| self.needs_logs(integrator)))
            .bool("NEEDS_DIVERGENCE", divergence)
            .bool("HAS_REWARD", self.reward.is_some());
        let prelude = match self.probes(divergence) {
            Some(Divergence::Hutchinson { probes, fresh, .. }) => {
                prelude.u32("DIRECTIONS", probes).u32("FRESH", fresh.into())
            }
            _ => prelude,
        };
        prelude.text(&self.number()).text(&self.calls(divergence)).named("composition")
    }

    /// The numbers that do not depend on the step.
    fn numbers(&self) -> Source {
        let noisiest = self.noise.sigma(self.noise.end());
        let log_peak = -(noisiest.ln() + 0.5 * std::f64::consts::TAU.ln());
        let [floor, wall, reach] = match self.reward_survey() {
            Some(Survey { floor, wall, reach, .. }) => {
                [*floor, wall.max(f64::from(f32::MIN)), *reach]
            }
            None => [0.0, f64::from(f32::MIN), 0.0],
        };
        Prelude::default()
            .number("CORRECTION", self.correction as f32)
            .number("STOCHASTICITY", self.stochasticity as f32)
            .number("KAPPA", self.kappa() as f32)
            .number("GUIDANCE", self.guidance() as f32)
            .number("NOISIEST", noisiest as f32)
            .number("NOISIEST_LOG_PEAK", (f64::from(self.dim()) * log_peak) as f32)
            // What a wall of the reward counts as, and what says where it has walls.
            .number("REWARD_FLOOR", floor as f32)
            .number("REWARD_WALL", wall as f32)
            .number("REWARD_REACH", reach as f32)
            .named("composition numbers")
    }

    /// `compose_number`: a number of the table.
    pub(super) fn number(&self) -> String {
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
    pub(super) fn calls(&self, divergence: bool) -> String {
        let mut bindings = String::new();
        let mut text = String::from(
            "fn compose_models(\n    x: ptr<function, Point>, node: u32, source: u32, local: \
             ptr<function, Local>,\n) {\n    var term: Term;\n",
        );
        let mut column = self.first_column_of_models();
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
    pub(super) fn reading(&self, i: usize, divergence: bool) -> String {
        let model = &self.models[i];
        let mut text = format!(
            "    for (var j = 0u; j < DIM; j++) {{\n        term.score[j] = model_{i}[j * \
             settings.particles + source];\n    }}\n"
        );
        let dim = self.dim();
        let mut row = dim;
        let has_divergence = model.writes_divergence(divergence);
        for (name, has) in
            [("divergence", has_divergence), ("log_density", model.has_log_density())]
        {
            if has {
                text += &format!(
                    "    term.{name} = model_{i}[{row}u * settings.particles + source];\n"
                );
                row += 1;
            }
        }
        text
    }

    /// The models in buffers, with their places among them.
    fn buffered(&self) -> impl Iterator<Item = (usize, &ScoreModel)> {
        self.models.iter().filter(|model| model.is_buffered()).enumerate()
    }

    /// Rows of N numbers in the buffer of each buffered model.
    pub(crate) fn output_rows(&self, integrator: Integrator) -> Vec<u32> {
        let divergence = self.needs_divergence(integrator);
        let more = |model: &ScoreModel| {
            u32::from(model.writes_divergence(divergence)) + u32::from(model.has_log_density())
        };
        self.buffered().map(|(_, model)| model.dim() + more(model)).collect()
    }

    /// Of the models in buffers, those that the host program fills.
    pub(crate) fn externals(&self) -> Vec<usize> {
        let externals = self.buffered().filter(|(_, m)| matches!(m.kind(), Kind::External { .. }));
        externals.map(|(i, _)| i).collect()
    }

    /// The networks, with their places among the models in buffers.
    pub(crate) fn networks(&self) -> impl Iterator<Item = (usize, &Network)> {
        self.buffered().filter_map(|(i, model)| match model.kind() {
            Kind::Network(network) => Some((i, &**network)),
            _ => None,
        })
    }

    /// The files of the flow and of the integrator.
    pub(crate) fn files(&self) -> Vec<Source> {
        let mut files = vec![self.numbers()];
        files.extend(shaders::files(&["flow/compose", "flow/compose_rule"]));
        if self.has_closed_forms() {
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
        let mut files = shaders::files(&["integrator/compose", "integrator/compose_loss", weights]);
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
}

/// The call that puts the error of model `i` on its score, where it has one.
fn distortion(model: &ScoreModel, i: usize) -> String {
    let Some(ScoreError { scale, wave, noise }) = model.error() else { return String::new() };
    let numbers = format!("vec3<f32>({:?}, {wave:?}, {noise:?})", 1.0 + scale);
    format!("    score_error(x, node, {i}u, {numbers}, &term);\n")
}
