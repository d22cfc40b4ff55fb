//! What is wrong with a formula, and where.

use std::ops::Range;

use crate::error::{Error, ErrorKind, Location};

/// A range of bytes of the formula.
pub(crate) type Span = Range<usize>;

/// One thing that is wrong at one place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// The longest part of a line that an error shows.
const WINDOW: usize = 90;

impl Fault {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Fault {
        Fault { span, message: message.into() }
    }

    /// The error that shows the place in `text`.
    pub(crate) fn error(self, text: &str) -> Error {
        let head = &text[..self.span.start];
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let column = head[line_start..].chars().count();
        let line: Vec<char> = text[line_start..].chars().take_while(|c| *c != '\n').collect();
        let marked = text[self.span.clone()].lines().next().map_or(0, |part| part.chars().count());
        let number = head.matches('\n').count() + 1;
        let location =
            Location { source: "formula".into(), line: number as u32, column: column as u32 + 1 };
        let excerpt = excerpt(number, &line, column, marked.max(1));
        ErrorKind::Shader { location: Some(location), message: self.message, excerpt }.into()
    }
}

/// The line, or the part of a long one around the place, and carets under the place.
fn excerpt(number: usize, line: &[char], column: usize, marked: usize) -> String {
    if line.iter().all(|c| c.is_whitespace()) {
        return String::new();
    }
    let from = if line.len() <= WINDOW { 0 } else { column.saturating_sub(WINDOW / 2) };
    let to = line.len().min(from + WINDOW);
    let before = if from > 0 { "…" } else { "" };
    let after = if to < line.len() { "…" } else { "" };
    let shown: String = line[from..to].iter().filter(|c| **c != '\r').collect();
    let indent: String =
        line[from..column.min(to)].iter().map(|c| if *c == '\t' { '\t' } else { ' ' }).collect();
    let indent = if from > 0 { format!(" {indent}") } else { indent };
    let carets = "^".repeat(marked.min((to + 1).saturating_sub(column).max(1)));
    let gutter = " ".repeat(number.to_string().len());
    format!("{number} | {before}{shown}{after}\n{gutter} | {indent}{carets}")
}
