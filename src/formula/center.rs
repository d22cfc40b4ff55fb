//! A formula in coordinates and data that are counted from a center.
//!
//! Each coordinate x_j becomes y_j + c_j, each number of a far column of data likewise, and sums fold
//! the constants among their terms in double precision, parameters at their values: of
//! x0 − 2460000.5 with the center 2460000.5 only y0 is left. Sums, differences, and products and
//! quotients by constants carry the constant on, and so do the least, the largest and the log-sum-exp of
//! several values; comparisons take it off both sides; sines forget its whole turns.

use std::f64::consts::TAU;

use super::affine::{Affine, Symbol};
use super::ast::{Expr, Fold, FoldKind, Known, Node};
use super::fault::{Fault, Span};
use super::function::Function;
use crate::center::FAR;

/// The most terms that sums over coordinates with different centers become.
const MOST_PIECES: i64 = 4096;

/// What a formula is counted from.
pub(crate) struct About<'a> {
    /// One number per coordinate.
    pub(crate) center: &'a [f64],
    /// One number per column of each array; none for an array that is counted from zero.
    pub(crate) arrays: &'a [Option<Vec<f64>>],
    /// The values of all parameters.
    pub(crate) parameters: &'a [f64],
    /// Rows and columns of the arrays.
    pub(crate) shape: &'a dyn Fn(Symbol) -> i64,
}

/// The expression in coordinates and data counted from their centers.
pub(crate) fn rewrite(expr: &Expr, about: &About<'_>) -> Result<Expr, Fault> {
    Rewriter { about, values: Vec::new(), first: Vec::new(), pieces: 1 }.whole(expr)
}

/// A sum of terms, each with whether it is subtracted, and a constant.
struct Parted {
    terms: Vec<(bool, Expr)>,
    constant: f64,
}

/// A part of the range of a sum.
struct Piece {
    low: Affine,
    high: Affine,
    /// The first value, with which indices find their center.
    first: i64,
    /// Whether the first value is the only one and stands in place of the variable.
    is_value: bool,
}

struct Rewriter<'a> {
    about: &'a About<'a>,
    /// Numbers in place of the variables of sums that are written out, by their depths.
    values: Vec<(usize, i64)>,
    /// A value of each enclosing sum's variable; indices with any other have the same center.
    first: Vec<(usize, i64)>,
    pieces: i64,
}

impl Rewriter<'_> {
    /// The expression, as one.
    fn whole(&mut self, expr: &Expr) -> Result<Expr, Fault> {
        if self.is_far(expr) {
            let parted = self.parted(expr)?;
            return Ok(joined(parted, &expr.span));
        }
        let node = match &expr.node {
            Node::Variable(depth) => match value_of(&self.values, *depth) {
                Some(value) => Node::Number(value as f64),
                None => expr.node.clone(),
            },
            Node::Coordinate(index) => Node::Coordinate(self.index(index)),
            Node::Data { array, row, column } => Node::Data {
                array: *array,
                row: self.index(row),
                column: column.as_ref().map(|column| self.index(column)),
            },
            Node::Number(_) | Node::Parameter(_) => expr.node.clone(),
            Node::Negate(part) => Node::Negate(Box::new(self.whole(part)?)),
            Node::Sum(terms) => Node::Sum(self.each(terms)?),
            Node::Product(factors) => Node::Product(self.each(factors)?),
            Node::Power(base, exponent) => {
                Node::Power(Box::new(self.whole(base)?), Box::new(self.whole(exponent)?))
            }
            Node::Call(Function::Sin | Function::Cos | Function::Tan, arguments)
                if self.is_far(&arguments[0]) =>
            {
                return self.wave(expr);
            }
            Node::Call(function, arguments) => {
                let all = arguments.iter().map(|part| self.whole(part));
                Node::Call(*function, all.collect::<Result<_, _>>()?)
            }
            Node::Where(comparison, parts) => {
                let [left, right, so, not] = &**parts;
                let [left, right] = self.compared(left, right)?;
                let parts = [left, right, self.whole(so)?, self.whole(not)?];
                Node::Where(*comparison, Box::new(parts))
            }
            Node::Fold(fold) => return self.fold(fold, &expr.span),
        };
        Ok(Expr { node, span: expr.span.clone() })
    }

    fn each(&mut self, parts: &[(bool, Expr)]) -> Result<Vec<(bool, Expr)>, Fault> {
        parts.iter().map(|(inverse, part)| Ok((*inverse, self.whole(part)?))).collect()
    }

    /// The number that a part is, given parameters.
    fn known(&self, expr: &Expr) -> Option<f64> {
        expr.value(Known { variables: &self.values, parameters: self.about.parameters })
    }

    /// Whether the part is a far coordinate plus others, but for factors.
    fn is_far(&self, expr: &Expr) -> bool {
        if matches!(expr.node, Node::Number(_) | Node::Parameter(_) | Node::Variable(_)) {
            return false;
        }
        match &expr.node {
            Node::Coordinate(index) => self.center_of(index) != 0.0,
            Node::Data { array, column, .. } => self.data_center(*array, column.as_ref()) != 0.0,
            Node::Negate(part) => self.is_far(part),
            Node::Sum(terms) => terms.iter().any(|(_, term)| self.is_far(term)),
            Node::Product(factors) => self.far_factor(factors).is_some(),
            Node::Call(Function::Min | Function::Max | Function::LogSumExp, arguments) => {
                arguments.iter().any(|part| self.is_far(part))
            }
            Node::Where(_, parts) => parts[2..].iter().any(|part| self.is_far(part)),
            Node::Fold(fold) => {
                let count = self.count(fold);
                fold.kind != FoldKind::Product
                    && count.is_some_and(|n| n > 0)
                    && self.has_far_value(fold)
            }
            _ => false,
        }
    }

    /// Whether the body of a sum is far at some value of its variable.
    fn has_far_value(&self, fold: &Fold) -> bool {
        let (low, high) = (self.end(&fold.low).unwrap_or(0), self.end(&fold.high).unwrap_or(-1));
        // Where all have one center, one value tells.
        let high = if self.varies(&fold.body) { high } else { low };
        let mut inside = Rewriter {
            about: self.about,
            values: self.values.clone(),
            first: self.first.clone(),
            pieces: self.pieces,
        };
        (low..=high).any(|value| {
            inside.first.push((fold.depth, value));
            let is_far = inside.is_far(&fold.body);
            inside.first.pop();
            is_far
        })
    }

    /// The only factor that is not known, where it is far and multiplies.
    fn far_factor(&self, factors: &[(bool, Expr)]) -> Option<usize> {
        let mut unknown =
            factors.iter().enumerate().filter(|(_, (_, factor))| self.known(factor).is_none());
        let (at, (divides, factor)) = unknown.next()?;
        (unknown.next().is_none() && !divides && self.is_far(factor)).then_some(at)
    }

    /// A far part, taken apart; any other is one term, or a constant.
    fn parted(&mut self, expr: &Expr) -> Result<Parted, Fault> {
        if let Some(constant) = self.known(expr) {
            return Ok(Parted { terms: Vec::new(), constant });
        }
        if !self.is_far(expr) {
            return Ok(Parted { terms: vec![(false, self.whole(expr)?)], constant: 0.0 });
        }
        let alone = |node| vec![(false, Expr { node, span: expr.span.clone() })];
        Ok(match &expr.node {
            Node::Coordinate(index) => Parted {
                terms: alone(Node::Coordinate(self.index(index))),
                constant: self.center_of(index),
            },
            Node::Data { array, row, column } => {
                let constant = self.data_center(*array, column.as_ref());
                let (row, column) =
                    (self.index(row), column.as_ref().map(|column| self.index(column)));
                Parted { terms: alone(Node::Data { array: *array, row, column }), constant }
            }
            Node::Negate(part) => {
                let mut all = Parted { terms: Vec::new(), constant: 0.0 };
                all.take(true, self.parted(part)?);
                all
            }
            Node::Sum(terms) => {
                let mut all = Parted { terms: Vec::new(), constant: 0.0 };
                for (subtracted, term) in terms {
                    all.take(*subtracted, self.parted(term)?);
                }
                all
            }
            Node::Product(factors) => self.scaled(factors, &expr.span)?,
            Node::Call(function, arguments) => {
                let all = arguments.iter().map(|part| self.parted(part));
                let (parts, constant) = less(all.collect::<Result<_, _>>()?, &expr.span);
                Parted { terms: alone(Node::Call(*function, parts)), constant }
            }
            Node::Where(comparison, parts) => {
                let [left, right, so, not] = &**parts;
                let [left, right] = self.compared(left, right)?;
                let (ways, constant) = less(vec![self.parted(so)?, self.parted(not)?], &expr.span);
                let parts: Vec<_> = [left, right].into_iter().chain(ways).collect();
                let parts = parts.try_into().map_err(|_| unreachable!("bug in wfr: four parts"))?;
                Parted { terms: alone(Node::Where(*comparison, Box::new(parts))), constant }
            }
            Node::Fold(fold) => match extreme(fold.kind) {
                Some(function) => self.greatest(function, fold, &expr.span)?,
                None => self.summed(fold, &expr.span)?,
            },
            _ => unreachable!("bug in wfr: this part of a formula is not far"),
        })
    }

    /// k (a + c) = k a + k c, for the product k of the known factors.
    fn scaled(&mut self, factors: &[(bool, Expr)], span: &Span) -> Result<Parted, Fault> {
        let far = self.far_factor(factors).unwrap_or(0);
        let inner = self.parted(&factors[far].1)?;
        let mut constant = inner.constant;
        let mut scaled = factors.to_vec();
        for (at, (divides, factor)) in factors.iter().enumerate() {
            if let Some(number) = self.known(factor).filter(|_| at != far) {
                constant = if *divides { constant / number } else { constant * number };
                scaled[at].1 = self.whole(factor)?;
            }
        }
        scaled[far].1 = joined(Parted { constant: 0.0, ..inner }, &factors[far].1.span);
        let term = Expr { node: Node::Product(scaled), span: span.clone() };
        Ok(Parted { terms: vec![(false, term)], constant })
    }

    /// The greatest, the least or the log-sum-exp of a range.
    fn greatest(&mut self, function: Function, fold: &Fold, span: &Span) -> Result<Parted, Fault> {
        let pieces = self.pieces(fold, span)?;
        let inner =
            pieces.iter().map(|piece| self.within(fold, piece, |own| own.parted(&fold.body)));
        let (bodies, constant) = less(inner.collect::<Result<_, _>>()?, &fold.body.span);
        let part = |(piece, body): (&Piece, Expr)| match piece.is_value {
            true => body,
            false => piece.over(fold, body, span),
        };
        let mut parts: Vec<Expr> = pieces.iter().zip(bodies).map(part).collect();
        let term = match parts.len() {
            1 => parts.remove(0),
            _ => Expr { node: Node::Call(function, parts), span: span.clone() },
        };
        Ok(Parted { terms: vec![(false, term)], constant })
    }

    /// Σ (a + c) = Σ a + n c.
    fn summed(&mut self, fold: &Fold, span: &Span) -> Result<Parted, Fault> {
        let mut all = Parted { terms: Vec::new(), constant: 0.0 };
        for piece in self.pieces(fold, span)? {
            let count = (self.end(&piece.high).unwrap_or(0) - piece.first + 1) as f64;
            let inner = self.within(fold, &piece, |own| own.parted(&fold.body))?;
            if piece.is_value {
                all.take(false, inner);
                continue;
            }
            all.constant += count * inner.constant;
            let body = joined(Parted { constant: 0.0, ..inner }, &fold.body.span);
            all.terms.push((false, piece.over(fold, body, span)));
        }
        Ok(all)
    }

    /// A left and a right side of a comparison.
    fn compared(&mut self, left: &Expr, right: &Expr) -> Result<[Expr; 2], Fault> {
        if !self.is_far(left) && !self.is_far(right) {
            return Ok([self.whole(left)?, self.whole(right)?]);
        }
        let (a, b) = (self.parted(left)?, self.parted(right)?);
        let constant = a.constant - b.constant;
        Ok([
            joined(Parted { constant, ..a }, &left.span),
            joined(Parted { constant: 0.0, ..b }, &right.span),
        ])
    }

    /// A sine, cosine or tangent, whose argument may be moved by whole turns.
    fn wave(&mut self, expr: &Expr) -> Result<Expr, Fault> {
        let Node::Call(function, arguments) = &expr.node else {
            unreachable!("bug in wfr: a wave is a call")
        };
        let argument = self.parted(&arguments[0])?;
        let turns = (argument.constant / TAU).round();
        let constant = argument.constant - turns * TAU;
        let argument = joined(Parted { constant, ..argument }, &arguments[0].span);
        Ok(Expr { node: Node::Call(*function, vec![argument]), span: expr.span.clone() })
    }

    fn fold(&mut self, fold: &Fold, span: &Span) -> Result<Expr, Fault> {
        let mut parts = Vec::new();
        for piece in self.pieces(fold, span)? {
            let body = self.within(fold, &piece, |own| own.whole(&fold.body))?;
            parts.push(if piece.is_value { body } else { piece.over(fold, body, span) });
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let plain = |parts: Vec<Expr>| parts.into_iter().map(|part| (false, part)).collect();
        let node = match fold.kind {
            FoldKind::Sum => Node::Sum(plain(parts)),
            FoldKind::Product => Node::Product(plain(parts)),
            kind => match extreme(kind) {
                Some(function) => Node::Call(function, parts),
                None => unreachable!("bug in wfr: a sum and a product are no extremes"),
            },
        };
        Ok(Expr { node, span: span.clone() })
    }

    /// What `of` makes of the body of a sum, within a part of its range.
    fn within<T>(
        &mut self,
        fold: &Fold,
        piece: &Piece,
        of: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.first.push((fold.depth, piece.first));
        if piece.is_value {
            self.values.push((fold.depth, piece.first));
        }
        let made = of(self);
        if piece.is_value {
            self.values.pop();
        }
        self.first.pop();
        made
    }

    /// The range of a sum, in parts over which every index in it keeps one center.
    fn pieces(&mut self, fold: &Fold, span: &Span) -> Result<Vec<Piece>, Fault> {
        let (low, high) = (self.index(&fold.low), self.index(&fold.high));
        let first = self.end(&low).unwrap_or(0);
        let ends = self.own_end(&low).zip(self.own_end(&high)).filter(|(low, high)| low <= high);
        let mut uses = Uses { depth: fold.depth, indices: Vec::new(), entangled: false };
        self.uses(&fold.body, &mut uses);
        let Some((low_end, high_end)) = ends.filter(|_| !uses.indices.is_empty()) else {
            return Ok(vec![Piece { low, high, first, is_value: false }]);
        };
        let centers = |value: i64| -> Vec<f64> {
            let at = [(fold.depth, value)];
            uses.indices.iter().map(|read| read.center(self, &at)).collect()
        };
        let mut pieces = Vec::new();
        if uses.entangled {
            pieces.extend((low_end..=high_end).map(|value| Piece::new(value, value, true)));
        } else {
            let mut start = low_end;
            for value in low_end..=high_end {
                if value == high_end || centers(value) != centers(value + 1) {
                    pieces.push(Piece::new(start, value, false));
                    start = value + 1;
                }
            }
        }
        self.pieces = self.pieces.saturating_add(pieces.len() as i64 - 1);
        if self.pieces > MOST_PIECES {
            let message = format!(
                "coordinates or data far from zero and others take turns here, in more than \
                 {MOST_PIECES} parts; write the far ones in a sum of their own"
            );
            return Err(Fault::new(span.clone(), message));
        }
        if let [Piece { is_value: false, .. }] = &pieces[..] {
            return Ok(vec![Piece { low, high, first, is_value: false }]);
        }
        Ok(pieces)
    }

    /// The indices in a part that move with a sum's variable and whose centers are not all the same.
    fn uses(&self, expr: &Expr, uses: &mut Uses) {
        let read = match &expr.node {
            Node::Coordinate(index) => Some(Read { array: None, index: self.index(index) }),
            Node::Data { array, column: Some(column), .. } => {
                Some(Read { array: Some(*array), index: self.index(column) })
            }
            Node::Fold(fold) => {
                let before = uses.indices.len();
                self.uses(&fold.body, uses);
                let own = Symbol::Bound(uses.depth);
                let ranges = [&fold.low, &fold.high];
                // The inner range moves with this variable, and so may what it reads.
                if ranges.iter().any(|end| end.terms.contains_key(&own)) && self.varies(&fold.body)
                {
                    uses.entangled = true;
                    if uses.indices.len() == before {
                        let index = Affine::symbol(own);
                        uses.indices.push(Read { array: None, index });
                    }
                }
                return;
            }
            _ => None,
        };
        if let Some(read) = read.filter(|read| !self.is_uniform(read.array)) {
            let bound = |symbol: &Symbol| matches!(symbol, Symbol::Bound(_));
            if read.index.terms.contains_key(&Symbol::Bound(uses.depth)) {
                uses.entangled |= read.index.terms.keys().filter(|s| bound(s)).count() > 1;
                uses.indices.push(read);
            }
        }
        for part in expr.parts() {
            self.uses(part, uses);
        }
    }

    /// Whether a part reads what has different centers.
    fn varies(&self, expr: &Expr) -> bool {
        let own = match &expr.node {
            Node::Coordinate(_) => !self.is_uniform(None),
            Node::Data { array, column: Some(_), .. } => !self.is_uniform(Some(*array)),
            _ => false,
        };
        own || expr.parts().into_iter().any(|part| self.varies(part))
    }

    /// The centers of the coordinates, or of the columns of an array.
    fn centers(&self, array: Option<usize>) -> &[f64] {
        match array {
            None => self.about.center,
            Some(array) => {
                self.about.arrays.get(array).and_then(Option::as_deref).unwrap_or_default()
            }
        }
    }

    fn is_uniform(&self, array: Option<usize>) -> bool {
        self.centers(array).windows(2).all(|pair| pair[0] == pair[1])
    }

    fn center_of(&self, index: &Affine) -> f64 {
        Read { array: None, index: self.index(index) }.center(self, &[])
    }

    fn data_center(&self, array: usize, column: Option<&Affine>) -> f64 {
        let index = column.map_or_else(|| Affine::number(0), |column| self.index(column));
        Read { array: Some(array), index }.center(self, &[])
    }

    /// An index with numbers in place of the variables that are written out.
    fn index(&self, index: &Affine) -> Affine {
        self.values.iter().fold(index.clone(), |mut index, (depth, value)| {
            let factor = index.terms.remove(&Symbol::Bound(*depth)).unwrap_or(0);
            index.plus(&Affine::number(factor.saturating_mul(*value)))
        })
    }

    /// The value of the end of a range, with the first value of each sum around it.
    fn end(&self, index: &Affine) -> Option<i64> {
        let index = self.index(index);
        let is_known = |symbol: &Symbol| match symbol {
            Symbol::Bound(depth) => value_of(&self.first, *depth).is_some(),
            _ => true,
        };
        index.terms.keys().all(is_known).then(|| {
            index.value(|symbol| match symbol {
                Symbol::Bound(depth) => value_of(&self.first, depth).unwrap_or(0),
                shape => (self.about.shape)(shape),
            })
        })
    }

    /// The value of the end of a range that moves with no sum around it.
    fn own_end(&self, index: &Affine) -> Option<i64> {
        let moves = index.terms.keys().any(|symbol| matches!(symbol, Symbol::Bound(_)));
        if moves { None } else { self.end(index) }
    }

    /// How many values a sum has, where that moves with no sum around it.
    fn count(&self, fold: &Fold) -> Option<i64> {
        let (low, high) = (self.index(&fold.low), self.index(&fold.high));
        Some(self.own_end(&high)? - self.own_end(&low)? + 1).filter(|_| !fold.is_empty())
    }
}

/// What is read with an index: a coordinate, or a column of an array.
struct Read {
    array: Option<usize>,
    index: Affine,
}

impl Read {
    /// Its center, with these values of variables before those of the sums around.
    fn center(&self, rewriter: &Rewriter<'_>, values: &[(usize, i64)]) -> f64 {
        let centers = rewriter.centers(self.array);
        if rewriter.is_uniform(self.array) {
            return centers.first().copied().unwrap_or(0.0);
        }
        let place = self.index.value(|symbol| match symbol {
            Symbol::Bound(depth) => {
                value_of(values, depth).or_else(|| value_of(&rewriter.first, depth)).unwrap_or(0)
            }
            shape => (rewriter.about.shape)(shape),
        });
        usize::try_from(place).ok().and_then(|place| centers.get(place)).copied().unwrap_or(0.0)
    }
}

/// What moves with a sum's variable.
struct Uses {
    depth: usize,
    indices: Vec<Read>,
    /// Whether it moves with other variables too.
    entangled: bool,
}

impl Piece {
    fn new(first: i64, last: i64, is_value: bool) -> Piece {
        Piece { low: Affine::number(first), high: Affine::number(last), first, is_value }
    }

    /// The sum, product, … of `body` over this part of the range.
    fn over(&self, fold: &Fold, body: Expr, span: &Span) -> Expr {
        let count = match self.low.constant().zip(self.high.constant()) {
            Some((low, high)) => Affine::number(high - low + 1),
            None => fold.count.clone(),
        };
        let (low, high) = (self.low.clone(), self.high.clone());
        let fold = Fold { kind: fold.kind, depth: fold.depth, low, high, count, body };
        Expr { node: Node::Fold(Box::new(fold)), span: span.clone() }
    }
}

impl Parted {
    /// Adds or subtracts another.
    fn take(&mut self, subtracted: bool, other: Parted) {
        self.constant += if subtracted { -other.constant } else { other.constant };
        self.terms
            .extend(other.terms.into_iter().map(|(inverse, term)| (inverse != subtracted, term)));
    }
}

/// The function of several values that a range has, where adding a constant to all adds it to that.
fn extreme(kind: FoldKind) -> Option<Function> {
    match kind {
        FoldKind::Min => Some(Function::Min),
        FoldKind::Max => Some(Function::Max),
        FoldKind::LogSumExp => Some(Function::LogSumExp),
        FoldKind::Sum | FoldKind::Product => None,
    }
}

/// The parts less a constant, and the constant: max(a + c, b) = max(a, b − c) + c. Where a part lies far
/// from the others it would lose its digits, and the constant is 0.
fn less(parts: Vec<Parted>, span: &Span) -> (Vec<Expr>, f64) {
    let largest = parts.iter().map(|part| part.constant).max_by(|a, b| a.abs().total_cmp(&b.abs()));
    let largest = largest.unwrap_or(0.0);
    let is_near = |part: &Parted| (part.constant - largest).abs() * FAR <= largest.abs();
    let common = if parts.iter().all(is_near) { largest } else { 0.0 };
    let rest = |part: Parted| joined(Parted { constant: part.constant - common, ..part }, span);
    (parts.into_iter().map(rest).collect(), common)
}

/// The sum of all terms and the constant.
fn joined(parted: Parted, span: &Span) -> Expr {
    let Parted { mut terms, constant } = parted;
    // Below the least f32 it is nothing beside any coordinate.
    if constant != 0.0 && (constant as f32).is_normal() || !constant.is_finite() || terms.is_empty()
    {
        let number = Expr { node: Node::Number(constant.abs()), span: span.clone() };
        let first_subtracted = terms.first().is_none_or(|(subtracted, _)| *subtracted);
        if first_subtracted && constant >= 0.0 {
            terms.insert(0, (false, number));
        } else {
            terms.push((constant < 0.0, number));
        }
    }
    if let Some((subtracted, first)) = terms.first_mut()
        && std::mem::take(subtracted)
    {
        let part = first.clone();
        *first = Expr { node: Node::Negate(Box::new(part)), span: span.clone() };
    }
    match &mut terms[..] {
        [_] => terms.remove(0).1,
        _ => Expr { node: Node::Sum(terms), span: span.clone() },
    }
}

fn value_of(values: &[(usize, i64)], depth: usize) -> Option<i64> {
    values.iter().rev().find(|(known, _)| *known == depth).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::value::{Data, Value, value};
    use crate::formula::{Formula, random};

    const JULIAN: f64 = 2_460_000.5;

    fn rewritten(text: &str, center: &[f64], parameters: &[f64]) -> (Formula, Formula) {
        let formula = Formula::new(center.len() as u32, text).unwrap();
        let about = About { center, arrays: &[], parameters, shape: &|_| 0 };
        let expr = rewrite(&formula.expr, &about).unwrap();
        let mut about = Formula::new(center.len() as u32, text).unwrap();
        about.expr = expr;
        (formula, about)
    }

    /// The lines of the WGSL without its comments.
    fn wgsl(formula: &Formula) -> String {
        let text = formula.write(&formula.expr).unwrap();
        text.lines().filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// Whatever the formula, it has the same value at the place that an offset means.
    #[test]
    fn a_rewritten_formula_has_the_same_values() {
        let center = [JULIAN, 0.0, -1e6];
        let offsets = [0.375, -1.25, 2.5];
        let x: Vec<f64> = center.iter().zip(&offsets).map(|(c, y)| c + y).collect();
        let cases = [
            "-((x0 - c)/0.4)^2/2",
            "-(c - x0)^2 - (x2 + 1e6)^2 - x1^2",
            "-(x0/2 - c/2)^2 - (3*(x2 - x1) + 3e6)^2",
            "-(2*(x0 - 7) - (x1 + 2*c))^2",
            "min(x0, x1) + max(x2, 5, x1) + where(x1 > 0, x0, x1)/1e6",
            "-sum(i, (x[i] - x0)^2)/1e12",
            "-sum(i, (x[dim-1-i] + x1)^2)/1e12",
            "-sum(i, sum(j, i, dim - 1, (x[i] - x[j])^2))/1e12",
            "-sum(i, sum(j, 0, i, (x[i-j] - c)^2))/1e12",
            "-(sum(i, x[i])/dim - c/3 + 1e6/3)^2",
            "-(sum(i, 0, 0, x[i]) - c)^2",
            "sin(2*pi*x0/0.37) + cos(x2/3) + tan((x0 - x2)/5e6)",
            "where(x0 > c + 0.25, 1, 2) + where(c < x0, x1, -x1) + where(x1 > 0, x0 - c, 3)",
            "-abs(max(x0, c) - min(c, x0 + 1, x0)) - (max(x0, x2, 1) - c)^2",
            "-(max(i, x[i]) - c)^2 - (min(i, x[i]) + 1e6)^2",
            "-(logsumexp(i, x[i]) - c)^2 + prod(i, x[i]/1e6)",
            "-(logsumexp(x0, c, x1) - c)^2 - (logsumexp(i, 0, 0, x[i]) - x0)^2",
            "-(where(x1 > 0, x0 + 1, c) - where(x0 > c, c, x0))^2",
            "-(max(i, 0, 0, x[i]) - c)^2 - (min(i, 2, 2, 2*x[i]) + 2e6)^2",
            "log(exp(-(x0 - c)^2) + 2*exp(-(x0 - c - 1)^2))",
            "x0*x1/1e6 + x0*x2/1e12 - hypot(x0 - c, x1)",
            "sum(i, i*(x[i] - c))/1e6 + sum(i, 1, 0, x[i])",
            "-(-(x0 - c))^2 + -(-x2 - 1e6)",
        ];
        for text in cases {
            let (formula, about) = rewritten(text, &center, &[JULIAN]);
            let Value { value: expected, largest } =
                value(&formula, &x, &[JULIAN], Data::default());
            let found = value(&about, &offsets, &[JULIAN], Data::default()).value;
            let bound = 1e-12 * largest.max(1e6);
            assert!((found - expected).abs() < bound, "{text}: {found} is not {expected}");
        }
    }

    #[test]
    fn random_formulas_have_the_same_values() {
        let center = [1e4, 0.0, -2e4];
        let offsets = [0.375, -1.25, 2.5];
        let place = |move_by: f64| -> Vec<f64> {
            center.iter().zip(&offsets).map(|(c, y)| c + y + move_by).collect()
        };
        let mut compared = 0;
        for seed in 0..2000 {
            let text = random::print(&random::expr(seed, 3), 3);
            let Ok(formula) = Formula::new(3, &text) else { continue };
            let parameters = vec![0.75; formula.parameters.len()];
            let (formula, about) = rewritten(&text, &center, &parameters);
            let of = |x: &[f64]| value(&formula, x, &parameters, Data::default());
            let (here, moved) = (of(&place(0.0)), of(&place(1e-9)));
            // Where rounding moves the place, the value must not move along.
            let is_steady = (moved.value - here.value).abs() <= 1e-5 * here.largest;
            if !(is_steady && here.largest < 1e12) {
                continue;
            }
            compared += 1;
            let found = value(&about, &offsets, &parameters, Data::default()).value;
            let bound = 1e-5 * here.largest.max(1.0);
            assert!((found - here.value).abs() <= bound, "{text}: {found}, not {}", here.value);
        }
        assert!(compared > 500, "{compared}");
    }

    /// Nothing of the size of the center is left in what differences see.
    #[test]
    fn constants_are_folded_into_the_center() {
        let far = |texts: &[&str], center: &[f64], parameters: &[f64]| {
            for text in texts {
                let text = wgsl(&rewritten(text, center, parameters).1);
                assert!(!text.contains("246") && !text.contains("123"), "{text}");
            }
        };
        far(
            &[
                "-((x0 - 2460000.5)/0.4)^2/2",
                "-(2460000.5 - x0)^2",
                "-(x0/2 - 1230000.25)^2",
                "-(3 + x0 - 2460003.5 + x1)^2",
                "-(2*x0 - 4920001)^2 - max(x0, 2460001)*0",
                "-(max(x0, x0 - x1) - 2460000.5)^2 - (where(x1 > 0, x0, 2460000) - x0)^2",
                "-(logsumexp(i, 0, 0, x[i]) - x0)^2",
                "where(x0 > 2460000, -(x0 - 2460000)^2, -1)",
                "log(exp(-(x0 - 2460000.5)^2/2) + exp(-(x0 - 2460002)^2/2)) - x1^2",
                "sin(2*pi*x0/0.37)",
            ],
            &[JULIAN, 0.0],
            &[],
        );
        far(
            &["-((x0 - t)/s)^2", "-(x0/s - t/s)^2", "-sum(i, (x[i] - t)^2)*s"],
            &[JULIAN; 2],
            &[JULIAN, 0.4],
        );
        far(&["-sum(i, (x[i] - x0)^2)", "-(sum(i, x[i])/dim - x0)^2"], &[JULIAN; 5], &[]);
    }

    /// One loop over coordinates that have one center, more where a far one is among them.
    #[test]
    fn sums_are_cut_where_the_center_changes() {
        let loops = |text: &str, center: &[f64]| {
            wgsl(&rewritten(text, center, &[]).1).matches("for (").count()
        };
        let sum = "-sum(i, x[i]^2)";
        assert_eq!(loops(sum, &[JULIAN; 64]), 1);
        let mut center = vec![0.0; 64];
        center[20] = JULIAN;
        assert_eq!(loops(sum, &center), 3);
        assert_eq!(loops("-sum(i, 30, 50, x[i]^2) - sum(i, i^2)", &center), 2);
        let alternating: Vec<f64> = (0..9000).map(|j| f64::from(j % 2) * JULIAN).collect();
        let formula = Formula::new(1000, "-sum(i, sum(j, (x[i] - x[j])^2))").unwrap();
        let about =
            About { center: &alternating[..1000], arrays: &[], parameters: &[], shape: &|_| 0 };
        let fault = rewrite(&formula.expr, &about).unwrap_err();
        assert!(fault.message.contains("take turns here"), "{}", fault.message);
    }
}
