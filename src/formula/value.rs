//! The value of a formula in double precision, without the shader's precautions: what it says.

use std::cell::Cell;

use super::Formula;
use super::PARAMETER;
use super::affine::{Affine, Symbol};
use super::ast::{Expr, Fold, FoldKind, Node};

/// The value of a formula at `x` with its parameters, in the order of their first appearance.
pub(crate) fn value(formula: &Formula, x: &[f64], parameters: &[f64], data: Data<'_>) -> Value {
    let point = Point { formula, x, parameters, data, largest: Cell::new(0.0) };
    let value = point.value(&formula.expr, &mut Vec::new());
    Value { value, largest: point.largest.get() }
}

/// The value of a formula.
pub(crate) struct Value {
    pub(crate) value: f64,
    /// The largest size of a part, which is infinite where one is not a number.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests ask whether f32 has a chance"))]
    pub(crate) largest: f64,
}

/// The arrays of a target and their shapes, which are among its pipeline constants.
#[derive(Clone, Copy, Default)]
pub(crate) struct Data<'a> {
    pub(crate) constants: &'a [(String, f64)],
    pub(crate) storage: &'a [Vec<f32>],
    /// What the columns of each array are counted from, where that is not zero.
    pub(crate) centers: &'a [Option<Vec<f64>>],
}

impl Data<'_> {
    /// A number, the center of its column included.
    fn number(self, array: usize, place: usize, column: usize) -> f64 {
        let center = self.centers.get(array).and_then(Option::as_ref);
        f64::from(self.storage[array][place]) + center.map_or(0.0, |columns| columns[column])
    }
}

impl Formula {
    /// The value at `x`, itself and not its offset from a center, with the parameters and data of a
    /// target; none where a parameter has none.
    pub(crate) fn log_density(&self, x: &[f64], data: Data<'_>) -> Option<f64> {
        let constant = |name: &String| {
            let key = format!("{PARAMETER}{name}");
            data.constants.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
        };
        let parameters: Option<Vec<f64>> = self.parameters.iter().map(constant).collect();
        Some(value(self, x, &parameters?, data).value)
    }
}

struct Point<'a> {
    formula: &'a Formula,
    x: &'a [f64],
    parameters: &'a [f64],
    data: Data<'a>,
    largest: Cell<f64>,
}

impl Point<'_> {
    /// `bound` has the values of the variables of the sums around `expr`, the outermost first.
    fn value(&self, expr: &Expr, bound: &mut Vec<i64>) -> f64 {
        let value = self.part(expr, bound);
        let size = if value.is_nan() { f64::INFINITY } else { value.abs() };
        self.largest.set(self.largest.get().max(size));
        value
    }

    fn part(&self, expr: &Expr, bound: &mut Vec<i64>) -> f64 {
        match &expr.node {
            Node::Number(value) => *value,
            Node::Variable(depth) => bound[*depth] as f64,
            Node::Coordinate(index) => self.x[self.index(index, bound)],
            Node::Parameter(place) => self.parameters[*place],
            Node::Data { array, row, column } => {
                let row = self.index(row, bound);
                let (place, column) = match column {
                    None => (row, 0),
                    Some(column) => {
                        let columns = self.symbol(Symbol::Columns(*array), bound) as usize;
                        let column = self.index(column, bound);
                        (row * columns + column, column)
                    }
                };
                self.data.number(*array, place, column)
            }
            Node::Negate(part) => -self.value(part, bound),
            Node::Sum(terms) => terms.iter().fold(-0.0, |sum, (subtracted, term)| {
                let term = self.value(term, bound);
                if *subtracted { sum - term } else { sum + term }
            }),
            Node::Product(factors) => factors.iter().fold(1.0, |product, (divides, factor)| {
                let factor = self.value(factor, bound);
                if *divides { product / factor } else { product * factor }
            }),
            Node::Power(base, exponent) => {
                let base = self.value(base, bound);
                base.powf(self.value(exponent, bound))
            }
            Node::Call(function, arguments) => {
                let all: Vec<_> = arguments.iter().map(|part| self.value(part, bound)).collect();
                function.value(&all)
            }
            Node::Where(comparison, parts) => {
                let [left, right, so, not] = &**parts;
                let holds = comparison.holds(self.value(left, bound), self.value(right, bound));
                self.value(if holds { so } else { not }, bound)
            }
            Node::Fold(fold) => self.fold(fold, bound),
        }
    }

    fn fold(&self, fold: &Fold, bound: &mut Vec<i64>) -> f64 {
        let low = fold.low.value(|symbol| self.symbol(symbol, bound));
        let high = fold.high.value(|symbol| self.symbol(symbol, bound));
        // An empty sum may stand for indices that do not exist.
        let last = if fold.is_empty() { low - 1 } else { high };
        let (mut values, outer) = (Vec::new(), bound.len());
        for value in low..=last {
            // A sum around it may be written out, and has no value here.
            bound.resize(fold.depth, 0);
            bound.push(value);
            values.push(self.value(&fold.body, bound));
            bound.truncate(outer);
        }
        let values = values.into_iter();
        match fold.kind {
            FoldKind::Sum => values.sum(),
            FoldKind::Product => values.product(),
            FoldKind::Min => values.fold(f64::INFINITY, f64::min),
            FoldKind::Max => values.fold(f64::NEG_INFINITY, f64::max),
            FoldKind::LogSumExp => {
                let peak = values.clone().fold(f64::NEG_INFINITY, f64::max);
                peak + values.map(|value| (value - peak).exp()).sum::<f64>().ln()
            }
        }
    }

    fn index(&self, index: &Affine, bound: &[i64]) -> usize {
        index.value(|symbol| self.symbol(symbol, bound)) as usize
    }

    fn symbol(&self, symbol: Symbol, bound: &[i64]) -> i64 {
        match symbol {
            Symbol::Bound(depth) => bound[depth],
            _ => self.formula.shape(self.data.constants, symbol).unwrap_or(0),
        }
    }
}
