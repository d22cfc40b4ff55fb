//! What is wrong with a formula, and where.

use std::ops::Range;

use crate::error::{Error, ErrorKind, Location};
use crate::excerpt::excerpt;

/// A range of bytes of the formula.
pub(crate) type Span = Range<usize>;

/// One thing that is wrong at one place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) span: Span,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Fault {
        Fault { span, message: message.into() }
    }

    /// The error that shows the place in `text`.
    pub(crate) fn error(self, text: &str) -> Error {
        let head = &text[..self.span.start];
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let column = head[line_start..].chars().count();
        let line = text[line_start..].split('\n').next().unwrap_or_default();
        let marked = text[self.span.clone()].lines().next().map_or(0, |part| part.chars().count());
        let number = head.matches('\n').count() + 1;
        let location =
            Location { source: "formula".into(), line: number as u32, column: column as u32 + 1 };
        let excerpt = excerpt(number, line, column, marked.max(1));
        ErrorKind::Shader { location: Some(location), message: self.message, excerpt }.into()
    }
}
