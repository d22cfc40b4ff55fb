//! Numbers as people write them and as they read them.

use std::time::Duration;

/// A whole number: `1000000`, `1_000_000`, `1e6` or `2^20`.
pub(crate) fn count(text: &str) -> Result<u32, String> {
    let value = whole(text.trim())?;
    u32::try_from(value).map_err(|_| format!("is above {}, the largest number possible", u32::MAX))
}

fn whole(text: &str) -> Result<u64, String> {
    const WAYS: &str = "write for instance 1000000, 1_000_000, 1e6 or 2^20";
    let no_number = || format!("is not a number; {WAYS}");
    let too_large = || format!("is above {}, the largest number possible", u32::MAX);
    let digits = text.replace('_', "");
    if let Some((base, exponent)) = digits.split_once('^') {
        let base: u64 = base.parse().map_err(|_| no_number())?;
        let exponent: u32 = exponent.parse().map_err(|_| no_number())?;
        return base.checked_pow(exponent).ok_or_else(too_large);
    }
    let value: f64 = digits.parse().map_err(|_| no_number())?;
    if !value.is_finite() || value < 0.0 || value.fract() != 0.0 {
        return Err(format!("is not a whole number; {WAYS}"));
    }
    // f64 holds every u32 exactly.
    if value > f64::from(u32::MAX) { Err(too_large()) } else { Ok(value as u64) }
}

/// A seed: a whole number, or `random` for one that no run had before.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    match text.trim() {
        // Of as many bits as every reader of JSON has.
        "random" => Ok(wfr::rand::random::<u64>() >> 11),
        text => text.parse().map_err(|_| {
            format!("is not a whole number from 0 to {}, and not the word random", u64::MAX)
        }),
    }
}

/// A length of time: `50ms`, `30s`, `30sec`, `2m`, `2min` or `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    // A year, for which no run waits.
    const LONGEST: f64 = 366.0 * 86400.0;
    let number = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text.trim()[number.len()..] {
        "ms" => 1e-3,
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = number.trim().parse().map_or(f64::NAN, |number: f64| number * unit);
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
    time.filter(|_| seconds <= LONGEST).ok_or_else(|| {
        "is not a length of time above 0 and up to a year; write for instance 50ms, 0.5s, 30s, 5m, 2min \
         or 1h"
            .to_string()
    })
}

/// A number with commas between the thousands: `1,000,000`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An estimate and its standard error with two of the error's digits: `0.4527 ± 0.0013`, or
/// `0.4527 ± unknown`.
pub(crate) fn with_error(value: f64, error: f64) -> String {
    if value.is_finite() && error.is_nan() {
        // No more digits than double precision has.
        let decimals = (15.0 - value.abs().max(1.0).log10()).clamp(0.0, 4.0) as usize;
        return format!("{value:.decimals$} ± unknown");
    }
    if !(error > 0.0 && error.is_finite()) {
        return format!("{value:.4}");
    }
    let decimals = decimals_of(error);
    format!("{value:.decimals$} ± {error:.decimals$}")
}

/// A number rounded to so many decimals, without the zeros at its end.
pub(crate) fn decimals(value: f64, count: i32) -> String {
    let unit = 10_f64.powi(count);
    format!("{}", (value * unit).round() / unit)
}

/// Decimals that show two digits of `error`.
fn decimals_of(error: f64) -> usize {
    (1.0 - error.log10().floor()).clamp(0.0, 8.0) as usize
}

/// Seconds to three digits, and as people say them from a minute on: `0.0123 s`, `1 min 12 s`,
/// `2 h 3 min`.
pub(crate) fn seconds(value: f64) -> String {
    // What rounds to a minute is one.
    if value.is_nan() || value < 59.95 {
        return format!("{} s", three_digits(value));
    }
    let whole = value.round() as u64;
    match whole {
        ..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Three digits: `0.0123`, `1.23`, `12.3`, `123`, and `1.23e8` from 100000 on.
pub(crate) fn three_digits(value: f64) -> String {
    if value >= 1e5 {
        return format!("{value:.2e}");
    }
    let decimals = (2.0 - value.abs().max(1e-6).log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A drawn one is one that run files and JSON can hold.
    #[test]
    fn seeds_are_whole_numbers_or_drawn() {
        assert_eq!((seed("0"), seed(" 18446744073709551615 ")), (Ok(0), Ok(u64::MAX)));
        let drawn: Vec<u64> = (0..20).map(|_| seed("random").unwrap()).collect();
        assert!(drawn.iter().all(|seed| *seed < 1 << 53) && drawn[0] != drawn[1], "{drawn:?}");
        for text in ["-1", "1.5", "18446744073709551616", "", "Random"] {
            let reason = seed(text).unwrap_err();
            assert!(reason.ends_with("and not the word random"), "{text}: {reason}");
        }
    }

    #[test]
    fn counts_are_read_in_every_way_people_write_them() {
        for text in ["1000000", "1_000_000", "1e6", "1E6", "1.0e6", "0.001e9", " 1000000 "] {
            assert_eq!(count(text), Ok(1_000_000), "{text}");
        }
        assert_eq!(count("2^20"), Ok(1 << 20));
        assert_eq!(count("0"), Ok(0));
        assert_eq!(count("4294967295"), Ok(u32::MAX));
    }

    #[test]
    fn what_is_no_count_is_refused_with_the_reason() {
        for (text, reason) in [
            ("1.5", "whole"),
            ("-3", "whole"),
            ("inf", "whole"),
            ("nan", "whole"),
            ("1e-3", "whole"),
            ("", "not a number"),
            ("many", "not a number"),
            ("2^x", "not a number"),
            ("4294967296", "above 4294967295"),
            ("2^64", "above 4294967295"),
            ("1e300", "above 4294967295"),
        ] {
            let error = count(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn times_are_read_with_their_units() {
        for (text, millis) in [
            ("50ms", 50),
            ("0.5s", 500),
            (" 30 s ", 30_000),
            ("30sec", 30_000),
            ("1e3s", 1_000_000),
            ("2min", 120_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "50", "ms", "5 parsecs", "-1s", "0s", "nans", "infh", "1e300h", "1e9h", "5d", "é"]
        {
            let error = duration(text).unwrap_err();
            assert!(
                error.contains("write for instance 50ms, 0.5s, 30s, 5m, 2min or 1h"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(with_error(0.452_71, 0.001_31), "0.4527 ± 0.0013");
        assert_eq!(with_error(5.0, 0.0), "5.0000");
        assert_eq!(with_error(f64::NAN, f64::NAN), "NaN");
        assert_eq!(with_error(0.5, f64::NAN), "0.5000 ± unknown");
        assert_eq!(with_error(-1.5e15, f64::NAN), "-1500000000000000 ± unknown");
        assert_eq!(with_error(1234.5, 98.7), "1234 ± 99");
        assert_eq!(three_digits(0.012_34), "0.0123");
        assert_eq!(three_digits(12.34), "12.3");
        for (value, text) in [
            (0.012_34, "0.0123 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min 0 s"),
            (72.4, "1 min 12 s"),
            (3599.7, "1 h 0 min"),
            (7384.0, "2 h 3 min"),
        ] {
            assert_eq!(seconds(value), text);
        }
        assert_eq!((&*decimals(124.817_982, 4), &*decimals(4.0, 4)), ("124.818", "4"));
        assert_eq!(three_digits(1.234e8), "1.23e8");
    }
}
