//! Arrays where a text takes them for numbers: in other than 2 to 4 dimensions a position is one.
//!
//! The compiler says of such a text what its own types are called, and sometimes not where.

use std::ops::Range;

use super::tokens::{Kind, Token, tokens};

/// The most places that are looked at for an error without one.
const MOST_CUTS: usize = 1 << 14;

/// A text and its words.
struct Words<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

/// The statement that an error without a place comes from: the first without which `is_wrong` does not
/// hold of the text. Nothing where it comes from outside of functions. What is left out is blank, so
/// that places stay what they are.
pub(super) fn statement(text: &str, is_wrong: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let words = Words { text, tokens: tokens(text) };
    let bodies = words.bodies();
    let alone = |kept: usize| {
        let mut bytes = text.as_bytes().to_vec();
        for (_, body) in bodies.iter().enumerate().filter(|(k, _)| *k != kept) {
            bytes[words.between(body)].fill(b' ');
        }
        bytes
    };
    let holds = |bytes: Vec<u8>| String::from_utf8(bytes).is_ok_and(|text| is_wrong(&text));
    if holds(alone(bodies.len())) {
        return None;
    }
    let (kept, body) = bodies.iter().enumerate().find(|(k, _)| holds(alone(*k)))?;
    let whole = alone(kept);
    let cuts = words.cuts(body);
    let upto = |(token, depth): (usize, usize)| {
        let mut bytes = whole.clone();
        let end = words.tokens[token].at.end;
        let rest = &mut bytes[end..words.between(body).end];
        rest.fill(b' ');
        rest[..depth].fill(b'}');
        bytes
    };
    let first = cuts.partition_point(|cut| !holds(upto(*cut)));
    let (last, _) = *cuts.get(first).filter(|_| cuts.len() <= MOST_CUTS)?;
    let before = first.checked_sub(1).map_or(body.start, |before| cuts[before].0);
    Some(words.tokens[before + 1].at.start..words.tokens[last].at.start)
}

/// A position that is an array and stands where WGSL takes numbers: where in these bytes of the text, and
/// what to say of it. Nothing in 2 to 4 dimensions.
pub(super) fn of_position(
    text: &str,
    within: Range<usize>,
    dim: u32,
) -> Option<(Range<usize>, String)> {
    if (2..=4).contains(&dim) {
        return None;
    }
    let words = Words { text, tokens: tokens(text) };
    let (begin, end) = words.statement_around(&within);
    let named = words.positions();
    let bare = (begin..end).filter(|i| named.contains(&words.word(*i)) && words.is_bare(*i));
    let bare: Vec<usize> = bare.collect();
    let beside = bare.iter().find(|i| words.is_operand(**i) || words.word(**i - 1) == "return");
    let found = *beside.or(bare.first())?;
    let name = words.word(found);
    let element = |j: u32| match found > 0 && words.word(found - 1) == "*" {
        true if words.is_pointer(name) => format!("(*{name})[{j}]"),
        _ => format!("{name}[{j}]"),
    };
    let text = match dim {
        1 => format!("`{name}` is array<f32, 1> in 1 dimension; write {}", element(0)),
        _ => format!(
            "`{name}` is array<f32, {dim}> in {dim} dimensions; write {} to {}, one by one",
            element(0),
            element(dim - 1)
        ),
    };
    Some((words.tokens[found].at.clone(), text))
}

impl<'t> Words<'t> {
    fn word(&self, i: usize) -> &'t str {
        self.tokens.get(i).map_or("", |token| &self.text[token.at.clone()])
    }

    /// The bytes between two tokens, which are braces.
    fn between(&self, braces: &Range<usize>) -> Range<usize> {
        self.tokens[braces.start].at.end..self.tokens[braces.end].at.start
    }

    /// The braces of every function's body.
    fn bodies(&self) -> Vec<Range<usize>> {
        let mut bodies = Vec::new();
        let mut i = 0;
        while i < self.tokens.len() {
            if self.word(i) == "fn"
                && let Some(open) = (i..self.tokens.len()).find(|at| self.word(*at) == "{")
                && let Some(close) = self.closing(open)
            {
                bodies.push(open..close);
                i = close;
            }
            i += 1;
        }
        bodies
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (open..self.tokens.len()).find(|at| {
            match self.word(*at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    /// The tokens of a body after which it may be cut off, and the braces that are then open in it.
    fn cuts(&self, body: &Range<usize>) -> Vec<(usize, usize)> {
        let (mut braces, mut parentheses) = (0_usize, 0_usize);
        let mut cuts = Vec::new();
        for at in body.start + 1..body.end {
            match self.word(at) {
                "(" => parentheses += 1,
                ")" => parentheses = parentheses.saturating_sub(1),
                "{" => braces += 1,
                "}" => braces = braces.saturating_sub(1),
                ";" if parentheses == 0 => {}
                _ => continue,
            }
            if matches!(self.word(at), "{" | "}" | ";") {
                cuts.push((at, braces));
            }
        }
        cuts
    }

    /// The tokens of the statement with these bytes.
    fn statement_around(&self, within: &Range<usize>) -> (usize, usize) {
        let ends = |i: usize| matches!(self.word(i), ";" | "{" | "}");
        let first = self.tokens.partition_point(|token| token.at.end <= within.start);
        // Of a parameter the compiler names the declaration: it is used in the body.
        if self.word(first + 1) == ":"
            && let Some(body) = self.bodies().into_iter().find(|body| body.start > first)
        {
            return (body.start, body.end);
        }
        let begin = (0..first).rev().find(|i| ends(*i)).map_or(0, |i| i + 1);
        let end = (first..self.tokens.len()).find(|i| ends(*i)).unwrap_or(self.tokens.len());
        (begin, end)
    }

    /// The names of positions: parameters, and what is declared as one of them.
    fn positions(&self) -> Vec<&'t str> {
        let mut named: Vec<&str> = Vec::new();
        for i in 0..self.tokens.len() {
            let is_parameter = self.tokens[i].kind == Kind::Word && self.word(i + 1) == ":";
            if is_parameter && (self.word(i + 2) == "Point" || self.is_pointer_type(i + 2)) {
                named.push(self.word(i));
            }
            if matches!(self.word(i), "let" | "var") && self.word(i + 2) == "=" {
                let from = i + 3 + usize::from(self.word(i + 3) == "*");
                if named.contains(&self.word(from)) && self.word(from + 1) == ";" {
                    named.push(self.word(i + 1));
                }
            }
        }
        named
    }

    fn is_pointer_type(&self, i: usize) -> bool {
        ["ptr", "<", "function", ",", "Point"]
            .iter()
            .zip(i..)
            .all(|(word, i)| self.word(i) == *word)
    }

    fn is_pointer(&self, name: &str) -> bool {
        let declared = |i: &usize| self.word(*i) == name && self.word(i + 1) == ":";
        (0..self.tokens.len()).filter(declared).any(|i| self.is_pointer_type(i + 2))
    }

    /// Whether the name stands for the whole array: not for a number of it.
    fn is_bare(&self, i: usize) -> bool {
        let before = if i > 0 { self.word(i - 1) } else { "" };
        let after = match (before, self.word(i + 1)) {
            ("*", ")") => self.word(i + 2),
            (_, after) => after,
        };
        before != "." && !matches!(after, "[" | ":" | "(") && !matches!(before, "let" | "var")
    }

    /// Whether an operator stands beside the name.
    fn is_operand(&self, i: usize) -> bool {
        let is_operator =
            |word: &str| matches!(word, "+" | "-" | "*" | "/" | "%" | "<" | ">" | "=" | "!");
        is_operator(self.word(i + 1)) || i > 0 && is_operator(self.word(i - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, at: &str, dim: u32) -> Option<(usize, String)> {
        let start = text.find(at).unwrap();
        let (at, said) = of_position(text, start..start + at.len(), dim)?;
        Some((at.start, said))
    }

    #[test]
    fn an_array_is_found_where_it_is_taken_for_a_number() {
        let text = "fn f(x: Point) -> f32 { let a = x[0]; if (a < x) { return x[1]; } return a; }";
        let (at, said) = of(text, "if (", 5).unwrap();
        assert_eq!(&text[at - 4..=at], "a < x");
        assert_eq!(said, "`x` is array<f32, 5> in 5 dimensions; write x[0] to x[4], one by one");
        assert!(of(text, "let a", 5).is_none() && of(text, "return x[1]", 5).is_none());
        assert!(of(text, "if (", 2).is_none());
        let text = "fn f(p: ptr<function, Point>) -> f32 { let y = *p; return (*p)[0] + y * 2.0; }";
        assert!(
            of(text, "return", 1).unwrap().1.starts_with("`y` is array<f32, 1> in 1 dimension")
        );
        let text =
            "fn g(x: Point) -> f32 { return 1.0; } fn f(x: Point) -> f32 { g(x); return x; }";
        assert_eq!(of(text, "x: Point) -> f32 { g", 1).unwrap().0, text.rfind("x;").unwrap());
        let text = "fn f(p: ptr<function, Point>) -> f32 { return 2.0 * *p; }";
        assert!(of(text, "return", 1).unwrap().1.ends_with("write (*p)[0]"));
    }

    #[test]
    fn a_statement_is_found_by_what_is_wrong_without_it() {
        let text = "fn a() { if (c) { one; } for (x; y; z) { two; } }\nfn b() { bad; /* } */ bad; three; }";
        let find = |what: &str| statement(text, |text| text.contains(what)).map(|at| &text[at]);
        assert_eq!(find("two"), Some("two"));
        assert_eq!(find("(c)"), Some("if (c) "));
        assert_eq!(find("y; z"), Some("for (x; y; z) "));
        assert_eq!(find("three"), Some("three"));
        assert_eq!(find("bad"), Some("bad"));
        assert_eq!(find("fn a"), None);
    }
}
