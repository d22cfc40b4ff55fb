//! The words of a WGSL text, as far as those who do not compile it need them.

use std::ops::Range;

/// What ends a line, and a comment on it.
const LINE_ENDS: [char; 7] = ['\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word,
    Number,
    Sign,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) at: Range<usize>,
}

/// Names, numbers and single signs; comments and blanks are left out.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, length) = if rest.starts_with("//") {
            (None, rest.find(LINE_ENDS).unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, comment(rest))
        } else if first.is_whitespace() {
            (None, first.len_utf8())
        } else if first.is_ascii_digit() {
            // Letters of suffixes, of hexadecimal digits and of exponents belong to it.
            let end = rest.find(|c: char| !is_name(c) && c != '.').unwrap_or(rest.len());
            (Some(Kind::Number), end)
        } else if is_name(first) {
            (Some(Kind::Word), rest.find(|c| !is_name(c)).unwrap_or(rest.len()))
        } else {
            (Some(Kind::Sign), first.len_utf8())
        };
        if let Some(kind) = kind {
            tokens.push(Token { kind, at: start..start + length });
        }
        rest = &rest[length..];
    }
    tokens
}

/// The length of the block comment that a text begins with; they nest.
fn comment(text: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Whether a `<` after this word begins a list of types.
pub(super) fn is_template(word: &str) -> bool {
    matches!(word, "array" | "atomic" | "ptr" | "var" | "vec2" | "vec3" | "vec4")
        || word.starts_with("mat") && word.len() == 6
}
