//! Texts that come from files, as people see them: letters that would steer a terminal or turn the order of
//! what is read are written out, and what is too long is cut.

use std::borrow::Cow;
use std::fmt::Write;

/// The most lines, and the most letters, of a message.
const LINES: usize = 24;
const LETTERS: usize = 6000;

/// Whether a letter does something other than being read: control characters but the tab and the end of a
/// line, marks of direction, and Unicode's own ends of lines.
pub(crate) fn steers(letter: char) -> bool {
    let is_mark = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    );
    is_mark || (letter.is_control() && letter != '\n' && letter != '\t')
}

/// The text with such letters written as `\u{1b}`.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match steers(letter) {
            // A carriage return before the end of a line is part of it.
            true if letter == '\r' => {}
            true => out.extend(letter.escape_unicode()),
            false => out.push(letter),
        }
    }
    Cow::Owned(out)
}

/// A message: printable, and not longer than a screen.
pub(crate) fn message(text: &str) -> Cow<'_, str> {
    let text = printable(text);
    let by_letters = text.char_indices().nth(LETTERS).map(|(at, _)| at);
    let by_lines = text.match_indices('\n').nth(LINES - 1).map(|(at, _)| at);
    let Some(end) = by_letters.into_iter().chain(by_lines).min() else { return text };
    let mut cut = text[..end].to_string();
    // Writing to a string cannot fail.
    let _ = write!(cut, "…\n({} more letters)", text[end..].chars().count());
    Cow::Owned(cut)
}

/// The most names of a list.
const NAMES: usize = 8;

/// The first names, and how many more there are: `a, b, c`, or `c0, c1, c2, c3, c4, c5, c6, c7 and
/// 299992 more`.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_eight_at_most() {
        let names: Vec<String> = (0..300_000).map(|k| format!("c{k}")).collect();
        assert_eq!(listed(&names[..0]), "");
        assert_eq!(listed(&names[..8]), "c0, c1, c2, c3, c4, c5, c6, c7");
        assert_eq!(listed(&names), "c0, c1, c2, c3, c4, c5, c6, c7 and 299992 more");
    }

    #[test]
    fn letters_that_steer_are_written_out() {
        assert_eq!(printable("à la\tcarte\nµ ∂ Größe"), "à la\tcarte\nµ ∂ Größe");
        let hostile = "\u{1b}[31mred\u{7} \u{202e}txt.exe\u{2028}\u{9b}0m\r\n";
        let expected = "\\u{1b}[31mred\\u{7} \\u{202e}txt.exe\\u{2028}\\u{9b}0m\n";
        assert_eq!(printable(hostile), expected);
    }

    #[test]
    fn a_message_fits_on_a_screen() {
        assert_eq!(message("short"), "short");
        let long = message(&"x".repeat(1_000_000)).into_owned();
        assert!(long.len() < 7000 && long.ends_with("…\n(994000 more letters)"), "{}", long.len());
        let lines = message(&"x\n".repeat(1000)).into_owned();
        assert_eq!(lines.lines().count(), LINES + 1);
    }
}
