//! Calls: functions, `where`, and what binds a variable.

use super::affine::{Affine, Symbol};
use super::ast::{Expr, Fold, FoldKind, Node};
use super::fault::{Fault, Span};
use super::function::FUNCTIONS;
use super::lexer::Kind;
use super::names::{self, Scope};
use super::parse::Parser;

/// How deep sums nest in sums: each level multiplies the work.
const MOST_SUMS: usize = 8;

impl Parser<'_> {
    /// A call of the function or form `name`, of which the name is taken.
    pub(super) fn call(&mut self, name: &'static str, span: Span) -> Result<Expr, Fault> {
        let opening = self.take().span;
        let kind = match name {
            "sum" => Some(FoldKind::Sum),
            "prod" => Some(FoldKind::Product),
            "where" => return self.choice(span, &opening),
            // These take numbers too, and bind a name only where it serves as an index.
            "max" if self.binds() => Some(FoldKind::Max),
            "min" if self.binds() => Some(FoldKind::Min),
            "logsumexp" if self.binds() => Some(FoldKind::LogSumExp),
            _ => None,
        };
        if let Some(kind) = kind {
            return self.fold(kind, name, span, &opening);
        }
        let (mut arguments, end) = self.arguments(&opening)?;
        let whole = span.start..end;
        if name == "pow" {
            check_count(name, &arguments, 2, 2, &whole)?;
            if let (Some(exponent), Some(base)) = (arguments.pop(), arguments.pop()) {
                let node = Node::Power(Box::new(base), Box::new(exponent));
                return Ok(Expr { node, span: whole });
            }
        }
        let known = FUNCTIONS.iter().find(|(known, ..)| *known == name);
        let (_, function, least, most) = known.unwrap_or_else(|| {
            unreachable!("bug in wfr: {name} is listed as a function but has no entry")
        });
        check_count(name, &arguments, *least, *most, &whole)?;
        Ok(Expr { node: Node::Call(*function, arguments), span: whole })
    }

    /// `where(a < b, so, not)`.
    fn choice(&mut self, span: Span, opening: &Span) -> Result<Expr, Fault> {
        let (comparison, left, right) = self.comparison()?;
        let mut rest = Vec::new();
        while self.take_sign(",") {
            rest.push(self.expression()?);
        }
        let whole = span.start..self.close(opening, ")")?.end;
        let [so, not] = <[Expr; 2]>::try_from(rest).map_err(|_| {
            let message = "`where` takes a comparison and 2 values: where(a < b, value if so, \
                           value if not)";
            Fault::new(whole.clone(), message)
        })?;
        Ok(Expr { node: Node::Where(comparison, Box::new([left, right, so, not])), span: whole })
    }

    /// Whether the call whose parenthesis was just opened binds its first argument: `n in …`, or a
    /// name that is free and stands in an index inside of the call.
    fn binds(&self) -> bool {
        let first = self.ahead(0);
        let name = self.word(&first.span);
        if first.kind != Kind::Name || names::is_reserved(name) || self.names.depth(name).is_some()
        {
            return false;
        }
        let second = self.ahead(1);
        if second.kind == Kind::Name && self.word(&second.span) == "in" {
            return true;
        }
        let (mut parentheses, mut brackets) = (1, 0);
        for ahead in 1.. {
            let token = self.ahead(ahead);
            match token.kind {
                Kind::Sign("(") => parentheses += 1,
                Kind::Sign(")") => parentheses -= 1,
                Kind::Sign("[") => brackets += 1,
                Kind::Sign("]") => brackets -= 1,
                Kind::Name if brackets > 0 && self.word(&token.span) == name => return true,
                _ => {}
            }
            if parentheses == 0 || token.kind == Kind::End {
                break;
            }
        }
        false
    }

    /// How many commas separate arguments from here to the end of the call.
    fn commas_ahead(&self) -> usize {
        let (mut open, mut commas) = (1, 0);
        for ahead in 0.. {
            match self.ahead(ahead).kind {
                Kind::Sign("(" | "[") => open += 1,
                Kind::Sign(")" | "]") => open -= 1,
                Kind::Sign(",") if open == 1 => commas += 1,
                Kind::End => break,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        commas
    }

    /// `sum(i, body)`, `sum(i, first, last, body)`, `sum(n in data.y, body)`, and the like.
    fn fold(
        &mut self,
        kind: FoldKind,
        name: &str,
        span: Span,
        opening: &Span,
    ) -> Result<Expr, Fault> {
        let variable = self.span();
        let bound = self.word(&variable).to_string();
        let next = self.ahead(1);
        let is_in = next.kind == Kind::Name && self.word(&next.span) == "in";
        let separates = is_in || next.kind == Kind::Sign(",");
        if self.peek() != Kind::Name || !separates {
            let message = format!("`{name}` begins with the name that it counts: {name}(i, …)");
            return Err(Fault::new(variable, message));
        }
        if names::is_reserved(&bound) {
            let message = format!("`{bound}` has a meaning already; count with another name");
            return Err(Fault::new(variable, message));
        }
        if self.names.depth(&bound).is_some() {
            let message = format!("`{bound}` counts already in a sum around this one; rename it");
            return Err(Fault::new(variable, message));
        }
        let depth = self.names.scopes.len();
        if depth == MOST_SUMS {
            let message = format!("more than {MOST_SUMS} sums nest here");
            return Err(Fault::new(span, message));
        }
        self.take();
        let (low, high) = if is_in { self.rows_of()? } else { self.range(name, &span, opening)? };

        let names = &mut self.names;
        let length = high.clone().minus(&low).plus(&Affine::number(1));
        let count = names.largest(&length);
        let idle = names.is_idle();
        let empty = idle || count.constant().is_some_and(|count| count <= 0);
        let sums = matches!(kind, FoldKind::Sum | FoldKind::Product);
        let never_empty = names.least(&length).minus(&Affine::number(1)).is_never_negative();
        if !sums && !idle && !never_empty {
            let message = format!("`{name}` needs a value or more, and this range may have none");
            return Err(Fault::new(span, message));
        }
        names.bound.push(bound.clone());
        names.scopes.push(Scope { name: bound, empty });
        names.ranges.push((low.clone(), high.clone()));
        let body = self.expression();
        self.names.scopes.pop();
        self.names.ranges.pop();
        let body = body?;
        let span = span.start..self.close(opening, ")")?.end;
        let count = if empty { Affine::number(0) } else { count };
        let fold = Fold { kind, depth, low, high, count, body };
        Ok(Expr { node: Node::Fold(Box::new(fold)), span })
    }

    /// `in data.y,`: all rows of the array.
    fn rows_of(&mut self) -> Result<(Affine, Affine), Fault> {
        self.take();
        let start = self.span();
        if self.word(&start) != "data" {
            return Err(Fault::new(start, "`in` is followed by an array: sum(n in data.y, …)"));
        }
        self.take();
        let (array, span) = self.array(start)?;
        if !self.take_sign(",") {
            let message = format!("a `,` is missing after `{}`", self.word(&span));
            return Err(Fault::new(span, message));
        }
        let last = Affine::symbol(Symbol::Rows(array)).minus(&Affine::number(1));
        Ok((Affine::number(0), last))
    }

    /// `, first, last,` or `,` alone, which is 0 to dim − 1.
    fn range(
        &mut self,
        name: &str,
        span: &Span,
        opening: &Span,
    ) -> Result<(Affine, Affine), Fault> {
        let commas = self.commas_ahead();
        self.take();
        match commas {
            1 => Ok((Affine::number(0), Affine::number(i64::from(self.names.dim) - 1))),
            3 => {
                let start = self.span();
                let low = self.index()?;
                self.take_sign(",");
                let high = self.index()?;
                self.take_sign(",");
                if !self.names.is_idle() && !self.names.least(&low).is_never_negative() {
                    let message = format!("`{name}` counts from 0 or above, and this begins below");
                    return Err(Fault::new(start, message));
                }
                Ok((low, high))
            }
            _ => {
                let message = format!(
                    "`{name}` takes 2 arguments, {name}(i, body), or 4, {name}(i, first, last, \
                     body), and has {} here",
                    commas + 1
                );
                Err(Fault::new(span.start..opening.end, message))
            }
        }
    }
}

fn check_count(
    name: &str,
    arguments: &[Expr],
    least: usize,
    most: usize,
    span: &Span,
) -> Result<(), Fault> {
    let found = arguments.len();
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let more = if most > least { " or more" } else { "" };
    let plural = if least == 1 && more.is_empty() { "" } else { "s" };
    let message = format!("`{name}` takes {least}{more} argument{plural}, and has {found} here");
    Err(Fault::new(span.clone(), message))
}
