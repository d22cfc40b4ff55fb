//! One sentence about a target, and how bad it is.

use std::fmt;
use std::ops::Range;

use super::text::Text;
use crate::error::Location;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// A check that the target passed.
    Passed,
    /// Worth knowing.
    Note,
    /// Results may be poor, or slow to come.
    Warning,
    /// Results would be wrong, or there would be none.
    Error,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// The text: what its functions do that is slow or undefined.
    Text,
    /// The score, against the derivative of the log density.
    Score,
    /// Where the log density is finite.
    Support,
    /// Whether the log density can be integrated.
    Tails,
    /// Single precision, against double precision.
    Precision,
    /// Time and loop iterations.
    Cost,
}

/// One sentence about the target.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub topic: Topic,
    /// The sentence: the thing, its value, the bound and the way out.
    pub message: String,
    /// Where in the target's text.
    pub location: Option<Location>,
    /// The line of the place, with the place marked.
    pub excerpt: String,
}

impl Finding {
    pub(super) fn new(severity: Severity, topic: Topic, message: impl Into<String>) -> Finding {
        let message = message.into();
        Finding { severity, topic, message, location: None, excerpt: String::new() }
    }

    pub(super) fn passed(topic: Topic, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Passed, topic, message)
    }

    pub(super) fn note(topic: Topic, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Note, topic, message)
    }

    pub(super) fn warning(topic: Topic, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Warning, topic, message)
    }

    pub(super) fn error(topic: Topic, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Error, topic, message)
    }

    /// At a place of the target's own text; a place elsewhere is left out.
    pub(super) fn at(mut self, text: &Text<'_>, span: Option<Range<usize>>) -> Finding {
        if let Some((location, excerpt)) = span.and_then(|span| text.place(span)) {
            (self.location, self.excerpt) = (Some(location), excerpt);
        }
        self
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Passed => "passed",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Topic::Text => "text",
            Topic::Score => "score",
            Topic::Support => "support",
            Topic::Tails => "tails",
            Topic::Precision => "precision",
            Topic::Cost => "cost",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity)?;
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)?;
        if !self.excerpt.is_empty() {
            write!(f, "\n{}", self.excerpt)?;
        }
        Ok(())
    }
}
