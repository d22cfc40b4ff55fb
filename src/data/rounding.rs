//! What single precision loses of an array of data.
//!
//! A text in WGSL sees each number as an f32. Around 1.7e9, a time in seconds, its steps are 128: times
//! that spread over 30 s become one or two values.

use std::fmt;

use super::place;
use crate::center::Moments;
use crate::resolution::{FEW, TOO_FEW, rounded, step};

/// The largest whole number up to which an `f32` holds every whole number.
const EXACT: f64 = 16_777_216.0;

/// What a number keeps of its digits, relatively: an f32 and what that has lost as another one.
const KEPT: f64 = 3.5e-15;

/// What rounding has taken from an array.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Rounding {
    /// The column with the fewest steps of single precision to its standard deviation, where they are
    /// too few to go unreported.
    pub(crate) coarse: Option<Coarse>,
    /// The first whole number that became another one.
    pub(crate) whole: Option<Whole>,
    columns: usize,
}

/// A column whose standard deviation spans few steps of single precision where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Coarse {
    column: usize,
    mean: f64,
    sd: f64,
    /// The distance of one number of single precision to the next at the mean.
    step: f64,
    /// The same, or less where rounding takes less than numbers anywhere between would lose.
    felt: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Whole {
    value: f64,
    row: usize,
    column: usize,
}

impl Rounding {
    /// Of an array with these moments of its columns, from what each of its numbers loses, row after
    /// row; nothing where that is nothing.
    pub(super) fn of(moments: &[Moments], values: &[f32], rests: &[f32]) -> Option<Rounding> {
        let columns = moments.len();
        let mut lost = vec![0.0_f64; columns];
        let mut whole = None;
        for (k, (value, rest)) in
            values.iter().zip(rests).enumerate().filter(|(_, (_, r))| **r != 0.0)
        {
            let (row, column) = (k / columns, k % columns);
            let rest = f64::from(*rest);
            lost[column] = lost[column].max(rest.abs());
            let value = f64::from(*value) + rest;
            if whole.is_none() && value.abs() > EXACT && value.fract() == 0.0 {
                whole = Some(Whole { value, row, column });
            }
        }
        let found = moments.iter().zip(&lost).enumerate().filter_map(|(column, (law, lost))| {
            let Moments { mean, sd } = *law;
            // Numbers that are held exactly have no steps, and others lose up to half of one.
            let step = step(mean.abs().max(sd));
            let felt = step.min(4.0 * lost);
            // Equal numbers, as far as an f64 tells, are a constant.
            let is_constant = sd <= TOO_FEW * KEPT * mean.abs();
            (sd < FEW * felt && !is_constant).then_some(Coarse { column, mean, sd, step, felt })
        });
        let coarse = found.min_by(|a, b| (a.sd / a.felt).total_cmp(&(b.sd / b.felt)));
        (coarse.is_some() || whole.is_some()).then_some(Rounding { coarse, whole, columns })
    }

    /// Why a text in WGSL cannot take the array: a phrase that follows its name.
    pub(crate) fn refusal(&self) -> Option<String> {
        let coarse = self.coarse.filter(Coarse::is_grave)?;
        Some(format!(
            "loses its digits in single precision: {}; subtract the mean from the data first, or write \
             the density as a formula, which does that by itself",
            self.described(&coarse)
        ))
    }

    /// What is worth knowing of the array of this name.
    pub(crate) fn notes(&self, name: &str) -> Vec<String> {
        let coarse = self.coarse.filter(|coarse| !coarse.is_grave()).map(|coarse| {
            format!(
                "{name} loses digits in single precision: {}; subtract the mean from the data first, or \
                 write the density as a formula",
                self.described(&coarse)
            )
        });
        let whole = self.whole.map(|Whole { value, row, column }| {
            let at = place(row, column, self.columns);
            format!(
                "{name} has whole numbers above {EXACT} that are rounded in single precision, for \
                 instance {value} at {at}"
            )
        });
        coarse.into_iter().chain(whole).collect()
    }

    fn described(&self, coarse: &Coarse) -> String {
        let of = match self.columns {
            1 => "its".to_string(),
            _ => format!("column {}'s", coarse.column),
        };
        format!("{of} {coarse}")
    }
}

impl Coarse {
    fn steps(&self) -> f64 {
        self.sd / self.step
    }

    fn is_grave(&self) -> bool {
        self.sd < TOO_FEW * self.felt
    }
}

/// What the column has, without its name.
impl fmt::Display for Coarse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coarse { mean, sd, step, .. } = self;
        let least = if self.is_grave() { TOO_FEW } else { FEW };
        write!(
            f,
            "mean is {} and its standard deviation {sd:.3e}, where one step is {step:.3e}: {:.2} steps, \
             expected {least} or more",
            rounded(*mean, *sd),
            self.steps()
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::data::Data;

    fn refusal(columns: usize, values: &[f64]) -> Option<String> {
        let data = Data::from_f64(values.len() / columns, columns, values).unwrap();
        data.rounding().and_then(|rounding| rounding.refusal())
    }

    fn notes(values: &[f64]) -> Vec<String> {
        let data = Data::from_f64(values.len(), 1, values).unwrap();
        data.rounding().map_or_else(Vec::new, |rounding| rounding.notes("y"))
    }

    /// 100 numbers around `mean`, as far from each other as `step`.
    fn column(mean: f64, step: f64) -> Vec<f64> {
        (0..100).map(|k| mean + step * (f64::from(k) - 49.5)).collect()
    }

    #[test]
    fn a_column_of_few_steps_is_refused_by_name() {
        let seconds = column(1.7e9, 1.001);
        assert_eq!(
            refusal(1, &seconds).unwrap(),
            "loses its digits in single precision: its mean is 1700000000 and its standard deviation \
             2.889e1, where one step is 1.280e2: 0.23 steps, expected 30 or more; subtract the mean from \
             the data first, or write the density as a formula, which does that by itself"
        );
        let table: Vec<f64> = seconds.iter().flat_map(|t| [1.0, 0.1 * t - 1.7e8, *t]).collect();
        let text = refusal(3, &table).unwrap();
        assert!(text.contains("precision: column 2's mean is 1700000000 and"), "{text}");
    }

    #[test]
    fn fewer_than_a_thousand_steps_are_a_note() {
        let days = column(2_460_000.5, 1.07);
        assert_eq!(refusal(1, &days), None);
        let [note] = &notes(&days)[..] else { panic!() };
        assert!(
            note.starts_with("y loses digits in single precision: its mean is 2460000.5"),
            "{note}"
        );
        assert!(note.contains("123.55 steps, expected 1000 or more"), "{note}");
        assert!(notes(&column(2_460_000.5, 30.0)).is_empty());
    }

    #[test]
    fn numbers_that_single_precision_holds_are_no_fault() {
        let good = |values: &[f64]| refusal(1, values).is_none() && notes(values).is_empty();
        assert!(good(&(1990..=2020).map(f64::from).collect::<Vec<_>>()));
        // Julian dates at noon, and times in whole minutes of 64 s.
        assert!(good(&column(2_460_000.0, 0.5)));
        assert!(good(&[1e6 + 0.25, 1e6 + 0.5, 1e6 + 0.75]));
        // Near zero everything is rounded, and nothing is lost.
        assert!(good(&column(0.1, 0.1)) && good(&[0.1, 0.2, -0.7]));
        // A constant, also one that computing has shaken in its last digit.
        assert!(good(&[0.1; 50]) && good(&[1.700_000_000_3e9; 50]));
        assert!(good(&[0.3, 0.1 + 0.2, 0.3]) && good(&[0.1]));
        // Given in single precision: nothing was lost here.
        let singles: Vec<f32> = column(1.7e9, 1.001).iter().map(|t| *t as f32).collect();
        assert!(Data::new(100, 1, singles).unwrap().rounding().is_none());
    }

    #[test]
    fn a_whole_number_that_becomes_another_is_named() {
        let ids = [16_777_216.0, 5e8, 16_777_217.0, 16_777_219.0];
        assert_eq!(
            notes(&ids),
            [
                "y has whole numbers above 16777216 that are rounded in single precision, for instance \
                 16777217 at [2]"
            ]
        );
        assert!(notes(&[16_777_216.0, 5e8, 1e10 - 0.5 + 0.5]).is_empty());
    }
}
