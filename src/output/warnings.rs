//! Warnings as they are kept, and where a report puts them.

use serde::{Deserialize, Serialize};
use wfr::Warning;

use crate::beta;

/// The run ended before the path's end.
pub(crate) const STOPPED: &str = "stopped";
pub(crate) const FAILED: &str = "failed";
pub(crate) const LOST_PARTICLES: &str = "lost-particles";
/// The start leaves out a part of where the target is.
pub(crate) const NARROW_START: &str = "start-without-cover";

/// A warning as an object: a stable kind, `doubt` or `note`, one or two sentences, and the options
/// that help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct WarningRecord {
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) text: String,
    pub(crate) option: Option<String>,
}

/// What is read: earlier versions kept the text alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Object { kind: String, severity: String, text: String, option: Option<String> },
}

impl From<Stored> for WarningRecord {
    fn from(stored: Stored) -> WarningRecord {
        match stored {
            Stored::Text(text) => {
                WarningRecord { kind: "other".into(), severity: "doubt".into(), text, option: None }
            }
            Stored::Object { kind, severity, text, option } => {
                WarningRecord { kind, severity, text, option }
            }
        }
    }
}

impl From<&Warning> for WarningRecord {
    fn from(warning: &Warning) -> WarningRecord {
        WarningRecord {
            kind: warning.kind().to_string(),
            severity: warning.severity().name().to_string(),
            text: warning.text().to_string(),
            option: warning.option().map(String::from),
        }
    }
}

impl WarningRecord {
    pub(crate) fn is_doubt(&self) -> bool {
        self.severity != "note"
    }

    /// Whether it stands before the results: doubts, and what changes the meaning of log Z.
    pub(crate) fn leads(&self) -> bool {
        self.is_doubt() || self.kind == NARROW_START
    }

    /// The text, and the options to try.
    pub(crate) fn sentence(&self) -> String {
        match &self.option {
            Some(option) => format!("{}; try {option}", self.text),
            None => self.text.clone(),
        }
    }

    /// As a line of a report: `warning: …` or `note: …`.
    pub(crate) fn line(&self) -> String {
        let word = if self.is_doubt() { "warning" } else { "note" };
        format!("{word}: {}", self.sentence())
    }
}

/// What log Z is called: of the target, or of what the run has sampled in its place.
pub(crate) fn log_z_label(beta: Option<f64>, warnings: &[WarningRecord]) -> String {
    let has = |kind: &str| warnings.iter().any(|warning| warning.kind == kind);
    match beta {
        _ if !has(STOPPED) => match has(NARROW_START) {
            true => "log Z inside the start's box".into(),
            false => "log Z".into(),
        },
        Some(beta) if beta < 1.0 => format!("log Z at β = {}", beta::shown(beta)),
        _ => "log Z so far".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: &str, severity: &str) -> WarningRecord {
        let (kind, severity, text) = (kind.into(), severity.into(), "so it is".into());
        WarningRecord { kind, severity, text, option: Some("--steps 8".into()) }
    }

    #[test]
    fn a_warning_is_an_object_and_the_text_of_earlier_versions_is_read() {
        let one = kept("collapse", "doubt");
        let text = serde_json::to_string(&one).unwrap();
        let object =
            r#"{"kind":"collapse","severity":"doubt","text":"so it is","option":"--steps 8"}"#;
        assert_eq!(text, object);
        assert_eq!(serde_json::from_str::<WarningRecord>(&text).unwrap(), one);
        assert_eq!(one.line(), "warning: so it is; try --steps 8");
        let earlier: WarningRecord = serde_json::from_str("\"as it was\"").unwrap();
        assert_eq!((earlier.line().as_str(), earlier.leads()), ("warning: as it was", true));
        assert!(!kept("short-steps", "note").leads() && kept(NARROW_START, "note").leads());
    }

    #[test]
    fn log_z_is_called_what_it_is() {
        let label = |beta, kinds: &[&str]| {
            let all: Vec<_> = kinds.iter().map(|kind| kept(kind, "doubt")).collect();
            log_z_label(beta, &all)
        };
        assert_eq!(label(Some(1.0), &["collapse"]), "log Z");
        assert_eq!(label(Some(1.0), &[NARROW_START]), "log Z inside the start's box");
        assert_eq!(label(Some(0.20001), &[STOPPED, NARROW_START]), "log Z at β = 0.2");
        assert_eq!(label(Some(3e-5), &[STOPPED]), "log Z at β = 3e-5");
        assert_eq!(
            (label(None, &[STOPPED]), label(None, &[])),
            ("log Z so far".into(), "log Z".into())
        );
    }
}
