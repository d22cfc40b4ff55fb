//! The lengths of arrays in a text, worked out before the WGSL front end sees it: it fills arrays
//! of constants in memory, whatever their length.

use std::collections::HashMap;
use std::ops::Range;

use super::limits::Passed;
use super::tokens::{Kind, Token, is_template};

/// The most elements of an array that is not a buffer.
const LONGEST: i64 = 1 << 16;
/// The most elements times words of the text: each word may fill the longest array once.
const MOST_FILLED: i64 = 1 << 28;
/// How deep constants are made of constants, and parentheses nest.
const DEEPEST: u32 = 40;

/// The constants of a text that are whole numbers.
pub(super) struct Lengths<'t> {
    text: &'t str,
    tokens: &'t [Token],
    /// The values of the constants by name, as ranges of tokens; several where one is shadowed.
    constants: HashMap<&'t str, Vec<Range<usize>>>,
}

impl<'t> Lengths<'t> {
    pub(super) fn of(text: &'t str, tokens: &'t [Token]) -> Lengths<'t> {
        let mut lengths = Lengths { text, tokens, constants: HashMap::new() };
        for i in 0..tokens.len() {
            if lengths.word(i) != "const" {
                continue;
            }
            let end = (i..tokens.len()).find(|at| lengths.word(*at) == ";");
            let end = end.unwrap_or(tokens.len());
            let begin = (i..end).find(|at| lengths.word(*at) == "=").unwrap_or(end);
            let value = begin + usize::from(begin < end)..end;
            lengths.constants.entry(lengths.word(i + 1)).or_default().push(value);
        }
        lengths
    }

    fn word(&self, i: usize) -> &'t str {
        self.tokens.get(i).map_or("", |token| &self.text[token.at.clone()])
    }

    /// Checks every array but those that are the types of buffers.
    pub(super) fn check(&self) -> Result<(), Passed> {
        let most = LONGEST.min(MOST_FILLED / (self.tokens.len() as i64).max(1));
        let mut known = HashMap::new();
        let mut i = 0;
        while i < self.tokens.len() {
            if self.word(i) == "var" && matches!(self.word(i + 2), "storage" | "uniform") {
                while !matches!(self.word(i), ";" | "") {
                    i += 1;
                }
            }
            if self.word(i) == "array"
                && self.word(i + 1) == "<"
                && let Some(size) = self.size(i + 1)
            {
                let at = self.tokens[size.start].at.start..self.tokens[size.end - 1].at.end;
                let mut reader = Reader { lengths: self, known: &mut known, at: size.start };
                let length = reader.sum(size.end, DEEPEST).filter(|_| reader.at == size.end);
                match length {
                    Some(length) if length <= most => {}
                    Some(length) => {
                        let message = format!(
                            "this array has {length} elements, and may have {most}; use a data \
                             array"
                        );
                        return Err((at, message));
                    }
                    None => {
                        let message = "the length of an array is a number or a constant, made of \
                                       whole numbers by + - * / % and parentheses";
                        return Err((at, message.into()));
                    }
                }
            }
            i += 1;
        }
        Ok(())
    }

    /// The tokens of the length of the array whose `<` is at `opening`.
    fn size(&self, opening: usize) -> Option<Range<usize>> {
        let (mut comma, mut depth, mut brackets) = (None, 0, 0);
        for i in opening..self.tokens.len() {
            match self.word(i) {
                "(" | "[" => brackets += 1,
                ")" | "]" => brackets -= 1,
                "<" if brackets == 0 && is_template(self.word(i - 1)) => depth += 1,
                ">" if brackets == 0 => depth -= 1,
                "," if depth == 1 && brackets == 0 && comma.is_none() => comma = Some(i + 1),
                ";" | "{" => return None,
                _ => {}
            }
            if brackets < 0 {
                return None;
            }
            if depth == 0 {
                // WGSL allows a comma at the end.
                let end = if self.word(i - 1) == "," { i - 1 } else { i };
                return comma.filter(|comma| *comma < end).map(|comma| comma..end);
            }
        }
        None
    }
}

/// Evaluates whole numbers; none for what is no such thing.
struct Reader<'l, 't> {
    lengths: &'l Lengths<'t>,
    /// The largest value of each constant met so far.
    known: &'l mut HashMap<&'t str, Option<i64>>,
    at: usize,
}

impl Reader<'_, '_> {
    fn take(&mut self, sign: &str, end: usize) -> bool {
        let found = self.at < end && self.lengths.word(self.at) == sign;
        self.at += usize::from(found);
        found
    }

    fn sum(&mut self, end: usize, depth: u32) -> Option<i64> {
        let mut sum = self.product(end, depth)?;
        loop {
            sum = if self.take("+", end) {
                sum.checked_add(self.product(end, depth)?)?
            } else if self.take("-", end) {
                sum.checked_sub(self.product(end, depth)?)?
            } else {
                return Some(sum);
            };
        }
    }

    fn product(&mut self, end: usize, depth: u32) -> Option<i64> {
        let mut product = self.atom(end, depth)?;
        loop {
            product = if self.take("*", end) {
                product.checked_mul(self.atom(end, depth)?)?
            } else if self.take("/", end) {
                product.checked_div(self.atom(end, depth)?)?
            } else if self.take("%", end) {
                product.checked_rem(self.atom(end, depth)?)?
            } else {
                return Some(product);
            };
        }
    }

    fn atom(&mut self, end: usize, depth: u32) -> Option<i64> {
        let depth = depth.checked_sub(1)?;
        if self.at >= end {
            return None;
        }
        let lengths = self.lengths;
        let (i, word) = (self.at, lengths.word(self.at));
        self.at += 1;
        match lengths.tokens[i].kind {
            Kind::Number => number(word),
            Kind::Word if matches!(word, "u32" | "i32") => {
                self.take("(", end).then_some(())?;
                let value = self.sum(end, depth)?;
                self.take(")", end).then_some(value)
            }
            Kind::Word => self.constant(word, depth),
            Kind::Sign if word == "(" => {
                let value = self.sum(end, depth)?;
                self.take(")", end).then_some(value)
            }
            Kind::Sign => None,
        }
    }

    fn constant(&mut self, name: &str, depth: u32) -> Option<i64> {
        let lengths = self.lengths;
        let (name, values) = lengths.constants.get_key_value(name)?;
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let mut largest = None;
        for value in values {
            let mut reader = Reader { lengths, known: &mut *self.known, at: value.start };
            let value = reader.sum(value.end, depth).filter(|_| reader.at == value.end);
            // Of a shadowed name any may be meant.
            let Some(value) = value else {
                largest = None;
                break;
            };
            largest = largest.max(Some(value));
        }
        self.known.insert(name, largest);
        largest
    }
}

/// A whole number as WGSL writes it.
fn number(word: &str) -> Option<i64> {
    let word = word.trim_end_matches(['u', 'i']);
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    fn refusal(text: &str) -> String {
        let tokens = tokens(text);
        let checked = Lengths::of(text, &tokens).check();
        checked.err().map_or_else(String::new, |(at, message)| format!("{}: {message}", &text[at]))
    }

    #[test]
    fn lengths_are_worked_out() {
        for text in [
            "const N = 8u; const M: u32 = N * (N + 1u) / 2; var<private> a: array<f32, M>;",
            "fn f(a: array<array<vec2<f32>, 3>, u32(0x10)>, b: f32) {}",
            "@group(1) @binding(0) var<storage, read> y: array<f32, 1000000>;",
            "var<private> a: array<f32, 65536>;",
            "var<private> a: array<f32, 3,>;",
            "fn f() { let array = 1.0; let b = array < 3.0; }",
        ] {
            assert_eq!(refusal(text), "", "{text}");
        }
    }

    #[test]
    fn arrays_that_would_fill_memory_are_refused() {
        for (text, expected) in [
            ("var<private> a: array<f32, 65537>;", "65537: this array has 65537 elements"),
            (
                "const N = 1000; const M = N * N; fn f() { let a = array<f32, M>()[0]; }",
                "M: this array has 1000000 elements",
            ),
            // The larger of two constants of one name.
            (
                "fn f() { const N = 2; { const N = 100000; var a: array<f32, N>; } }",
                "N: this array has 100000 elements",
            ),
            ("alias A = array<vec4<f32>, 1u << 28u>;", "1u << 28u: the length of an array is a"),
            ("alias A = array<f32, max(2, 99999999)>;", "max(2, 99999999): the length of an array"),
            ("const A = B; const B = A; alias C = array<f32, A>;", "A: the length of an array"),
            ("override n: u32; var<workgroup> a: array<f32, n>;", "n: the length of an array is"),
        ] {
            assert!(refusal(text).starts_with(expected), "{text}: {}", refusal(text));
        }
        let long = "let a = 1;".repeat(10_000) + "alias A = array<f32, 65536>;";
        assert!(
            refusal(&long).contains("has 65536 elements, and may have 5"),
            "{}",
            refusal(&long)
        );
        let deep = format!("alias A = array<f32, {}1{}>;", "(".repeat(100), ")".repeat(100));
        assert!(refusal(&deep).contains("the length of an array is a number"));
    }
}
