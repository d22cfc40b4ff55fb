//! The grammar: a parser by recursive descent.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = signed { ("*" | "/") signed }
//! signed  = { "-" | "+" } power
//! power   = atom [ "^" signed ]
//! atom    = number | name | name "(" … ")" | "x" "[" … "]" | data | "(" sum ")"
//! ```
//!
//! `-x^2` is `-(x^2)`, and `2^3^2` is `2^(3^2)`, as in mathematics and in Python. What names mean
//! is in `names`.

use super::ast::{Comparison, Expr, Node};
use super::fault::{Fault, Span};
use super::lexer::{self, Kind, Token};
use super::names::Names;

/// How deep parentheses, calls, signs and powers nest: far below what the stack holds.
const MOST_NESTED: usize = 100;

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) names: Names,
    tokens: Vec<Token>,
    at: usize,
    nested: usize,
}

/// The formula `text` of a point of `dim` coordinates, and the names in it.
pub(super) fn parse(text: &str, dim: u32) -> Result<(Expr, Names), Fault> {
    let tokens = lexer::tokens(text)?;
    if tokens.len() == 1 {
        return Err(Fault::new(0..0, "the formula is empty; write for instance -x0^2/2"));
    }
    let mut parser = Parser { text, names: Names::new(dim), tokens, at: 0, nested: 0 };
    let expr = parser.expression()?;
    if parser.peek() != Kind::End {
        return Err(parser.misplaced());
    }
    parser.names.check()?;
    Ok((expr, parser.names))
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Kind {
        self.tokens[self.at].kind
    }

    /// The sign or end `ahead` tokens from here; what is beyond the end is the end.
    pub(super) fn ahead(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.at].span.clone()
    }

    pub(super) fn word(&self, span: &Span) -> &'a str {
        &self.text[span.clone()]
    }

    /// Takes the next token; the end stays.
    pub(super) fn take(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Kind::Sign(next) if next == sign);
        if found {
            self.take();
        }
        found
    }

    /// Takes the `closing` sign of what began at `opening`.
    pub(super) fn close(&mut self, opening: &Span, closing: &str) -> Result<Span, Fault> {
        let span = self.span();
        if self.take_sign(closing) {
            return Ok(span);
        }
        if self.peek() == Kind::End {
            let message = format!("this `{}` is never closed", self.word(opening));
            return Err(Fault::new(opening.clone(), message));
        }
        Err(self.misplaced())
    }

    /// Runs `part` one level deeper.
    fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.nested == MOST_NESTED {
            let message = format!("the formula nests more than {MOST_NESTED} levels deep here");
            return Err(Fault::new(self.span(), message));
        }
        self.nested += 1;
        let done = part(self);
        self.nested -= 1;
        done
    }

    pub(super) fn expression(&mut self) -> Result<Expr, Fault> {
        self.deeper(|parser| {
            parser.chain(["+", "-"], Node::Sum, |parser| {
                parser.chain(["*", "/"], Node::Product, Parser::signed)
            })
        })
    }

    /// Operands joined by the `plain` or the `inverse` sign, from left to right.
    fn chain(
        &mut self,
        [plain, inverse]: [&str; 2],
        node: fn(Vec<(bool, Expr)>) -> Node,
        mut operand: impl FnMut(&mut Self) -> Result<Expr, Fault>,
    ) -> Result<Expr, Fault> {
        let first = operand(self)?;
        let mut all = vec![(false, first)];
        loop {
            let inverts = match self.peek() {
                Kind::Sign(sign) if sign == plain => false,
                Kind::Sign(sign) if sign == inverse => true,
                _ => break,
            };
            self.take();
            all.push((inverts, operand(self)?));
        }
        let span = all[0].1.span.start..all[all.len() - 1].1.span.end;
        if all.len() == 1
            && let Some((_, only)) = all.pop()
        {
            return Ok(only);
        }
        Ok(Expr { node: node(all), span })
    }

    fn signed(&mut self) -> Result<Expr, Fault> {
        let span = self.span();
        if self.take_sign("+") {
            return self.deeper(Parser::signed);
        }
        if self.take_sign("-") {
            let operand = self.deeper(Parser::signed)?;
            let span = span.start..operand.span.end;
            return Ok(Expr { node: Node::Negate(Box::new(operand)), span });
        }
        let base = self.atom()?;
        if !self.take_sign("^") {
            return Ok(base);
        }
        let exponent = self.deeper(Parser::signed)?;
        let span = base.span.start..exponent.span.end;
        Ok(Expr { node: Node::Power(Box::new(base), Box::new(exponent)), span })
    }

    fn atom(&mut self) -> Result<Expr, Fault> {
        let span = self.span();
        let expr = match self.peek() {
            Kind::Number(value) => {
                self.take();
                Expr { node: Node::Number(value), span }
            }
            Kind::Name => self.name()?,
            Kind::Sign("(") => {
                self.take();
                let inner = self.expression()?;
                let end = self.close(&span, ")")?.end;
                // With its parentheses, for errors about it.
                Expr { node: inner.node, span: span.start..end }
            }
            Kind::End => {
                let message = "the formula ends where a number, a coordinate or `(` is needed";
                return Err(Fault::new(span, message));
            }
            Kind::Sign(_) => {
                let message = format!(
                    "a number, a coordinate or `(` is missing before `{}`",
                    self.word(&span)
                );
                return Err(Fault::new(span, message));
            }
        };
        Ok(expr)
    }

    /// The arguments of a call and the end of it; the parenthesis `opening` is taken already.
    pub(super) fn arguments(&mut self, opening: &Span) -> Result<(Vec<Expr>, usize), Fault> {
        let mut arguments = Vec::new();
        let end = self.span().end;
        if self.take_sign(")") {
            return Ok((arguments, end));
        }
        loop {
            arguments.push(self.expression()?);
            if !self.take_sign(",") {
                return Ok((arguments, self.close(opening, ")")?.end));
            }
        }
    }

    /// `left < right`, the first argument of `where`.
    pub(super) fn comparison(&mut self) -> Result<(Comparison, Expr, Expr), Fault> {
        let left = self.expression()?;
        let span = self.span();
        let sign = self.word(&span);
        let Some(comparison) = Comparison::ALL.into_iter().find(|known| known.sign() == sign)
        else {
            let message = match sign {
                "=" => "write `==` to compare",
                "," => "`where` begins with a comparison: where(a < b, value if so, value if not)",
                _ => return Err(self.misplaced()),
            };
            return Err(Fault::new(span, message));
        };
        self.take();
        let right = self.expression()?;
        let next = self.span();
        if Comparison::ALL.iter().any(|known| known.sign() == self.word(&next)) {
            let message = "`where` takes one comparison; put a second `where` inside for another";
            return Err(Fault::new(next, message));
        }
        Ok((comparison, left, right))
    }

    /// What is wrong with the next token, where an operator or an end would be right.
    pub(super) fn misplaced(&self) -> Fault {
        let span = self.span();
        let word = self.word(&span);
        let message = match self.peek() {
            Kind::Number(_) | Kind::Name | Kind::Sign("(") => {
                let left = match self.at.checked_sub(1).map(|at| &self.tokens[at]) {
                    Some(Token { kind: Kind::Sign(_), .. }) | None => "(…)",
                    Some(token) => self.word(&token.span),
                };
                let right = if word == "(" { "(…)" } else { word };
                format!("an operator is missing before `{word}`; a product is `{left}*{right}`")
            }
            Kind::Sign("=") => "`=` has no meaning here; a formula is the log density alone, and \
                                parameters are set outside of it (--param c=0.3)"
                .into(),
            Kind::Sign(sign) if Comparison::ALL.iter().any(|known| known.sign() == sign) => {
                "a comparison belongs in where(a < b, value if so, value if not)".into()
            }
            Kind::Sign("[") => "only x and data.NAME take an index".into(),
            Kind::Sign(")" | "]") => format!("this `{word}` closes nothing"),
            Kind::Sign(",") => {
                "a `,` separates the arguments of a function, and here is none".into()
            }
            Kind::End => "the formula ends too early".into(),
            Kind::Sign(_) => format!("`{word}` has no meaning here"),
        };
        Fault::new(span, message)
    }
}
