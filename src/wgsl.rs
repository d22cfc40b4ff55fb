//! Shader text: join named texts, check the whole, and find the user's own line again.
//!
//! Texts are joined as they are; nothing is rewritten, so that a byte of the whole is a byte of one
//! of its parts.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wgpu::naga;

use crate::error::{Error, ErrorKind, Location, Result};
use crate::excerpt::excerpt;

mod arrays;
mod blame;
#[cfg(test)]
pub(crate) mod counted;
mod lengths;
mod limits;
mod parsed;
mod prefix;
#[cfg(test)]
mod record;
mod tokens;
mod unroll;

pub(crate) use parsed::Parsed;
pub(crate) use prefix::prefixed;
#[cfg(test)]
pub(crate) use record::record;
pub(crate) use tokens::{Kind, Token, tokens};

/// A named piece of WGSL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What errors call it, usually its file name.
    pub name: String,
    /// The WGSL.
    pub text: String,
    /// Whether it is the engine's own, of which errors show nothing.
    is_own: bool,
    /// The same for a device, which reads numbers that the host's text holds.
    device: Option<String>,
}

impl Source {
    /// A named piece of WGSL.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into(), is_own: false, device: None }
    }

    /// A piece of the engine's own.
    pub(crate) fn own(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { is_own: true, ..Source::new(name, text) }
    }

    /// The same with another text for a device, which reads numbers that this one holds.
    pub(crate) fn with_device(self, text: impl Into<String>) -> Source {
        Source { device: Some(text.into()), ..self }
    }

    /// The text for a device.
    pub(crate) fn on_device(mut self) -> Source {
        if let Some(text) = self.device.take() {
            self.text = text;
        }
        self
    }

    pub(crate) fn is_own(&self) -> bool {
        self.is_own
    }
}

/// A file of the engine's shader library by its path under `shaders/` without the ending, for
/// kernels of your own.
///
/// These functions of three files are stable: within a major version they keep their names and
/// arguments.
///
/// - `threefry`, the counter-based random number generator: `threefry(slot, time, block, stream)`. It
///   needs a function `random_key() -> vec4<u32>`, of which the seed is the first two words and the
///   others are 0.
/// - `normal`, standard normals made of it: `normal_draw`, and `normal_pair` of two words. It also
///   needs `DIM` and `Point`.
/// - `transform`, from free coordinates to parameters under constraints: `transform_positive`,
///   `transform_unit`, `transform_interval` and `transform_ordered`, each with its `_log_jacobian`, and
///   `transform_simplex_begin` and `transform_simplex_step`. A target's text may call it as it is, as
///   [`crate::Target::from_wgsl`] says.
///
/// All else is the engine's own, and may change or go with any version.
///
/// ```
/// let threefry = wfr::wgsl::library("threefry").expect("part of the library");
/// assert!(threefry.text.contains("fn threefry("));
/// ```
pub fn library(name: &str) -> Option<Source> {
    crate::shaders::find(name)
}

/// How the compiler begins where an operator does not take its operands, and does not say where.
const NO_OPERANDS: &str = "Incompatible operands";

const TOO_EARLY: &str = "the text ends too early; a closing `}`, `)` or `;` is missing";

/// Several sources joined into one WGSL text.
#[derive(Debug, Clone, Default)]
pub struct Linked {
    text: String,
    parts: Vec<(usize, Source)>,
    parsed: Parsed,
}

impl Linked {
    /// Joins texts in the order given.
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Linked {
        let mut linked = Linked::default();
        for source in sources {
            let start = linked.text.len();
            linked.text.push_str(&source.text);
            linked.text.push('\n');
            linked.parts.push((start, source));
        }
        linked
    }

    /// The same with the module of who linked these texts before.
    pub(crate) fn sharing(self, parsed: &Parsed) -> Linked {
        Linked { parsed: parsed.clone(), ..self }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The source, line and column of a byte of the whole text.
    pub fn locate(&self, offset: usize) -> Option<Location> {
        let (start, source) = self.part(offset)?;
        let before = floor_boundary(&source.text, offset - start);
        let head = &source.text[..before];
        let line_start = head.rfind('\n').map_or(0, |i| i + 1);
        Some(Location {
            source: source.name.clone(),
            line: head.matches('\n').count() as u32 + 1,
            column: head[line_start..].chars().count() as u32 + 1,
        })
    }

    /// Parses and validates the whole text.
    ///
    /// # Errors
    /// [`ErrorKind::Shader`] with the place in the source it came from.
    pub fn check(&self) -> Result<naga::Module> {
        self.checked().cloned()
    }

    /// The module of the whole text, parsed and validated once.
    pub(crate) fn checked(&self) -> Result<&naga::Module> {
        let module = self.module()?;
        if self.parsed.is_valid() {
            return Ok(module);
        }
        let mut validator = validator();
        guarded(|| validator.validate(module).map_err(Box::new))
            .map_err(|reason| self.error(reason, None))?
            .map_err(|error| self.validation_error(module, &error))?;
        limits::check_module(module).map_err(|(span, message)| self.error(message, span))?;
        #[cfg(test)]
        record(self);
        self.parsed.set_valid();
        Ok(module)
    }

    /// What a device compiles: the module with its loops over arrays written out, or nothing where it
    /// has none.
    pub(crate) fn unrolled(&self) -> Result<Option<naga::Module>> {
        self.module().map(unroll::unrolled)
    }

    /// The text of what a device compiles.
    pub(crate) fn compiled(&self) -> Result<Cow<'_, str>> {
        let Some(module) = self.unrolled()? else { return Ok(self.text().into()) };
        let checked = validator().validate(&module).map_err(|error| error.to_string());
        let flags = naga::back::wgsl::WriterFlags::empty();
        let written = checked.and_then(|info| {
            let written = naga::back::wgsl::write_string(&module, &info, flags);
            written.map_err(|error| error.to_string())
        });
        let written = written.map(|text| named(text, &module));
        written.map(Cow::Owned).map_err(|reason| {
            let message = format!("a text with its loops written out: {reason}");
            ErrorKind::Internal { message }.into()
        })
    }

    /// The module of the whole text, parsed once.
    pub(crate) fn module(&self) -> Result<&naga::Module> {
        match self.parsed.module() {
            Some(module) => Ok(module),
            None => self.parse().map(|module| self.parsed.keep(module)),
        }
    }

    /// Parses the whole text, if it is of a size that the parser takes.
    fn parse(&self) -> Result<naga::Module> {
        for (start, source) in &self.parts {
            limits::check_text(&source.text).map_err(|(at, message)| {
                self.error(message, Some(start + at.start..start + at.end))
            })?;
        }
        limits::check_lengths(&self.text).map_err(|(at, message)| self.error(message, Some(at)))?;
        self.check_names()?;
        #[cfg(test)]
        counted::count(&self.text);
        guarded(|| naga::front::wgsl::parse_str(&self.text))
            .map_err(|reason| self.error(reason, None))?
            .map_err(|error| self.parse_error(&error))
    }

    /// Refuses names of WGSL's own in the user's texts: the engine's mean WGSL's.
    fn check_names(&self) -> Result<()> {
        for (start, source) in self.parts.iter().filter(|(_, source)| !source.is_own) {
            if let Some(at) = blame::hides(&source.text) {
                let name = &source.text[at.clone()];
                let message = format!("`{name}` hides WGSL's own `{name}`; choose another name");
                return Err(self.error(message, Some(start + at.start..start + at.end)));
            }
        }
        Ok(())
    }

    /// What cannot be differentiated, as an error at its place in the source it came from.
    pub fn refused(&self, refusal: &crate::autodiff::Refusal) -> Error {
        self.error(refusal.message().to_string(), refusal.span())
    }

    /// An [`ErrorKind::Shader`] at a range of bytes of the whole text, if it is the user's.
    pub(crate) fn error(&self, message: String, span: Option<std::ops::Range<usize>>) -> Error {
        if let Some(span) = &span
            && let Some((start, source)) = self.part(span.start)
            && source.is_own
        {
            return self.error_of_own(&message, source, span.start - start);
        }
        let location = span.as_ref().and_then(|span| self.locate(span.start));
        let excerpt = span.and_then(|span| self.excerpt(span)).unwrap_or_default();
        ErrorKind::Shader { location, message, excerpt }.into()
    }

    /// An error in a text of the engine's own: that of a text of the user's that is not closed before
    /// it, or of a name of the user's in this line, or else a fault of ours.
    fn error_of_own(&self, message: &str, source: &Source, at: usize) -> Error {
        let at = floor_boundary(&source.text, at);
        for (start, part) in self.parts.iter().filter(|(_, part)| !part.is_own) {
            if let Some(last) = blame::is_open(&part.text) {
                let last = start + last.start..start + last.end;
                return self.error(TOO_EARLY.into(), Some(last));
            }
        }
        let number = source.text[..at].matches('\n').count();
        let line = source.text.lines().nth(number).unwrap_or_default();
        for (start, part) in self.parts.iter().filter(|(_, part)| !part.is_own) {
            if let Some(at) = blame::named_in(&part.text, line) {
                let name = &part.text[at.clone()];
                return self.error(used_too(name), Some(start + at.start..start + at.end));
            }
        }
        let message = format!("{}, line {}: {message}", source.name, number + 1);
        ErrorKind::Internal { message }.into()
    }

    /// A parser's error, in words of our own where it says too little.
    fn parse_error(&self, error: &naga::front::wgsl::ParseError) -> Error {
        let labels: Vec<_> =
            error.labels().filter_map(|(span, text)| Some((span.to_range()?, text))).collect();
        let message = error.message().to_string();
        let Some((span, _)) = labels.first().cloned() else {
            let is_this = |text: &str| {
                let parsed = guarded(|| naga::front::wgsl::parse_str(text));
                parsed.is_ok_and(|parsed| parsed.is_err_and(|error| error.message() == message))
            };
            let at =
                message.starts_with(NO_OPERANDS).then(|| arrays::statement(&self.text, is_this));
            return self.type_error(message, at.flatten());
        };
        if span.start >= self.text.trim_end().len() {
            let end = self.text.trim_end().len();
            let last = floor_boundary(&self.text, end.saturating_sub(1));
            return self.error(TOO_EARLY.into(), Some(last..end));
        }
        if message.starts_with("redefinition of") {
            let name = &self.text[span.clone()];
            let first = labels.get(1).and_then(|(span, _)| self.locate(span.start));
            // Whichever comes first, the user's is the one to change.
            let other = labels.get(1).map(|(span, _)| span.clone());
            if let Some(other) = other.filter(|other| self.is_own(&span) && !self.is_own(other)) {
                return self.error(used_too(name), Some(other));
            }
            let message = match (first, self.locate(span.start)) {
                (Some(first), Some(second)) if first.source == second.source => {
                    format!("`{name}` is defined twice, first in line {}", first.line)
                }
                (Some(first), _) => {
                    let place = first.source;
                    let is_own = labels.get(1).is_some_and(|(span, _)| self.is_own(span));
                    let of = if is_own { "the engine's " } else { "" };
                    format!("`{name}` is already defined in {of}{place}; choose another name")
                }
                (None, _) => message,
            };
            return self.error(message, Some(span));
        }
        // The value that has the wrong type, not the place that it goes to.
        if message.starts_with("automatic conversions cannot convert")
            && let Some((source, _)) = labels.get(1).cloned()
            && let [_, found, _, wanted, ..] = message.split('`').collect::<Vec<_>>()[..]
        {
            let value = &self.text[source.clone()];
            let way_out = conversion(wanted, value);
            let message = format!("`{value}` is {found} where {wanted} is needed; {way_out}");
            return self.type_error(message, Some(source));
        }
        if message.starts_with("the type of")
            && let [_, name, _, wanted, _, found, ..] = message.split('`').collect::<Vec<_>>()[..]
        {
            let way_out = conversion(wanted, "…");
            let message =
                format!("`{name}` is declared {wanted} but its value is {found}; {way_out}");
            return self.type_error(message, Some(span));
        }
        if message.starts_with("inconsistent type passed")
            && let Some((argument, text)) = labels.get(1).cloned()
        {
            // "this argument has type f32, which …"
            let before = labels.get(2).map_or("", |(_, text)| text);
            let other = before.split(',').next().and_then(|text| text.rsplit(' ').next());
            let message = format!(
                "{text}, and an argument before it has type {}; WGSL converts no variable by \
                 itself",
                other.unwrap_or_default()
            );
            return self.type_error(message, Some(argument));
        }
        let is_of_types = ["wrong type passed", "invalid field accessor", "Expression ["];
        match is_of_types.iter().any(|start| message.starts_with(start)) {
            true => self.type_error(message, Some(span)),
            false => self.error(message, Some(span)),
        }
    }

    /// An error of types; where a position that is an array is taken for a number, it says so there.
    fn type_error(&self, message: String, span: Option<std::ops::Range<usize>>) -> Error {
        let Some((at, what)) = span.as_ref().and_then(|span| self.array_at(span)) else {
            return self.error(message, span);
        };
        let is_of_the_compiler = ["Expression [", "The type of [", "Call to [", NO_OPERANDS];
        let message = match is_of_the_compiler.iter().any(|start| message.starts_with(start)) {
            true => "an array is no operand".to_string(),
            false => message.split("; ").next().unwrap_or_default().to_string(),
        };
        self.error(format!("{message}: {what}"), Some(at))
    }

    /// A position that is an array, in the statement of this place.
    fn array_at(&self, span: &std::ops::Range<usize>) -> Option<(std::ops::Range<usize>, String)> {
        let (start, source) = self.part(span.start)?;
        let dim = self.text.split("const DIM: u32 = ").nth(1)?.split('u').next()?.parse().ok()?;
        let within = span.start - start..(span.end - start).min(source.text.len());
        let (at, what) = arrays::of_position(&source.text, within, dim)?;
        Some((start + at.start..start + at.end, what))
    }

    /// A validator's error, in words of our own where it speaks of its internals.
    fn validation_error(
        &self,
        module: &naga::Module,
        error: &naga::WithSpan<naga::valid::ValidationError>,
    ) -> Error {
        use naga::valid::{ComposeError, ExpressionError, FunctionError, ValidationError};
        let span = error.spans().last().and_then(|(span, _)| span.to_range());
        let function = match error.as_inner() {
            ValidationError::Function { handle, source, .. } => {
                Some((&module.functions[*handle], source))
            }
            _ => None,
        };
        let message = match function {
            Some((
                _,
                FunctionError::Expression {
                    source: ExpressionError::InvalidBinaryOperandTypes { lhs_type, rhs_type, .. },
                    ..
                },
            )) => {
                let (left, right) =
                    (describe_inner(module, lhs_type), describe_inner(module, rhs_type));
                let number = |ty: &str| ["u32", "i32", "f32"].contains(&ty);
                let hint = match (left.as_str(), right.as_str()) {
                    (a, b) if a != b && number(a) && number(b) => {
                        "; WGSL converts no variable by itself, write f32(…)"
                    }
                    _ => "",
                };
                format!("this joins {left} with {right}{hint}")
            }
            Some((function, FunctionError::InvalidReturnType { expression, .. })) => {
                let name = function.name.as_deref().unwrap_or_default();
                let result = function.result.as_ref().map(|result| describe(module, result.ty));
                match (expression, result) {
                    (None, Some(ty)) => format!("`{name}` must return a value of type {ty}"),
                    (Some(_), Some(ty)) => format!(
                        "`{name}` returns {ty}, and this value has another type; {}",
                        conversion(&ty, "…")
                    ),
                    _ => format!("`{name}` declares no result, so that it can return no value"),
                }
            }
            Some((
                _,
                FunctionError::Expression {
                    source: ExpressionError::Compose(ComposeError::ComponentType { .. }),
                    ..
                },
            )) => "a component of this has another type; WGSL converts no variable by itself, \
                   write f32(…)"
                .into(),
            _ => {
                // The outermost message only says "function X is invalid"; the cause is below it.
                let mut message = String::new();
                let mut cause = std::error::Error::source(error.as_inner());
                while let Some(inner) = cause {
                    let separator = if message.is_empty() { "" } else { ": " };
                    let _ = write!(message, "{separator}{inner}");
                    cause = inner.source();
                }
                if message.is_empty() { error.as_inner().to_string() } else { message }
            }
        };
        let is_of_types = ["this joins", "Expression [", "The type of [", "Call to ["];
        let is_of_types = is_of_types.iter().any(|start| message.starts_with(start))
            || message.contains("has another type");
        if is_of_types { self.type_error(message, span) } else { self.error(message, span) }
    }

    /// Whether a byte of the whole text is one of this source.
    pub(crate) fn is_of(&self, offset: usize, source: &Source) -> bool {
        self.part(offset).is_some_and(|(_, part)| part == source)
    }

    fn is_own(&self, span: &std::ops::Range<usize>) -> bool {
        self.part(span.start).is_some_and(|(_, part)| part.is_own)
    }

    fn part(&self, offset: usize) -> Option<(usize, &Source)> {
        let (start, source) = self.parts.iter().rev().find(|(start, _)| *start <= offset)?;
        Some((*start, source))
    }

    /// The line of the place and a row of carets under it.
    pub(crate) fn excerpt(&self, span: std::ops::Range<usize>) -> Option<String> {
        let (start, source) = self.part(span.start)?;
        let location = self.locate(span.start)?;
        let line = source.text.lines().nth(location.line as usize - 1)?;
        let length = source
            .text
            .get(span.start - start..span.end - start)
            .map_or(1, |text| text.lines().next().map_or(1, |first| first.chars().count().max(1)));
        Some(excerpt(location.line as usize, line, location.column as usize - 1, length))
    }
}

fn used_too(name: &str) -> String {
    format!("`{name}` is a name that wfr uses too; choose another name")
}

/// What a part of the WGSL compiler gives, or a sentence where it panics: texts are anybody's.
pub(crate) fn guarded<T>(part: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(part)).map_err(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied());
        format!(
            "this text makes the WGSL compiler fail ({}); write it in another way",
            reason.unwrap_or("without a reason")
        )
    })
}

/// The function `name` of a module.
pub(crate) fn function<'m>(
    module: &'m naga::Module,
    name: &str,
) -> Option<(naga::Handle<naga::Function>, &'m naga::Function)> {
    module.functions.iter().find(|(_, function)| function.name.as_deref() == Some(name))
}

/// A type by the name it has in the engine's texts.
pub(crate) fn describe(module: &naga::Module, ty: naga::Handle<naga::Type>) -> String {
    let ty = &module.types[ty];
    match &ty.name {
        // An alias has a name too, but every structure has.
        Some(name) if matches!(ty.inner, naga::TypeInner::Struct { .. }) => name.clone(),
        _ => describe_inner(module, &ty.inner),
    }
}

fn describe_inner(module: &naga::Module, ty: &naga::TypeInner) -> String {
    let dim = module.constants.iter().find(|(_, c)| c.name.as_deref() == Some("DIM"));
    let dim = dim.and_then(|(_, c)| match module.global_expressions[c.init] {
        naga::Expression::Literal(naga::Literal::U32(dim)) => Some(dim),
        _ => None,
    });
    let is_f32 = |scalar: &naga::Scalar| *scalar == naga::Scalar::F32;
    match ty {
        naga::TypeInner::Vector { size, scalar } if is_f32(scalar) && Some(*size as u32) == dim => {
            "Point".into()
        }
        naga::TypeInner::Vector { size, scalar } if is_f32(scalar) => {
            format!("vec{}<f32>", *size as u32)
        }
        naga::TypeInner::Array { base, size: naga::ArraySize::Constant(n), .. } => {
            let base = describe(module, *base);
            // In two to four dimensions a point is a vector, which an array does not convert to.
            if base == "f32" && Some(n.get()) == dim && !(2..=4).contains(&n.get()) {
                "Point".into()
            } else {
                format!("array<{base}, {n}>")
            }
        }
        naga::TypeInner::Pointer { base, space: naga::AddressSpace::Function } => {
            format!("ptr<function, {}>", describe(module, *base))
        }
        naga::TypeInner::Scalar(scalar) => match (scalar.kind, scalar.width) {
            (naga::ScalarKind::Float, 4) => "f32".into(),
            (naga::ScalarKind::Uint, 4) => "u32".into(),
            (naga::ScalarKind::Sint, 4) => "i32".into(),
            (naga::ScalarKind::Bool, _) => "bool".into(),
            _ => format!("{scalar:?}"),
        },
        naga::TypeInner::Matrix { columns, rows, scalar } if is_f32(scalar) => {
            format!("mat{}x{}<f32>", *columns as u32, *rows as u32)
        }
        other => format!("{other:?}"),
    }
}

/// How to turn a value into a scalar type.
fn conversion(wanted: &str, value: &str) -> String {
    match wanted {
        "f32" | "u32" | "i32" => format!("write {wanted}({value})"),
        _ => format!("give it a {wanted}"),
    }
}

/// A written text whose kernels have their names back: naga changes one that is a function of WGSL's.
fn named(text: String, module: &naga::Module) -> String {
    module.entry_points.iter().fold(text, |text, entry| {
        let (changed, name) = (format!("fn {}_(", entry.name), format!("fn {}(", entry.name));
        if text.contains(&name) { text } else { text.replace(&changed, &name) }
    })
}

/// What checks a module.
fn validator() -> naga::valid::Validator {
    let mut validator = naga::valid::Validator::new(
        naga::valid::ValidationFlags::all(),
        // The engine links 64-bit products and subgroup operations only where the device has them.
        naga::valid::Capabilities::SHADER_INT64 | naga::valid::Capabilities::SUBGROUP,
    );
    validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE);
    validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    validator
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locate_counts_lines_and_characters_of_the_right_source() {
        let linked = Linked::new([Source::new("a", "x\ny"), Source::new("b", "first\n  é foo\n")]);
        let offset = linked.text().find("foo").unwrap();
        let location = linked.locate(offset).unwrap();
        assert_eq!(location.to_string(), "b:2:5");
        assert_eq!(linked.locate(0).unwrap().to_string(), "a:1:1");
        assert_eq!(linked.locate(2).unwrap().to_string(), "a:2:1");
    }

    #[test]
    fn errors_point_into_the_users_text() {
        let linked = Linked::new([
            Source::new("prelude", "alias Point = vec2<f32>;"),
            Source::new("mine.wgsl", "fn f(x: Point) -> f32 {\n    return foo(x);\n}\n"),
        ]);
        let error = linked.check().unwrap_err();
        assert_eq!(error.location().unwrap().to_string(), "mine.wgsl:2:12");
        assert!(
            error.to_string().contains("2 |     return foo(x);\n  |            ^^^"),
            "{error}"
        );
    }

    /// The user's name, wherever it comes first, and never a line of the engine's.
    #[test]
    fn no_error_shows_a_text_of_the_engine() {
        let own =
            Source::own("own.wgsl", "fn own(x: f32) -> f32 {\n    return helper(x, SECRET);\n}");
        let told = |mine: &str, first: bool| {
            let mine = Source::new("mine.wgsl", mine);
            let parts = if first { [mine, own.clone()] } else { [own.clone(), mine] };
            let error = Linked::new(parts).check().unwrap_err();
            assert!(!error.to_string().contains("return helper"), "{error}");
            error
        };
        for first in [true, false] {
            // Of another signature than the engine's text takes it for.
            let error = told("fn helper(x: f32) -> f32 { return x; }\nconst SECRET = 1;", first);
            assert_eq!(
                error.to_string(),
                "mine.wgsl:1:4: `helper` is a name that wfr uses too; choose another name\n\
                 1 | fn helper(x: f32) -> f32 { return x; }\n  |    ^^^^^^"
            );
            let error = told("fn own() {}", first);
            assert_eq!(error.location().unwrap().to_string(), "mine.wgsl:1:4");
            // Not closed: what follows is the engine's.
            if first {
                for open in ["fn mine() {\n    if true {\n}", "const mine = (1", "const mine = 1"] {
                    let error = told(open, first);
                    assert!(error.to_string().contains("the text ends too early"), "{error}");
                }
            }
            // No text of the user's is the cause.
            let error = told("fn mine() {}", first);
            assert!(matches!(error.kind(), ErrorKind::Internal { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.starts_with("a shader of wfr's own does not compile (own.wgsl, line 2: "));
            assert!(text.ends_with("please report it with what you gave it"), "{text}");
            // WGSL's own words mean WGSL's, also where the engine's text would compile.
            let error = told("fn workgroupBarrier() {}", first);
            assert_eq!(
                error.to_string(),
                "mine.wgsl:1:4: `workgroupBarrier` hides WGSL's own `workgroupBarrier`; choose another \
                 name\n1 | fn workgroupBarrier() {}\n  |    ^^^^^^^^^^^^^^^^"
            );
        }
    }
}
