//! A line of a text with a place marked under it.

/// The most letters of a line that are shown.
const WINDOW: usize = 90;

/// The line, or the part of a long one around the place, and carets under so many letters; the column
/// counts from 0. Nothing of a line that is empty.
pub(crate) fn excerpt(number: usize, line: &str, column: usize, marked: usize) -> String {
    // One letter more than can be needed: the end of a long line is not looked for.
    let line: Vec<char> = line.chars().take(column + 2 * WINDOW).filter(|c| *c != '\r').collect();
    if line.iter().all(|c| c.is_whitespace()) {
        return String::new();
    }
    let from = if line.len() <= WINDOW { 0 } else { column.saturating_sub(WINDOW / 2) };
    let to = line.len().min(from + WINDOW);
    let before = if from > 0 { "…" } else { "" };
    let after = if to < line.len() { "…" } else { "" };
    let shown: String = line[from..to].iter().collect();
    let indent: String = line[from..column.clamp(from, to)]
        .iter()
        .map(|c| if *c == '\t' { '\t' } else { ' ' })
        .collect();
    let indent = if from > 0 { format!(" {indent}") } else { indent };
    let carets = "^".repeat(marked.min((to + 1).saturating_sub(column)).max(1));
    let gutter = " ".repeat(number.to_string().len());
    format!("{number} | {before}{shown}{after}\n{gutter} | {indent}{carets}")
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        assert_eq!(excerpt(7, "let a = b;", 8, 1), "7 | let a = b;\n  |         ^");
        let line = format!("{}here{}", "a".repeat(3_000_000), "b".repeat(3_000_000));
        let shown = excerpt(12, &line, 3_000_000, 4);
        assert!(shown.chars().count() < 200 && shown.contains("aahereb"), "{shown}");
        assert!(shown.ends_with(" ^^^^") && shown.starts_with("12 | …a"), "{shown}");
        assert_eq!(excerpt(1, "  ", 0, 1), "");
        // A place beyond the end, and marks beyond it.
        assert_eq!(excerpt(1, "ab", 5, 1), "1 | ab\n  |   ^");
        assert_eq!(excerpt(1, "ab", 1, 900), "1 | ab\n  |  ^^");
    }
}
