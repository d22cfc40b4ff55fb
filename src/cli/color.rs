//! Whether what people read is coloured.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use clap::builder::styling::{AnsiColor, Style};
use clap::{ColorChoice, ValueEnum};

static CHOICE: OnceLock<ColorChoice> = OnceLock::new();

/// What `--color` says among these words, which clap must know before it reads them.
pub(super) fn asked(words: &[OsString]) -> ColorChoice {
    let value = |at: usize| match words[at].to_str()?.strip_prefix("--color")? {
        "" => words.get(at + 1)?.to_str(),
        value => value.strip_prefix('='),
    };
    let options = words.iter().position(|word| word == OsStr::new("--")).unwrap_or(words.len());
    let value = (0..options).find_map(value);
    value.and_then(|value| ColorChoice::from_str(value, false).ok()).unwrap_or_default()
}

/// Settles it for the whole program; the first call counts.
pub(super) fn choose(choice: ColorChoice) {
    let _ = CHOICE.set(choice);
}

/// What was settled.
pub(super) fn choice() -> ColorChoice {
    CHOICE.get().copied().unwrap_or_default()
}

/// Whether standard error is coloured: on a terminal, unless `--color` or NO_COLOR says otherwise.
pub(super) fn on_stderr() -> bool {
    match choice() {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let variable = |name: &str| env::var(name).unwrap_or_default();
            io::stderr().is_terminal() && !is_plain(variable)
        }
    }
}

/// Whether the environment asks for no colours: NO_COLOR (no-color.org), or a terminal that has none.
pub(super) fn is_plain(variable: impl Fn(&str) -> String) -> bool {
    !variable("NO_COLOR").is_empty() || variable("TERM") == "dumb"
}

/// `error:`, `warning:` or another word of that kind for standard error.
pub(super) fn word(word: &str) -> String {
    let style = match word {
        "error" => AnsiColor::Red.on_default().bold(),
        "warning" => AnsiColor::Yellow.on_default().bold(),
        _ => Style::new().bold(),
    };
    if on_stderr() { format!("{style}{word}:{style:#}") } else { format!("{word}:") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_found_among_the_words() {
        let of = |words: &str| asked(&words.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("wfr targets"), ColorChoice::Auto);
        assert_eq!(of("wfr targets --color always"), ColorChoice::Always);
        assert_eq!(of("wfr --color=never targets"), ColorChoice::Never);
        assert_eq!(of("wfr targets --color"), ColorChoice::Auto);
        assert_eq!(of("wfr targets --color pink"), ColorChoice::Auto);
        assert_eq!(of("wfr run a.toml -- --color always"), ColorChoice::Auto);
    }
}
