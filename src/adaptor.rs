//! The engine's view of a target: `target_score` and `target_log_density_and_score` over whatever
//! forms the user chose, with a derived score where there is none by hand.

use std::fmt;
use std::ops::Range;

use wgpu::naga::{self, AddressSpace};

use crate::autodiff::{self, Evaluator};
use crate::error::{Error, ErrorKind, Result};
use crate::target::{Target, arrays};
use crate::wgsl::{self, Linked, Parsed, Source, describe};

/// The type of a position that a function changes or does not want copied.
pub(crate) const POINTER: &str = "ptr<function, Point>";

pub(crate) const FUSED: &str = "log_density_and_score";

/// Where the score of a target comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Score {
    /// The target's text has it.
    Written,
    /// From the log density, by [`crate::autodiff`].
    #[non_exhaustive]
    Derived {
        /// How.
        mode: autodiff::Mode,
        /// About how many evaluations of the log density it costs, the value included.
        evaluations: f64,
    },
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Score::Written => f.write_str("written by hand"),
            Score::Derived { mode, evaluations } => write!(
                f,
                "derived by {mode}; value and score cost about {evaluations:.1} evaluations of the \
                 log density"
            ),
        }
    }
}

/// A function's types as the user would write them.
pub(crate) struct Signature {
    pub(crate) arguments: Vec<String>,
    pub(crate) result: String,
}

impl Signature {
    pub(crate) fn of(module: &naga::Module, function: &naga::Function) -> Signature {
        let arguments = function.arguments.iter().map(|a| describe(module, a.ty)).collect();
        let result = function
            .result
            .as_ref()
            .map_or_else(|| "nothing".into(), |result| describe(module, result.ty));
        Signature { arguments, result }
    }

    pub(crate) fn takes(&self, arguments: &[&str]) -> bool {
        self.arguments.iter().map(String::as_str).eq(arguments.iter().copied())
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let result = match self.result.as_str() {
            "nothing" => String::new(),
            ty => format!(" -> {ty}"),
        };
        format!("fn {name}({}){result}", self.arguments.join(", "))
    }
}

pub(crate) fn signature(module: &naga::Module, name: &str) -> Option<Signature> {
    wgsl::function(module, name).map(|(_, function)| Signature::of(module, function))
}

/// The functions that `source` itself defines, for the error that lists them.
pub(crate) fn missing(
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

/// Refuses what a user's text may not have: entry points, memory of others than its particle, and
/// bindings that are not the user's to make. `data` by binding, where the role may have any.
pub(crate) fn check_snippet(
    linked: &Linked,
    module: &naga::Module,
    source: &Source,
    data: Option<&[Vec<f32>]>,
) -> Result<()> {
    let text = linked.text();
    if let Some(entry) = module.entry_points.first() {
        let at = text.find(&format!("fn {}", entry.name));
        let message = format!(
            "`{}` is an entry point; a snippet defines plain functions only, remove its @compute",
            entry.name
        );
        return Err(linked.error(message, at.map(|at| at..at + 3 + entry.name.len())));
    }
    let is_own = |span: &Option<Range<usize>>| {
        span.as_ref().is_none_or(|span| linked.is_of(span.start, source))
    };
    for (handle, variable) in module.global_variables.iter() {
        let span = module.global_variables.get_span(handle).to_range();
        if is_own(&span) {
            check_variable(variable, data).map_err(|message| linked.error(message, span))?;
        }
    }
    for (_, function) in module.functions.iter() {
        if let Some((what, span)) = shared(&function.body)
            && is_own(&span)
        {
            let message = format!(
                "{what} meets other particles, and a snippet is of one alone; leave it out"
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

/// Why a text may not have this variable of the module.
fn check_variable(
    variable: &naga::GlobalVariable,
    data: Option<&[Vec<f32>]>,
) -> Result<(), String> {
    let name = variable.name.as_deref().unwrap_or_default();
    let Some(binding) = &variable.binding else {
        return match variable.space {
            AddressSpace::Private => Ok(()),
            _ => Err(format!(
                "`{name}` is shared with other particles, and a snippet is of one alone; use a \
                 variable of the function"
            )),
        };
    };
    if binding.group != 1 {
        return Err(format!(
            "`{name}` uses @group({}), which belongs to the engine; use @group(1)",
            binding.group
        ));
    }
    let Some(data) = data else {
        return Err(format!("`{name}` is data, which only a target may have"));
    };
    if variable.space != (AddressSpace::Storage { access: naga::StorageAccess::LOAD }) {
        return Err(format!(
            "`{name}` is no array of data, which are read only; declare it as `var<storage, read> \
             {name}: array<f32>`"
        ));
    }
    if data.get(binding.binding as usize).is_none_or(Vec::is_empty) {
        let short = arrays::short(name);
        return Err(format!(
            "`{name}` has no data; add `with_data(\"{short}\", …)`, or --data {short}=FILE on the \
             command line"
        ));
    }
    Ok(())
}

/// The first statement of a block that meets other particles, and where.
fn shared(block: &naga::Block) -> Option<(&'static str, Option<Range<usize>>)> {
    use naga::Statement;
    block.span_iter().find_map(|(statement, span)| {
        let what = match statement {
            Statement::ControlBarrier(_) | Statement::MemoryBarrier(_) => "a barrier",
            Statement::SubgroupBallot { .. }
            | Statement::SubgroupGather { .. }
            | Statement::SubgroupCollectiveOperation { .. } => "a subgroup operation",
            Statement::Atomic { .. } | Statement::ImageAtomic { .. } => "an atomic",
            Statement::WorkGroupUniformLoad { .. } => "workgroupUniformLoad",
            Statement::Block(inner) => return shared(inner),
            Statement::If { accept, reject, .. } => {
                return shared(accept).or_else(|| shared(reject));
            }
            Statement::Switch { cases, .. } => {
                return cases.iter().find_map(|case| shared(&case.body));
            }
            Statement::Loop { body, continuing, .. } => {
                return shared(body).or_else(|| shared(continuing));
            }
            _ => return None,
        };
        Some((what, span.to_range()))
    })
}

/// How the engine calls a target, and where its score comes from.
#[derive(Debug, Clone)]
pub(crate) struct Adaptor {
    pub(crate) source: Source,
    /// The module of the target's text with this one.
    parsed: Parsed,
    pub(crate) score: Score,
    /// Functions of the user's that take the position by value.
    by_value: Vec<&'static str>,
    /// Loop iterations of an evaluation, where counting them again takes long.
    pub(crate) iterations: Option<u64>,
}

impl Adaptor {
    /// Checks the target's text and writes the engine's functions over its.
    ///
    /// # Errors
    /// [`ErrorKind::Shader`], also for what cannot be differentiated, and
    /// [`ErrorKind::MissingFunction`].
    pub(crate) fn of(target: &Target) -> Result<Adaptor> {
        let (source, linked) = (target.source(), target.linked());
        let module = target.with_sizes(linked.check()?);
        check_snippet(&linked, &module, &source, Some(target.storage()))?;

        let is_fused = signature(&module, FUSED)
            .is_some_and(|s| s.result == "f32" && s.takes(&[POINTER, POINTER]));
        let density = plain(&module, "log_density", "f32");
        let score = plain(&module, "score", "Point");
        let (mut derived, mut origin) = (String::new(), Score::Written);
        let body = if is_fused {
            format!("return {FUSED}(x, out);")
        } else {
            let found = |name| signature(&module, name);
            let Some(density) = density else {
                let wanted = "fn log_density(x: Point) -> f32";
                return Err(missing(
                    "target",
                    wanted,
                    "log_density",
                    &source,
                    found("log_density"),
                ));
            };
            match score {
                Some(score) => {
                    format!("*out = score({score});\n    return log_density({density});")
                }
                None if found("score").is_some() => {
                    let wanted = "fn score(x: Point) -> Point";
                    return Err(missing("target", wanted, "score", &source, found("score")));
                }
                None => {
                    let found = autodiff::gradient(&module, "log_density").map_err(|refusal| {
                        let message = refusal.message();
                        let or = if message.contains("; ") { ", or" } else { ";" };
                        let message = format!("{message}{or} write `score` by hand");
                        linked.error(message, refusal.span())
                    })?;
                    let (mode, evaluations) = (found.mode, found.evaluations);
                    origin = Score::Derived { mode, evaluations };
                    derived = found.wgsl;
                    derivative_call(&module, target.dim(), &found.function)
                }
            }
        };
        let text = derived + &calls(&body, score);
        let taken = [("log_density", density), ("score", score)];
        let by_value = taken.iter().filter(|(_, argument)| *argument == Some("*x"));
        let by_value = by_value.map(|(name, _)| *name).collect();
        let source = Source::own("target adaptor", text);
        let parsed = Parsed::default();
        Ok(Adaptor { source, parsed, score: origin, by_value, iterations: None })
    }

    /// The same adaptor with another text of the derivative.
    pub(crate) fn with_derivative(
        &self,
        module: &naga::Module,
        target: &Target,
        derived: &str,
        function: &str,
    ) -> Adaptor {
        let body = derivative_call(module, target.dim(), function);
        let text = format!("{derived}{}", calls(&body, None));
        let source = Source::own("target adaptor", text);
        Adaptor { source, parsed: Parsed::default(), ..self.clone() }
    }

    /// The same adaptor with its loop iterations known.
    pub(crate) fn with_iterations(self, iterations: u64) -> Adaptor {
        Adaptor { iterations: Some(iterations), ..self }
    }

    /// The engine's functions of the target, evaluated on the host.
    pub(crate) fn evaluator(&self, target: &Target) -> Result<Evaluator> {
        self.function(target, "target_log_density_and_score")
    }

    /// One of the adaptor's functions, evaluated on the host.
    pub(crate) fn function(&self, target: &Target, name: &str) -> Result<Evaluator> {
        let own = [target.source(), self.source.clone()];
        let linked = Linked::new(target.prelude().into_iter().chain(own)).sharing(&self.parsed);
        let module = linked.checked()?;
        let mut evaluator =
            Evaluator::new(module, name).map_err(|refusal| linked.refused(&refusal))?;
        target.give(module, &mut evaluator);
        Ok(evaluator)
    }

    /// Says what is slow in a target's text, for whom a check says more.
    pub(crate) fn warn(&self, target: &Target) {
        let dim = target.dim();
        for name in self.by_value.iter().filter(|_| dim > 4) {
            log::warn!(
                "{}: `{name}` takes an array of {dim} by value, which is slow where it is indexed \
                 by a variable; take `x: ptr<function, Point>`",
                target.name(),
            );
        }
    }
}

/// The engine's functions: the body of the one, and the argument of the user's score, if there is one.
fn calls(body: &str, score: Option<&str>) -> String {
    let both = format!(
        "fn target_log_density_and_score(x: {POINTER}, out: {POINTER}) -> f32 {{\n    {body}\n}}\n"
    );
    let body = match score {
        Some(argument) => format!("    return score({argument});\n"),
        None => "    var out: Point;\n    _ = target_log_density_and_score(x, &out);\n    \
                 return out;\n"
            .to_string(),
    };
    both + &format!("fn target_score(x: {POINTER}) -> Point {{\n{body}}}\n")
}

/// How to call the derivative: pointers to an array and to its alias are of two types.
fn derivative_call(module: &naga::Module, dim: u32, name: &str) -> String {
    let density = wgsl::function(module, "log_density");
    let ty =
        density.and_then(|(_, f)| f.arguments.first()).map(|x| match module.types[x.ty].inner {
            naga::TypeInner::Pointer { base, .. } => base,
            _ => x.ty,
        });
    let is_point = ty.is_some_and(|ty| module.types[ty].name.as_deref() == Some("Point"));
    if is_point || (2..=4).contains(&dim) {
        return format!("return {name}(x, out);");
    }
    format!(
        "var position: array<f32, DIM> = *x;\n    var slope: array<f32, DIM>;\n    let value = \
         {name}(&position, &slope);\n    *out = slope;\n    return value;"
    )
}

/// How to pass the position to a function of the user's that takes it alone.
fn plain(module: &naga::Module, name: &str, result: &str) -> Option<&'static str> {
    let signature = signature(module, name).filter(|s| s.result == result)?;
    if signature.takes(&[POINTER]) {
        return Some("x");
    }
    if !signature.takes(&["Point"]) {
        return None;
    }
    Some("*x")
}

impl Target {
    /// A derivative of a function of the target's text: `how` is [`autodiff::gradient`] or one of
    /// its sisters.
    ///
    /// # Errors
    /// [`ErrorKind::Shader`] for text that does not parse and for what has no derivative, at its
    /// place.
    pub fn derive(
        &self,
        function: &str,
        how: impl FnOnce(&naga::Module, &str) -> Result<autodiff::Derived, autodiff::Refusal>,
    ) -> Result<autodiff::Derived> {
        let linked = self.linked();
        how(linked.checked()?, function).map_err(|refusal| match refusal.span() {
            Some(_) => linked.refused(&refusal),
            // A sentence without a place says at least of which text it speaks.
            None => linked.error(format!("{}: {}", self.name(), refusal.message()), None),
        })
    }

    /// The log density and the score as the engine calls them, evaluated on the host in double
    /// precision: [`autodiff::Evaluation::value`] and the first of
    /// [`autodiff::Evaluation::outputs`]. Points are counted from [`Target::center`].
    ///
    /// # Errors
    /// Those of [`crate::Problem::new`] for the target's text, and [`ErrorKind::Shader`] for what
    /// the host cannot evaluate.
    pub fn evaluator(&self) -> Result<Evaluator> {
        let target = self.about(self.origin())?;
        Adaptor::of(&target)?.evaluator(&target)
    }

    /// Gives an evaluator of a text that holds the target's its parameters and data.
    pub(crate) fn give(&self, module: &naga::Module, evaluator: &mut Evaluator) {
        for (_, found) in module.overrides.iter() {
            let Some(name) = &found.name else { continue };
            let key = found.id.map_or_else(|| name.clone(), |id| id.to_string());
            if let Some((_, value)) = self.constants().iter().find(|(known, _)| *known == key) {
                evaluator.set(name, *value);
            }
        }
        for (_, variable) in module.global_variables.iter() {
            let Some(binding) = &variable.binding else { continue };
            let contents = self.storage().get(binding.binding as usize);
            if let (Some(name), Some(contents)) = (&variable.name, contents) {
                evaluator.set_buffer(name, contents.clone());
            }
        }
    }
}
