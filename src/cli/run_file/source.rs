//! A run file's text, and errors that point into it.

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use crate::bounded;
use crate::cli::{Done, Failure};
use crate::excerpt::excerpt;

/// The text of a run file under the name that errors give it.
pub(super) struct Source {
    name: String,
    pub(super) text: String,
}

impl Source {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Done<Source> {
        let name = path.display().to_string();
        match bounded::text(path, bounded::TEXT) {
            Ok(text) => Ok(Source { name, text }),
            Err(reason) => Err(Failure::Usage(format!("{name} {reason}"))),
        }
    }

    /// A usage error at these bytes: `file:line:column: message`, and the line with the place marked.
    pub(super) fn wrong(&self, span: Range<usize>, message: impl Display) -> Failure {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let number = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        // A tab is as wide as the mark's blank below it.
        let line = self.text[line_start..].lines().next().unwrap_or_default().replace('\t', " ");
        let column = before[line_start..].chars().count() + 1;
        let marked = self.text.get(span).unwrap_or_default().lines().next().unwrap_or_default();
        let excerpt = excerpt(number, &line, column - 1, marked.chars().count().max(1));
        let end = if excerpt.is_empty() { "" } else { "\n" };
        Failure::Usage(format!("{}:{number}:{column}: {message}{end}{excerpt}", self.name))
    }

    /// A usage error about the file as a whole.
    pub(super) fn lacks(&self, what: impl Display) -> Failure {
        Failure::Usage(format!("{} lacks {what}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_the_line_and_mark_the_place() {
        let text = "[run]\n\tübung = 3 # x\n".to_string();
        let source = Source { name: "a.toml".into(), text };
        let at = |text: &str| source.text.find(text).unwrap();
        let shown = |span| source.wrong(span, "is odd").to_string();
        assert_eq!(
            shown(at("übung")..at(" = 3")),
            "a.toml:2:2: is odd\n2 |  übung = 3 # x\n  |  ^^^^^"
        );
        let end = source.text.len();
        assert_eq!(shown(end..end), "a.toml:3:1: is odd");
    }
}
