//! Indices and what is read with them: `x[dim-1-i]`, `data.X[n, j]`.

use super::affine::{Affine, Symbol};
use super::ast::{Expr, Node};
use super::fault::{Fault, Span};
use super::lexer::Kind;
use super::names::{Array, Reach};
use super::parse::Parser;

impl Parser<'_> {
    /// The `.NAME` after `data`: the place of the array, and the place in the text.
    pub(super) fn array(&mut self, start: Span) -> Result<(usize, Span), Fault> {
        let dotted = self.take_sign(".");
        let span = self.span();
        if !dotted || self.peek() != Kind::Name {
            return Err(Fault::new(start, "`data` needs the name of an array: data.y[n]"));
        }
        self.take();
        let name = self.word(&span);
        if name.ends_with("_rows") || name.ends_with("_columns") {
            let message = "the name of an array ends neither in _rows nor in _columns";
            return Err(Fault::new(span, message));
        }
        let span = start.start..span.end;
        let arrays = &mut self.names.arrays;
        let known = arrays.iter().position(|known| known.name == name);
        let array = known.unwrap_or_else(|| {
            arrays.push(Array { name: name.into(), span: span.clone(), has_columns: None });
            arrays.len() - 1
        });
        Ok((array, span))
    }

    /// `data.y[n]` or `data.X[n, j]`.
    pub(super) fn data(&mut self, start: Span) -> Result<Expr, Fault> {
        let (array, span) = self.array(start)?;
        let opening = self.span();
        if !self.take_sign("[") {
            let message = format!("`{0}` is an array; write {0}[n]", self.word(&span));
            return Err(Fault::new(span, message));
        }
        let row = self.index()?;
        let column = if self.take_sign(",") { Some(self.index()?) } else { None };
        let span = span.start..self.close(&opening, "]")?.end;
        let two = column.is_some();
        if *self.names.arrays[array].has_columns.get_or_insert(two) != two {
            let message = format!(
                "data.{} has {} here and {} before",
                self.names.arrays[array].name,
                if two { "two indices" } else { "one index" },
                if two { "one" } else { "two" },
            );
            return Err(Fault::new(span, message));
        }
        for (index, column) in [(Some(&row), false), (column.as_ref(), true)] {
            let Some(index) = index.filter(|_| !self.names.is_idle()) else { continue };
            if !self.names.least(index).is_never_negative() {
                return Err(Fault::new(span, "this index goes below 0"));
            }
            let largest = self.names.largest(index);
            self.names.reaches.push(Reach { span: span.clone(), array, column, largest });
        }
        Ok(Expr { node: Node::Data { array, row, column }, span })
    }

    /// An index: an expression of whole numbers, `dim` and the variables of sums.
    pub(super) fn index(&mut self) -> Result<Affine, Fault> {
        let expr = self.expression()?;
        let index = affine(&expr)?;
        if !index.is_moderate() {
            return Err(Fault::new(expr.span, "this is too large for an index"));
        }
        Ok(index)
    }
}

fn affine(expr: &Expr) -> Result<Affine, Fault> {
    if let Some(value) = expr.constant() {
        if value.fract() != 0.0 || value.is_nan() {
            let message = format!("an index is a whole number, and this is {value}");
            return Err(Fault::new(expr.span.clone(), message));
        }
        // What does not fit saturates, and is out of any range.
        return Ok(Affine::number(value as i64));
    }
    match &expr.node {
        Node::Variable(depth) => Ok(Affine::symbol(Symbol::Bound(*depth))),
        Node::Negate(part) => Ok(affine(part)?.times(-1)),
        Node::Sum(terms) => terms.iter().try_fold(Affine::default(), |sum, (subtracted, term)| {
            let term = affine(term)?;
            Ok(if *subtracted { sum.minus(&term) } else { sum.plus(&term) })
        }),
        Node::Product(factors) if factors.iter().all(|(divides, _)| !divides) => {
            factors.iter().try_fold(Affine::number(1), |product, (_, factor)| {
                let factor = affine(factor)?;
                match (product.constant(), factor.constant()) {
                    (Some(number), _) => Ok(factor.times(number)),
                    (_, Some(number)) => Ok(product.times(number)),
                    _ => Err(no_index(expr)),
                }
            })
        }
        Node::Parameter(_) => {
            let message = "this name is bound by no sum here, and a parameter is no index";
            Err(Fault::new(expr.span.clone(), message))
        }
        _ => Err(no_index(expr)),
    }
}

fn no_index(expr: &Expr) -> Fault {
    let message = "an index is made of whole numbers, dim and the variables of sums, with + - and \
                   a number times a variable";
    Fault::new(expr.span.clone(), message)
}
