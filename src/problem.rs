//! What a run computes: a target, an initial law and a flow that fit together.

mod loops;

use std::borrow::Cow;
use std::sync::OnceLock;

use wgpu::naga;

use crate::adaptor::{Adaptor, POINTER, Score, Signature, check_snippet, missing, signature};
use crate::anchor::{self, Anchor};
use crate::autodiff::{self, Evaluator};
use crate::center::Center;
use crate::config::Config;
use crate::diffusion::Composition;
use crate::error::{Error, Result};
use crate::flow::{Ends, Flow};
use crate::initial::{Initial, Kind};
use crate::integrator::Integrator;
use crate::parameters::Parameters;
use crate::shaders::{self, Prelude};
use crate::target::Target;
use crate::wgsl::{Linked, Source};
pub(crate) use loops::Counted;

/// A target, an initial law and a flow.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) target: Target,
    pub(crate) initial: Initial,
    pub(crate) flow: Flow,
    /// The texts of initial law, flow and target with the engine's adaptors, the user's last.
    pub(crate) sources: Vec<Source>,
    /// The texts of the initial law alone.
    pub(crate) initial_sources: Vec<Source>,
    /// The numbers among them that a device reads as data.
    pub(crate) parameters: Parameters,
    /// What the flow makes of the two laws.
    pub(crate) ends: Ends,
    /// The diffusion models that the flow runs backward.
    pub(crate) composition: Option<Composition>,
    /// Parameters of the target and of the initial law, as pipeline constants.
    pub(crate) constants: Vec<(String, f64)>,
    adaptor: Adaptor,
    /// What the adaptor leaves out of the log density.
    log_offset: f64,
    /// The adaptor of the target behind the initial law.
    law: Option<Adaptor>,
    /// Counted when first asked for.
    evaluation_loops: OnceLock<Counted>,
    sampling_loops: OnceLock<Counted>,
}

impl Problem {
    /// Puts the three together and checks that they fit, user texts included.
    ///
    /// # Errors
    /// When dimensions differ; when the start spans fewer than 30 steps of single precision in a
    /// coordinate; when the flow needs the density of an initial law that has none;
    /// when a parameter of the target has neither a default nor a value;
    /// [`ErrorKind::Shader`](crate::ErrorKind) or [`ErrorKind::MissingFunction`](crate::ErrorKind)
    /// for WGSL that does not play its role; and where a score has to be derived and cannot be.
    pub fn new(target: Target, initial: Initial, flow: Flow) -> Result<Problem> {
        if target.dim() != initial.dim() {
            let reason = format!(
                "has {} coordinates but the target {} has {}; give one value per coordinate",
                initial.dim(),
                target.name(),
                target.dim()
            );
            return Err(Error::config("initial", reason));
        }
        if flow.needs_initial_density() && !initial.has_density() {
            let reason = format!(
                "{} has no density, which the {} flow needs; use normal or uniform",
                initial.description(),
                flow.name()
            );
            return Err(Error::config("initial", reason));
        }
        flow.check()?;
        target.check_formula()?;
        let center = center(&target, &initial, &flow);
        let (target, initial) = (target.about(&center)?, initial.about(&center)?);
        if let Some(found) = initial.resolution() {
            let text = found.with_advice(target.built_in_name());
            if found.is_grave() {
                return Err(Error::config("initial", format!("is too fine: {text}")));
            }
            log::warn!("the initial law: {text}");
        }
        // Data that are missing are told before the shapes that they would have set.
        let adaptor = Adaptor::of(&target)?;
        target.check_parameters()?;
        adaptor.warn(&target);
        log::debug!("{}: the score is {}", target.name(), adaptor.score);
        let ends = flow.ends(&target, &initial)?;
        let start = ends.proposal.as_ref().unwrap_or(&initial);
        let law = match start.law() {
            Some(law) => {
                law.check_formula()?;
                let adaptor = Adaptor::of(law)?;
                law.check_parameters()?;
                Some(adaptor)
            }
            None => None,
        };
        let first = target.storage().len() as u32;
        let initial_sources = start.sources(law.as_ref(), first)?;
        // An infinite parameter of a formula is in its text.
        let finite = target.constants().iter().filter(|(_, value)| value.is_finite());
        let constants = finite.cloned().chain(start.constants()?).collect();
        let split = match flow.takes_offset() {
            true => anchor::anchor(&target, &adaptor, &anchor::places(start, &initial_sources)),
            false => None,
        };
        let Anchor { adaptor, offset: log_offset } =
            split.unwrap_or(Anchor { adaptor, offset: 0.0 });
        let flow_sources = flow.sources(log_offset);
        let sources =
            sources(&target, start, &initial_sources, &flow, flow_sources, &ends, &adaptor)?;
        let parameters = Parameters::of(&sources);
        Ok(Problem {
            target,
            initial,
            flow,
            sources,
            initial_sources,
            parameters,
            ends,
            composition: None,
            constants,
            adaptor,
            log_offset,
            law,
            evaluation_loops: OnceLock::new(),
            sampling_loops: OnceLock::new(),
        })
    }

    /// What coordinates are counted from on the device, where that is not the origin; see
    /// [`Target::with_center`].
    pub fn center(&self) -> Option<&[f64]> {
        self.target.center()
    }

    /// The problem of a composition: its target is the reward.
    pub(crate) fn composed(mut composition: Composition) -> Result<Problem> {
        composition.check()?;
        let target = composition.target()?;
        let plain = Problem::new(target, composition.initial()?, Flow::composition())?;
        composition.survey(&plain.target, &plain.adaptor);
        let mut sources = composition.files();
        if composition.needs_laplacian() {
            sources.push(laplacian(&plain)?);
        }
        sources.extend(plain.sources);
        // The steps need nothing of the normal law, and its weights are the composition's.
        let mut initial_sources = plain.initial_sources;
        sources.retain(|source| !initial_sources.contains(source));
        initial_sources.retain(|source| !source.text.contains("fn initial_log_weight"));
        initial_sources.push(shaders::file("initial/composed"));
        initial_sources.extend(sources.iter().cloned());
        let composition = Some(composition);
        let parameters = Parameters::of(&initial_sources);
        Ok(Problem { sources, initial_sources, parameters, composition, ..plain })
    }

    /// The texts of the problem as a device has them.
    pub(crate) fn device_sources(&self) -> Vec<Source> {
        self.parameters.on_device(&self.sources)
    }

    /// Those of the initial law alone.
    pub(crate) fn device_initial_sources(&self) -> Vec<Source> {
        self.parameters.on_device(&self.initial_sources)
    }

    /// The pipeline constants of kernels with these texts.
    pub(crate) fn compiled_constants(&self) -> Vec<(String, f64)> {
        self.parameters.compiled(&self.constants)
    }

    /// The row of the parameters that are data.
    pub(crate) fn parameter_values(&self) -> Vec<u32> {
        self.parameters.values(&self.constants)
    }

    /// What the text of the initial law reads of each coordinate.
    pub(crate) fn start_numbers(&self) -> Vec<[f32; 4]> {
        self.start().numbers()
    }

    /// The models that the flow composes, where it does.
    pub fn composition(&self) -> Option<&Composition> {
        self.composition.as_ref()
    }

    /// What the particles are drawn from: the initial law, or what the flow puts in its place.
    pub(crate) fn start(&self) -> &Initial {
        self.ends.proposal.as_ref().unwrap_or(&self.initial)
    }

    /// Whether resampling leaves the particles that the flow waits with.
    pub(crate) fn check_resampling(&self, config: &Config) -> Result<()> {
        if !self.ends.teleports || config.ess_threshold == 0.0 {
            return Ok(());
        }
        let reason = format!(
            "= {} would take away the particles that wait, nearly without weight, where the {} path \
             lets mass appear; use 0",
            config.ess_threshold,
            self.flow.name()
        );
        Err(Error::config("ess_threshold", reason))
    }

    /// The buffers of group 1: the target's data, then those of the initial law.
    pub(crate) fn data(&self) -> impl Iterator<Item = &[f32]> {
        let law = self.start().law().map_or(&[][..], Target::storage);
        self.target.storage().iter().chain(law).map(Vec::as_slice)
    }

    /// The integrator asked for, or the flow's best.
    pub(crate) fn integrator(&self, config: &Config) -> Integrator {
        let composed = self.composition.as_ref().map(Composition::default_integrator);
        let own = composed.unwrap_or(self.flow.default_integrator());
        config.integrator.unwrap_or(own)
    }

    /// The first buffer of group 2: the flow's data, where it has some.
    pub(crate) fn flow_data(&self, config: &Config) -> Result<Option<Cow<'_, [f32]>>> {
        if let Some(composition) = &self.composition {
            let table = composition.table(&config.schedule, self.integrator(config))?;
            return Ok(Some(table.into()));
        }
        Ok((!self.ends.data.is_empty()).then_some(self.ends.data.as_slice().into()))
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The initial law.
    pub fn initial(&self) -> &Initial {
        &self.initial
    }

    /// The flow.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Where the score of the target comes from.
    pub fn score(&self) -> Score {
        self.adaptor.score
    }

    /// What the device leaves out of the target's log density, and the host adds to log Z: terms
    /// that do not depend on the position, and of long sums over data their value where particles
    /// start. 0 where the score is written by hand and for flows in WGSL.
    pub fn log_offset(&self) -> f64 {
        self.log_offset
    }

    /// Loop iterations of one evaluation of the log densities with their scores, and of the flow.
    pub(crate) fn evaluation_loops(&self) -> Counted {
        *self.evaluation_loops.get_or_init(|| {
            let law = self.start().law().zip(self.law.as_ref());
            let law = law.map_or(Counted::NONE, |(law, adaptor)| loops::of_target(law, adaptor));
            let composed = self.composition.as_ref().map_or(0, Composition::loops);
            let own = loops::of_target(&self.target, &self.adaptor)
                .and(law)
                .and(Counted::exactly(u64::from(self.ends.loops) + u64::from(composed)));
            let has_text = self.flow.own_text().is_some() || self.flow.velocity().is_some();
            if has_text { own.or_more(loops::of_flow(self)) } else { own }
        })
    }

    /// Loop iterations that draw one particle, beside those over coordinates.
    pub(crate) fn sampling_loops(&self) -> Counted {
        *self.sampling_loops.get_or_init(|| match &self.start().kind {
            Kind::Mixture { .. } => {
                let components = self.start().gaussians().map_or(0, <[_]>::len) as u64;
                let dim = u64::from(self.initial.dim);
                // The choice of one, and the weight by all.
                Counted::exactly((components + 1) + components * (dim + 2) + 1)
            }
            Kind::Wgsl(_) => loops::of_initial(self),
            _ => Counted::NONE,
        })
    }

    /// Sentences on what the texts do not see of their data, of the target and of a start that is one.
    pub(crate) fn rounded_data(&self) -> Vec<String> {
        let laws = [Some(&self.target), self.start().law()];
        laws.into_iter().flatten().flat_map(Target::rounded_data).collect()
    }

    /// Says where the loops of a text could not be counted, or depend on the place, for whom a driver
    /// stops long ones.
    pub(crate) fn warn_of_loops(&self) {
        let texts = [
            (self.target.name().to_string(), self.evaluation_loops()),
            (self.start().description().to_string(), self.sampling_loops()),
        ];
        for (name, counted) in texts {
            counted.warn(&name);
        }
    }

    /// A function of the point, `name`, linked with all texts of the problem, on the host.
    pub(crate) fn evaluator(&self, name: &str, text: String) -> Option<Evaluator> {
        let prelude = Prelude::default().dimension(self.target.dim()).seed(0);
        let mut texts = vec![prelude.source()];
        texts.extend(shaders::files(&["types", "threefry", "normal", "float", "hidden/nothing"]));
        texts.extend(self.sources.iter().cloned());
        texts.push(Source::new(name, text));
        let module = Linked::new(texts).check().ok()?;
        let mut evaluator = Evaluator::new(&module, name).ok()?;
        for (name, value) in &self.constants {
            evaluator.set(name, *value);
        }
        let laws: Vec<&[f32]> = self.data().collect();
        for (_, variable) in module.global_variables.iter() {
            let (Some(name), Some(binding)) = (&variable.name, &variable.binding) else { continue };
            let contents = match binding.group {
                1 => laws.get(binding.binding as usize).copied(),
                _ => Some(self.ends.data.as_slice()),
            };
            evaluator.set_buffer(name, contents.unwrap_or_default().to_vec());
        }
        Some(evaluator)
    }
}

/// What coordinates are counted from: what the target asks for, or the middle of the start where
/// that lies far from zero and nothing but formulas sees coordinates.
fn center(target: &Target, initial: &Initial, flow: &Flow) -> Center {
    let is_written = flow.own_text().is_some() || flow.velocity().is_some();
    let is_law_written = initial.law().is_some_and(|law| !law.is_formula())
        && matches!(initial.kind, Kind::Particles { .. });
    if !target.origin().is_origin() || !target.is_formula() || is_written || is_law_written {
        return target.origin().clone();
    }
    initial.moments().map_or_else(Center::default, |moments| Center::of(&moments))
}

/// The texts of a problem, each of the user's checked alone first so that its errors point at its
/// own lines.
fn sources(
    target: &Target,
    initial: &Initial,
    initial_sources: &[Source],
    flow: &Flow,
    flow_sources: Vec<Source>,
    ends: &Ends,
    adaptor: &Adaptor,
) -> Result<Vec<Source>> {
    let prelude = Prelude::default().dimension(target.dim()).seed(0);
    let law = initial.law().and_then(|law| crate::target::library(law.wgsl()));
    let transforms = crate::target::library(target.wgsl()).or(law);
    let mut library = vec![prelude.source()];
    library.extend(shaders::files(&["types", "threefry", "normal", "float", "hidden/nothing"]));
    if let Kind::Wgsl(source) = &initial.kind {
        check_initial(&library, source)?;
    }
    // Of two that define one name the later is blamed: the user's.
    let mut sources: Vec<Source> = transforms.into_iter().collect();
    sources.extend(initial_sources.iter().cloned());
    sources.extend(ends.constants.iter().cloned());
    sources.extend(flow_sources);
    sources.extend([adaptor.source.clone(), target.source()]);
    sources.extend(flow.own_text().cloned());
    if let Some(velocity) = flow.velocity() {
        sources.push(velocity.clone());
        let adaptor = velocity_adaptor(library.iter().chain(&sources).cloned(), flow, velocity)?;
        sources.push(adaptor);
    }
    library.extend(sources.iter().cloned());
    check_flow(library, flow)?;
    Ok(sources)
}

/// The engine's calls of the user's velocity, in whatever form that is.
fn velocity_adaptor(
    texts: impl Iterator<Item = Source>,
    flow: &Flow,
    velocity: &Source,
) -> Result<Source> {
    // Checked with stand-ins for the calls that it completes.
    let call = |name: &str, result: &str, body: &str| {
        format!("fn control_{name}(x: {POINTER}, beta: f32) -> {result} {{\n    {body}\n}}\n")
    };
    let mut stand_in = call("velocity", "Point", "return Point();");
    let mut parts = vec![("velocity", "velocity", "Point")];
    if flow.without_divergence().is_none() {
        stand_in += &call("divergence", "f32", "return 0.0;");
        parts.push(("divergence", "velocity_divergence", "f32"));
    }
    let linked = Linked::new(texts.chain([Source::own("velocity adaptor", stand_in)]));
    let module = linked.check()?;
    check_snippet(&linked, &module, velocity, None)?;
    let mut text = String::new();
    for (role, name, result) in parts {
        let found = signature(&module, name).filter(|found| found.result == result);
        let argument = match found {
            Some(found) if found.takes(&["Point", "f32"]) => "*x",
            Some(found) if found.takes(&[POINTER, "f32"]) => "x",
            _ => {
                let wanted = format!("fn {name}(x: Point, beta: f32) -> {result}");
                return Err(missing("velocity", &wanted, name, velocity, signature(&module, name)));
            }
        };
        text += &call(role, result, &format!("return {name}({argument}, beta);"));
    }
    Ok(Source::own("velocity adaptor", text))
}

fn check_initial(library: &[Source], source: &Source) -> Result<()> {
    let linked = Linked::new(library.iter().cloned().chain([source.clone()]));
    let module = linked.check()?;
    check_snippet(&linked, &module, source, None)?;
    require(&module, "initial", source, "initial_sample", &["u32"], "Point")?;
    let name = "initial_log_density_and_score";
    require(&module, "initial", source, name, &[POINTER, POINTER], "f32")
}

/// `compose_laplacian`: the Laplacian of the reward, derived from its text.
fn laplacian(problem: &Problem) -> Result<Source> {
    let prelude = Prelude::default().dimension(problem.target.dim()).seed(0);
    let mut texts = vec![prelude.source()];
    texts.extend(shaders::files(&["types", "threefry", "normal", "float", "hidden/nothing"]));
    texts.extend(problem.sources.iter().cloned());
    let linked = Linked::new(texts);
    let module = linked.check()?;
    let derived = autodiff::laplacian(&module, "log_density")
        .map_err(|refusal| Error::config("reward", format!("has no Laplacian: {refusal}")))?;
    let call = format!(
        "fn compose_laplacian(x: ptr<function, Point>) -> f32 {{\n    var slope: Point;\n    var \
         laplacian: f32;\n    _ = {}(x, &slope, &laplacian);\n    return laplacian;\n}}\n",
        derived.function
    );
    Ok(Source::own("laplacian of the reward", derived.wgsl + &call))
}

fn check_flow(library: Vec<Source>, flow: &Flow) -> Result<()> {
    let linked = Linked::new(library);
    let module = linked.check()?;
    // The engine's own flows define what they must.
    let Some(source) = flow.own_text() else { return Ok(()) };
    check_snippet(&linked, &module, source, None)?;
    let local = "ptr<function, Local>";
    require(&module, "flow", source, "flow_local", &[POINTER, local], "nothing")?;
    require(&module, "flow", source, "flow_drift", &[local, "Instant"], "Point")?;
    require(&module, "flow", source, "flow_psi", &[local, "Instant"], "f32")?;
    if flow.has_velocity() {
        require(&module, "flow", source, "flow_velocity", &[local, "Instant"], "Point")?;
    }
    if flow.has_path() {
        require(&module, "flow", source, "flow_log_density", &[local, "Instant"], "f32")?;
    }
    let optional = [
        ("flow_growth", &[local, "Instant", "Instant"][..]),
        ("flow_log_ratio", &[local, local, "Instant"]),
        ("flow_start", &[local]),
    ];
    for (name, arguments) in optional {
        if source.text.contains(&format!("fn {name}(")) {
            require(&module, "flow", source, name, arguments, "f32")?;
        }
    }
    Ok(())
}

fn require(
    module: &naga::Module,
    role: &'static str,
    source: &Source,
    name: &str,
    arguments: &[&str],
    result: &str,
) -> Result<()> {
    let found = signature(module, name);
    if found.as_ref().is_some_and(|s| s.takes(arguments) && s.result == result) {
        return Ok(());
    }
    let wanted = Signature {
        arguments: arguments.iter().map(|a| a.to_string()).collect(),
        result: result.into(),
    };
    Err(missing(role, &wanted.text(name), name, source, found))
}
