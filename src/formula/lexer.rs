//! The words of a formula: numbers, names and signs, each with its place.

use super::fault::{Fault, Span};

/// A number, a name, a sign, or the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Number(f64),
    Name,
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Longer signs before those that they begin with.
const SIGNS: [&str; 20] = [
    "**", "<=", ">=", "==", "!=", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", ".", "<", ">",
    "=", "!",
];

/// What people write for a sign that a formula has.
const LOOKALIKES: [(char, &str); 9] = [
    ('−', "-"),
    ('–', "-"),
    ('×', "*"),
    ('·', "*"),
    ('÷', "/"),
    ('π', "pi"),
    ('²', "^2"),
    ('³', "^3"),
    ('√', "sqrt(…)"),
];

/// Cuts `text` into tokens; the last one is the end.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if let Some(length) = number_length(rest.as_bytes()) {
            (number(&rest[..length], at)?, length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
            (Kind::Name, rest.find(|c| !inside(c)).unwrap_or(rest.len()))
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            // Python's power sign is another way to write ours.
            (Kind::Sign(if sign == "**" { "^" } else { sign }), sign.len())
        } else {
            return Err(unknown(first, at));
        };
        tokens.push(Token { kind, span: at..at + length });
        at += length;
    }
    let end = tokens.last().map_or(0, |token| token.span.end);
    tokens.push(Token { kind: Kind::End, span: end..end });
    Ok(tokens)
}

/// The length of the number that the text begins with: `1`, `1.5`, `.5`, `2.`, `1e-3`.
fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let whole = digits(0);
    let mut length = whole;
    if text.get(length) == Some(&b'.') {
        let fraction = digits(length + 1);
        if whole + fraction == 0 {
            return None;
        }
        length += 1 + fraction;
    } else if whole == 0 {
        return None;
    }
    if matches!(text.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(length + 1), Some(b'+' | b'-')));
        let from = length + 1 + sign;
        let exponent = if from <= text.len() { digits(from) } else { 0 };
        if exponent > 0 {
            length = from + exponent;
        }
    }
    Some(length)
}

fn number(text: &str, at: usize) -> Result<Kind, Fault> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Kind::Number(value)),
        _ => Err(Fault::new(at..at + text.len(), format!("`{text}` is too large a number"))),
    }
}

fn unknown(found: char, at: usize) -> Fault {
    let ours = LOOKALIKES.iter().find(|(other, _)| *other == found).map(|(_, ours)| ours);
    let message = match ours {
        Some(ours) => format!("`{found}` is not part of a formula; write `{ours}`"),
        None => format!(
            "`{found}` is not part of a formula; it has numbers, names and the signs + - * / ^ ( )"
        ),
    };
    Fault::new(at..at + found.len_utf8(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn numbers_end_where_names_begin() {
        use Kind::{End, Name, Number, Sign};
        assert_eq!(kinds("1.5e-3"), [Number(1.5e-3), End]);
        assert_eq!(kinds(".5 2."), [Number(0.5), Number(2.0), End]);
        assert_eq!(kinds("2e"), [Number(2.0), Name, End]);
        assert_eq!(kinds("2e+x"), [Number(2.0), Name, Sign("+"), Name, End]);
        assert_eq!(kinds("data.y"), [Name, Sign("."), Name, End]);
        assert_eq!(kinds("a**b<=c"), [Name, Sign("^"), Name, Sign("<="), Name, End]);
    }

    #[test]
    fn what_is_no_sign_is_refused_at_its_place() {
        let fault = tokens("x0 − 1").unwrap_err();
        assert_eq!(fault, Fault::new(3..6, "`−` is not part of a formula; write `-`"));
        assert_eq!(tokens("1 + 1e999").unwrap_err().span, 4..9);
        assert!(tokens("x0 $ 1").unwrap_err().message.starts_with("`$` is not part of a formula"));
    }
}
