//! A log density written as a formula: its grammar, its names, and its WGSL.
//!
//! The text becomes tokens (`lexer`), a tree with checked indices (`parse`, `names`, `call`,
//! `index`), a graph of values without repetition (`lower`, `shapes`, `log_sum`), and then WGSL
//! (`emit`, `bounds`). Where coordinates lie far from zero, the tree is first written in what is left
//! of them (`center`).

mod affine;
mod ast;
mod bounds;
mod call;
mod center;
mod emit;
mod fault;
mod function;
mod graph;
mod index;
mod infinite;
mod lexer;
mod log_sum;
mod lower;
mod names;
mod parse;
#[cfg(test)]
pub(crate) mod random;
mod shapes;
#[cfg(test)]
mod tests;
mod value;

use std::fmt::Write as _;

pub(crate) use affine::Symbol;
pub(crate) use ast::Expr;
use ast::{Known, Node};
use center::About;
use fault::Fault;
use names::{Array, Reach};
pub(crate) use value::Data;
#[cfg(test)]
pub(crate) use value::value;

use crate::error::{Error, ErrorKind, Result};
use crate::shown::steers;
use crate::target;
use crate::wgsl::{Linked, Source};

/// What comes before the name of a parameter in WGSL, where other names and keywords are.
pub(crate) const PARAMETER: &str = "formula_";

/// The longest formula, in bytes.
const LONGEST: usize = 1 << 16;

/// A formula, understood.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    text: String,
    pub(crate) expr: Expr,
    /// The names of parameters, in the order of first appearance.
    pub(crate) parameters: Vec<String>,
    /// Those that are infinite, which no pipeline constant can be: the WGSL has them as numbers.
    infinite: Vec<(usize, f64)>,
    arrays: Vec<Array>,
    reaches: Vec<Reach>,
    pub(crate) wgsl: String,
}

impl Formula {
    /// The formula of a log density of a point of `dim` coordinates.
    pub(crate) fn new(dim: u32, text: &str) -> Result<Formula> {
        if text.len() > LONGEST {
            let message = format!(
                "the formula has {} characters and may have {LONGEST}; write a long density in WGSL",
                text.len()
            );
            return Err(
                ErrorKind::Shader { location: None, message, excerpt: String::new() }.into()
            );
        }
        Formula::compile(dim, text).map_err(|fault| fault.error(text))
    }

    fn compile(dim: u32, text: &str) -> Result<Formula, Fault> {
        let mut formula = Formula::parse(dim, text)?;
        formula.wgsl = formula.checked(dim, &formula.expr)?;
        Ok(formula)
    }

    /// The WGSL of the formula in coordinates counted from `center`, with its parameters and the
    /// centers of its arrays' columns.
    pub(crate) fn about(
        &self,
        center: &[f64],
        constants: &[(String, f64)],
        arrays: &[Option<Vec<f64>>],
    ) -> Result<String> {
        let parameters = self.values(constants);
        let shape = |symbol| self.shape(constants, symbol).unwrap_or(0);
        let about = About { center, arrays, parameters: &parameters, shape: &shape };
        center::rewrite(&self.with_infinities(), &about)
            .and_then(|expr| self.checked(center.len() as u32, &expr))
            .map_err(|fault: Fault| fault.error(&self.text))
    }

    /// The values of the parameters, 0 for one that has none.
    fn values(&self, constants: &[(String, f64)]) -> Vec<f64> {
        let value = |name: &String| {
            let key = format!("{PARAMETER}{name}");
            constants.iter().find(|(known, _)| *known == key).map_or(0.0, |(_, value)| *value)
        };
        self.parameters.iter().map(value).collect()
    }

    /// The same formula with the parameter `name` at a value that may be infinite.
    pub(crate) fn with_value(&self, dim: u32, name: &str, value: f64) -> Result<Formula> {
        let place = self.parameters.iter().position(|known| known == name);
        let mut infinite = self.infinite.clone();
        infinite.retain(|(known, _)| Some(*known) != place);
        infinite.extend(place.filter(|_| value.is_infinite()).map(|place| (place, value)));
        let mut formula = Formula { infinite, ..self.clone() };
        if formula.infinite != self.infinite {
            let expr = formula.with_infinities();
            formula.wgsl = formula.checked(dim, &expr).map_err(|fault| fault.error(&self.text))?;
        }
        Ok(formula)
    }

    /// The WGSL of an expression, which parses.
    fn checked(&self, dim: u32, expr: &Expr) -> Result<String, Fault> {
        let wgsl = self.write(expr)?;
        // WGSL has no literal for what is no number, and computes what is constant.
        let texts = target::prelude(dim, &wgsl);
        let whole = Linked::new([texts, Source::new("formula.wgsl", wgsl.as_str())]);
        if let Err(error) = whole.module() {
            let ErrorKind::Shader { message, .. } = error.kind() else { return Ok(wgsl) };
            let message =
                format!("this has a part that is out of range whatever the position: {message}");
            return Err(Fault::new(0..self.text.trim_end().len(), message));
        }
        Ok(wgsl)
    }

    /// The formula with the infinite parameters as numbers.
    fn with_infinities(&self) -> Expr {
        self.infinite.iter().fold(self.expr.clone(), |expr, (place, value)| {
            expr.map(&|part| match part.node {
                Node::Parameter(found) if found == *place => Some(Node::Number(*value)),
                _ => None,
            })
        })
    }

    /// Without its WGSL.
    fn parse(dim: u32, text: &str) -> Result<Formula, Fault> {
        let (expr, names) = parse::parse(text, dim)?;
        Ok(Formula {
            text: text.to_string(),
            expr,
            parameters: names.parameters.into_iter().map(|(name, _)| name).collect(),
            infinite: Vec::new(),
            arrays: names.arrays,
            reaches: names.reaches,
            wgsl: String::new(),
        })
    }

    fn write(&self, expr: &Expr) -> Result<String, Fault> {
        let mut text = String::new();
        // A comment ends at its line, and WGSL knows more ends of lines than one.
        for line in self.text.lines() {
            let _ = writeln!(text, "// {}", line.replace(|c| steers(c) || c == '\t', " "));
        }
        let parameters: Vec<_> =
            self.parameters.iter().map(|name| format!("{PARAMETER}{name}")).collect();
        let is_finite = |place: usize| self.infinite.iter().all(|(found, _)| *found != place);
        for (_, name) in parameters.iter().enumerate().filter(|(place, _)| is_finite(*place)) {
            let _ = writeln!(text, "override {name}: f32;");
        }
        let arrays: Vec<_> = self.arrays.iter().map(variable_of).collect();
        for (binding, name) in arrays.iter().enumerate() {
            let _ = writeln!(
                text,
                "@group(1) @binding({binding}) var<storage, read> {name}: array<f32>;\n\
                 override {name}_rows: u32;\noverride {name}_columns: u32;"
            );
        }
        let mut lowering = lower::Lowering::new();
        let root = lowering.lower(expr)?;
        if let Some(message) = infinite::fault(&lowering.graph, root) {
            let is_infinite = |part: &Expr| part.constant().is_some_and(f64::is_infinite);
            let span = expr.find(&is_infinite).unwrap_or(expr).span.clone();
            return Err(Fault::new(span, message));
        }
        let body = emit::body(&lowering.graph, root, &parameters, &arrays);
        let _ = write!(text, "fn log_density(x: ptr<function, Point>) -> f32 {{\n{body}}}\n");
        Ok(text)
    }

    /// The number of rows or columns of an array; none where the array is not given.
    pub(crate) fn shape(&self, constants: &[(String, f64)], symbol: Symbol) -> Option<i64> {
        let (array, what) = match symbol {
            Symbol::Rows(array) => (array, "rows"),
            Symbol::Columns(array) => (array, "columns"),
            Symbol::Bound(_) => return None,
        };
        let key = format!("{}_{what}", variable_of(&self.arrays[array]));
        constants.iter().find(|(known, _)| *known == key).map(|(_, value)| *value as i64)
    }

    /// The key of the pipeline constant `name`, if it may be set to `value`.
    pub(crate) fn check_parameter(&self, target: &str, name: &str, value: f64) -> Result<String> {
        let reason = if self.parameters.iter().any(|known| known == name) {
            if (value as f32).is_finite() || value.is_infinite() {
                return Ok(format!("{PARAMETER}{name}"));
            }
            format!("is {value}; expected an f32, inf or -inf")
        } else if name == "inf" {
            "is infinity in every formula; leave it out".to_string()
        } else if self.arrays.iter().map(variable_of).any(|array| is_shape_of(&array, name)) {
            return Ok(name.to_string());
        } else if self.parameters.is_empty() {
            "is not a parameter; this formula has none".to_string()
        } else {
            format!("is not a parameter; known: {}", crate::shown::listed(&self.parameters))
        };
        Err(Error::config(format!("{target}.{name}"), reason))
    }

    /// Checks that every parameter has a value.
    pub(crate) fn check_parameters(&self, target: &str, constants: &[(String, f64)]) -> Result<()> {
        let is_set = |name: &String| {
            let key = format!("{PARAMETER}{name}");
            constants.iter().any(|(known, _)| *known == key)
        };
        if let Some(name) = self.parameters.iter().find(|name| !is_set(name)) {
            let is_coordinate = |part: &Expr| matches!(part.node, Node::Coordinate(_));
            if self.expr.find(&is_coordinate).is_none() {
                let reason = format!(
                    "has no value; the unknowns of a formula are x0, x1, …, and a parameter is \
                     set, on the command line with --param {name}=…"
                );
                return Err(Error::config(format!("{target}.{name}"), reason));
            }
            return Err(unset_parameter(target, name));
        }
        // A shader compiler works out what depends on parameters alone, and refuses what is not
        // finite without a word about the formula.
        let values = self.values(constants);
        let known = Known { variables: &[], parameters: &values };
        let is_finite = |part: &Expr| part.value(known).is_none_or(|v| (v as f32).is_finite());
        let expr = self.with_infinities();
        // What is made of an infinite number may be infinite, but a number it has to be.
        let found = expr.find(&|part| {
            let overflows = || part.parts().iter().all(|inner| is_finite(inner));
            let is_nan = part.value(known).is_some_and(f64::is_nan);
            part.constant().is_none() && (is_nan || (!is_finite(part) && overflows()))
        });
        let Some((part, value)) = found.and_then(|part| Some((part, part.value(known)?))) else {
            return Ok(());
        };
        let what = if value.is_finite() { "too large for an f32" } else { "not a finite number" };
        let message = format!("this is {value:?} with the values of the parameters, {what}");
        Err(Fault::new(part.span.clone(), message).error(&self.text))
    }

    /// Checks that every array is given, and large enough for what is read of it.
    pub(crate) fn check_data(&self, constants: &[(String, f64)]) -> Result<()> {
        let shape = |symbol| self.shape(constants, symbol);
        let fault = |span: &fault::Span, message: String| -> Result<()> {
            Err(Fault::new(span.clone(), message).error(&self.text))
        };
        for (place, array) in self.arrays.iter().enumerate() {
            let name = &array.name;
            let (Some(_), Some(columns)) =
                (shape(Symbol::Rows(place)), shape(Symbol::Columns(place)))
            else {
                let message = format!(
                    "data.{name} is not given; add it, on the command line with --data {name}=FILE"
                );
                return fault(&array.span, message);
            };
            if array.has_columns == Some(false) && columns > 1 {
                let message =
                    format!("data.{name} has {columns} columns; write data.{name}[row, column]");
                return fault(&array.span, message);
            }
        }
        for reach in &self.reaches {
            let name = &self.arrays[reach.array].name;
            let largest = reach.largest.value(|symbol| shape(symbol).unwrap_or(0));
            let (symbol, what) = match reach.column {
                true => (Symbol::Columns(reach.array), "column"),
                false => (Symbol::Rows(reach.array), "row"),
            };
            let last = shape(symbol).unwrap_or(0) - 1;
            if largest > last {
                let message = format!(
                    "this index goes up to {largest}, and the last {what} of data.{name} is {last}, \
                     counted from 0"
                );
                return fault(&reach.span, message);
            }
        }
        Ok(())
    }
}

/// The WGSL variable of an array.
fn variable_of(array: &Array) -> String {
    format!("data_{}", array.name)
}

/// Whether `name` is the override of a shape of the WGSL variable `array`.
fn is_shape_of(array: &str, name: &str) -> bool {
    name.strip_prefix(array).is_some_and(|rest| rest == "_rows" || rest == "_columns")
}

/// The error of a parameter that has neither a default nor a value.
pub(crate) fn unset_parameter(target: &str, name: &str) -> Error {
    let reason = format!("has no value; set it, on the command line with --param {name}=…");
    Error::config(format!("{target}.{name}"), reason)
}
