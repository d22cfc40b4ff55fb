//! A reason to doubt the numbers of a run, or something worth knowing about it.

use std::borrow::Cow;
use std::fmt;

/// How much a warning weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WarningSeverity {
    /// The numbers must not be trusted as they stand.
    Doubt,
    /// Worth knowing: about speed, or about what the numbers leave out.
    Note,
}

impl WarningSeverity {
    /// The name in records: `doubt` or `note`.
    pub fn name(self) -> &'static str {
        match self {
            WarningSeverity::Doubt => "doubt",
            WarningSeverity::Note => "note",
        }
    }
}

impl fmt::Display for WarningSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A reason not to trust the numbers of a run, or a note about it: what it is, how much it weighs,
/// one or two sentences, and the option of the command line that helps.
///
/// `docs/trust.md` describes every kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    kind: Cow<'static, str>,
    severity: WarningSeverity,
    text: String,
    option: Option<String>,
}

impl Warning {
    /// A reason not to trust the numbers; `kind` is a stable name in lower case with hyphens.
    pub fn doubt(kind: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Warning {
        Warning::new(kind.into(), WarningSeverity::Doubt, text.into())
    }

    /// Something worth knowing that leaves the numbers as good as they were.
    pub fn note(kind: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Warning {
        Warning::new(kind.into(), WarningSeverity::Note, text.into())
    }

    fn new(kind: Cow<'static, str>, severity: WarningSeverity, text: String) -> Warning {
        Warning { kind, severity, text, option: None }
    }

    /// The same with the options that help, as they are typed: `--integrator mala`.
    #[must_use]
    pub fn with_option(self, option: impl Into<String>) -> Warning {
        Warning { option: Some(option.into()), ..self }
    }

    /// A stable name: lower case, with hyphens.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// How much it weighs.
    pub fn severity(&self) -> WarningSeverity {
        self.severity
    }

    /// Whether the numbers must not be trusted as they stand.
    pub fn is_doubt(&self) -> bool {
        self.severity == WarningSeverity::Doubt
    }

    /// One or two sentences, without the last period.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The options of the command line that help, with a value to try, as they are typed.
    pub fn option(&self) -> Option<&str> {
        self.option.as_deref()
    }
}

/// The text, and the options to try.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.option {
            Some(option) => write!(f, "; try {option}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_its_text_and_the_options_that_help() {
        let bare = Warning::note("short-steps", "steps are short");
        assert_eq!((bare.to_string().as_str(), bare.option()), ("steps are short", None));
        assert!(!bare.is_doubt() && bare.severity().name() == "note");
        let doubt = Warning::doubt("collapse", "weights collapse").with_option("--steps 800");
        assert_eq!(doubt.to_string(), "weights collapse; try --steps 800");
        assert_eq!((doubt.kind(), doubt.severity().to_string().as_str()), ("collapse", "doubt"));
    }
}
