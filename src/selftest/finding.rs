//! What a check finds, and the one judgement of it.

use std::fmt;

use crate::Estimate;

/// How many standard errors a measurement may be off.
const WIDTH: f64 = 4.0;

/// A measurement and what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Law {
    /// What is measured.
    pub name: String,
    /// The measurement with its Monte Carlo error.
    pub measured: Estimate,
    /// What theory says.
    pub truth: f64,
    /// Allowed on top of the Monte Carlo error: the known bias of the method, for instance of the
    /// step size.
    pub allowance: f64,
}

impl Law {
    /// A measurement and what it should be.
    pub fn new(name: impl Into<String>, measured: Estimate, truth: f64, allowance: f64) -> Law {
        Law { name: name.into(), measured, truth, allowance }
    }

    /// How far the measurement may be off: four standard errors and the allowance.
    pub fn bound(&self) -> f64 {
        WIDTH * self.measured.se + self.allowance
    }

    /// Whether the measurement is within its bound of the truth; one that is not a number is not.
    pub fn holds(&self) -> bool {
        (self.measured.value - self.truth).abs() <= self.bound()
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Law { name, measured: Estimate { value, .. }, truth, .. } = self;
        let verdict = if self.holds() { "" } else { " VIOLATED" };
        let (off, bound) = (value - truth, self.bound());
        write!(f, "{name}: {value:.5} against {truth:.5}, off {off:+.5}, bound {bound:.5}{verdict}")
    }
}

/// One thing that a check found.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// What was looked at.
    pub name: String,
    pub evidence: Evidence,
}

/// What was found, and what should have been.
#[derive(Debug, Clone)]
pub(super) enum Evidence {
    /// Words that are the same to the bit.
    Words { measured: Vec<u32>, expected: Vec<u32> },
    /// A number of which some sizes are right, for instance an error.
    Range { measured: f64, least: f64, most: f64 },
    /// A law within its Monte Carlo error.
    Law(Law),
    /// What a device does one way or the other, and nothing depends on.
    Note(String),
}

impl Finding {
    pub(super) fn words(name: &str, measured: Vec<u32>, expected: Vec<u32>) -> Finding {
        Finding { name: name.into(), evidence: Evidence::Words { measured, expected } }
    }

    /// An error and its bound.
    pub(super) fn error(name: &str, measured: f64, most: f64) -> Finding {
        Finding::range(name, measured, 0.0, most)
    }

    pub(super) fn range(name: &str, measured: f64, least: f64, most: f64) -> Finding {
        Finding { name: name.into(), evidence: Evidence::Range { measured, least, most } }
    }

    pub(super) fn law(law: Law) -> Finding {
        Finding { name: law.name.clone(), evidence: Evidence::Law(law) }
    }

    /// What is worth knowing, and right whatever it is.
    pub(super) fn note(name: &str, measured: impl Into<String>) -> Finding {
        Finding { name: name.into(), evidence: Evidence::Note(measured.into()) }
    }

    /// Whether it is as it should be. Nothing found is nothing right.
    pub(super) fn holds(&self) -> bool {
        match &self.evidence {
            Evidence::Words { measured, expected } => !expected.is_empty() && measured == expected,
            Evidence::Range { measured, least, most } => (*least..=*most).contains(measured),
            Evidence::Law(law) => law.holds(),
            Evidence::Note(_) => true,
        }
    }

    /// What was found, in words.
    pub(super) fn measured(&self) -> String {
        match &self.evidence {
            Evidence::Words { measured, expected } => words(measured, expected),
            Evidence::Range { measured, .. } => number(*measured),
            Evidence::Law(law) => {
                let Estimate { value, se } = law.measured;
                format!("{value:.5} ± {se:.5}")
            }
            Evidence::Note(measured) => measured.clone(),
        }
    }

    /// What should have been found, in words.
    pub(super) fn expected(&self) -> String {
        match &self.evidence {
            Evidence::Words { expected, .. } => format!("the same {} words", expected.len()),
            Evidence::Range { least, most, .. } if *most == f64::INFINITY => {
                format!("at least {}", number(*least))
            }
            Evidence::Range { least, most, .. } if *least == 0.0 => {
                format!("at most {}", number(*most))
            }
            Evidence::Range { least, most, .. } => {
                format!("{} to {}", number(*least), number(*most))
            }
            Evidence::Note(_) => "any: nothing depends on it".into(),
            Evidence::Law(law) => format!("{:.5}, off by at most {:.5}", law.truth, law.bound()),
        }
    }
}

fn words(measured: &[u32], expected: &[u32]) -> String {
    if measured.len() != expected.len() {
        return format!("{} words", measured.len());
    }
    let differ = |(a, b): (&u32, &u32)| a != b;
    let wrong = measured.iter().zip(expected).filter(|(a, b)| a != b).count();
    match measured.iter().zip(expected).position(differ) {
        None => format!("{} words, all the same", measured.len()),
        Some(first) => format!(
            "{wrong} of {} words differ, the first at {first}: {:#010x} in place of {:#010x}",
            measured.len(),
            measured[first],
            expected[first]
        ),
    }
}

/// Integers whole, others to three digits.
fn number(value: f64) -> String {
    match value.fract() == 0.0 && value.abs() < 1e15 {
        true => format!("{value:.0}"),
        false => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_when_all_are_there_and_the_same() {
        let holds = |a: &[u32], b: &[u32]| Finding::words("", a.to_vec(), b.to_vec()).holds();
        assert!(holds(&[1, 2], &[1, 2]));
        assert!(!holds(&[1, 3], &[1, 2]));
        assert!(!holds(&[1], &[1, 2]));
        assert!(!holds(&[], &[]));
        let one = Finding::words("", vec![1, 0xff, 4], vec![1, 2, 3]).measured();
        assert_eq!(one, "2 of 3 words differ, the first at 1: 0x000000ff in place of 0x00000002");
    }

    #[test]
    fn what_is_not_a_number_holds_nowhere() {
        assert!(!Finding::error("", f64::NAN, 1.0).holds());
        assert!(Finding::error("", 1.0, 1.0).holds() && !Finding::error("", 1.1, 1.0).holds());
        let law = |value| Law::new("", Estimate { value, se: 0.25 }, 2.0, 0.5);
        assert!(law(3.5).holds() && law(0.5).holds());
        assert!(!law(3.6).holds() && !law(f64::NAN).holds());
    }
}
