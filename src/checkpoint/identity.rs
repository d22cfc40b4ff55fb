//! What a problem is recognised by.

use std::collections::BTreeMap;

use super::checksum;
use crate::config::Config;
use crate::diffusion::{Composition, Kind, ScoreModel};
use crate::problem::Problem;
use crate::shaders;

/// The texts of a problem and what its numbers are, by name.
///
/// The engine's own files count by their names alone: a later version of wfr may have other words
/// for the same problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity(BTreeMap<String, String>);

/// The prefix of names of WGSL, which a later version of wfr may write in other words.
const TEXT: &str = "text of ";

impl Identity {
    /// What `problem` is, run with these settings.
    pub(crate) fn of(problem: &Problem, config: &Config) -> Identity {
        let mut all = BTreeMap::new();
        let mut add = |name: &str, value: String| all.insert(name.to_string(), value);
        let (target, flow) = (problem.target(), problem.flow());
        add("version of random bits", crate::BITS.to_string());
        add("target", file_name(target.name()).to_string());
        add("dimension", target.dim().to_string());
        for (parameter, value) in &problem.constants {
            add(&format!("parameter {parameter}"), value.to_string());
        }
        add("initial law", problem.initial().description().to_string());
        if let Some(center) = problem.center() {
            add("center", format!("{center:?}"));
        }
        add("flow", flow.name().to_string());
        add("transport", flow.transport().to_string());
        add("reaction", flow.reaction().map_or("none".into(), |reaction| format!("{reaction:?}")));
        add("integrator", problem.integrator(config).to_string());
        for (k, data) in (1..).zip(problem.data()) {
            add(&format!("data {k}"), numbers(data));
        }
        add("data of the flow", numbers(&problem.ends.data));
        if let Some(composition) = &problem.composition {
            add("noise", composition.noise().to_string());
            add("rule", composition.rule().to_string());
            for (k, model) in (1..).zip(composition.models()) {
                add(&format!("model {k}"), model_of(model));
            }
            add("composition", settings(composition));
        }
        for source in &problem.sources {
            let library = source.name.strip_suffix(".wgsl").and_then(shaders::find);
            if library.as_ref() != Some(source) {
                add(&format!("{TEXT}{}", file_name(&source.name)), source.text.clone());
            }
        }
        Identity(all)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Identity, String> {
        let all = serde_json::from_slice(bytes);
        all.map(Identity).map_err(|error| format!("has a problem that is none: {error}"))
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::json!(self.0).to_string().into_bytes()
    }

    /// What another has that differs, in a sentence; texts that the engine wrote are compared where
    /// they are of the same version.
    pub(super) fn difference(&self, other: &Identity, same_version: bool) -> Option<String> {
        let generated = |name: &str| name.starts_with(TEXT);
        // What has a name is told before what has not.
        let names = self.0.keys().chain(other.0.keys());
        let mut names: Vec<_> = names.filter(|name| same_version || !generated(name)).collect();
        names.sort_by_key(|name| generated(name));
        let differs = |name: &&&String| self.0.get(**name) != other.0.get(**name);
        let name = names.iter().find(differs)?;
        let (theirs, ours) = (self.0.get(*name), other.0.get(*name));
        let what = match (theirs, ours) {
            (Some(theirs), Some(ours)) if name.starts_with(TEXT) => {
                let same = theirs.lines().zip(ours.lines()).take_while(|(a, b)| a == b).count();
                format!("the {name} differs from line {} on", same + 1)
            }
            (Some(theirs), Some(ours)) => format!("its {name} is {theirs}, not {ours}"),
            (Some(_), None) => format!("it has a {name}, and this one has none"),
            _ => format!("it has no {name}, and this one has one"),
        };
        Some(format!("is of another problem: {what}; give the problem that it was made of"))
    }
}

/// Numbers by their count and checksum.
fn numbers(values: &[f32]) -> String {
    let sum = checksum(&[bytemuck::cast_slice(values)]);
    format!("{} numbers of checksum {sum:08x}", values.len())
}

/// What a composition is beside its models.
fn settings(composition: &Composition) -> String {
    let Composition { noise, models: _, rule, stochasticity, tracking, .. } = composition;
    let Composition { divergence, frozen, reward, correction, .. } = composition;
    let reward = reward.as_ref().map(|reward| (&reward.strength, reward.guidance));
    let more = (divergence, frozen, reward, correction);
    format!(
        "{noise:?} {rule:?} η = {stochasticity} {tracking} {more:?}",
        tracking = tracking.name()
    )
}

/// What a model is and a checksum of its numbers, whatever its file is called.
fn model_of(model: &ScoreModel) -> String {
    let (kind, sum) = match model.kind() {
        Kind::Mixture(mixture) => {
            ("a mixture", checksum(&[format!("{:?}", mixture.components).as_bytes()]))
        }
        Kind::Network(network) => {
            let (settings, layers) = network.parts();
            let layers = layers.into_iter().map(bytemuck::cast_slice);
            (
                "a network",
                checksum(&[settings.as_bytes()].into_iter().chain(layers).collect::<Vec<_>>()),
            )
        }
        Kind::External { dim, outputs } => {
            return format!("an external model {} in {dim} dimensions, {outputs:?}", model.name());
        }
    };
    format!("{kind} of checksum {sum:08x}, {:?}", model.error())
}

/// A file's name without its folder, which may be another one later.
fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
