//! `log` of sums of exponentials: the largest exponent is taken out, so that none overflows.
//!
//! A part E of the formula that has an exponential in it has a peak m, an exponent such that
//! E exp(−m) is of moderate size, and log E = m + log(E exp(−m)). Peaks of sums are the largest of
//! their terms', those of products the sums of their factors'.

use super::ast::{Expr, Fold, FoldKind, Node};
use super::fault::Fault;
use super::function::Function;
use super::graph::{Id, Loop, Op};
use super::lower::{Lowered, Lowering};

impl Lowering {
    /// log(E), or log(1 + E), where E is a form that asks for care.
    pub(super) fn log_of(&mut self, argument: &Expr, one_more: bool) -> Result<Option<Id>, Fault> {
        if !one_more && let Some(log) = self.log_of_logistic(argument)? {
            return Ok(Some(log));
        }
        let Some(peak) = self.peak(argument)? else { return Ok(None) };
        if one_more && matches!(argument.node, Node::Call(Function::Exp, _)) {
            return Ok(Some(self.softplus(peak)));
        }
        if !one_more {
            let scaled = self.scaled(argument, peak)?;
            if self.graph.as_literal(scaled) == Some(1.0) {
                return Ok(Some(peak));
            }
            let log = self.graph.call("log", &[scaled]);
            return Ok(Some(self.graph.plus(peak, log)));
        }
        let zero = self.graph.literal(0.0);
        let peak = self.graph.call("max", &[zero, peak]);
        let scaled = self.scaled(argument, peak)?;
        let one = self.below(peak);
        let sum = self.graph.plus(one, scaled);
        let log = self.graph.call("log", &[sum]);
        Ok(Some(self.graph.plus(peak, log)))
    }

    /// log(logistic(u)) and log(1 − logistic(u)).
    fn log_of_logistic(&mut self, argument: &Expr) -> Result<Option<Id>, Fault> {
        match &argument.node {
            Node::Call(Function::Logistic, u) => {
                let u = self.lower(&u[0])?;
                Ok(Some(self.log_sigmoid(u)))
            }
            Node::Sum(terms) => match &terms[..] {
                [(false, one), (true, Expr { node: Node::Call(Function::Logistic, u), .. })]
                    if self.constant(one) == Some(1.0) =>
                {
                    let u = self.lower(&u[0])?;
                    let log = self.softplus(u);
                    Ok(Some(self.graph.add(Op::Negate(log))))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The largest exponent in `expr`; none if there is no exponential in it.
    fn peak(&mut self, expr: &Expr) -> Result<Option<Id>, Fault> {
        self.visit(expr)?;
        if self.constant(expr).is_some() {
            return Ok(None);
        }
        match &expr.node {
            Node::Call(Function::Exp, u) => self.lower(&u[0]).map(Some),
            Node::Negate(part) => self.peak(part),
            Node::Sum(terms) => {
                let mut peaks = Vec::new();
                let mut plain = false;
                for (_, term) in terms {
                    match self.peak(term)? {
                        Some(peak) => peaks.push(peak),
                        None => plain = true,
                    }
                }
                if plain && !peaks.is_empty() {
                    peaks.push(self.graph.literal(0.0));
                }
                Ok(self.graph.chained("max", &peaks))
            }
            Node::Product(factors) => {
                let mut peaks = Vec::new();
                for (divides, factor) in factors {
                    if let Some(peak) = self.peak(factor)? {
                        peaks.push((*divides, peak));
                    }
                }
                Ok((!peaks.is_empty()).then(|| match &peaks[..] {
                    [(true, only)] => self.graph.add(Op::Negate(*only)),
                    _ => self.signed_sum(peaks),
                }))
            }
            Node::Fold(fold) if is_sum(fold) => {
                let Some(body) = self.peak(&fold.body)? else { return Ok(None) };
                Ok(Some(self.loop_over(Loop::Max, fold, body)))
            }
            _ => Ok(None),
        }
    }

    /// `expr` times exp(−m).
    fn scaled(&mut self, expr: &Expr, m: Id) -> Lowered {
        let Some(peak) = self.peak(expr)? else {
            let value = self.lower(expr)?;
            let below = self.below(m);
            return Ok(match self.graph.as_literal(value) {
                Some(1.0) => below,
                _ => self.graph.times(value, below),
            });
        };
        match &expr.node {
            Node::Negate(part) => {
                let part = self.scaled(part, m)?;
                Ok(self.graph.add(Op::Negate(part)))
            }
            Node::Sum(terms) => {
                let mut all = Vec::new();
                for (subtracted, term) in terms {
                    all.push((*subtracted, self.scaled(term, m)?));
                }
                Ok(self.graph.sum(&all))
            }
            Node::Product(factors) => {
                let mut all = Vec::new();
                for (divides, factor) in factors {
                    let factor = match self.peak(factor)? {
                        Some(own) => self.scaled(factor, own)?,
                        None => self.lower(factor)?,
                    };
                    if self.graph.as_literal(factor) != Some(1.0) {
                        all.push((*divides, factor));
                    }
                }
                let rest = self.exp_of_difference(peak, m);
                if self.graph.as_literal(rest) != Some(1.0) || all.is_empty() {
                    all.push((false, rest));
                }
                if all[0].0 {
                    let one = self.graph.literal(1.0);
                    all.insert(0, (false, one));
                }
                Ok(self.graph.product(&all))
            }
            Node::Fold(fold) => {
                let body = self.scaled(&fold.body, m)?;
                Ok(self.loop_over(Loop::Sum, fold, body))
            }
            _ => Ok(self.exp_of_difference(peak, m)),
        }
    }

    /// exp(u − m), which is 1 where they are one value.
    fn exp_of_difference(&mut self, u: Id, m: Id) -> Id {
        if u == m {
            return self.graph.literal(1.0);
        }
        let above = self.graph.minus(u, m);
        self.graph.call("exp", &[above])
    }

    /// exp(−m).
    fn below(&mut self, m: Id) -> Id {
        let negative = self.graph.add(Op::Negate(m));
        self.graph.call("exp", &[negative])
    }

    /// A sum whose first term may be subtracted.
    fn signed_sum(&mut self, mut terms: Vec<(bool, Id)>) -> Id {
        if let Some((subtracted, first)) = terms.first_mut()
            && std::mem::take(subtracted)
        {
            *first = self.graph.add(Op::Negate(*first));
        }
        self.graph.sum(&terms)
    }
}

fn is_sum(fold: &Fold) -> bool {
    fold.kind == FoldKind::Sum && !fold.is_empty()
}
