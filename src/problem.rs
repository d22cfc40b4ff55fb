//! What a run computes: a target, an initial law and a flow that fit together.

use std::fmt::Write as _;

use wgpu::naga;

use crate::error::{Error, ErrorKind, Result};
use crate::flow::Flow;
use crate::initial::{Initial, Kind};
use crate::shaders::{self, Prelude};
use crate::target::{Target, arrays};
use crate::wgsl::{Linked, Source, describe};

/// A target, an initial law and a flow.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) target: Target,
    pub(crate) initial: Initial,
    pub(crate) flow: Flow,
}

impl Problem {
    /// Puts the three together and checks that they fit, user texts included.
    ///
    /// # Errors
    /// When dimensions differ; when the flow needs the density of an initial law that has none;
    /// [`ErrorKind::Shader`] or [`ErrorKind::MissingFunction`] for WGSL that does not play its role.
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
        let problem = Problem { target, initial, flow };
        problem.sources()?;
        Ok(problem)
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

    /// The texts of initial law, flow and target with the engine's adaptors, the user's last, each
    /// checked alone first so that its errors point at its own lines.
    pub(crate) fn sources(&self) -> Result<Vec<Source>> {
        let target = self.target.source();
        let adaptor = target_adaptor(&target, &self.target)?;

        let mut library = vec![Prelude::default().dimension(self.target.dim()).seed(0).source()];
        library.extend(shaders::files(&["types", "threefry", "normal", "float"]));
        if let Kind::Wgsl(source) = &self.initial.kind {
            check_initial(&library, source)?;
        }
        let initial = self.initial.sources();
        let initials = initial.len();
        library.extend(initial.iter().cloned());
        // Of two that define one name the later is blamed: the user's.
        let mut sources = initial;
        sources.extend(crate::target::library(self.target.wgsl()));
        if self.flow.is_builtin() {
            sources.extend([self.flow.source().clone(), adaptor, target]);
        } else {
            sources.extend([adaptor, target, self.flow.source().clone()]);
        }
        library.extend(sources.iter().skip(initials).cloned());
        check_flow(library, &self.flow)?;
        Ok(sources)
    }
}

/// A function's types as the user would write them.
struct Signature {
    arguments: Vec<String>,
    result: String,
}

impl Signature {
    fn of(module: &naga::Module, function: &naga::Function) -> Signature {
        let arguments = function.arguments.iter().map(|a| describe(module, a.ty)).collect();
        let result = function
            .result
            .as_ref()
            .map_or_else(|| "nothing".into(), |result| describe(module, result.ty));
        Signature { arguments, result }
    }

    fn takes(&self, arguments: &[&str]) -> bool {
        self.arguments.iter().map(String::as_str).eq(arguments.iter().copied())
    }

    fn text(&self, name: &str) -> String {
        let result = match self.result.as_str() {
            "nothing" => String::new(),
            ty => format!(" -> {ty}"),
        };
        format!("fn {name}({}){result}", self.arguments.join(", "))
    }
}

fn signature(module: &naga::Module, name: &str) -> Option<Signature> {
    let (_, function) = module.functions.iter().find(|(_, f)| f.name.as_deref() == Some(name))?;
    Some(Signature::of(module, function))
}

/// The functions that `source` itself defines, for the error that lists them.
fn missing(
    role: &'static str,
    wanted: &str,
    name: &str,
    source: &Source,
    found: Option<Signature>,
) -> Error {
    let found = match found {
        Some(signature) => format!("found `{}`", signature.text(name)),
        None => format!("there is no function `{name}` in it"),
    };
    ErrorKind::MissingFunction {
        role,
        signature: wanted.into(),
        source: source.name.clone(),
        found,
    }
    .into()
}

/// Refuses entry points and bindings that are not the user's to make; `data` by binding, where the
/// role may have any.
fn check_snippet(linked: &Linked, module: &naga::Module, data: Option<&[Vec<f32>]>) -> Result<()> {
    let text = linked.text();
    if let Some(entry) = module.entry_points.first() {
        let at = text.find(&format!("fn {}", entry.name));
        let message = format!(
            "`{}` is an entry point; a snippet defines plain functions only, remove its @compute",
            entry.name
        );
        return Err(linked.error(message, at.map(|at| at..at + 3 + entry.name.len())));
    }
    for (handle, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        let span = module.global_variables.get_span(handle).to_range();
        let name = variable.name.clone().unwrap_or_default();
        if binding.group != 1 {
            let message = format!(
                "`{name}` uses @group({}), which belongs to the engine; use @group(1)",
                binding.group
            );
            return Err(linked.error(message, span));
        }
        let Some(data) = data else {
            let message = format!("`{name}` is data, which only a target may have");
            return Err(linked.error(message, span));
        };
        if data.get(binding.binding as usize).is_none_or(Vec::is_empty) {
            let short = arrays::short(&name);
            let message = format!(
                "`{name}` has no data; add `with_data(\"{short}\", …)`, or --data {short}=FILE on the \
                 command line"
            );
            return Err(linked.error(message, span));
        }
    }
    let gap = data.and_then(|data| data.iter().position(Vec::is_empty));
    if let Some(binding) = gap {
        let message = format!(
            "no array has @binding({binding}) of @group(1), but one after it has; number them from 0"
        );
        return Err(linked.error(message, None));
    }
    Ok(())
}

const POINTER: &str = "ptr<function, Point>";

/// The engine's `target_score` and `target_log_density_and_score` over whatever forms the user
/// chose.
fn target_adaptor(target: &Source, facts: &Target) -> Result<Source> {
    let linked = Linked::new(facts.prelude().into_iter().chain([target.clone()]));
    let module = linked.check()?;
    check_snippet(&linked, &module, Some(facts.storage()))?;

    let plain = |name: &str, result: &str| -> Option<&'static str> {
        let signature = signature(&module, name).filter(|s| s.result == result)?;
        if signature.takes(&[POINTER]) {
            Some("x")
        } else if signature.takes(&["Point"]) {
            if facts.dim() > 4 {
                log::warn!(
                    "{}: `{name}` takes an array of {} by value, which is slow where it is indexed \
                     by a variable; take `x: ptr<function, Point>`",
                    target.name,
                    facts.dim()
                );
            }
            Some("*x")
        } else {
            None
        }
    };
    let fused_name = "log_density_and_score";
    let fused = signature(&module, fused_name)
        .is_some_and(|s| s.result == "f32" && s.takes(&[POINTER, POINTER]));
    let density = plain("log_density", "f32");
    let score = plain("score", "Point");

    let mut text = String::new();
    if !fused {
        let Some(density) = density else {
            let found = signature(&module, "log_density");
            let wanted = "fn log_density(x: Point) -> f32";
            return Err(missing("target", wanted, "log_density", target, found));
        };
        let Some(score) = score else {
            let found = signature(&module, "score");
            let wanted = "fn score(x: Point) -> Point";
            return Err(missing("target", wanted, "score", target, found));
        };
        let _ = write!(
            text,
            "fn target_log_density_and_score(x: {POINTER}, out: {POINTER}) -> f32 {{\n    *out = \
             score({score});\n    return log_density({density});\n}}\n"
        );
    } else {
        let _ = write!(
            text,
            "fn target_log_density_and_score(x: {POINTER}, out: {POINTER}) -> f32 {{\n    return \
             {fused_name}(x, out);\n}}\n"
        );
    }
    let body = match score {
        Some(argument) => format!("    return score({argument});\n"),
        None => format!("    var out: Point;\n    _ = {fused_name}(x, &out);\n    return out;\n"),
    };
    let _ = write!(text, "fn target_score(x: {POINTER}) -> Point {{\n{body}}}\n");
    Ok(Source::new("target adaptor", text))
}

fn check_initial(library: &[Source], source: &Source) -> Result<()> {
    let linked = Linked::new(library.iter().cloned().chain([source.clone()]));
    let module = linked.check()?;
    check_snippet(&linked, &module, None)?;
    require(&module, "initial", source, "initial_sample", &["u32"], "Point")?;
    let name = "initial_log_density_and_score";
    require(&module, "initial", source, name, &[POINTER, POINTER], "f32")
}

fn check_flow(library: Vec<Source>, flow: &Flow) -> Result<()> {
    let source = flow.source();
    let linked = Linked::new(library);
    let module = linked.check()?;
    let local = "ptr<function, Local>";
    require(&module, "flow", source, "flow_local", &[POINTER, local], "nothing")?;
    require(&module, "flow", source, "flow_drift", &[local, "Instant"], "Point")?;
    require(&module, "flow", source, "flow_psi", &[local, "Instant"], "f32")?;
    if flow.has_path() {
        require(&module, "flow", source, "flow_log_density", &[local, "Instant"], "f32")?;
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
