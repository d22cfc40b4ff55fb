//! The last line of a run file that wfr wrote, without which it was cut off: what is left may still be
//! read, and would be another run.
//!
//! It is a comment, and its absence alone is a mistake, so that everything else may be edited.

/// The last line.
pub(super) const LINE: &str = "# End of the run.";

/// A line before all settings which says that there is a last one. Files by others have neither.
pub(super) const ANNOUNCEMENT: &str = "# It is whole if this line is in it too: # End of the run.";

/// Whether a text is that of a run file which wfr wrote and whose end is missing.
pub(super) fn is_missing(text: &str) -> bool {
    let has = |line: &str| text.lines().any(|own| own.trim() == line);
    has(ANNOUNCEMENT) && !has(LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_names_the_line() {
        assert!(ANNOUNCEMENT.ends_with(LINE));
    }

    #[test]
    fn only_a_file_that_announces_its_end_needs_one() {
        let whole = format!("# A run\n{ANNOUNCEMENT}\nsteps = 8\n{LINE}\n");
        for fine in ["", "steps = 8\n", &whole, &whole.replace('\n', "\r\n")] {
            assert!(!is_missing(fine), "{fine}");
        }
        // Settings may be added anywhere.
        assert!(!is_missing(&format!("# mine\n{whole}\n[results]\nplot = true\n")));
        for cut in whole.find("steps").unwrap()..whole.len() - 1 {
            assert!(is_missing(&whole[..cut]), "{}", &whole[..cut]);
        }
    }
}
