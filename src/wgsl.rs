//! Shader text: join named texts, check the whole, and find the user's own line again.
//!
//! Texts are joined as they are; nothing is rewritten, so that a byte of the whole is a byte of one
//! of its parts.

use std::fmt::Write as _;

use wgpu::naga;

use crate::error::{Error, ErrorKind, Location, Result};

/// A named piece of WGSL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What errors call it, usually its file name.
    pub name: String,
    /// The WGSL.
    pub text: String,
}

impl Source {
    /// A named piece of WGSL.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into() }
    }
}

/// Several sources joined into one WGSL text.
#[derive(Debug, Clone, Default)]
pub struct Linked {
    text: String,
    parts: Vec<(usize, Source)>,
}

impl Linked {
    /// Joins texts in the order given.
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Linked {
        let mut linked = Linked::default();
        for source in sources {
            let start = linked.text.len();
            linked.text.push_str(&source.text);
            linked.text.push('\n');
            linked.parts.push((start, source));
        }
        linked
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The source, line and column of a byte of the whole text.
    pub fn locate(&self, offset: usize) -> Option<Location> {
        let (start, source) = self.part(offset)?;
        let before = floor_boundary(&source.text, offset - start);
        let head = &source.text[..before];
        let line_start = head.rfind('\n').map_or(0, |i| i + 1);
        Some(Location {
            source: source.name.clone(),
            line: head.matches('\n').count() as u32 + 1,
            column: head[line_start..].chars().count() as u32 + 1,
        })
    }

    /// Parses and validates the whole text.
    ///
    /// # Errors
    /// [`ErrorKind::Shader`] with the place in the source it came from.
    pub fn check(&self) -> Result<naga::Module> {
        let module = naga::front::wgsl::parse_str(&self.text).map_err(|e| {
            let span = e.labels().next().and_then(|(span, _)| span.to_range());
            self.error(e.message().to_string(), span)
        })?;
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::default(),
        );
        validator.validate(&module).map_err(|e| {
            // The outermost message only says "function X is invalid"; the cause is at the bottom.
            let mut message = e.as_inner().to_string();
            let mut cause = std::error::Error::source(e.as_inner());
            while let Some(inner) = cause {
                let _ = write!(message, ": {inner}");
                cause = inner.source();
            }
            let span = e.spans().last().and_then(|(span, _)| span.to_range());
            self.error(message, span)
        })?;
        Ok(module)
    }

    /// An [`ErrorKind::Shader`] at a range of bytes of the whole text.
    pub(crate) fn error(&self, message: String, span: Option<std::ops::Range<usize>>) -> Error {
        let location = span.as_ref().and_then(|span| self.locate(span.start));
        let excerpt = span.and_then(|span| self.excerpt(span)).unwrap_or_default();
        ErrorKind::Shader { location, message, excerpt }.into()
    }

    fn part(&self, offset: usize) -> Option<(usize, &Source)> {
        let (start, source) = self.parts.iter().rev().find(|(start, _)| *start <= offset)?;
        Some((*start, source))
    }

    /// The line of the place and a row of carets under it.
    fn excerpt(&self, span: std::ops::Range<usize>) -> Option<String> {
        let (start, source) = self.part(span.start)?;
        let location = self.locate(span.start)?;
        let line = source.text.lines().nth(location.line as usize - 1)?;
        let length = source
            .text
            .get(span.start - start..span.end - start)
            .map_or(1, |text| text.lines().next().map_or(1, |first| first.chars().count().max(1)));
        let number = location.line.to_string();
        let gutter = " ".repeat(number.len());
        let indent: String = line
            .chars()
            .take(location.column as usize - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        Some(format!("{number} | {line}\n{gutter} | {indent}{}", "^".repeat(length)))
    }
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locate_counts_lines_and_characters_of_the_right_source() {
        let linked = Linked::new([Source::new("a", "x\ny"), Source::new("b", "first\n  é foo\n")]);
        let offset = linked.text().find("foo").unwrap();
        let location = linked.locate(offset).unwrap();
        assert_eq!(location.to_string(), "b:2:5");
        assert_eq!(linked.locate(0).unwrap().to_string(), "a:1:1");
        assert_eq!(linked.locate(2).unwrap().to_string(), "a:2:1");
    }

    #[test]
    fn errors_point_into_the_users_text() {
        let linked = Linked::new([
            Source::new("prelude", "alias Point = vec2<f32>;"),
            Source::new("mine.wgsl", "fn f(x: Point) -> f32 {\n    return foo(x);\n}\n"),
        ]);
        let error = linked.check().unwrap_err();
        assert_eq!(error.location().unwrap().to_string(), "mine.wgsl:2:12");
        assert!(
            error.to_string().contains("2 |     return foo(x);\n  |            ^^^"),
            "{error}"
        );
    }
}
