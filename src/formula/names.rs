//! What names mean: coordinates, constants, parameters, data, functions; and where indices may go.

use super::affine::Affine;
use super::ast::{Expr, Node};
use super::fault::{Fault, Span};
use super::function::{self, FUNCTIONS};
use super::lexer::Kind;
use super::parse::Parser;
use crate::words;

/// Names of laws, which formulas do not have; some are like those of functions.
const LAWS: [&str; 14] = [
    "normal",
    "gaussian",
    "dnorm",
    "uniform",
    "exponential",
    "laplace",
    "cauchy",
    "poisson",
    "binomial",
    "bernoulli",
    "lognormal",
    "student_t",
    "beta",
    "dirichlet",
];

/// The most parameters and arrays of a formula.
const MOST: usize = 300;

/// A data array, in the order of first appearance.
#[derive(Debug, Clone)]
pub(crate) struct Array {
    pub(crate) name: String,
    pub(crate) span: Span,
    /// Whether it is read with two indices; unknown while only its rows are counted.
    pub(crate) has_columns: Option<bool>,
}

/// An index into data that is checked once the shape of the data is known.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) span: Span,
    pub(crate) array: usize,
    /// Whether it is a column.
    pub(crate) column: bool,
    /// The largest index.
    pub(crate) largest: Affine,
}

/// A sum that is being parsed.
pub(super) struct Scope {
    pub(super) name: String,
    /// Whether its range, or that of a sum around it, has no value.
    pub(super) empty: bool,
}

/// The names that a formula has.
pub(super) struct Names {
    pub(super) dim: u32,
    pub(super) parameters: Vec<(String, Span)>,
    pub(super) arrays: Vec<Array>,
    pub(super) reaches: Vec<Reach>,
    pub(super) scopes: Vec<Scope>,
    /// First and last value of the variable of each scope.
    pub(super) ranges: Vec<(Affine, Affine)>,
    /// Every name that a sum has bound.
    pub(super) bound: Vec<String>,
}

impl Names {
    pub(super) fn new(dim: u32) -> Names {
        Names {
            dim,
            parameters: Vec::new(),
            arrays: Vec::new(),
            reaches: Vec::new(),
            scopes: Vec::new(),
            ranges: Vec::new(),
            bound: Vec::new(),
        }
    }

    /// A name is a parameter or the variable of a sum, never both, and there are not too many.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let arrays = self.arrays.iter().map(|array| &array.span);
        if let Some(span) = self.parameters.iter().map(|(_, span)| span).chain(arrays).nth(MOST) {
            let message = format!(
                "the formula has more than {MOST} parameters and arrays; put numbers into an array"
            );
            return Err(Fault::new(span.clone(), message));
        }
        match self.parameters.iter().find(|(name, _)| self.bound.contains(name)) {
            None => Ok(()),
            Some((name, span)) => {
                let message =
                    format!("`{name}` is the variable of a sum elsewhere, and here it is free");
                Err(Fault::new(span.clone(), message))
            }
        }
    }

    /// The depth of the innermost sum over this name.
    pub(super) fn depth(&self, name: &str) -> Option<usize> {
        self.scopes.iter().rposition(|scope| scope.name == name)
    }

    /// Whether the part being parsed is never evaluated.
    pub(super) fn is_idle(&self) -> bool {
        self.scopes.last().is_some_and(|scope| scope.empty)
    }

    pub(super) fn least(&self, index: &Affine) -> Affine {
        index.extreme(false, &self.ranges)
    }

    pub(super) fn largest(&self, index: &Affine) -> Affine {
        index.extreme(true, &self.ranges)
    }

    fn coordinate(&self, index: Affine, span: Span, text: &str) -> Result<Expr, Fault> {
        let known = match self.dim {
            1 => "the only coordinate is x0".to_string(),
            dim => format!("the coordinates are x0 to x{}", dim - 1),
        };
        if !self.is_idle() {
            let (Some(least), Some(largest)) =
                (self.least(&index).constant(), self.largest(&index).constant())
            else {
                let message = "this index runs over the rows of data, whose number is not known \
                               here; x takes sums over dim";
                return Err(Fault::new(span, message));
            };
            if least < 0 || largest >= i64::from(self.dim) {
                let dim = self.dim;
                let message = if index.constant().is_some() {
                    format!("`{}` is out of range; with dim = {dim} {known}", &text[span.clone()])
                } else {
                    format!("this index goes from {least} to {largest}; with dim = {dim} {known}")
                };
                return Err(Fault::new(span, message));
            }
        }
        Ok(Expr { node: Node::Coordinate(index), span })
    }

    fn parameter(&mut self, name: &str, span: &Span) -> usize {
        let known = self.parameters.iter().position(|(known, _)| known == name);
        known.unwrap_or_else(|| {
            self.parameters.push((name.to_string(), span.clone()));
            self.parameters.len() - 1
        })
    }
}

/// Whether a name has a meaning of its own, so that neither parameters nor sums can take it.
pub(super) fn is_reserved(name: &str) -> bool {
    ["x", "dim", "pi", "inf", "e", "data", "in"].contains(&name)
        || coordinate_number(name).is_some()
        || function::names().any(|known| known == name)
}

/// The 12 of `x12`.
fn coordinate_number(name: &str) -> Option<i64> {
    let digits = name.strip_prefix('x').filter(|digits| !digits.is_empty())?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Whatever is longer is out of range too.
    Some(digits.parse().unwrap_or(i64::MAX))
}

impl Parser<'_> {
    /// An atom that begins with a name.
    pub(super) fn name(&mut self) -> Result<Expr, Fault> {
        let span = self.take().span;
        let name = self.word(&span);
        let called = self.peek() == Kind::Sign("(");
        if let Some(known) = function::names().find(|known| *known == name) {
            if called {
                return self.call(known, span);
            }
            return Err(Fault::new(span, format!("`{name}` is a function; write {name}(…)")));
        }
        if called {
            return Err(self.no_function(name, span));
        }
        if let Some(number) = coordinate_number(name) {
            return self.names.coordinate(Affine::number(number), span, self.text);
        }
        let node = match name {
            "x" if self.peek() == Kind::Sign("[") => {
                let opening = self.take().span;
                let index = self.index()?;
                let end = self.close(&opening, "]")?.end;
                return self.names.coordinate(index, span.start..end, self.text);
            }
            "x" if self.names.dim == 1 => Node::Coordinate(Affine::number(0)),
            "x" => {
                let message = format!(
                    "x has {} coordinates here; write x0, x1, … or x[i] in sum(i, …)",
                    self.names.dim
                );
                return Err(Fault::new(span, message));
            }
            "dim" => Node::Number(f64::from(self.names.dim)),
            "pi" => Node::Number(std::f64::consts::PI),
            "inf" => Node::Number(f64::INFINITY),
            "e" => {
                let message = "`e` is taken neither as a number nor as a parameter; write exp(1) \
                               for Euler's number";
                return Err(Fault::new(span, message));
            }
            "in" => return Err(Fault::new(span, "`in` belongs in sum(n in data.y, …)")),
            "data" => return self.data(span),
            _ => match self.names.depth(name) {
                Some(depth) => Node::Variable(depth),
                None => Node::Parameter(self.names.parameter(name, &span)),
            },
        };
        Ok(Expr { node, span })
    }

    fn no_function(&self, name: &str, span: Span) -> Fault {
        let is_value = coordinate_number(name).is_some()
            || ["x", "dim", "pi", "inf", "e"].contains(&name)
            || self.names.depth(name).is_some()
            || self.names.parameters.iter().any(|(known, _)| known == name);
        let way_out = match words::nearest(name, function::names()) {
            _ if is_value => format!("a product is `{name}*(…)`"),
            _ if LAWS.contains(&name) => {
                "a law is written as its log density, for instance -((x0 - m)/s)^2/2 - log(s)"
                    .to_string()
            }
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let all: Vec<_> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
                format!("the functions are {}, sum, prod, where and pow", all.join(", "))
            }
        };
        Fault::new(span, format!("`{name}` is not a function; {way_out}"))
    }
}
