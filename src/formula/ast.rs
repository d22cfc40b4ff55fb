//! A parsed formula: a tree whose indices are checked and whose names are resolved.

use super::affine::Affine;
use super::fault::Span;
use super::function::Function;

/// A part of the formula and its place.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) node: Node,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Number(f64),
    /// The value of the variable of the enclosing sum at this depth.
    Variable(usize),
    Coordinate(Affine),
    /// By its place in the list of parameters.
    Parameter(usize),
    /// A number of a data array, by its place in the list of arrays.
    Data {
        array: usize,
        row: Affine,
        column: Option<Affine>,
    },
    Negate(Box<Expr>),
    /// Terms from left to right, each with whether it is subtracted.
    Sum(Vec<(bool, Expr)>),
    /// Factors from left to right, each with whether it divides.
    Product(Vec<(bool, Expr)>),
    Power(Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
    /// A comparison of the first two; the third if it holds, else the fourth.
    Where(Comparison, Box<[Expr; 4]>),
    Fold(Box<Fold>),
}

/// What is done over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoldKind {
    Sum,
    Product,
    Min,
    Max,
    LogSumExp,
}

/// A sum, product, … over a variable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold {
    pub(crate) kind: FoldKind,
    /// How many enclosing folds there are, which names the variable.
    pub(crate) depth: usize,
    pub(crate) low: Affine,
    /// The last value, included.
    pub(crate) high: Affine,
    /// How many values at most, in terms of the data alone.
    pub(crate) count: Affine,
    pub(crate) body: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    pub(crate) const ALL: [Comparison; 6] = [
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Equal,
        Comparison::NotEqual,
    ];

    /// The sign, the same in formulas and in WGSL.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
        }
    }

    pub(crate) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
        }
    }
}

impl Fold {
    /// Whether the range has no value, whatever the data.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.constant().is_some_and(|count| count <= 0)
    }
}

/// Two parts are equal wherever they stand.
impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        self.node == other.node
    }
}

impl Expr {
    /// What it is made of.
    pub(crate) fn parts(&self) -> Vec<&Expr> {
        match &self.node {
            Node::Negate(part) => vec![part],
            Node::Sum(parts) | Node::Product(parts) => parts.iter().map(|(_, part)| part).collect(),
            Node::Power(base, exponent) => vec![base, exponent],
            Node::Call(_, parts) => parts.iter().collect(),
            Node::Where(_, parts) => parts.iter().collect(),
            Node::Fold(fold) => vec![&fold.body],
            _ => Vec::new(),
        }
    }

    /// The first part with a property that no part of it has.
    pub(crate) fn find(&self, property: &dyn Fn(&Expr) -> bool) -> Option<&Expr> {
        let inner = self.parts().into_iter().find_map(|part| part.find(property));
        inner.or_else(|| property(self).then_some(self))
    }

    /// The same tree with the parts that `replaced` gives another node.
    pub(crate) fn map(&self, replaced: &dyn Fn(&Expr) -> Option<Node>) -> Expr {
        if let Some(node) = replaced(self) {
            return Expr { node, span: self.span.clone() };
        }
        let mut expr = self.clone();
        match &mut expr.node {
            Node::Negate(part) => **part = part.map(replaced),
            Node::Sum(parts) | Node::Product(parts) => {
                parts.iter_mut().for_each(|(_, part)| *part = part.map(replaced));
            }
            Node::Power(base, exponent) => {
                **base = base.map(replaced);
                **exponent = exponent.map(replaced);
            }
            Node::Call(_, parts) => parts.iter_mut().for_each(|part| *part = part.map(replaced)),
            Node::Where(_, parts) => parts.iter_mut().for_each(|part| *part = part.map(replaced)),
            Node::Fold(fold) => fold.body = fold.body.map(replaced),
            _ => {}
        }
        expr
    }

    /// The value of a part made of numbers alone.
    pub(crate) fn constant(&self) -> Option<f64> {
        self.value(Known::default())
    }

    /// The value of a part made of numbers and what is known.
    pub(crate) fn value(&self, known: Known<'_>) -> Option<f64> {
        let value = |part: &Expr| part.value(known);
        match &self.node {
            Node::Number(value) => Some(*value),
            Node::Variable(depth) => {
                known.variables.iter().find(|(at, _)| at == depth).map(|(_, value)| *value as f64)
            }
            Node::Parameter(place) => known.parameters.get(*place).copied(),
            Node::Negate(part) => Some(-value(part)?),
            Node::Sum(parts) => leading(added, parts, known).whole(parts),
            Node::Product(parts) => leading(multiplied, parts, known).whole(parts),
            // Also where the base is no number: what is made of it is one all the same.
            Node::Power(_, exponent) if value(exponent) == Some(0.0) => Some(1.0),
            Node::Power(base, exponent) => Some(value(base)?.powf(value(exponent)?)),
            Node::Call(function, arguments) => {
                let all: Option<Vec<f64>> = arguments.iter().map(value).collect();
                Some(function.value(&all?))
            }
            Node::Where(comparison, parts) => {
                let [left, right, so, not] = &**parts;
                let holds = comparison.holds(value(left)?, value(right)?);
                let (so, not) = (value(so)?, value(not)?);
                Some(if holds { so } else { not })
            }
            _ => None,
        }
    }
}

/// What has a value beside numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known<'a> {
    /// Variables of sums, by their depths.
    pub(crate) variables: &'a [(usize, i64)],
    /// Parameters, all of them or none.
    pub(crate) parameters: &'a [f64],
}

/// A term after a sum, subtracted or added.
pub(crate) fn added(sum: f64, subtracted: bool, term: f64) -> f64 {
    if subtracted { sum - term } else { sum + term }
}

/// A factor after a product, dividing or multiplying.
pub(crate) fn multiplied(product: f64, divides: bool, factor: f64) -> f64 {
    if divides { product / factor } else { product * factor }
}

/// The value of the numbers that a chain begins with, and how many they are.
pub(crate) struct Leading {
    pub(crate) value: Option<f64>,
    pub(crate) length: usize,
}

/// What a chain of parts, each joined to the value before it, begins with.
pub(crate) fn leading(
    join: fn(f64, bool, f64) -> f64,
    parts: &[(bool, Expr)],
    known: Known<'_>,
) -> Leading {
    let mut value = None;
    for (length, (inverse, part)) in parts.iter().enumerate() {
        let Some(next) = part.value(known) else { return Leading { value, length } };
        value = Some(value.map_or(next, |value| join(value, *inverse, next)));
    }
    Leading { value, length: parts.len() }
}

impl Leading {
    fn whole(self, parts: &[(bool, Expr)]) -> Option<f64> {
        self.value.filter(|_| self.length == parts.len())
    }
}
