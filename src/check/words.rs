//! Points and numbers as the findings write them.

/// Four digits: `0.1235`, `-12.35`, `1.235e-7`, `+∞`.
pub(super) fn number(value: f64) -> String {
    digits(value, 4)
}

/// So many digits, or all of the whole part.
pub(super) fn digits(value: f64, count: usize) -> String {
    if value.is_nan() {
        return "not a number".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+∞".into() } else { "−∞".into() };
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&size) {
        let decimals = count - 1;
        return format!("{value:.decimals$e}");
    }
    let decimals = (count as f64 - 1.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// `x = [0.12, -3.4]`, with the first six coordinates of many.
pub(super) fn point(x: &[f64]) -> String {
    let mut shown: Vec<_> = x.iter().take(6).map(|value| number(*value)).collect();
    if x.len() > 6 {
        shown.push("…".into());
    }
    format!("x = [{}]", shown.join(", "))
}

/// `all 200 points`, `3 of 200 points`.
pub(super) fn of(part: usize, all: usize) -> String {
    match (part, all) {
        (1, 1) => "the one point".into(),
        _ if part == all => format!("all {all} points"),
        _ => format!("{part} of {all} points"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_short() {
        let text = |value| super::number(value);
        assert_eq!(text(0.123_456), "0.1235");
        assert_eq!(text(-12.5), "-12.5");
        assert_eq!(text(1234.0), "1234");
        assert_eq!(super::digits(0.7676, 2), "0.77");
        assert_eq!(text(3.0e-9), "3.000e-9");
        assert_eq!(text(f64::NEG_INFINITY), "−∞");
        assert_eq!(super::point(&[1.0, -0.25]), "x = [1, -0.25]");
        assert_eq!(super::point(&[0.0; 9]), "x = [0, 0, 0, 0, 0, 0, …]");
    }
}
