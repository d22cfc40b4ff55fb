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

/// `x = [0.12, -3.4]`, with the first six coordinates of many; `x = [2460000.5 + 0.12]` where a
/// coordinate is counted from a center.
pub(super) fn point_from(x: &[f64], center: impl Fn(usize) -> f64) -> String {
    let place = |(j, value): (usize, &f64)| match center(j) {
        0.0 => number(*value),
        center if *value < 0.0 => format!("{center} - {}", number(-value)),
        center => format!("{center} + {}", number(*value)),
    };
    let mut shown: Vec<_> = x.iter().enumerate().take(6).map(place).collect();
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
        let point = |x: &[f64]| super::point_from(x, |_| 0.0);
        assert_eq!(point(&[1.0, -0.25]), "x = [1, -0.25]");
        assert_eq!(point(&[0.0; 9]), "x = [0, 0, 0, 0, 0, 0, …]");
        let far = super::point_from(&[0.25, -0.5], |_| 2_460_000.5);
        assert_eq!(far, "x = [2460000.5 + 0.25, 2460000.5 - 0.5]");
    }
}
