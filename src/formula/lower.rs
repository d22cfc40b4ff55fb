//! From the tree to the graph: powers become products, functions those of WGSL.

use super::affine::{Affine, Symbol};
use super::ast::{self, Comparison, Expr, Fold, FoldKind, Known, Node};
use super::fault::{Fault, Span};
use super::function::Function;
use super::graph::{Graph, Id, Loop, Op};

/// The largest whole exponent that becomes products; WGSL's `pow` has no negative base.
const MOST_SQUARED: f64 = 1024.0;
/// The longest product that is written out rather than looped: its derivative needs all factors.
const MOST_WRITTEN_OUT: i64 = 32;
/// Looks at parts of one formula: each level of `log(exp(…))` doubles those at what is in it.
const MOST_VISITS: u32 = 1 << 19;

pub(super) struct Lowering {
    pub(super) graph: Graph,
    /// Numbers in place of the variables of products that are written out.
    values: Vec<(usize, i64)>,
    /// How many times the part at hand is written out.
    copies: i64,
    /// How many parts have been looked at, again and again where logarithms nest.
    visits: u32,
}

pub(super) type Lowered = Result<Id, Fault>;

impl Lowering {
    pub(super) fn new() -> Lowering {
        Lowering { graph: Graph::default(), values: Vec::new(), copies: 1, visits: 0 }
    }

    /// Counts a look at a part of the formula.
    pub(super) fn visit(&mut self, expr: &Expr) -> Result<(), Fault> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            let message = "logarithms of exponentials nest too deep here; write log(exp(u)) as u";
            return Err(Fault::new(expr.span.clone(), message));
        }
        Ok(())
    }

    pub(super) fn lower(&mut self, expr: &Expr) -> Lowered {
        self.visit(expr)?;
        if let Some(value) = self.constant(expr) {
            return self.number(value, &expr.span);
        }
        Ok(match &expr.node {
            Node::Number(value) => self.number(*value, &expr.span)?,
            Node::Variable(depth) => self.graph.add(Op::Variable(*depth)),
            Node::Coordinate(index) => {
                let index = self.index(index);
                self.graph.add(Op::Coordinate(index))
            }
            Node::Parameter(place) => self.graph.add(Op::Parameter(*place)),
            Node::Data { array, row, column } => {
                let row = self.index(row);
                let column = column.as_ref().map(|column| self.index(column));
                self.graph.add(Op::Data { array: *array, row, column })
            }
            Node::Negate(part) => {
                let part = self.lower(part)?;
                self.graph.add(Op::Negate(part))
            }
            Node::Sum(terms) => self.sum(terms, &expr.span)?,
            Node::Product(factors) => self.product(factors, &expr.span)?,
            Node::Power(base, exponent) => self.power(base, exponent)?,
            Node::Call(function, arguments) => self.call(*function, arguments)?,
            Node::Where(comparison, parts) => {
                let [left, right, so, not] = &**parts;
                let parts =
                    [self.lower(left)?, self.lower(right)?, self.lower(so)?, self.lower(not)?];
                self.graph.add(Op::Where(*comparison, parts))
            }
            Node::Fold(fold) => self.fold(fold)?,
        })
    }

    /// The value of a part made of numbers alone, with the variables that are written out.
    pub(super) fn constant(&self, expr: &Expr) -> Option<f64> {
        expr.value(self.known())
    }

    fn known(&self) -> Known<'_> {
        Known { variables: &self.values, parameters: &[] }
    }

    /// A number that an f32 can hold, or an infinite one.
    fn number(&mut self, value: f64, span: &Span) -> Lowered {
        let fault =
            |what: &str| Err(Fault::new(span.clone(), format!("this is {value:?}, {what}")));
        if value.is_nan() {
            return fault("not a number");
        }
        if value.is_finite() && !(value as f32).is_finite() {
            let bound = "too large for the f32 that a GPU computes in (at most 3.4e38); write inf \
                         or -inf for infinity";
            return fault(bound);
        }
        if value != 0.0 && value.abs() < f64::from(f32::MIN_POSITIVE) {
            return fault("too near 0 for the f32 that a GPU computes in (at least 1.2e-38)");
        }
        Ok(self.graph.literal(value))
    }

    fn index(&self, index: &Affine) -> Affine {
        self.values.iter().fold(index.clone(), |mut index, (depth, value)| {
            let factor = index.terms.remove(&Symbol::Bound(*depth)).unwrap_or(0);
            index.plus(&Affine::number(factor * value))
        })
    }

    fn sum(&mut self, terms: &[(bool, Expr)], span: &Span) -> Lowered {
        let numbers = ast::leading(ast::added, terms, self.known());
        let mut all = Vec::new();
        if let Some(value) = numbers.value {
            all.push((false, self.number(value, span)?));
        }
        for (subtracted, term) in &terms[numbers.length..] {
            all.push((*subtracted, self.lower(term)?));
        }
        Ok(self.graph.sum(&all))
    }

    fn product(&mut self, factors: &[(bool, Expr)], span: &Span) -> Lowered {
        let numbers = ast::leading(ast::multiplied, factors, self.known());
        let mut all = Vec::new();
        if let Some(value) = numbers.value {
            all.push((false, self.number(value, span)?));
        }
        for (divides, factor) in &factors[numbers.length..] {
            let span = factor.span.clone();
            let factor = self.lower(factor)?;
            match self.graph.as_literal(factor) {
                Some(0.0) if *divides => {
                    return Err(Fault::new(span, "this divides by 0, whatever the position"));
                }
                // The reciprocal of a power of two is exact, and a product is cheaper.
                Some(value) if *divides && is_power_of_two(value) => {
                    all.push((false, self.graph.literal(1.0 / value)));
                }
                _ => all.push((*divides, factor)),
            }
        }
        Ok(self.graph.product(&all))
    }

    fn power(&mut self, base: &Expr, exponent: &Expr) -> Lowered {
        if self.constant(base).is_some_and(|base| base < 0.0) {
            let message = "a negative number has no power with a variable exponent";
            return Err(Fault::new(base.span.clone(), message));
        }
        let value = self.constant(exponent);
        let exponent = self.lower(exponent)?;
        let base = self.lower(base)?;
        Ok(match value {
            Some(value) if value.fract() == 0.0 && value.abs() <= MOST_SQUARED => {
                self.whole_power(base, value as i32)
            }
            Some(-0.5) => self.graph.call("inverseSqrt", &[base]),
            Some(value) if value.fract().abs() == 0.5 && value.abs() <= MOST_SQUARED => {
                let root = self.graph.call("sqrt", &[base]);
                let whole = value.trunc() as i32;
                let power = match whole.unsigned_abs() {
                    0 => root,
                    whole => {
                        let power = self.natural_power(base, whole);
                        self.graph.times(power, root)
                    }
                };
                if whole < 0 { self.reciprocal(power) } else { power }
            }
            _ => self.graph.call("pow", &[base, exponent]),
        })
    }

    fn whole_power(&mut self, base: Id, exponent: i32) -> Id {
        match exponent {
            0 => self.graph.literal(1.0),
            1.. => self.natural_power(base, exponent.unsigned_abs()),
            _ => {
                let power = self.natural_power(base, exponent.unsigned_abs());
                self.reciprocal(power)
            }
        }
    }

    fn reciprocal(&mut self, value: Id) -> Id {
        let one = self.graph.literal(1.0);
        self.graph.product(&[(false, one), (true, value)])
    }

    /// By squaring, from the leading bit of the exponent, which is 1 or more.
    pub(super) fn natural_power(&mut self, base: Id, exponent: u32) -> Id {
        let half = match exponent {
            0 | 1 => return base,
            _ => self.natural_power(base, exponent / 2),
        };
        let square = self.graph.times(half, half);
        if exponent.is_multiple_of(2) { square } else { self.graph.times(square, base) }
    }

    fn call(&mut self, function: Function, arguments: &[Expr]) -> Lowered {
        if let (Function::Log | Function::Log1p, [argument]) = (function, arguments)
            && let Some(log) = self.log_of(argument, function == Function::Log1p)?
        {
            return Ok(log);
        }
        for number in arguments {
            // Their squares are numbers too.
            if let (Function::Hypot, Some(value)) = (function, self.constant(number)) {
                self.number(value * value, &number.span)?;
            }
        }
        let all = arguments.iter().map(|argument| self.lower(argument));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        Ok(self.function(function, &all))
    }

    pub(super) fn fold(&mut self, fold: &Fold) -> Lowered {
        if fold.is_empty() {
            let nothing = if fold.kind == FoldKind::Product { 1.0 } else { 0.0 };
            return Ok(self.graph.literal(nothing));
        }
        let kind = match fold.kind {
            FoldKind::Sum => Loop::Sum,
            FoldKind::Min => Loop::Min,
            FoldKind::Max => Loop::Max,
            FoldKind::Product => return self.product_over(fold),
            FoldKind::LogSumExp => {
                let body = self.lower(&fold.body)?;
                let peak = self.loop_over(Loop::Max, fold, body);
                let above = self.graph.minus(body, peak);
                let term = self.graph.call("exp", &[above]);
                let total = self.loop_over(Loop::Sum, fold, term);
                let log = self.graph.call("log", &[total]);
                return Ok(self.graph.plus(peak, log));
            }
        };
        let body = self.lower(&fold.body)?;
        Ok(self.loop_over(kind, fold, body))
    }

    pub(super) fn loop_over(&mut self, kind: Loop, fold: &Fold, body: Id) -> Id {
        let (low, high) = (self.index(&fold.low), self.index(&fold.high));
        self.graph.add(Op::Loop { kind, depth: fold.depth, low, high, body })
    }

    fn product_over(&mut self, fold: &Fold) -> Lowered {
        let (low, high) = (self.index(&fold.low), self.index(&fold.high));
        let range = low.constant().zip(high.constant());
        let Some((low, high)) = range.filter(|(low, high)| {
            self.copies.saturating_mul((high - low + 1).max(1)) <= MOST_WRITTEN_OUT
        }) else {
            let body = self.lower(&fold.body)?;
            return Ok(self.loop_over(Loop::Product, fold, body));
        };
        let outer = self.copies;
        self.copies *= (high - low + 1).max(1);
        let mut factors = Vec::new();
        let mut number = Some(1.0);
        for value in low..=high {
            self.values.push((fold.depth, value));
            number = number.zip(self.constant(&fold.body)).map(|(number, next)| number * next);
            let factor = self.lower(&fold.body);
            self.values.pop();
            factors.push((false, factor?));
        }
        self.copies = outer;
        match number {
            Some(number) => self.number(number, &fold.body.span),
            None => Ok(self.graph.product(&factors)),
        }
    }

    pub(super) fn choose(&mut self, left: Id, right: Id, so: Id, not: Id) -> Id {
        self.graph.add(Op::Where(Comparison::Less, [left, right, so, not]))
    }
}

fn is_power_of_two(value: f64) -> bool {
    let fraction_bits = value.to_bits() & ((1 << 52) - 1);
    fraction_bits == 0 && (1e-30..1e30).contains(&value.abs())
}
